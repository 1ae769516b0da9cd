/** `kill`: sends a signal to the container's process (runtime.md#kill). */

import { thaw } from "../cgroup/freeze.ts";
import { killAll } from "../cgroup/kill.ts";
import { pidsOf } from "../cgroup/processes.ts";
import { StatusError } from "../errors.ts";
import { SIGKILL } from "../linux/signals.ts";
import { closeSync } from "../native/files.ts";
import { native } from "../native/native.ts";
import { killPid, openInit, signalPid } from "./processes.ts";
import type { StoredState } from "./state.ts";
import { requireStatus, statusOf } from "./status.ts";
import { inWords } from "./store.ts";
import type { Store } from "./store.ts";

export interface KillOptions {
  readonly store: Store;
  readonly id: string;
  readonly signal: number;
  /** Every process of the container, and no error when there is none left. */
  readonly all?: boolean;
}

export function kill({ store, id, signal, all = false }: KillOptions): void {
  const state = store.load(id, "kill");
  const status = statusOf(store, state);
  if (all && status === "stopped") {
    signalAll(state, signal);
    return;
  }
  requireStatus("kill", id, status);
  // Without a pid namespace the others outlive init: the end must be the end of all.
  if (all || (signal === SIGKILL && !state.ownPidNamespace)) signalAll(state, signal);
  const init = openInit(state);
  if (init === undefined) {
    if (all) return;
    throw new StatusError(id, "stopped", `cannot kill container "${id}": container not running`);
  }
  try {
    native().pidfdSendSignal(init, signal);
  } catch (error) {
    throw inWords(`send signal ${signal} to container "${id}"`, error);
  } finally {
    closeSync(init);
  }
  // A process that cgroup v1 has frozen dies only when it is thawed.
  if (status === "paused" && signal === SIGKILL) thaw(state.cgroup?.directories ?? []);
}

function signalAll({ cgroup }: StoredState, signal: number): void {
  const directories = cgroup?.directories ?? [];
  if (signal === SIGKILL) killAll(directories, killPid);
  else for (const pid of pidsOf(directories)) signalPid(pid, signal);
}
