/** The state file: what a container is, as far as the kernel cannot tell it (ROOT/ID/state.json). */

import { StateError } from "../errors.ts";
import type { Cgroup } from "../cgroup/cgroup.ts";
import type { Hook } from "../spec/config.ts";
import type { Resctrl } from "./resctrl.ts";
import type { RootMount } from "./root-mount.ts";

/** Written whole and atomically; a reader of another version finds `version` first. */
export interface StoredState {
  readonly version: 1;
  readonly id: string;
  readonly ociVersion: string;
  /** "creating" until `create` has done all of its work; every other status comes from the kernel. */
  readonly phase: "creating" | "created";
  readonly bundle: string;
  readonly rootfs: string;
  readonly annotations?: Readonly<Record<string, string>>;
  /** RFC 3339. */
  readonly created: string;
  readonly owner: string;
  /** /proc/sys/kernel/random/boot_id: a state of another boot describes nothing that exists. */
  readonly bootId: string;
  /** Init, and the clock ticks after boot at which it started: together they name one process for ever. */
  readonly pid: number;
  readonly startTime: number;
  readonly cgroup?: Cgroup;
  /** Of a container with linux.intelRdt. */
  readonly resctrl?: Resctrl;
  /** Of a container without a mount namespace: where its mounts are. */
  readonly rootMount?: RootMount;
  /** The container has a pid namespace of its own, so the end of init is the end of all its processes. */
  readonly ownPidNamespace: boolean;
  readonly hasProcess: boolean;
  /** The container has no session keyring of its own, so further processes join none. */
  readonly noNewKeyring?: true;
  /** It was made from a checkpoint: criu puts its processes into a time namespace, for their clocks to go on where they were. */
  readonly restored?: true;
  readonly hooks: { readonly poststart?: readonly Hook[]; readonly poststop?: readonly Hook[] };
  /** What init still does after `start`, so that a failure there can be told in words. */
  readonly lastSteps: readonly LastStep[];
}

export interface LastStep {
  readonly index: number;
  readonly op: string;
  readonly what?: string;
  readonly at?: string;
}

/** What stands first in a state file: enough to say what most containers are, and a quarter of the text. */
export type Summary = Pick<StoredState, (typeof SUMMARY)[number] | "ociVersion" | "annotations">;

const SUMMARY = ["id", "phase", "bundle", "rootfs", "created", "owner", "bootId", "pid", "startTime"] as const;
/** What follows the summary; within a JSON string its quotes would be escaped. */
const AFTER_SUMMARY = ',"ownPidNamespace":';
/** As `create` writes the directory of the freezer of cgroup v1. */
const FREEZER_OF_V1 = '"version":1,"controllers":["freezer"]';

const VERSION = 1;
/** What every reader relies on. What the writer wrote together with it need not be looked at one by one. */
const SHAPE: Readonly<Record<string, "string" | "number" | "boolean" | "object">> = {
  id: "string",
  phase: "string",
  bundle: "string",
  rootfs: "string",
  created: "string",
  owner: "string",
  bootId: "string",
  pid: "number",
  startTime: "number",
  ownPidNamespace: "boolean",
  hasProcess: "boolean",
  hooks: "object",
  lastSteps: "object",
};

/** Reads a state file; a disk that was full, a crash or a hand may have left anything in it. */
export function parseState(text: string, id: string): StoredState {
  let state: unknown;
  try {
    state = JSON.parse(text);
  } catch (error) {
    throw new StateError(id, "it is damaged; delete --force removes it", { cause: error });
  }
  if (typeof state !== "object" || state === null) throw new StateError(id, "it is damaged; delete --force removes it");
  const fields = state as Readonly<Record<string, unknown>>;
  if (fields["version"] !== VERSION) throw new StateError(id, "another version of tsrun wrote it");
  for (const name in SHAPE) {
    const value = fields[name];
    if (typeof value === SHAPE[name] && value !== null) continue;
    throw new StateError(id, `"${name}" is damaged; delete --force removes it`);
  }
  if (fields["id"] !== id) throw new StateError(id, `it is that of ${JSON.stringify(fields["id"])}; delete --force removes it`);
  return state as StoredState;
}

/** Reads the summary alone; undefined where the text has another form than `create` gives it: then all has to be read. */
export function parseSummary(text: string, id: string): Summary | undefined {
  const end = text.indexOf(AFTER_SUMMARY);
  if (end < 0 || !text.startsWith(`{"version":${VERSION},`) || !text.trimEnd().endsWith("}")) return undefined;
  let summary: Readonly<Record<string, unknown>>;
  try {
    summary = JSON.parse(`${text.slice(0, end)}}`);
  } catch {
    return undefined;
  }
  for (const name of SUMMARY) if (typeof summary[name] !== SHAPE[name]) return undefined;
  return summary["id"] === id ? (summary as unknown as Summary) : undefined;
}

/** Whether the container's freezer is that of cgroup v1, in which no process is seen running or asleep while it is frozen. */
export function hasFreezerOfV1(text: string): boolean {
  return text.includes(FREEZER_OF_V1);
}
