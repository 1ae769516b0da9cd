/** All of a config's limits for one host: which controller decides about what, in one table. */

import { ConfigError } from "../errors.ts";
import type { Problem } from "../errors.ts";
import type { Config, Resources } from "../spec/config.ts";
import { blockIOV1, blockIOV2 } from "./block-io.ts";
import { cpuV1, cpuV2 } from "./cpu.ts";
import { cpusetV1, cpusetV2 } from "./cpuset.ts";
import { allowsAll, deviceProgram } from "./device-program.ts";
import { devicePolicy } from "./device-rules.ts";
import { devicesV1 } from "./devices.ts";
import { hugetlb } from "./hugetlb.ts";
import { hierarchyOf } from "./layout.ts";
import type { CgroupLayout, Hierarchy } from "./layout.ts";
import type { FileWrite, Limits, Note } from "./limits.ts";
import { memoryV1, memoryV2 } from "./memory.ts";
import { netCls, netPrio } from "./network.ts";
import { pidsV1, pidsV2 } from "./pids.ts";
import { rdma } from "./rdma.ts";
import { unified } from "./unified.ts";

export interface PlannedResources {
  /** In the order in which they have to be written. */
  readonly writes: readonly FileWrite[];
  /** For cgroup v2, where a rule denies anything: to be attached to the container's cgroup there. */
  readonly deviceProgram?: Uint8Array;
  /** What was left out on purpose, for the debug log. */
  readonly notes: readonly Note[];
}

interface Controller {
  /** On cgroup v1, and on v2. */
  readonly names: readonly [string, string];
  /** The limits for one version; undefined where the config has none. */
  readonly limits: (resources: Resources, version: 1 | 2) => Limits | undefined;
}

/** The order is that of the writes: processors and memory nodes before what is counted on them. */
const CONTROLLERS: readonly Controller[] = [
  { names: ["cpuset", "cpuset"], limits: ({ cpu }, version) => cpu && (version === 1 ? cpusetV1(cpu) : cpusetV2(cpu)) },
  { names: ["cpu", "cpu"], limits: ({ cpu }, version) => cpu && (version === 1 ? cpuV1(cpu) : cpuV2(cpu)) },
  { names: ["memory", "memory"], limits: ({ memory }, version) => memory && (version === 1 ? memoryV1(memory) : memoryV2(memory)) },
  { names: ["blkio", "io"], limits: ({ blockIO }, version) => blockIO && (version === 1 ? blockIOV1(blockIO) : blockIOV2(blockIO)) },
  { names: ["hugetlb", "hugetlb"], limits: ({ hugepageLimits }, version) => hugepageLimits && hugetlb(hugepageLimits, version) },
  { names: ["rdma", "rdma"], limits: (resources, version) => resources.rdma && rdma(resources.rdma, version) },
  { names: ["net_cls", ""], limits: ({ network }, version) => network && netCls(network, version) },
  { names: ["net_prio", ""], limits: ({ network }, version) => network && netPrio(network, version) },
  { names: ["pids", "pids"], limits: ({ pids }, version) => pids && (version === 1 ? pidsV1(pids) : pidsV2(pids)) },
];

const NO_RESOURCES: Resources = {};

/** Plans what to write into the container's cgroup; throws a ConfigError that holds all the problems. */
export function planResources(config: Config, layout: CgroupLayout): PlannedResources {
  const resources = config.linux?.resources ?? NO_RESOURCES;
  const planned = planLimits(resources, layout);
  const { writes, problems, notes } = planned;
  const program = planDevices(resources, layout, planned);
  if (problems.length > 0) throw new ConfigError("config.json", problems);
  return program === undefined ? { writes, notes } : { writes, notes, deviceProgram: program };
}

/** Everything that planners have yielded. */
export interface PlannedLimits {
  readonly writes: FileWrite[];
  readonly problems: Problem[];
  readonly notes: Note[];
}

/** Plans all limits but the device rules. */
export function planLimits(resources: Resources, layout: CgroupLayout): PlannedLimits {
  const planned: PlannedLimits = { writes: [], problems: [], notes: [] };
  for (const { names, limits } of CONTROLLERS) {
    const hierarchy = hierarchyOf(layout, names[0]) ?? hierarchyOf(layout, names[1]);
    const found = limits(resources, hierarchy?.version ?? (layout.hierarchy === "unified" ? 2 : 1));
    if (found === undefined) continue;
    if (hierarchy === undefined) planned.problems.push(...found.problems, ...missing(found, layout));
    else collect(planned, found);
  }
  // Last, so that a file that is given by its name holds what is said there.
  if (resources.unified !== undefined) collect(planned, unified(resources.unified, layout));
  return planned;
}

function collect(planned: PlannedLimits, limits: Limits): void {
  planned.writes.push(...limits.writes);
  planned.problems.push(...limits.problems);
  planned.notes.push(...limits.notes);
}

/** The controllers that a container's writes need, each once. */
export function neededControllers(writes: readonly FileWrite[]): string[] {
  return [...new Set(writes.map(({ controller }) => controller))];
}

/** Adds the writes for v1, or returns the program for v2, if one is needed. */
function planDevices({ devices }: Resources, layout: CgroupLayout, planned: PlannedLimits): Uint8Array | undefined {
  const policy = devicePolicy(devices);
  const hierarchy: Hierarchy | undefined = hierarchyOf(layout, "devices");
  if (hierarchy?.version === 1) {
    collect(planned, devicesV1(policy));
    return undefined;
  }
  planned.problems.push(...policy.problems);
  if (allowsAll(policy)) return undefined;
  if (hierarchy !== undefined) return deviceProgram(policy);
  // An ordinary user's container has no device nodes but those of the host that are bound into it.
  if (layout.withheld !== undefined) return undefined;
  // Without a word about devices in the config there is nothing that the host fails to do.
  if (devices !== undefined && devices.length > 0) {
    planned.problems.push({ pointer: "/linux/resources/devices", ...missingController("devices", "devices.allow", layout) });
  }
  return undefined;
}

/** A limit whose absence changes nothing needs no controller. */
function missing({ controller, writes }: Limits, layout: CgroupLayout): Problem[] {
  const problems: Problem[] = [];
  let last = "";
  for (const { file, pointer, optional } of writes) {
    if (optional === true || pointer === last) continue;
    problems.push({ pointer, ...missingController(controller, file, layout) });
    last = pointer;
  }
  return problems;
}

function missingController(controller: string, file: string, { withheld = [], hierarchy }: CgroupLayout): Pick<Problem, "message" | "hint"> {
  const message = `needs "${file}" of the cgroup controller "${controller}", which`;
  if (!withheld.includes(controller)) return { message: `${message} this host has not mounted or not enabled` };
  const delegate = hierarchy === "unified" ? 'run tsrun in a cgroup that is delegated ("systemd-run --user --scope -p Delegate=yes tsrun ..."), or' : "let root make a cgroup and give it to you, name it as cgroupsPath, or";
  return { message: `${message} only root may use here`, hint: `${delegate} leave the limit out` };
}
