/**
 * The flags of clone3(2), unshare(2) and setns(2), with their numbers (linux/sched.h).
 *
 * Some exceed 31 bits: combine them with `+`, for JavaScript's `|` would make them negative or drop them.
 */

export const CLONE_VM = 0x100;
export const CLONE_FS = 0x200;
export const CLONE_FILES = 0x400;
export const CLONE_SIGHAND = 0x800;
export const CLONE_PIDFD = 0x1000;
export const CLONE_PTRACE = 0x2000;
export const CLONE_VFORK = 0x4000;
export const CLONE_PARENT = 0x8000;
export const CLONE_THREAD = 0x10000;
export const CLONE_SYSVSEM = 0x40000;
/** Shares the low byte with the exit signal of clone(2): unshare(2) and clone3(2) take it. */
export const CLONE_NEWTIME = 0x80;
export const CLONE_NEWNS = 0x20000;
export const CLONE_NEWCGROUP = 0x2000000;
export const CLONE_NEWUTS = 0x4000000;
export const CLONE_NEWIPC = 0x8000000;
export const CLONE_NEWUSER = 0x10000000;
export const CLONE_NEWPID = 0x20000000;
export const CLONE_NEWNET = 0x40000000;
export const CLONE_IO = 0x80000000;
/** clone3(2) only. */
export const CLONE_CLEAR_SIGHAND = 0x100000000;
/** clone3(2) only, since Linux 5.7. */
export const CLONE_INTO_CGROUP = 0x200000000;
