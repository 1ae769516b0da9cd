/** The container's cgroup: made and limited by the runtime, entered by init itself (config-linux.md#control-groups). */

import { UnsupportedError } from "../errors.ts";
import { cgroupOwner } from "../resources/ownership.ts";
import { cgroupPath, namesUnit, pathOfUnit, unitOf } from "../resources/path.ts";
import { unifiedHierarchy } from "../resources/layout.ts";
import { neededControllers, planResources } from "../resources/resources.ts";
import type { CgroupLayout, Hierarchy } from "../resources/layout.ts";
import type { FileWrite } from "../resources/limits.ts";
import { isHostRoot } from "../host.ts";
import type { Host } from "../host.ts";
import { UNIT_PROPERTY } from "../spec/annotations.ts";
import type { Config } from "../spec/config.ts";
import { entryFd } from "./cgroup-entry.ts";
import type { PlanContext } from "./context.ts";
import { init, runtime } from "./step.ts";
import type { Fd, RuntimeStep, Step } from "./step.ts";

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
  /** systemd moves init there, which waits for it. */
  readonly isAttached: boolean;
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

type UnitStep = NonNullable<Extract<RuntimeStep, { op: "cgroup_create" }>["unit"]>;

/** Where a user's own systemd has its units: in a session a program may be beside it. */
const OF_USER = /^\/user\.slice\/user-(\d+)\.slice\//;

function containerUnit({ config, host, id, systemdCgroup = false }: PlanContext): { readonly path: string; readonly unit: Omit<UnitStep, "limits" | "annotations"> } | undefined {
  const isManaged = systemdCgroup === "auto" ? namesUnit(config.linux?.cgroupsPath ?? "") : systemdCgroup;
  if (!isManaged) return undefined;
  if (host.cgroups().hierarchy !== "unified") throw new UnsupportedError("cannot manage cgroups through systemd: this host has cgroup v1, where that is not supported");
  const manager = isHostRoot(host) ? "system" : "user";
  const unit = unitOf(config.linux?.cgroupsPath, id, manager === "system" ? "system.slice" : "user.slice");
  if (manager === "system") return { path: pathOfUnit(unit, ""), unit: { ...unit, manager } };
  const uid = OF_USER.exec(unifiedHierarchy(host.cgroups())?.own ?? "")?.[1] ?? host.uid;
  return { path: pathOfUnit(unit, `/user.slice/user-${uid}.slice/user@${uid}.service`), unit: { ...unit, manager } };
}

function unitAnnotations({ annotations = {} }: Config): Record<string, string> {
  return Object.fromEntries(Object.entries(annotations).filter(([key]) => key.startsWith(UNIT_PROPERTY)));
}

/** Makes the cgroup and sets its limits before there is a process to limit. */
export function cgroupMembership(context: PlanContext): CgroupPlan {
  const { config, host, twoStages } = context;
  const managed = containerUnit(context);
  const path = managed?.path ?? containerCgroup(context);
  const layout = usableLayout(host, path);
  const { writes, deviceProgram } = planResources(config, layout);
  const at = config.linux?.cgroupsPath === undefined ? {} : { at: "/linux/cgroupsPath" };
  const controllers = neededControllers(writes);
  /** In a scope there is another process until init is born. */
  const others = (twoStages ? 1 : 0) + (managed === undefined ? 0 : 1);
  const isLate = ({ file, value }: FileWrite): boolean => file === "pids.max" && value.length === 1 && value <= String(others);
  const unit = managed === undefined ? {} : { unit: { ...managed.unit, limits: writes.filter((write) => !isLate(write)), annotations: unitAnnotations(config) } };
  const steps: Step[] = [runtime({ op: "cgroup_create", path, controllers, ...unit, ...at, what: `make the cgroup "${path}"` })];
  const late: Fd[] = [];
  const lateSteps: Step[] = [];
  const lastSteps: Step[] = [];
  for (const { pointer, ...write } of writes) {
    const { controller, version, file, value } = write;
    const why = { at: pointer, what: `set "${file}" of the cgroup to ${JSON.stringify(value)}` };
    const own = file === "memory.oom_control" ? lastSteps : others > 0 && isLate({ pointer, ...write }) ? lateSteps : undefined;
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
  const isAttached = managed?.unit.manager === "user";
  return { steps, layout, path, entries, intoCgroup: intoCgroup && !isAttached, isAttached, late, lateSteps, lastSteps };
}

/**
 * Init moves itself: a process with one thread that writes "0" to `tasks` waits for nothing, where a write of its pid to
 * `cgroup.procs` by another waits for a grace period of the whole machine (4 to 15 ms).
 */
export function cgroupEntry({ entries, path, isAttached }: Pick<CgroupPlan, "entries" | "path" | "isAttached">): Step[] {
  const what = `enter the cgroup "${path}"`;
  const steps: Step[] = isAttached ? [...init([{ op: "gate", name: "cgroup", count: 0 }], { what }), runtime({ op: "cgroup_attach", what })] : [];
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
