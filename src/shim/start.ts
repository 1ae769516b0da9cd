/** `start`: finds or becomes the shim of a container's group, and prints where it listens. */

import { join } from "node:path";
import { closeSync, openSync, readFileSync, rmSync, writeFileSync, writeSync } from "../native/files.ts";
import { native } from "../native/native.ts";
import { O_RDWR } from "../linux/open-flags.ts";
import { SOCKET_DIRECTORY, formatAddress, groupOf, socketName, socketPath } from "./address.ts";
import { readAnnotations, writeAddress, writeRecord } from "./bundle.ts";
import { BootstrapParams, BootstrapResult } from "./generated/bootstrap.ts";
import { Any } from "./generated/types.ts";
import type { Invocation } from "./invocation.ts";
import { findPlace } from "./listen.ts";
import { decode, encode } from "../protobuf/messages.ts";
import type { MessageType } from "../protobuf/messages.ts";
import { openLog } from "./log.ts";
import { isOptions, readStartOptions } from "./options.ts";
import type { StartOptions } from "./options.ts";
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
  const { namespace, id } = invocation;
  const { params, any } = readInput(invocation);
  const options = await readStartOptions(any);
  const { path, listener } = await place(invocation, { bundle, options, directory: params?.socket_dir ?? "" });
  try {
    if (listener !== undefined && options.shimCgroup !== "") await moveInto(options.shimCgroup);
    // From here on "delete" knows where to ask.
    writeRecord(bundle, { root: "", mounted: false, pid: 0, socket: path });
    writeAddress(bundle, formatAddress(path));
    writeSync(STDOUT, answer(path, params));
    if (listener === undefined) return 0;
    detach(join(bundle, "log"));
  } catch (error) {
    // Nobody will ever connect to it.
    if (listener !== undefined) rmSync(path, { force: true });
    throw error;
  }
  const { serve } = await import("./serve.ts");
  return await serve({ namespace, id, bundle, socket: path, listener });
}

interface Surroundings {
  readonly bundle: string;
  readonly options: StartOptions;
  /** Empty: the usual one. */
  readonly directory: string;
}

/** Where shims are shared, and one has as many containers as it may, the next one is asked, and so on. */
async function place({ address, namespace, id }: Invocation, { bundle, options, directory }: Surroundings): Promise<{ readonly path: string; readonly listener?: number }> {
  const { group, isShared } = groupOf(id, readAnnotations(bundle), options.shared);
  const folder = directory === "" ? SOCKET_DIRECTORY : directory;
  for (let nth = 0; ; nth++) {
    const name = nth === 0 ? group : `${group}-${nth}`;
    const path = socketPath(native().sha256(socketName(address, namespace, name)), folder);
    const found = await findPlace(path, folder, { id, most: isShared ? options.sharedLimit : 0 });
    if (found === "joined") return { path };
    if (found !== "full") return { path, listener: found.listener };
  }
}

/** All threads of this process go; the containers have cgroups of their own. */
async function moveInto(cgroup: string): Promise<void> {
  const { joinCgroup } = await import("../cgroup/join.ts");
  joinCgroup(cgroup);
}

interface Input {
  /** From containerd 2.3 on. */
  readonly params?: BootstrapParams;
  /** The runtime's options. */
  readonly any?: Partial<Any>;
}

/** What others than containerd 2.3 send are the options alone, which may look like its message by chance. */
function readInput({ id, namespace }: Invocation): Input {
  const bytes = readStandardInput();
  if (bytes.length === 0) return {};
  const params = tryDecode(BootstrapParams, bytes);
  if (params?.instance_id === id && params.namespace === namespace) {
    const any = params.extensions.find(({ value }) => isOptions(value))?.value;
    return any === undefined ? { params } : { params, any };
  }
  const any = tryDecode(Any, bytes);
  return any === undefined ? {} : { any };
}

function tryDecode<T extends object>(type: MessageType<T>, bytes: Uint8Array): T | undefined {
  try {
    return decode(type, bytes);
  } catch {
    return undefined;
  }
}

function answer(path: string, params: BootstrapParams | undefined): string | Uint8Array {
  const address = formatAddress(path);
  // The plain address means version 2 of the task service, which every containerd speaks.
  return params === undefined ? address : encode(BootstrapResult, { version: TASK_API_VERSION, address, protocol: "ttrpc" });
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
