/**
 * The words of tsrun: a *plan* is the whole list, a *step* one entry, an *op* its kind, a *gate* a step at which init and
 * runtime meet, *host* the facts about this machine that a plan may depend on.
 */

import type { Problem } from "../errors.ts";
import type { FileWrite } from "../resources/limits.ts";
import type { UnitName } from "../resources/path.ts";
import type { Integer } from "../spec/config.ts";
import type { OPS, OpName } from "./ops.ts";

/** A descriptor of the plan, by a name that means something to its reader: `rootfs`, `mount 3`. */
export type Fd = string;

interface FieldTypes {
  u: number | bigint | boolean;
  /** Absent: none; where a directory is meant, the current one. */
  f: Fd | undefined;
  s: string;
  /** Text, bytes, or 32-bit numbers. */
  b: string | Uint8Array | readonly number[];
  l: readonly string[];
}

/** What every step may say about itself. */
interface Reason {
  /** The JSON Pointer of what asks for the step in config.json. */
  readonly at?: string;
  /** What the step is part of, in the words that follow `cannot`: `mount "tmpfs" on "/dev/shm"`. */
  readonly what?: string;
}

type Fields<Rows extends readonly (readonly [string, keyof FieldTypes])[]> = {
  readonly [Row in Rows[number] as undefined extends FieldTypes[Row[1]] ? never : Row[0]]: FieldTypes[Row[1]];
} & {
  readonly [Row in Rows[number] as undefined extends FieldTypes[Row[1]] ? Row[0] : never]?: FieldTypes[Row[1]];
};

type InitStepOf<Op extends OpName> = { readonly by: "init"; readonly op: Op } & Reason & Fields<(typeof OPS)[Op]["fields"]>;

/** A step that tsrun-init runs. */
export type InitStep = { [Op in OpName]: InitStepOf<Op> }[OpName];

/** What an init step holds besides `by`; planners write this. */
export type InitOp = { [Op in OpName]: Omit<InitStepOf<Op>, "by"> }[OpName];

/** A step that the runtime runs itself, in TypeScript. */
/**
 * Who may write a user namespace's maps (user_namespaces(7)): root himself; an ordinary user himself where only his own ids
 * are mapped, and then without setgroups(2); else newuidmap(1) and newgidmap(1), by what /etc/subuid grants him.
 */
export type IdmapWriter = "root" | "user" | "newuidmap";

export type RuntimeOp =
  /** Makes the container's cgroup in each hierarchy, and opens the ways into it. */
  | {
      readonly op: "cgroup_create";
      readonly path: string;
      readonly controllers: readonly string[];
      /** It is systemd's to make, with a unit of this name, which is to know of these limits. */
      readonly unit?: UnitName & { readonly manager: "system" | "user"; readonly limits: readonly FileWrite[]; readonly annotations: Readonly<Record<string, string>> };
    }
  | {
      readonly op: "cgroup_write";
      readonly controller: string;
      readonly version: 1 | 2;
      readonly file: string;
      readonly value: string;
      readonly optional?: true;
      readonly notBelow?: string;
      /** For a kernel that has no such file. */
      readonly instead?: { readonly file: string; readonly value: string };
    }
  /** Opens a file of the cgroup, for a value that has to wait. */
  | { readonly op: "cgroup_open"; readonly controller: string; readonly version: 1 | 2; readonly file: string; readonly to: Fd }
  /** Has a user's own systemd move init into its unit: whoever is outside of what is the user's may not (cgroup-v2.rst, "Delegation Containment"). */
  | { readonly op: "cgroup_attach" }
  /** Gives the cgroup on v2 to the user of the host who is the container's. */
  | { readonly op: "cgroup_chown"; readonly uid: number }
  /** Attaches the BPF program that decides about devices on cgroup v2. */
  | { readonly op: "cgroup_devices"; readonly program: Uint8Array }
  /** Finds or makes a group of resctrl, and opens the way into it; one that is there must have what is compared. */
  | {
      readonly op: "resctrl_group";
      readonly path: string;
      readonly make: boolean;
      /** It stays when the container ends. */
      readonly keep: boolean;
      readonly compare: readonly string[];
      readonly to: Fd;
    }
  | { readonly op: "resctrl_schemata"; readonly path: string; readonly lines: readonly string[] }
  /** Makes a monitoring group, which ends with the container. */
  | { readonly op: "resctrl_monitor"; readonly path: string; readonly to: Fd }
  /** Gives the root a mount of its own, in the host's mount namespace: what is mounted below goes with it. */
  | { readonly op: "attach_root"; readonly path: string }
  /** Opens a namespace to join, and makes sure that it is one of this type. */
  | { readonly op: "open_namespace"; readonly path: string; readonly type: string; readonly to: Fd }
  /** Makes a user namespace with these maps, for a mount to take them from. */
  | { readonly op: "open_idmap"; readonly uid: string; readonly gid: string; readonly to: Fd }
  /** Makes the exec fifo, and opens it as a path only. */
  | { readonly op: "exec_fifo"; readonly to: Fd }
  /** Opens the container's process, as exec's way to its namespaces. */
  | { readonly op: "open_init"; readonly to: Fd }
  /** Opens the root directory of the container's process. */
  | { readonly op: "open_root"; readonly to: Fd }
  /** Clones init into new namespaces and the container's cgroup; `inherit` are the descriptors that it begins with. */
  | { readonly op: "spawn"; readonly flags: number; readonly inherit: readonly Fd[]; readonly intoCgroup: boolean }
  /** Writes the user namespace's maps. */
  | { readonly op: "write_idmap"; readonly uid: string; readonly gid: string; readonly writer: IdmapWriter }
  /** Moves a network device into init's network namespace, under this name there. */
  | { readonly op: "net_device"; readonly device: string; readonly name: string }
  | { readonly op: "run_hook"; readonly point: "prestart" | "createRuntime"; readonly index: number }
  /** Sets the scheduling policy of init from outside (sched_setattr(2)). */
  | {
      readonly op: "sched_setattr";
      readonly policy: number;
      readonly flags: number;
      readonly nice: number;
      readonly priority: number;
      readonly runtime: Integer;
      readonly deadline: Integer;
      readonly period: Integer;
    }
  /** Hands the terminal's master to whom it is for. */
  | { readonly op: "console" }
  /** Sends the seccomp listener to linux.seccomp.listenerPath. */
  | { readonly op: "seccomp_listener" };

export type RuntimeStep = { readonly by: "runtime" } & Reason & RuntimeOp;

export type Step = InitStep | RuntimeStep;

/** Everything that is done to make a container, in order. */
export interface Plan {
  readonly steps: readonly Step[];
  /** What the config asks for and cannot be had, and need not be (config.md: warnings). */
  readonly warnings: readonly Problem[];
}

/** Marks ops as init's, and says why they are there. */
export function init(ops: readonly InitOp[], reason: Reason = {}): InitStep[] {
  const steps: InitStep[] = [];
  // Counted and not mapped: this runs for every step of every container, without a JIT.
  for (let at = 0; at < ops.length; at++) steps.push({ by: "init", ...reason, ...ops[at] } as InitStep);
  return steps;
}

/** Marks an op as the runtime's. */
export function runtime(op: RuntimeOp & Reason): RuntimeStep {
  return { by: "runtime", ...op };
}
