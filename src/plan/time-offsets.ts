/** The clocks of a new time namespace (config-linux.md#offset-for-time-namespace, time_namespaces(7)). */

import { O_WRONLY } from "../linux/open-flags.ts";
import type { PlanContext } from "./context.ts";
import { init } from "./step.ts";
import type { Step } from "./step.ts";

const REASON = { at: "/linux/timeOffsets", what: "set the time offsets" };

/** Opened while the host's privileges last: in a user namespace init, which nobody may trace, has no right to its own file. */
export function openTimeOffsets(context: PlanContext): Step[] {
  if (offsetLines(context) === "") return [];
  return init([{ op: "openat2", path: "/proc/self/timens_offsets", flags: O_WRONLY, mode: 0, resolve: 0, to: "time offsets" }], REASON);
}

/** Between the making of the namespace and the clone into it: after that its clocks stand fast. */
export function writeTimeOffsets(context: PlanContext): Step[] {
  const data = offsetLines(context);
  return data === "" ? [] : init([{ op: "write", fd: "time offsets", data }], REASON);
}

/** One write for all: the kernel takes a line for each clock. */
function offsetLines({ config }: PlanContext): string {
  let lines = "";
  const offsets = config.linux?.timeOffsets;
  if (offsets === undefined) return lines;
  for (const [clock, { secs = 0, nanosecs = 0 }] of Object.entries(offsets)) lines += `${clock} ${secs} ${nanosecs}\n`;
  return lines;
}
