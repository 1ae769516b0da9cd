/** The pids controller's limit as a file of cgroup v1 and v2 (config-linux.md#pids). */

import type { Integer } from "../spec/config.ts";
import { Limits } from "./limits.ts";

const POINTER = "/linux/resources/pids";

/** The file of cgroup v1. */
export function pidsV1(pids: { readonly limit?: Integer }): Limits {
  return pidsLimits(pids.limit, 1);
}

/** The file of cgroup v2. */
export function pidsV2(pids: { readonly limit?: Integer }): Limits {
  return pidsLimits(pids.limit, 2);
}

function pidsLimits(limit: Integer | undefined, version: 1 | 2): Limits {
  const limits = new Limits("pids", version, POINTER);
  if (limit === undefined) return limits;
  if (limit < -1) limits.refuse("limit", `must be -1 (unlimited) or a number of tasks, got ${limit}`);
  else limits.write("limit", "pids.max", value(limit, version));
  return limits;
}

/**
 * On v2 the container's first process is cloned into its cgroup, which counts as a fork, so that 0 would keep it out.
 * With that process inside, 1 refuses exactly what 0 refuses.
 */
function value(limit: Integer, version: 1 | 2): string {
  if (limit === -1) return "max";
  return limit === 0 && version === 2 ? "1" : String(limit);
}
