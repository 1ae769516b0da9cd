/** The options that come with a container: runc's own message, or TOML in the one that CRI and Docker send. */

import { readFileSync } from "../native/files.ts";
import { RuncOptions, RuntimeOptions } from "./generated/options.ts";
import type { Any } from "./generated/types.ts";
import { decode } from "./messages.ts";
import { RpcError } from "./rpc-error.ts";

/** What of them means something to this shim. */
export interface Options {
  /** The state root; the containerd namespace is a folder in it. */
  readonly root: string;
  readonly noPivotRoot: boolean;
  readonly noNewKeyring: boolean;
  readonly systemdCgroup: boolean;
  /** A cgroup for the shim itself. */
  readonly shimCgroup: string;
  /** Whom the pipes of the container belong to. */
  readonly ioUid: number;
  readonly ioGid: number;
}

export const RUNC_OPTIONS = "containerd.runc.v1.Options";
export const RUNTIME_OPTIONS = "runtimeoptions.v1.Options";

const DEFAULT_ROOT = "/run/containerd/tsrun";
const DEFAULTS: Options = {
  root: DEFAULT_ROOT,
  noPivotRoot: false,
  noNewKeyring: false,
  systemdCgroup: false,
  shimCgroup: "",
  ioUid: 0,
  ioGid: 0,
};

/** Options from the bytes of a request. */
export async function readOptions(any: Partial<Any> | undefined): Promise<Options> {
  const type = any?.type_url ?? "";
  const value = any?.value ?? new Uint8Array();
  if (type === "") return DEFAULTS;
  if (type === RUNC_OPTIONS) return fromRunc(decode(RuncOptions, value));
  if (type === RUNTIME_OPTIONS) return await fromRuntime(decode(RuntimeOptions, value));
  throw new RpcError("INVALID_ARGUMENT", `cannot use options of type "${type}": it is neither ${RUNC_OPTIONS} nor ${RUNTIME_OPTIONS}`);
}

function fromRunc(options: RuncOptions): Options {
  return {
    root: options.root === "" ? DEFAULTS.root : options.root,
    noPivotRoot: options.no_pivot_root,
    noNewKeyring: options.no_new_keyring,
    systemdCgroup: options.systemd_cgroup,
    shimCgroup: options.shim_cgroup,
    ioUid: options.io_uid,
    ioGid: options.io_gid,
  };
}

/** containerd 1.6 names a file at most; later ones send the text of the runtime's table. */
async function fromRuntime({ config_path: path, config_body: body }: RuntimeOptions): Promise<Options> {
  if (body.length > 0) return await fromToml(new TextDecoder().decode(body), "the runtime's options");
  if (path === "") return DEFAULTS;
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    throw new RpcError("INVALID_ARGUMENT", `cannot read the runtime's options "${path}": ${messageOf(error)}`, { cause: error });
  }
  return await fromToml(text, `the runtime's options "${path}"`);
}

/** In the names of runc's options, as containerd's own configuration has them: `SystemdCgroup = true`. */
async function fromToml(text: string, what: string): Promise<Options> {
  const { parse } = await import("smol-toml");
  let table: Readonly<Record<string, unknown>>;
  try {
    table = parse(text);
  } catch (error) {
    throw new RpcError("INVALID_ARGUMENT", `cannot read ${what}: ${messageOf(error)}`, { cause: error });
  }
  const options: Record<string, unknown> = { ...DEFAULTS };
  for (const [key, value] of Object.entries(table)) {
    const name = key.charAt(0).toLowerCase() + key.slice(1);
    const expected = Object.hasOwn(DEFAULTS, name) ? typeof DEFAULTS[name as keyof Options] : undefined;
    if (expected === undefined) continue;
    if (typeof value !== expected) throw new RpcError("INVALID_ARGUMENT", `cannot use ${what}: ${key} must be a ${expected}`);
    if (value !== "") options[name] = value;
  }
  return options as unknown as Options;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
