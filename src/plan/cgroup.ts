/** The container's cgroup: made and limited by the runtime, entered by init itself (config-linux.md#control-groups). */

import { cgroupPath } from "../resources/path.ts";
import { neededControllers, planResources } from "../resources/resources.ts";
import type { CgroupLayout, Hierarchy } from "../resources/layout.ts";
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
  readonly intoCgroup: boolean;
}

/** Makes the cgroup and sets its limits before there is a process to limit. */
export function cgroupMembership({ config, host, id }: PlanContext): CgroupPlan {
  const layout = host.cgroups();
  const path = cgroupPath(config.linux?.cgroupsPath, id);
  const { writes, deviceProgram } = planResources(config, layout);
  const at = config.linux?.cgroupsPath === undefined ? {} : { at: "/linux/cgroupsPath" };
  const controllers = neededControllers(writes);
  const steps: Step[] = [
    runtime({ op: "cgroup_create", path, controllers, ...at, what: `make the cgroup "${path}"` }),
    ...writes.map(({ controller, version, file, value, pointer, optional, notBelow }) =>
      runtime({
        op: "cgroup_write",
        controller,
        version,
        file,
        value,
        ...(optional === undefined ? {} : { optional }),
        ...(notBelow === undefined ? {} : { notBelow }),
        at: pointer,
        what: `set "${file}" of the cgroup to ${JSON.stringify(value)}`,
      }),
    ),
  ];
  if (deviceProgram !== undefined) {
    const what = "restrict the cgroup's devices";
    steps.push(runtime({ op: "cgroup_devices", program: deviceProgram, at: "/linux/resources/devices", what }));
  }
  return {
    steps,
    layout,
    path,
    entries: layout.hierarchies.filter(({ version }) => version === 1).map(entryFd),
    intoCgroup: layout.hierarchies.some(({ version }) => version === 2),
  };
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

/** The name that a v1 hierarchy's `tasks` descriptor has in the plan. */
export function entryFd({ mountPoint }: Hierarchy): Fd {
  return `${mountPoint.slice(mountPoint.lastIndexOf("/") + 1)} tasks`;
}
