/** Checks the scheduler, the I/O priority and the processor affinity of the process (config.md#process). */

import type { Config, Process, Scheduler } from "../config.ts";
import type { Path } from "../pointer.ts";
import { numberListProblem } from "./number-list.ts";
import type { Report } from "./report.ts";

export function checkScheduling(process: Process, path: Path, report: Report): void {
  if (process.scheduler !== undefined) checkScheduler(process.scheduler, [...path, "scheduler"], report);
  if (process.ioPriority !== undefined) checkIoPriority(process.ioPriority.priority, [...path, "ioPriority"], report);
  for (const moment of ["initial", "final"] as const) {
    const list = process.execCPUAffinity?.[moment];
    const problem = list === undefined ? undefined : numberListProblem(list);
    if (problem !== undefined) report([...path, "execCPUAffinity", moment], problem);
  }
}

/** The fields that a policy has no use for must be unset or 0 (sched(7)). */
function checkScheduler(scheduler: Scheduler, path: Path, report: Report): void {
  const { policy, nice = 0, priority = 0 } = scheduler;
  if (nice < -20 || nice > 19) report([...path, "nice"], `must be between -20 and 19, got ${nice}`);
  if (policy === "SCHED_FIFO" || policy === "SCHED_RR") {
    if (priority < 1 || priority > 99) {
      const at = scheduler.priority === undefined ? path : [...path, "priority"];
      report(at, `the policy "${policy}" needs a "priority" between 1 and 99, got ${priority}`);
    }
  } else if (priority !== 0) {
    report([...path, "priority"], `the policy "${policy}" takes no priority: only SCHED_FIFO and SCHED_RR do`);
  }
  if (policy === "SCHED_DEADLINE") checkDeadline(scheduler, path, report);
  else checkNoDeadline(scheduler, path, report);
}

function checkNoDeadline(scheduler: Scheduler, path: Path, report: Report): void {
  for (const field of ["runtime", "deadline", "period"] as const) {
    if (BigInt(scheduler[field] ?? 0) !== 0n) {
      report([...path, field], `the policy "${scheduler.policy}" takes no ${field}: only SCHED_DEADLINE does`);
    }
  }
}

/** sched_setattr(2): runtime <= deadline <= period, where a period of 0 is the deadline. */
function checkDeadline({ runtime = 0, deadline = 0, period = 0 }: Scheduler, path: Path, report: Report): void {
  if (BigInt(runtime) === 0n || BigInt(deadline) === 0n) {
    report(path, 'the policy "SCHED_DEADLINE" needs a "runtime" and a "deadline" above 0');
    return;
  }
  if (runtime > deadline) report([...path, "runtime"], `must not be above "deadline", which is ${deadline}, got ${runtime}`);
  if (BigInt(period) !== 0n && deadline > period) {
    report([...path, "deadline"], `must not be above "period", which is ${period}, got ${deadline}`);
  }
}

/** The hooks of this point are forked by the process itself, when its policy holds (sched(7), "Deadline scheduling"). */
export function checkHooksUnderDeadline({ process, hooks }: Config, report: Report): void {
  if (process?.scheduler?.policy !== "SCHED_DEADLINE" || (hooks?.startContainer ?? []).length === 0) return;
  if (process.scheduler.flags?.includes("SCHED_FLAG_RESET_ON_FORK") === true) return;
  const message = 'a process under "SCHED_DEADLINE" cannot fork the hooks of "hooks.startContainer"';
  report(["process", "scheduler"], message, 'add "SCHED_FLAG_RESET_ON_FORK" to its "flags"');
}

/** ioprio_set(2). */
function checkIoPriority(priority: number | undefined, path: Path, report: Report): void {
  if (priority === undefined) report(path, '"priority" is required');
  else if (priority < 0 || priority > 7) report([...path, "priority"], `must be between 0 and 7, got ${priority}`);
}
