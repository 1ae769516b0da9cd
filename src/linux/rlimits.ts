/** The resource limits of Linux with their numbers on x86 and ARM (getrlimit(2), asm-generic/resource.h). */

/** Names as `process.rlimits[].type` has them, each at the place of its number. */
export const RLIMITS: readonly string[] = [
  "RLIMIT_CPU",
  "RLIMIT_FSIZE",
  "RLIMIT_DATA",
  "RLIMIT_STACK",
  "RLIMIT_CORE",
  "RLIMIT_RSS",
  "RLIMIT_NPROC",
  "RLIMIT_NOFILE",
  "RLIMIT_MEMLOCK",
  "RLIMIT_AS",
  "RLIMIT_LOCKS",
  "RLIMIT_SIGPENDING",
  "RLIMIT_MSGQUEUE",
  "RLIMIT_NICE",
  "RLIMIT_RTPRIO",
  "RLIMIT_RTTIME",
];

/** "No limit". */
export const RLIM_INFINITY = 0xffff_ffff_ffff_ffffn;

/** Returns the number of a limit, undefined where the name is unknown. */
export function rlimitNumber(type: string): number | undefined {
  const number = RLIMITS.indexOf(type);
  return number < 0 ? undefined : number;
}
