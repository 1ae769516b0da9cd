/** What decides when a process runs and gets its blocks: policies, flags and classes by their numbers. */

/** Names as `process.scheduler.policy` has them, each at the place of its number (sched(7), linux/sched.h). */
export const SCHEDULING_POLICIES: readonly string[] = [
  "SCHED_OTHER",
  "SCHED_FIFO",
  "SCHED_RR",
  "SCHED_BATCH",
  "SCHED_ISO",
  "SCHED_IDLE",
  "SCHED_DEADLINE",
];

/** Names as `process.scheduler.flags` has them, each at the place of its bit (sched_setattr(2), linux/sched.h). */
export const SCHEDULING_FLAGS: readonly string[] = [
  "SCHED_FLAG_RESET_ON_FORK",
  "SCHED_FLAG_RECLAIM",
  "SCHED_FLAG_DL_OVERRUN",
  "SCHED_FLAG_KEEP_POLICY",
  "SCHED_FLAG_KEEP_PARAMS",
  "SCHED_FLAG_UTIL_CLAMP_MIN",
  "SCHED_FLAG_UTIL_CLAMP_MAX",
];

/** Names as `process.ioPriority.class` has them, each at the place of its number (ioprio_set(2), linux/ioprio.h). */
export const IO_PRIORITY_CLASSES: readonly string[] = ["IOPRIO_CLASS_NONE", "IOPRIO_CLASS_RT", "IOPRIO_CLASS_BE", "IOPRIO_CLASS_IDLE"];

/** Whose I/O priority is set: that of one process (linux/ioprio.h). */
export const IOPRIO_WHO_PROCESS = 1;

/** The class stands above the level (IOPRIO_CLASS_SHIFT of linux/ioprio.h). */
export const IOPRIO_CLASS_SHIFT = 13;

/** Names as `linux.personality.domain` has them (personality(2), linux/personality.h). */
export const PERSONALITIES: Readonly<Record<string, number>> = { LINUX: 0x0000, LINUX32: 0x0008 };
