/** The container's cgroup: made and limited by the runtime, entered by init itself (config-linux.md#control-groups). */

import { cgroupOwner } from "../resources/ownership.ts";
import { cgroupPath } from "../resources/path.ts";
import { unifiedHierarchy } from "../resources/layout.ts";
import { neededControllers, planResources } from "../resources/resources.ts";
import type { CgroupLayout, Hierarchy } from "../resources/layout.ts";
import { isHostRoot } from "../host.ts";
import type { Host } from "../host.ts";
import { entryFd } from "./cgroup-entry.ts";
import type { PlanContext } from "./context.ts";
import { init, runtime } from "./step.ts";
import type { Fd, Step } from "./step.ts";

export interface CgroupPlan {
  readonly steps: readonly Step[];
  readonly layout: CgroupLayout;
  /** The container's cgroup below each hierarchy's mount point. */
  readonly path: string;
  /** The descriptors of the v1 hierarchies' `tasks` files. */
  readonly entries: readonly Fd[];
  /** The descriptors of files that init writes to itself, and those writes. */
  readonly late: readonly Fd[];
  readonly lateSteps: readonly Step[];
  readonly lastSteps: readonly Step[];
  readonly intoCgroup: boolean;
}

/** The hierarchies in which the runtime's user may make this cgroup: for the host's root all of them. */
export function usableLayout(host: Host, path: string): CgroupLayout {
  const layout = host.cgroups();
  if (isHostRoot(host)) return layout;
  const hierarchies: Hierarchy[] = [];
  const withheld: string[] = [];
  for (const hierarchy of layout.hierarchies) {
    if (host.mayMake(hierarchy.mountPoint + path)) hierarchies.push(hierarchy);
    else withheld.push(...hierarchy.controllers);
  }
  return { ...layout, hierarchies, withheld };
}

/** An ordinary user may make cgroups below his own at best, where that was delegated to him. */
function containerCgroup({ config, host, id }: PlanContext): string {
  const given = config.linux?.cgroupsPath;
  const path = cgroupPath(given, id);
  if (isHostRoot(host) || (given !== undefined && given !== "")) return path;
  const own = unifiedHierarchy(host.cgroups())?.own ?? "/";
  return own === "/" ? path : own + path;
}

/** Makes the cgroup and sets its limits before there is a process to limit. */
export function cgroupMembership(context: PlanContext): CgroupPlan {
  const { config, host, twoStages } = context;
  const path = containerCgroup(context);
  const layout = usableLayout(host, path);
  const { writes, deviceProgram } = planResources(config, layout);
  const at = config.linux?.cgroupsPath === undefined ? {} : { at: "/linux/cgroupsPath" };
  const controllers = neededControllers(writes);
  const steps: Step[] = [runtime({ op: "cgroup_create", path, controllers, ...at, what: `make the cgroup "${path}"` })];
  const late: Fd[] = [];
  const lateSteps: Step[] = [];
  const lastSteps: Step[] = [];
  for (const { pointer, ...write } of writes) {
    const { controller, version, file, value } = write;
    const why = { at: pointer, what: `set "${file}" of the cgroup to ${JSON.stringify(value)}` };
    const own = file === "memory.oom_control" ? lastSteps : twoStages && file === "pids.max" && value.length === 1 && value < "2" ? lateSteps : undefined;
    if (own === undefined) {
      steps.push(runtime({ op: "cgroup_write", ...write, ...why }));
      continue;
    }
    steps.push(runtime({ op: "cgroup_open", controller, version, file, to: file, ...why }));
    late.push(file);
    own.push(...init([{ op: "write", fd: file, data: value }], why));
  }
  // Who may not load the program has no device nodes to give either: they are the host's own, bound one by one.
  if (deviceProgram !== undefined && isHostRoot(host)) {
    const what = "restrict the cgroup's devices";
    steps.push(runtime({ op: "cgroup_devices", program: deviceProgram, at: "/linux/resources/devices", what }));
  }
  // v1 is not safe to give (config-linux.md#cgroup-ownership).
  const owner = layout.hierarchy === "unified" ? cgroupOwner(config) : undefined;
  if (owner !== undefined) {
    const { uid, pointer } = owner;
    steps.push(runtime({ op: "cgroup_chown", uid, at: pointer, what: `give the cgroup to user ${uid}` }));
  }
  const entries: Fd[] = [];
  let intoCgroup = false;
  for (const hierarchy of layout.hierarchies) {
    if (hierarchy.version === 1) entries.push(entryFd(hierarchy));
    else intoCgroup = true;
  }
  return { steps, layout, path, entries, intoCgroup, late, lateSteps, lastSteps };
}

/**
 * Init moves itself: a process with one thread that writes "0" to `tasks` waits for nothing, where a write of its pid to
 * `cgroup.procs` by another waits for a grace period of the whole machine (4 to 15 ms).
 */
export function cgroupEntry({ entries, path }: CgroupPlan): Step[] {
  const steps: Step[] = [];
  for (const fd of entries) steps.push(...init([{ op: "write", fd, data: "0" }], { what: `enter the cgroup "${path}" (${fd})` }));
  return steps;
}

/** Limits that would not let init's second stage begin beside the first: they are for who is left then. */
export function lateLimits({ lateSteps }: CgroupPlan): readonly Step[] {
  return lateSteps;
}

/**
 * Without the OOM killer who needs more memory than there is waits for ever (memory.oom_control of cgroup v1): init, for
 * which nobody will make room, is to die of it and to be told about, as long as it can.
 */
export function lastLimits({ lastSteps }: CgroupPlan): readonly Step[] {
  return lastSteps;
}
