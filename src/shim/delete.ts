/** `delete`: removes what a shim that is gone has left of a container; mostly nothing. */

import { dirname, join } from "node:path";
import { deleteContainer } from "../container/delete.ts";
import { Store } from "../container/store.ts";
import { SIGKILL } from "../linux/signals.ts";
import { existsSync, readdirSync, writeSync } from "../native/files.ts";
import { readRecord, writeRecord } from "./bundle.ts";
import type { BundleRecord } from "./bundle.ts";
import { DeleteResponse, KillRequest, ProcessRequest, ShutdownRequest } from "./generated/task.ts";
import type { Invocation } from "./invocation.ts";
import { isServed, removeUnserved } from "./listen.ts";
import { messageOf } from "./log.ts";
import { encode } from "../protobuf/messages.ts";
import { unmountRootfs } from "./rootfs.ts";
import { now } from "./time.ts";

const STDOUT = 1;
const STDERR = 2;
const SIGNALLED = 128;
const TASK_SERVICE = "containerd.task.v2.Task";
/** containerd waits 5 seconds for all of it; a shim waits less for a client that does not read (process.ts). */
const ASK_MILLISECONDS = 1000;

interface Surroundings {
  readonly bundle: string;
  readonly environment: readonly string[];
}

/** containerd calls it after every delete, when the connection to a shim broke, and for what it does not find again. */
export async function deleteShim({ id, namespace, bundle: named }: Invocation, { bundle: current, environment }: Surroundings): Promise<number> {
  const bundle = named === "" ? current : named;
  const record = readRecord(bundle);
  if (record !== undefined) {
    await askShim(record.socket, id);
    await deleteRest({ id, bundle, record, environment });
    const others = removeUnserved(record.socket, () => findOthers(bundle, namespace, record.socket)) ?? [];
    for (const other of others) await deleteOther({ ...other, environment });
  }
  writeSync(STDOUT, encode(DeleteResponse, { pid: record?.pid ?? 0, exit_status: SIGNALLED + SIGKILL, exited_at: now() }));
  return 0;
}

interface Rest {
  readonly id: string;
  readonly bundle: string;
  readonly record: BundleRecord;
  readonly environment: readonly string[];
}

async function deleteRest({ id, bundle, record: { root, mounted }, environment }: Rest): Promise<void> {
  const store = new Store(root);
  if (root !== "" && store.exists(id)) await deleteContainer({ store, id, force: true, environment, warn });
  if (mounted) unmountRootfs(join(bundle, "rootfs"));
}

/** As far as its own "delete", which may run at the same time, was not faster. What fails is no failure of this one. */
async function deleteOther(other: Rest): Promise<void> {
  const { id, bundle, record } = other;
  // containerd may have made another container of this name by now.
  const isThere = (): boolean => readRecord(bundle)?.pid === record.pid;
  if (!isThere()) return;
  try {
    await deleteRest(other);
    // containerd may still ask how it ended.
    if (isThere()) writeRecord(bundle, { ...record, root: "", mounted: false });
  } catch (error) {
    if (existsSync(bundle)) warn(`cannot delete container "${id}", whose shim was the same: ${messageOf(error)}`);
  }
}

function warn(message: string): void {
  writeSync(STDERR, `${message}\n`);
}

/**
 * The containers whose shim was the same. From version 3 of the task service on containerd calls "delete" for the first
 * container of a pod only, and the others would run on without anybody to know of them.
 */
function findOthers(bundle: string, namespace: string, socket: string): readonly Omit<Rest, "environment">[] {
  // Bundles are STATE/PLUGIN/NAMESPACE/ID.
  const state = dirname(dirname(dirname(bundle)));
  const found: Omit<Rest, "environment">[] = [];
  for (const plugin of namesIn(state)) {
    for (const id of namesIn(join(state, plugin, namespace))) {
      const other = join(state, plugin, namespace, id);
      const record = other === bundle ? undefined : readRecord(other);
      if (record?.socket === socket) found.push({ id, bundle: other, record });
    }
  }
  return found;
}

function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

/**
 * A shim that lives though containerd has lost it must forget the container, or it would never end; one of a group serves
 * the others on.
 */
async function askShim(path: string, id: string): Promise<void> {
  if (!isServed(path)) return;
  const { Client } = await import("./client.ts");
  const client = new Client(path);
  const calls: readonly [method: string, payload: Uint8Array][] = [
    ["Kill", encode(KillRequest, { id, signal: SIGKILL, all: true })],
    ["Wait", encode(ProcessRequest, { id })],
    ["Delete", encode(ProcessRequest, { id })],
    ["Shutdown", encode(ShutdownRequest, { id })],
  ];
  for (const [method, payload] of calls) {
    try {
      await client.call({ service: TASK_SERVICE, method, payload, timeoutMilliseconds: ASK_MILLISECONDS });
    } catch {
      // It has no such container, or does not answer: what is left is removed without it.
    }
  }
  client.close();
}
