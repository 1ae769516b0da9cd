/** The processors on which a further process may run before and after it enters the cgroup (config.md#process, execCPUAffinity). */

import { numberListMask } from "../linux/number-list.ts";
import type { ProcessContext } from "./context.ts";
import { init } from "./step.ts";
import type { Step } from "./step.ts";

/** As many as the kernel can be built for; it leaves out those that are not there. */
const MOST_PROCESSORS = 8192;

/** The processors before the cgroup is entered, and after. With `initial` alone the kernel decides what becomes of it. */
export function affinity({ config }: ProcessContext, moment: "initial" | "final"): Step[] {
  const { [moment]: list = "", initial = "" } = config.process?.execCPUAffinity ?? {};
  if (list.trim() === "") return moment === "final" && initial.trim() === "" ? wholeAffinity() : [];
  const at = `/process/execCPUAffinity/${moment}`;
  return init([{ op: "sched_setaffinity", mask: numberListMask(list), attempt: false }], { at, what: `run on the processors "${list}"` });
}

/** All that the cpuset leaves. The kernel remembers what the caller was restricted to (since 6.2), and that is not the container's. */
export function wholeAffinity(): Step[] {
  const mask = new Uint8Array(MOST_PROCESSORS / 8).fill(0xff);
  return init([{ op: "sched_setaffinity", mask, attempt: true }], { what: "run on every processor of the cgroup" });
}
