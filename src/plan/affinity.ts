/** The processors on which a further process may run before and after it enters the cgroup (config.md#process, execCPUAffinity). */

import { numberListMask } from "../linux/number-list.ts";
import type { ProcessContext } from "./context.ts";
import { init } from "./step.ts";
import type { Step } from "./step.ts";

/** Nothing where none are named: the kernel decides. */
export function affinity({ config }: ProcessContext, moment: "initial" | "final"): Step[] {
  const list = config.process?.execCPUAffinity?.[moment] ?? "";
  if (list.trim() === "") return [];
  const at = `/process/execCPUAffinity/${moment}`;
  return init([{ op: "sched_setaffinity", mask: numberListMask(list) }], { at, what: `run on the processors "${list}"` });
}
