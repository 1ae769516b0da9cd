/** When the process runs, where its memory comes from, and which kernel it is shown (config.md#process, config-linux.md). */

import { MEMORY_POLICIES, MEMORY_POLICY_FLAGS } from "../linux/memory-policy.ts";
import { numberListMask } from "../linux/number-list.ts";
import {
  IO_PRIORITY_CLASSES,
  IOPRIO_CLASS_SHIFT,
  IOPRIO_WHO_PROCESS,
  PERSONALITIES,
  SCHEDULING_FLAGS,
  SCHEDULING_POLICIES,
} from "../linux/scheduling.ts";
import type { Linux, Process } from "../spec/config.ts";
import type { ProcessContext } from "./context.ts";
import { init, runtime as runtimeStep } from "./step.ts";
import type { Step } from "./step.ts";

const THIS_PROCESS = 0;

/**
 * The scheduler's policy. It comes late, because a process under SCHED_DEADLINE may not fork and would be throttled while
 * it sets up the container, and after the limits, which may be what allows it (RLIMIT_RTPRIO).
 *
 * Privileges of a user namespace count for nothing here, and a policy that is reset on fork cannot come from a first
 * stage: the runtime, if it is root, sets it from outside.
 */
export function scheduler(process: Process | undefined, { hasUserNamespace, host }: Pick<ProcessContext, "hasUserNamespace" | "host">, at = "/process"): Step[] {
  if (process?.scheduler === undefined) return [];
  const { policy, nice = 0, priority = 0, flags: names = [], runtime = 0, deadline = 0, period = 0 } = process.scheduler;
  let flags = 0;
  for (const name of names) flags |= 1 << SCHEDULING_FLAGS.indexOf(name);
  const op = { op: "sched_setattr", policy: SCHEDULING_POLICIES.indexOf(policy), flags, nice, priority, runtime, deadline, period } as const;
  const reason = { at: `${at}/scheduler`, what: `set the scheduling policy "${policy}"` };
  if (!hasUserNamespace || host.uid !== 0) return init([op], reason);
  return [...init([{ op: "gate", name: "scheduler", count: 0 }], reason), runtimeStep({ ...op, ...reason })];
}

/**
 * Early, with the host's privileges, and of init alone: its process group is still the caller's. The group that it begins
 * later, and all that is forked, inherits it.
 */
export function ioPriority(process: Process | undefined, at = "/process"): Step[] {
  if (process?.ioPriority === undefined) return [];
  const { class: name, priority: level } = process.ioPriority;
  const priority = (IO_PRIORITY_CLASSES.indexOf(name) << IOPRIO_CLASS_SHIFT) | level;
  const what = `set the I/O priority "${name}" ${level}`;
  return init([{ op: "ioprio_set", which: IOPRIO_WHO_PROCESS, who: THIS_PROCESS, priority }], { at: `${at}/ioPriority`, what });
}

/** After the entry into the cgroup, whose cpuset limits the nodes (set_mempolicy(2)). */
export function memoryPolicy(linux: Linux | undefined): Step[] {
  if (linux?.memoryPolicy?.mode === undefined) return [];
  const { mode, nodes = "", flags: names = [] } = linux.memoryPolicy;
  let flags = 0;
  for (const name of names) flags |= MEMORY_POLICY_FLAGS[name] ?? 0;
  const reason = { at: "/linux/memoryPolicy", what: `set the memory policy "${mode}"` };
  return init([{ op: "set_mempolicy", mode: MEMORY_POLICIES.indexOf(mode), flags, nodes: numberListMask(nodes) }], reason);
}

/** What uname(2) tells (personality(2)). */
export function personality(linux: Linux | undefined): Step[] {
  const domain = linux?.personality?.domain;
  if (domain === undefined) return [];
  const reason = { at: "/linux/personality", what: `set the personality "${domain}"` };
  return init([{ op: "personality", persona: PERSONALITIES[domain] ?? 0 }], reason);
}
