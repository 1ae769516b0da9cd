/** The options that come with a container: runc's own message, or TOML in the one that CRI and Docker send. */

import { readFileSync } from "../native/files.ts";
import { closest } from "../spec/closest.ts";
import { RuncOptions, RuntimeOptions } from "./generated/options.ts";
import type { Any } from "./generated/types.ts";
import { decode } from "../protobuf/messages.ts";
import { RpcError } from "./rpc-error.ts";

/** What of them means something to this shim. */
export interface Options {
  /** The state root; the containerd namespace is a folder in it. */
  readonly root: string;
  readonly noPivotRoot: boolean;
  readonly noNewKeyring: boolean;
  readonly systemdCgroup: boolean;
  /** A cgroup for the shim itself, which exists. */
  readonly shimCgroup: string;
  /** One shim for all containers of the containerd namespace that have this option, and for how many at most. */
  readonly shared: boolean;
  readonly sharedLimit: number;
  /** Whom the pipes and fifos of the container belong to. */
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
  shared: false,
  sharedLimit: 32,
  ioUid: 0,
  ioGid: 0,
};

/**
 * What configurations for runc's shim have besides, and means nothing here: the shim executes no runtime, its own task
 * service is the only one, and CRIU's folders come with the request for a checkpoint.
 */
export const IGNORED: ReadonlySet<string> = new Set(["BinaryName", "CriuPath", "CriuImagePath", "CriuWorkPath", "TaskApiAddress", "TaskApiVersion"]);

/** Options from the bytes of a request. */
export async function readOptions(any: Partial<Any> | undefined): Promise<Options> {
  const type = any?.type_url ?? "";
  const value = any?.value ?? new Uint8Array();
  if (type === "") return DEFAULTS;
  if (type === RUNC_OPTIONS) return fromRunc(decode(RuncOptions, value));
  if (type === RUNTIME_OPTIONS) return await fromRuntime(decode(RuntimeOptions, value));
  throw new RpcError("INVALID_ARGUMENT", `cannot use options of type "${type}": it is neither ${RUNC_OPTIONS} nor ${RUNTIME_OPTIONS}`);
}

export type StartOptions = Pick<Options, "shimCgroup" | "shared" | "sharedLimit">;

/** What "start" needs to know. Bad options are for Create to tell: what "start" says comes with much around it. */
export async function readStartOptions(any: Partial<Any> | undefined): Promise<StartOptions> {
  try {
    return await readOptions(any);
  } catch {
    return DEFAULTS;
  }
}

/** Whether these are options that readOptions() reads. */
export function isOptions(any: Partial<Any> | undefined): boolean {
  return any?.type_url === RUNC_OPTIONS || any?.type_url === RUNTIME_OPTIONS;
}

function fromRunc(options: RuncOptions): Options {
  return {
    ...DEFAULTS,
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
    if (expected === undefined && !IGNORED.has(key)) throw new RpcError("INVALID_ARGUMENT", `cannot use ${what}: unknown option "${key}"${hint(key)}`);
    if (expected === undefined) continue;
    if (typeof value !== expected || (typeof value === "number" && !isCount(value))) {
      throw new RpcError("INVALID_ARGUMENT", `cannot use ${what}: ${key} must be a ${expected}, got ${JSON.stringify(value)}`);
    }
    if (value !== "") options[name] = value;
  }
  return options as unknown as Options;
}

function isCount(value: number): boolean {
  return Number.isInteger(value) && value >= 0 && value < 2 ** 32;
}

function hint(key: string): string {
  const near = closest(key, [...Object.keys(DEFAULTS).map((name) => name.charAt(0).toUpperCase() + name.slice(1)), ...IGNORED]);
  return near === undefined ? "" : `; did you mean "${near}"?`;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
