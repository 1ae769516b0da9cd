/** What a container is doing, from the kernel; and what may be done to it then, as a table (runtime.md#state). */

import { directoryOf } from "../cgroup/cgroup.ts";
import type { CgroupDirectory } from "../cgroup/cgroup.ts";
import { isFrozen } from "../cgroup/freeze.ts";
import { StatusError } from "../errors.ts";
import { isDead, parseStat } from "../linux/procfs.ts";
import type { ProcessStat } from "../linux/procfs.ts";
import { existsSync, readStartSync } from "../native/files.ts";
import { hasFreezerOfV1 } from "./state.ts";
import type { StoredState, Summary } from "./state.ts";
import { bootId } from "./store.ts";
import type { Store } from "./store.ts";

/** "paused" is not of the specification, which allows more values; engines know it. */
export type Status = "creating" | "created" | "running" | "paused" | "stopped";

type Verb = "start" | "exec" | "kill" | "delete" | "pause" | "resume" | "update" | "checkpoint" | "mounts";

/** The statuses in which an operation may be done (runtime.md#operations). */
const ALLOWED: Readonly<Record<Verb, readonly Status[]>> = {
  start: ["created"],
  exec: ["created", "running"],
  kill: ["created", "running", "paused"],
  delete: ["stopped"],
  pause: ["created", "running"],
  resume: ["paused"],
  update: ["created", "running", "paused"],
  checkpoint: ["running", "paused"],
  mounts: ["created", "running", "paused"],
};

/** In the wording that containerd and others look for. */
const REFUSALS: Readonly<Record<Verb, Readonly<Partial<Record<Status, string>>>>> = {
  start: {
    creating: "it is still being created",
    running: "cannot start an already running container",
    paused: "cannot start a paused container",
    stopped: "cannot start a container that has stopped",
  },
  exec: {
    creating: "it is still being created",
    paused: "cannot exec in a paused container (use --ignore-paused to override)",
    stopped: "cannot exec in a stopped container",
  },
  kill: { creating: "it is still being created", stopped: "container not running" },
  delete: {
    creating: "it is still being created; use --force to end that",
    created: 'container is not stopped: created; end it with "kill" first, or use --force',
    running: 'container is not stopped: running; end it with "kill" first, or use --force',
    paused: 'container is not stopped: paused; end it with "kill" first, or use --force',
  },
  pause: { creating: "it is still being created", paused: "container not running: it is paused already", stopped: "container not running" },
  resume: { creating: "it is still being created", created: "container not paused", running: "container not paused", stopped: "container not paused" },
  update: { creating: "it is still being created", stopped: "container not running" },
  checkpoint: { creating: "it is still being created", created: "its program does not run yet: start it first", stopped: "container not running" },
  mounts: { creating: "it is still being created", stopped: "container not running" },
};

export function statusOf(store: Store, state: StoredState): Status {
  const status = roughStatusOf(store, state);
  return status === "running" && existsSync(store.fifo(state.id)) ? "created" : status;
}

/** The same for who need not tell a container that waits for its start from one that runs. */
export function roughStatusOf(store: Store, state: StoredState): Status {
  if (!isOfThisBoot(state)) return "stopped";
  if (state.phase === "creating") return store.isLocked(state.id) ? "creating" : "stopped";
  const stat = aliveStat(state);
  if (stat === undefined) return "stopped";
  const directories = state.cgroup?.directories;
  if (directories !== undefined && mayBeFrozen(stat, directories) && isFrozen(directories)) return "paused";
  return "running";
}

/** The same from the beginning of the state's text; undefined where more of it is needed. */
export function statusOfSummary(store: Store, summary: Summary, text: string): Status | undefined {
  if (!isOfThisBoot(summary)) return "stopped";
  if (summary.phase === "creating") return undefined;
  const stat = aliveStat(summary);
  if (stat === undefined) return "stopped";
  if (!isRunningOrAsleep(stat) || !hasFreezerOfV1(text)) return undefined;
  return existsSync(store.fifo(summary.id)) ? "created" : "running";
}

function isRunningOrAsleep({ state }: ProcessStat): boolean {
  return state === "R" || state === "S";
}

/** The freezer of v1 leaves no process running or asleep: who is seen so need not be asked about in its cgroup. */
function mayBeFrozen(stat: ProcessStat, directories: readonly CgroupDirectory[]): boolean {
  return !isRunningOrAsleep(stat) || directoryOf(directories, "freezer")?.version === 2;
}

/** What a verb does, where the verb alone is no word for it. */
const ACTIONS: Readonly<Partial<Record<Verb, string>>> = { exec: "exec in", mounts: "change the mounts of" };

/** Throws where the operation is not allowed in this status; it must have no effect then. */
export function requireStatus(verb: Verb, id: string, status: Status): void {
  if (ALLOWED[verb].includes(status)) return;
  throw new StatusError(id, status, `cannot ${ACTIONS[verb] ?? verb} container "${id}": ${REFUSALS[verb][status] ?? `it is ${status}`}`);
}

/** Whether init is there, and is the same process: a pid alone may belong to another by now. */
export function isAlive(state: StoredState): boolean {
  return aliveStat(state) !== undefined;
}

function aliveStat(state: Summary): ProcessStat | undefined {
  // Start times count from the boot, so early processes of two boots may agree in both.
  if (state.pid <= 0 || !isOfThisBoot(state)) return undefined;
  const stat = readStat(state.pid);
  return stat !== undefined && stat.startTime === state.startTime && !isDead(stat) ? stat : undefined;
}

/** Processes and cgroups of another boot are gone; those of the same name are somebody else's. */
export function isOfThisBoot(state: Summary): boolean {
  return state.bootId === bootId();
}

/** The start time of a process that certainly is the one meant: a child that was not waited for. */
export function startTimeOf(pid: number): number {
  return readStat(pid)?.startTime ?? 0;
}

function readStat(pid: number): ProcessStat | undefined {
  try {
    return parseStat(readStartSync(`/proc/${pid}/stat`));
  } catch {
    return undefined;
  }
}
