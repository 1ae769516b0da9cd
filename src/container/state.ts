/** The state file: what a container is, as far as the kernel cannot tell it (ROOT/ID/state.json). */

import type { Cgroup } from "../cgroup/cgroup.ts";
import type { Hook } from "../spec/config.ts";

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
  /** The container has a pid namespace of its own, so the end of init is the end of all its processes. */
  readonly ownPidNamespace: boolean;
  readonly hasProcess: boolean;
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
