/** The words of `linux.seccomp` with their numbers (config-linux.md#seccomp, linux/seccomp.h, libseccomp's seccomp.h). */

export interface ActionKind {
  readonly name: string;
  /** What the filter returns, without the errno. */
  readonly value: number;
  /** The highest errno (or message to the tracer) that it takes; undefined: none. */
  readonly maxErrno?: number;
}

/** All nine; KILL is the old name of KILL_THREAD. */
export const ACTIONS: readonly ActionKind[] = [
  { name: "SCMP_ACT_KILL", value: 0x0 },
  { name: "SCMP_ACT_KILL_PROCESS", value: 0x80000000 },
  { name: "SCMP_ACT_KILL_THREAD", value: 0x0 },
  { name: "SCMP_ACT_TRAP", value: 0x30000 },
  // The kernel makes every larger errno 4095.
  { name: "SCMP_ACT_ERRNO", value: 0x50000, maxErrno: 4095 },
  { name: "SCMP_ACT_TRACE", value: 0x7ff00000, maxErrno: 0xffff },
  { name: "SCMP_ACT_ALLOW", value: 0x7fff0000 },
  { name: "SCMP_ACT_LOG", value: 0x7ffc0000 },
  { name: "SCMP_ACT_NOTIFY", value: 0x7fc00000 },
];

export const ACT_ALLOW = 0x7fff0000;
export const ACT_LOG = 0x7ffc0000;
export const ACT_NOTIFY = 0x7fc00000;
export const ACT_TRACE = 0x7ff00000;
export const ACT_ERRNO = 0x50000;

/** Returns the part of a filter's result that says what is done, without the errno. */
export function actionOf(result: number): number {
  return result - (result % 0x10000);
}

/** Returns the name of the action of a filter's result: `SCMP_ACT_ERRNO`. */
export function actionName(result: number): string {
  const action = actionOf(result);
  if (action === 0) return "SCMP_ACT_KILL_THREAD";
  return ACTIONS.find(({ value }) => value === action)?.name ?? `0x${result.toString(16)}`;
}

/** The comparisons, with libseccomp's numbers. */
export const OPERATORS: Readonly<Record<string, number>> = {
  SCMP_CMP_NE: 1,
  SCMP_CMP_LT: 2,
  SCMP_CMP_LE: 3,
  SCMP_CMP_EQ: 4,
  SCMP_CMP_GE: 5,
  SCMP_CMP_GT: 6,
  SCMP_CMP_MASKED_EQ: 7,
};

/** The flags that a config may name, with their bits for seccomp(2). */
export const FLAGS: Readonly<Record<string, number>> = {
  // 0: it is accepted for the sake of old configs, and means nothing to a process with one thread.
  SECCOMP_FILTER_FLAG_TSYNC: 0,
  SECCOMP_FILTER_FLAG_LOG: 0x2,
  SECCOMP_FILTER_FLAG_SPEC_ALLOW: 0x4,
  SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV: 0x20,
};

export const SECCOMP_FILTER_FLAG_SPEC_ALLOW = 0x4;
export const SECCOMP_FILTER_FLAG_NEW_LISTENER = 0x8;
/** Since Linux 5.19; the kernel takes it only together with NEW_LISTENER. */
export const SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV = 0x20;
