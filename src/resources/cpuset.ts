/** The cpuset controller's limits as files of cgroup v1 and v2 (config-linux.md#cpu). */

import type { Cpu } from "../spec/config.ts";
import { Limits } from "./limits.ts";

const POINTER = "/linux/resources/cpu";

/** The files of cgroup v1; a new cgroup has its parent's values by then, since v1 lets no task into an empty cpuset. */
export function cpusetV1(cpu: Cpu): Limits {
  return cpusetLimits(cpu, 1);
}

/** The files of cgroup v2. */
export function cpusetV2(cpu: Cpu): Limits {
  return cpusetLimits(cpu, 2);
}

function cpusetLimits({ cpus, mems }: Cpu, version: 1 | 2): Limits {
  const limits = new Limits("cpuset", version, POINTER);
  if (cpus !== undefined && cpus !== "") limits.write("cpus", "cpuset.cpus", cpus);
  if (mems !== undefined && mems !== "") limits.write("mems", "cpuset.mems", mems);
  return limits;
}
