/** `start`: finds or begins the shim of a container's group, and prints where it listens. */

import { inWords } from "../container/store.ts";
import { closeSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync, writeSync } from "../native/files.ts";
import { isNativeError, native } from "../native/native.ts";
import { O_RDWR } from "../linux/open-flags.ts";
import { SOCKET_DIRECTORY, formatAddress, groupOf, socketName, socketPath } from "./address.ts";
import { readAnnotations, writeAddress } from "./bundle.ts";
import { BootstrapParams, BootstrapResult } from "./generated/bootstrap.ts";
import type { Invocation } from "./invocation.ts";
import { decode, encode } from "./messages.ts";
import { readStandardInput } from "./standard-input.ts";

const STDOUT = 1;
const MOST_OOM_SCORE_ADJ = 1000;
const TASK_API_VERSION = 3;

/** Prints the address; the shim itself runs on without anything of this process's. */
export async function startShim(invocation: Invocation, { bundle, executable }: { readonly bundle: string; readonly executable: string }): Promise<number> {
  const { address, namespace, id } = invocation;
  const params = readParams(invocation);
  const group = groupOf(id, readAnnotations(bundle));
  const directory = params?.socket_dir === undefined || params.socket_dir === "" ? SOCKET_DIRECTORY : params.socket_dir;
  const path = socketPath(native().sha256(socketName(address, namespace, group)), directory);
  const listener = listen(path, directory);
  if (listener !== undefined) {
    try {
      spawnShim(invocation, { bundle, executable, socket: path, listener });
    } catch (error) {
      rmSync(path, { force: true });
      throw error;
    }
  }
  writeAddress(bundle, formatAddress(path));
  writeSync(STDOUT, answer(path, params));
  return 0;
}

/** From containerd 2.3 on; what others send may look like it by chance. */
function readParams({ id, namespace }: Invocation): BootstrapParams | undefined {
  const bytes = readStandardInput();
  if (bytes.length === 0) return undefined;
  try {
    const params = decode(BootstrapParams, bytes);
    return params.instance_id === id && params.namespace === namespace ? params : undefined;
  } catch {
    return undefined;
  }
}

function answer(path: string, params: BootstrapParams | undefined): string | Uint8Array {
  const address = formatAddress(path);
  // The plain address means version 2 of the task service, which every containerd speaks.
  return params === undefined ? address : encode(BootstrapResult, { version: TASK_API_VERSION, address, protocol: "ttrpc" });
}

/** A new socket; undefined where the group's shim listens already. */
function listen(path: string, directory: string): number | undefined {
  mkdirSync(directory, { mode: 0o700, recursive: true });
  for (let isRetry = false; ; isRetry = true) {
    try {
      return native().listenUnix(path);
    } catch (error) {
      if (!isNativeError(error) || error.code !== "EADDRINUSE" || isRetry) throw inWords(`listen on "${path}"`, error);
    }
    if (isServed(path)) return undefined;
    // A shim that was killed left it.
    rmSync(path, { force: true });
  }
}

function isServed(path: string): boolean {
  try {
    closeSync(native().connectUnix(path));
    return true;
  } catch {
    return false;
  }
}

interface Spawn {
  readonly bundle: string;
  readonly executable: string;
  readonly socket: string;
  readonly listener: number;
}

function spawnShim({ namespace, id, address, debug }: Invocation, { bundle, executable, socket, listener }: Spawn): void {
  const nothing = openSync("/dev/null", O_RDWR);
  const flags = ["-namespace", namespace, "-id", id, "-address", address, "-socket", socket, ...(debug ? ["-debug"] : [])];
  const env = Object.entries(process.env).flatMap(([name, value]) => (value === undefined ? [] : [`${name}=${value}`]));
  const { pid, pidfd } = native().spawn({
    file: executable,
    argv: [executable, ...flags, "serve"],
    env,
    fds: [nothing, nothing, nothing, listener],
    cwd: bundle,
  });
  closeSync(pidfd);
  closeSync(nothing);
  closeSync(listener);
  protectFromOom(pid);
}

/** One above containerd's own: the kernel shall rather end a shim than containerd. */
function protectFromOom(pid: number): void {
  try {
    const parent = Number(readFileSync(`/proc/${process.ppid}/oom_score_adj`, "utf8"));
    writeFileSync(`/proc/${pid}/oom_score_adj`, `${Math.min(parent + 1, MOST_OOM_SCORE_ADJ)}`);
  } catch {
    // It may only be raised without CAP_SYS_RESOURCE; then it stays as it was inherited.
  }
}
