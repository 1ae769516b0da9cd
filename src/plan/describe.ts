/** What went wrong in a step, in words: the one place where a failed step becomes an error. */

import { describeErrno } from "../linux/errno.ts";
import { signalName } from "../linux/signals.ts";
import { StepError } from "../errors.ts";
import type { Place } from "../errors.ts";
import { explainProgram, parseFileFacts } from "./program.ts";

/** What is known of the step that failed; the state file keeps as much of the last ones. */
export interface FailedStep {
  readonly index: number;
  readonly op: string;
  readonly what?: string;
  readonly at?: string;
  /** Where a program was looked for. */
  readonly path?: string;
}

export interface Failure {
  readonly errno: number;
  /** What the kernel or the op had to add. */
  readonly text: string;
  /** The same where it may be no text: the beginning of a program. */
  readonly bytes?: Uint8Array;
  /** Any name of this machine's architecture. */
  readonly arch?: string;
  /** What was found out about it elsewhere. */
  readonly cause?: string;
}

/** Returns the error of a step; `place` finds line and column of a pointer. */
export function stepError(step: FailedStep, failure: Failure, place: (pointer: string) => Place | undefined): StepError {
  const { name } = describeErrno(failure.errno);
  return new StepError({
    step: step.index,
    op: step.op,
    action: step.what ?? step.op,
    errno: name,
    reason: reasonOf(step, failure),
    place: step.at === undefined ? undefined : place(step.at),
    hint: failure.cause ?? programHint(step, name, failure) ?? hintOf(step, name),
  });
}

function reasonOf({ op, what = "" }: FailedStep, { errno, text }: Failure): string {
  const { name, text: words } = describeErrno(errno);
  const full = `${name}: ${words}`;
  if (op === "hook") return hookReason(text, full);
  if (op === "lookup") return lookupReason(programOf(what), { name, words });
  if (op === "execve") return full;
  return `${op}: ${full}${text === "" ? "" : `: ${text}`}`;
}

function programOf(what: string): string {
  return /^execute "(.*)"$/s.exec(what)?.[1] ?? "";
}

const EXECUTING: ReadonlySet<string> = new Set(["lookup", "execve", "hook"]);

function programHint({ op, what = "", path }: FailedStep, errno: string, { bytes, arch = "" }: Failure): string | undefined {
  if (!EXECUTING.has(op) || bytes === undefined) return undefined;
  return explainProgram({ op, errno, name: programOf(what), path, file: parseFileFacts(bytes), arch });
}

/** Docker and others take their exit status from these words. */
function lookupReason(program: string, { name, words }: { readonly name: string; readonly words: string }): string {
  const quoted = `exec: ${JSON.stringify(program)}`;
  if (name === "ENOENT" && !program.includes("/")) return `${quoted}: executable file not found in $PATH`;
  if (name === "EISDIR") return `${quoted}: is a directory`;
  return program.includes("/") && name !== "EACCES" ? `${quoted}: stat ${program}: ${words}` : `${quoted}: ${words}`;
}

/** Init writes how the hook ended on the first line, and the hook's last words after it; `errno` where it did not begin. */
function hookReason(text: string, errno: string): string {
  if (!/^(exit|signal|timeout) /.test(text)) return errno;
  const newline = text.indexOf("\n");
  const [how, number] = text.slice(0, newline).split(" ");
  const words = text.slice(newline + 1).trim();
  const said = words === "" ? "" : `: ${words}`;
  if (how === "timeout") return `it did not end within ${number} s${said}`;
  if (how === "signal") return `it died of ${signalName(Number(number))}${said}`;
  return `exit status ${number}${said}`;
}

interface Hint {
  /** Absent: any. */
  readonly op?: string;
  readonly errno: string;
  /** Only for steps whose `what` has this in it. */
  readonly about?: string;
  readonly hint: string;
}

const NO_REALTIME =
  "it needs CAP_SYS_NICE, or an RLIMIT_RTPRIO; in a cgroup v1 of the controller cpu it needs real-time, too: set " +
  '"linux.resources.cpu.realtimeRuntime", and cpu.rt_runtime_us of each cgroup above';

