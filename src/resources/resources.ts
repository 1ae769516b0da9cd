/** All of a config's limits for one host: which controller decides about what, in one table. */

import { ConfigError } from "../errors.ts";
import type { Problem } from "../errors.ts";
import type { Config, Resources } from "../spec/config.ts";
import { cpuV1, cpuV2 } from "./cpu.ts";
import { cpusetV1, cpusetV2 } from "./cpuset.ts";
import { allowsAll, deviceProgram } from "./device-program.ts";
import { devicePolicy } from "./device-rules.ts";
import { devicesV1 } from "./devices.ts";
import { hierarchyOf } from "./layout.ts";
import type { CgroupLayout, Hierarchy } from "./layout.ts";
import type { FileWrite, Limits, Note } from "./limits.ts";
import { memoryV1, memoryV2 } from "./memory.ts";
import { pidsV1, pidsV2 } from "./pids.ts";

export interface PlannedResources {
  /** In the order in which they have to be written. */
  readonly writes: readonly FileWrite[];
  /** For cgroup v2, where a rule denies anything: to be attached to the container's cgroup there. */
  readonly deviceProgram?: Uint8Array;
  /** What was left out on purpose, for the debug log. */
  readonly notes: readonly Note[];
}

interface Controller {
  readonly name: string;
  /** The limits for one version; undefined where the config has none. */
  readonly limits: (resources: Resources, version: 1 | 2) => Limits | undefined;
}

/** The order is that of the writes: processors and memory nodes before what is counted on them. */
const CONTROLLERS: readonly Controller[] = [
  { name: "cpuset", limits: ({ cpu }, version) => cpu && (version === 1 ? cpusetV1(cpu) : cpusetV2(cpu)) },
  { name: "cpu", limits: ({ cpu }, version) => cpu && (version === 1 ? cpuV1(cpu) : cpuV2(cpu)) },
  { name: "memory", limits: ({ memory }, version) => memory && (version === 1 ? memoryV1(memory) : memoryV2(memory)) },
  { name: "pids", limits: ({ pids }, version) => pids && (version === 1 ? pidsV1(pids) : pidsV2(pids)) },
];

const NO_RESOURCES: Resources = {};

/** Plans what to write into the container's cgroup; throws a ConfigError that holds all the problems. */
export function planResources(config: Config, layout: CgroupLayout): PlannedResources {
  const resources = config.linux?.resources ?? NO_RESOURCES;
  const writes: FileWrite[] = [];
  const problems: Problem[] = [];
  const notes: Note[] = [];
  const collect = (limits: Limits): void => {
    writes.push(...limits.writes);
    problems.push(...limits.problems);
    notes.push(...limits.notes);
  };
  for (const { name, limits } of CONTROLLERS) {
    const hierarchy = hierarchyOf(layout, name);
    const planned = limits(resources, hierarchy?.version ?? (layout.hierarchy === "unified" ? 2 : 1));
    if (planned === undefined) continue;
    if (hierarchy === undefined) problems.push(...planned.problems, ...missing(name, planned));
    else collect(planned);
  }
  const program = planDevices(resources, layout, { collect, problems });
  if (problems.length > 0) throw new ConfigError("config.json", problems);
  return program === undefined ? { writes, notes } : { writes, notes, deviceProgram: program };
}

/** The controllers that a container's writes need, each once. */
export function neededControllers(writes: readonly FileWrite[]): string[] {
  return [...new Set(writes.map(({ controller }) => controller))];
}

function planDevices(
  { devices }: Resources,
  layout: CgroupLayout,
  { collect, problems }: { readonly collect: (limits: Limits) => void; readonly problems: Problem[] },
): Uint8Array | undefined {
  const policy = devicePolicy(devices);
  const hierarchy: Hierarchy | undefined = hierarchyOf(layout, "devices");
  if (hierarchy?.version === 1) {
    collect(devicesV1(policy));
    return undefined;
  }
  problems.push(...policy.problems);
  if (allowsAll(policy)) return undefined;
  if (hierarchy !== undefined) return deviceProgram(policy);
  // Without a word about devices in the config there is nothing that the host fails to do.
  if (devices !== undefined && devices.length > 0) {
    problems.push({ pointer: "/linux/resources/devices", message: missingMessage("devices") });
  }
  return undefined;
}

/** A limit whose absence changes nothing needs no controller. */
function missing(controller: string, { writes }: Limits): Problem[] {
  const pointers = new Set(writes.filter(({ optional }) => optional !== true).map(({ pointer }) => pointer));
  return [...pointers].map((pointer) => ({ pointer, message: missingMessage(controller) }));
}

function missingMessage(controller: string): string {
  return `needs the cgroup controller "${controller}", which this host has not mounted or not enabled`;
}
