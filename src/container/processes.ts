/** A container's processes, by pidfd: to find init, to end it, and to wait for an end. */

import { killAll } from "../cgroup/kill.ts";
import { thaw, thawBelow } from "../cgroup/freeze.ts";
import { SIGKILL } from "../linux/signals.ts";
import { closeSync } from "../native/files.ts";
import { isNativeError, native } from "../native/native.ts";
import { forget, ready } from "../native/waiter.ts";
import type { StoredState } from "./state.ts";
import { isAlive, isOfThisBoot } from "./status.ts";

/** How long processes that were killed may take to be gone before it is an error. */
const MOST_SECONDS_TO_DIE = 10;
/** How long it takes where nobody is in the way. */
const SECONDS_TO_DIE = 1;

/** Kills init, and all others where its end is not theirs, and waits until init is gone. */
export async function endProcesses(state: StoredState): Promise<void> {
  if (!isOfThisBoot(state)) return;
  const directories = state.cgroup?.directories ?? [];
  const init = openInit(state);
  try {
    if (init !== undefined) signalPidfd(init, SIGKILL);
    if (!state.ownPidNamespace || init === undefined) killAll(directories, killPid);
    // A frozen process dies only when it is thawed.
    thaw(directories);
    thawBelow(directories);
    if (init === undefined || (await readyWithin(init, SECONDS_TO_DIE))) return;
    // One that is left may freeze the others again and again.
    killAll(directories, killPid);
    await readyWithin(init, MOST_SECONDS_TO_DIE);
  } finally {
    if (init !== undefined) closeSync(init);
  }
}

/** A pidfd of the container's init, or undefined where it is gone: the pid may have another owner by now. */
export function openInit(state: StoredState): number | undefined {
  if (state.pid <= 0 || !isOfThisBoot(state)) return undefined;
  const pidfd = tryOpen(state.pid);
  // Looked at now that the pid cannot change hands any more.
  if (pidfd === undefined || isAlive(state)) return pidfd;
  closeSync(pidfd);
  return undefined;
}

/** A pidfd of whoever has the pid; undefined where nobody has. */
export function tryOpen(pid: number): number | undefined {
  try {
    return native().pidfdOpen(pid);
  } catch (error) {
    // A thread of somebody's has the number now (EINVAL, since Linux 6.9 ENOENT).
    if (isNativeError(error) && (error.code === "ESRCH" || error.code === "EINVAL" || error.code === "ENOENT")) return undefined;
    throw error;
  }
}

/** Waits, driven by the kernel, for the end of one of these processes. */
export async function waitForExit(pids: readonly number[]): Promise<boolean> {
  for (const pid of pids) {
    let pidfd: number;
    try {
      pidfd = native().pidfdOpen(pid);
    } catch {
      return true;
    }
    const ended = await readyWithin(pidfd, MOST_SECONDS_TO_DIE);
    closeSync(pidfd);
    if (ended) return true;
  }
  return false;
}

async function readyWithin(fd: number, seconds: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<false>((resolve) => {
    timer = setTimeout(() => resolve(false), seconds * 1000);
  });
  const result = await Promise.race([ready(fd).then(() => true), timeout]);
  clearTimeout(timer);
  forget(fd);
  return result;
}

/** Kills a process; one that is gone by now has what was wanted. */
export function killPid(pid: number): void {
  signalPid(pid, SIGKILL);
}

/** Sends a signal to a process of which a pidfd is held; one that has ended has nobody left to reach. */
export function signalPidfd(pidfd: number, signal: number): void {
  try {
    native().pidfdSendSignal(pidfd, signal);
  } catch (error) {
    if (!isNativeError(error) || error.code !== "ESRCH") throw error;
  }
}

function signalPid(pid: number, signal: number): void {
  try {
    native().kill(pid, signal);
  } catch (error) {
    if (!isNativeError(error) || error.code !== "ESRCH") throw error;
  }
}