/** Causes that are known, and what to do. */
const HINTS: readonly Hint[] = [
  { op: "pty", errno: "ENOENT", hint: 'a terminal needs a mount of type "devpts" on "/dev/pts"' },
  { op: "setrlimit", errno: "EPERM", hint: "the hard limit is above the caller's, and CAP_SYS_RESOURCE is missing" },
  { op: "raise_rlimit", errno: "EPERM", hint: "the hard limit is above the caller's, and CAP_SYS_RESOURCE is missing" },
  { op: "write", errno: "EACCES", about: "oom_score_adj", hint: "to lower oom_score_adj needs CAP_SYS_RESOURCE" },
  { op: "pivot_root", errno: "EINVAL", hint: "on a ramdisk use --no-pivot" },
  { op: "move_mount", errno: "EINVAL", hint: "a file can be mounted on a file only, a directory on a directory" },
  {
    op: "fsconfig_create",
    errno: "EPERM",
    about: 'mount "proc"',
    hint: "a user namespace gets a procfs only with a pid namespace of its own, and only where nothing is mounted over parts of the host's /proc",
  },
  {
    op: "fsconfig_create",
    errno: "EPERM",
    about: 'mount "sysfs"',
    hint: "a user namespace gets a sysfs only with a network namespace of its own, and only where nothing is mounted over parts of the host's /sys",
  },
  { op: "fsconfig_create", errno: "EPERM", hint: "a user namespace may mount only what the kernel holds safe there: tmpfs, proc, sysfs, devpts, mqueue, overlay, cgroup, fuse" },
  { op: "fsconfig_create", errno: "ENOTBLK", hint: "the source is no block device" },
  { op: "fsopen", errno: "ENODEV", hint: "the kernel has no such file system, or its module is not loaded (/proc/filesystems)" },
  { op: "mount_setattr", errno: "EPERM", hint: "a user namespace may not take away nosuid, nodev, noexec, ro or the atime rule that the source was mounted with: ask for them, too" },
  { op: "umount_at", errno: "EINVAL", about: "unmount", hint: "nothing is mounted there" },
  { op: "openat2", errno: "ELOOP", about: "unmount", hint: "a symbolic link is on the way: name the place without any" },
  { op: "open_tree", errno: "EINVAL", hint: "a user namespace may not show what lies below a mount of the source: use rbind instead of bind" },
  { op: "open_target", errno: "EACCES", hint: "the place to mount on is missing, and the container's root may not make it: does the root file system belong to the ids that it is mapped to?" },
  { op: "open_target", errno: "EOVERFLOW", hint: "the place to mount on is missing, and the container's ids are not mapped there" },
  { op: "open_target", errno: "EROFS", hint: "the place to mount on is missing, and the file system there is read-only" },
  { op: "session_keyring", errno: "EDQUOT", hint: "the user has as many keys as /proc/sys/kernel/keys/maxkeys allows, root as root_maxkeys says; --no-new-keyring asks for none" },
  { op: "check_device", errno: "ENODEV", hint: "in a user namespace the host's node of that name is bound, and it is another device" },
  { op: "execve", errno: "ENOENT", hint: "the program is there, so its interpreter or loader is missing" },
  { op: "execve", errno: "ENOEXEC", hint: "it is no program of this architecture, and no script with a #! line" },
  { op: "execve", errno: "EACCES", hint: "is it executable for this user, and its file system not mounted noexec?" },
  { op: "mask", errno: "ENODEV", hint: '"/dev/null" of this mount namespace is not the null device' },
  { op: "open_target", errno: "ELOOP", hint: "a symbolic link in the image stands where this file system belongs" },
  { op: "setresuid", errno: "EINVAL", hint: "the user namespace has no mapping for this id" },
  { op: "setresgid", errno: "EINVAL", hint: "the user namespace has no mapping for this id" },
  { op: "setgroups", errno: "EINVAL", hint: "the user namespace has no mapping for one of these ids" },
  { op: "sched_setattr", errno: "EPERM", about: "SCHED_FIFO", hint: NO_REALTIME },
  { op: "sched_setattr", errno: "EPERM", about: "SCHED_RR", hint: NO_REALTIME },
  {
    op: "sched_setattr",
    errno: "EPERM",
    about: "SCHED_DEADLINE",
    hint: "it needs CAP_SYS_NICE, and every processor: neither a cpuset nor an affinity may leave one out",
  },
  { op: "sched_setattr", errno: "EPERM", hint: "a higher priority than the caller's needs CAP_SYS_NICE, or an RLIMIT_NICE" },
  { op: "sched_setattr", errno: "EBUSY", hint: "the processors have not so much time left for SCHED_DEADLINE" },
  {
    op: "sched_setattr",
    errno: "EINVAL",
    about: "SCHED_DEADLINE",
    hint: 'is the "runtime" at least 1024 ns, and the period within /proc/sys/kernel/sched_deadline_period_{min,max}_us?',
  },
  { op: "sched_setattr", errno: "EINVAL", about: "SCHED_ISO", hint: "no kernel has it yet" },
  { op: "sched_setattr", errno: "EOPNOTSUPP", hint: "the kernel has no utilization clamping (CONFIG_UCLAMP_TASK)" },
  { op: "ioprio_set", errno: "EPERM", hint: "IOPRIO_CLASS_RT needs CAP_SYS_NICE or CAP_SYS_ADMIN" },
  {
    op: "set_mempolicy",
    errno: "EINVAL",
    hint: "has the machine these nodes (/sys/devices/system/node/online), does the cpuset allow them, and the kernel know mode and flags?",
  },
  { errno: "ENOENT", about: "the AppArmor profile", hint: "no profile of this name is loaded: apparmor_parser(8) loads one" },
  { errno: "EACCES", about: "the AppArmor profile", hint: "the profile that the runtime itself is held to does not allow it" },
  { errno: "EINVAL", about: "the SELinux label", hint: "the policy that is loaded knows no such label" },
  { errno: "EACCES", about: "the SELinux label", hint: "the policy that is loaded does not allow it" },
  { op: "spawn", errno: "EACCES", hint: "init is executed from a file in memory, which a profile of AppArmor without the flag attach_disconnected refuses the runtime" },
  { op: "write_proc", errno: "EXDEV", hint: 'what lies on "/proc" in this mount namespace is no procfs' },
  { op: "openat2", errno: "ENOENT", about: "time offsets", hint: "the kernel has no time namespaces" },
  { op: "write", errno: "EPERM", about: "time offsets", hint: "it needs CAP_SYS_TIME" },
  { op: "write", errno: "ERANGE", about: "time offsets", hint: "a clock would be below 0, or more than 146 years ahead" },
];

/** What is known to cause such a failure. */
export function hintOf({ op, what = "" }: Pick<FailedStep, "op" | "what">, errno: string): string | undefined {
  return HINTS.find((row) => (row.op ?? op) === op && row.errno === errno && (row.about === undefined || what.includes(row.about)))?.hint;
}
