/** `start`: finds or becomes the shim of a container's group, and prints where it listens. */

import { join } from "node:path";
import { inWords } from "../container/store.ts";
import { closeSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync, writeSync } from "../native/files.ts";
import { isNativeError, native } from "../native/native.ts";
import { O_RDWR } from "../linux/open-flags.ts";
import { SOCKET_DIRECTORY, formatAddress, groupOf, socketName, socketPath } from "./address.ts";
import { readAnnotations, writeAddress } from "./bundle.ts";
import { BootstrapParams, BootstrapResult } from "./generated/bootstrap.ts";
import type { Invocation } from "./invocation.ts";
import { decode, encode } from "./messages.ts";
import { openLog } from "./log.ts";
import { readStandardInput } from "./standard-input.ts";

const STDIN = 0;
const STDOUT = 1;
/** The launcher's pipe (addon/launcher/shim.cc). */
const READY = 3;
const MOST_OOM_SCORE_ADJ = 1000;
const TASK_API_VERSION = 3;

/**
 * Prints the address. Where no shim of the group runs yet, this process becomes it: its launcher is what containerd waits
 * for. Resolves with the exit status.
 */
export async function startShim(invocation: Invocation, bundle: string): Promise<number> {
  const { address, namespace, id } = invocation;
  const params = readParams(invocation);
  const group = groupOf(id, readAnnotations(bundle));
  const directory = params?.socket_dir === undefined || params.socket_dir === "" ? SOCKET_DIRECTORY : params.socket_dir;
  const path = socketPath(native().sha256(socketName(address, namespace, group)), directory);
  const listener = listen(path, directory);
  try {
    writeAddress(bundle, formatAddress(path));
    writeSync(STDOUT, answer(path, params));
  } catch (error) {
    // Nobody will ever connect to it.
    if (listener !== undefined) rmSync(path, { force: true });
    throw error;
  }
  if (listener === undefined) return 0;
  detach(join(bundle, "log"));
  const { serve } = await import("./serve.ts");
  return await serve({ namespace, socket: path, listener });
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

/** containerd reads the answer to its end, so nothing of the three streams may stay; then the launcher may go. */
function detach(log: string): void {
  native().setSession();
  for (const stream of [STDIN, STDOUT]) {
    closeSync(stream);
    openSync("/dev/null", O_RDWR);
  }
  openLog(log);
  protectFromOom();
  writeSync(READY, "1");
  closeSync(READY);
}

/** One above containerd's own: the kernel shall rather end a shim than containerd. */
function protectFromOom(): void {
  const path = "/proc/self/oom_score_adj";
  try {
    writeFileSync(path, `${Math.min(Number(readFileSync(path, "utf8")) + 1, MOST_OOM_SCORE_ADJ)}`);
  } catch {
    // It stays as it was inherited.
  }
}
