/** `kill`: sends a signal to the container's process (runtime.md#kill). */

import type { CgroupDirectory } from "../cgroup/cgroup.ts";
import { thaw, thawBelow } from "../cgroup/freeze.ts";
import { killAll } from "../cgroup/kill.ts";
import { pidsOf } from "../cgroup/processes.ts";
import { StatusError } from "../errors.ts";
import { SIGKILL } from "../linux/signals.ts";
import { closeSync } from "../native/files.ts";
import { isNativeError, native } from "../native/native.ts";
import { stopSignal } from "../spec/stop-signal.ts";
import { killPid, openInit, signalPidfd, tryOpen } from "./processes.ts";
import type { StoredState } from "./state.ts";
import { requireStatus, statusOf } from "./status.ts";
import { inWords } from "./store.ts";
import type { Store } from "./store.ts";

/** Descriptors that are held at the same time. */
const AT_ONCE = 500;

export interface KillOptions {
  readonly store: Store;
  readonly id: string;
  /** By default the one that the container's image wants to be ended with, else SIGTERM. */
  readonly signal?: number;
  /** Every process of the container, and no error when there is none left. */
  readonly all?: boolean;
}

export function kill({ store, id, signal: given, all = false }: KillOptions): void {
  const state = store.load(id, "kill");
  const signal = given ?? stopSignal(state.annotations);
  const status = statusOf(store, state);
  if (all && status === "stopped") {
    signalOthers(state, signal);
    return;
  }
  requireStatus("kill", id, status);
  // Opened first: a signal to all may be its end.
  const init = openInit(state);
  if (init === undefined && !all) throw notRunning(id);
  try {
    // Without a pid namespace the others outlive init: the end must be the end of all.
    const everyone = all || (signal === SIGKILL && !state.ownPidNamespace);
    if (everyone) signalOthers(state, signal);
    if (init !== undefined && !signalInit(init, { id, signal }) && !everyone) throw notRunning(id);
  } finally {
    if (init !== undefined) closeSync(init);
  }
  if (signal !== SIGKILL) return;
  // A process that cgroup v1 has frozen dies only when it is thawed.
  if (status === "paused") thaw(state.cgroup?.directories ?? []);
  thawBelow(state.cgroup?.directories ?? []);
}

function notRunning(id: string): StatusError {
  return new StatusError(id, "stopped", `cannot kill container "${id}": container not running`);
}

/** False where it has ended by now. */
function signalInit(init: number, { id, signal }: { readonly id: string; readonly signal: number }): boolean {
  try {
    native().pidfdSendSignal(init, signal);
    return true;
  } catch (error) {
    if (isNativeError(error) && error.code === "ESRCH") return false;
    throw inWords(`send signal ${signal} to container "${id}"`, error);
  }
}

/** All but init, which gets each signal once; SIGKILL by the cgroup makes no difference between them. */
function signalOthers({ cgroup, pid: init }: StoredState, signal: number): void {
  const directories = cgroup?.directories ?? [];
  if (signal === SIGKILL) return killAll(directories, killPid);
  const pids = pidsOf(directories).filter((pid) => pid !== init);
  for (let at = 0; at < pids.length; at += AT_ONCE) signalMembers(pids.slice(at, at + AT_ONCE), signal, directories);
}

/** A pid may have another owner by now, and it is not for the container to choose whom: who is held, and then still listed, is its own. */
function signalMembers(pids: readonly number[], signal: number, directories: readonly CgroupDirectory[]): void {
  const held = new Map<number, number>();
  try {
    for (const pid of pids) {
      const pidfd = tryOpen(pid);
      if (pidfd !== undefined) held.set(pid, pidfd);
    }
    for (const pid of pidsOf(directories)) {
      const pidfd = held.get(pid);
      if (pidfd !== undefined) signalPidfd(pidfd, signal);
    }
  } finally {
    for (const pidfd of held.values()) closeSync(pidfd);
  }
}
