import { suite } from "uvu";
import * as assert from "uvu/assert";
import { StepError } from "../errors.ts";
import type { FailedStep } from "./describe.ts";
import { stepError } from "./describe.ts";

const test = suite("plan/describe");

const [EPERM, ENOENT, EIO, EACCES, ENODEV, EISDIR, EINVAL, EROFS, ENOEXEC, ERANGE, ETIMEDOUT, EDQUOT] = [1, 2, 5, 13, 19, 21, 22, 30, 8, 34, 110, 122];

function place(pointer: string): { pointer: string; line: number; column: number } {
  return { pointer, line: 41, column: 7 };
}

function message(step: Omit<FailedStep, "index">, errno: number, text = ""): string {
  return stepError({ index: 3, ...step }, { errno, text }, place).message;
}

test("stepError() tells the call, the reason, the kernel's words and the place", () => {
  const step = { op: "mount", what: 'mount "tmpfs" on "/dev/shm"', at: "/mounts/3" };
  assert.is(message(step, EPERM), 'cannot mount "tmpfs" on "/dev/shm": mount: EPERM: operation not permitted (config.json:41:7 /mounts/3)');
  assert.match(message({ ...step, op: "fsconfig_string" }, EINVAL, "tmpfs: Bad value"), "fsconfig_string: EINVAL: invalid argument: tmpfs: Bad value (");
});

test("stepError() keeps the facts", () => {
  const error = stepError({ index: 3, op: "mount", at: "/a" }, { errno: EPERM, text: "" }, place);
  assert.instance(error, StepError);
  assert.equal([error.code, error.step, error.op, error.errno, error.place], ["ERR_STEP", 3, "mount", "EPERM", place("/a")]);
  assert.is(stepError({ index: 3, op: "setsid" }, { errno: EPERM, text: "" }, place).message, "cannot setsid: setsid: EPERM: operation not permitted");
});

for (const [why, program, errno, reason] of [
  ["in no folder of the PATH", "sh", ENOENT, 'exec: "sh": executable file not found in $PATH'],
  ["not executable in the PATH", "sh", EACCES, 'exec: "sh": permission denied'],
  ["missing by its path", "/bin/sh", ENOENT, 'exec: "/bin/sh": stat /bin/sh: no such file or directory'],
  ["not executable by its path", "/bin/sh", EACCES, 'exec: "/bin/sh": permission denied'],
  ["a directory", "/bin", EISDIR, 'exec: "/bin": is a directory'],
] as const) {
  test(`stepError() of a program that is ${why} has the words that Docker looks for`, () => {
    assert.match(message({ op: "lookup", what: `execute "${program}"` }, errno), `cannot execute "${program}": ${reason}`);
  });
}

for (const [text, errno, reason] of [
  ["exit 3\nthe reason\n", EIO, "exit status 3: the reason"],
  ["exit 3\n", EIO, "exit status 3"],
  ["signal 9\nwords", EIO, "it died of SIGKILL: words"],
  ["timeout 2\n", ETIMEDOUT, "it did not end within 2 s"],
  ["", ENOENT, "ENOENT: no such file or directory"],
] as const) {
  test(`stepError() of a hook: ${reason}`, () => {
    const step = { op: "hook", what: 'run the createContainer hook "/x"', at: "/hooks/createContainer/0" };
    assert.is(message(step, errno, text), `cannot run the createContainer hook "/x": ${reason} (config.json:41:7 /hooks/createContainer/0)`);
  });
}

for (const [op, errno, hint] of [
  ["pty", ENOENT, /devpts/],
  ["setrlimit", EPERM, /CAP_SYS_RESOURCE/],
  ["pivot_root", EINVAL, /--no-pivot/],
  ["execve", ENOENT, /interpreter or loader/],
  ["execve", ENOEXEC, /no program of this architecture/],
  ["setresuid", EINVAL, /no mapping for this id/],
  ["ioprio_set", EPERM, /CAP_SYS_NICE/],
  ["session_keyring", EDQUOT, /keys\/maxkeys/],
  ["set_mempolicy", EINVAL, /node\/online/],
] as const) {
  test(`stepError() knows what usually makes ${op} fail with ${errno}`, () => {
    assert.match(message({ op, what: "x" }, errno), hint);
  });
}

for (const [op, what, errno, hint] of [
  ["sched_setattr", 'set the scheduling policy "SCHED_FIFO"', EPERM, /realtimeRuntime/],
  ["sched_setattr", 'set the scheduling policy "SCHED_RR"', EPERM, /cpu\.rt_runtime_us/],
  ["sched_setattr", 'set the scheduling policy "SCHED_DEADLINE"', EPERM, /every processor/],
  ["sched_setattr", 'set the scheduling policy "SCHED_DEADLINE"', EINVAL, /1024 ns/],
  ["sched_setattr", 'set the scheduling policy "SCHED_OTHER"', EPERM, /RLIMIT_NICE/],
  ["sched_setattr", 'set the scheduling policy "SCHED_ISO"', EINVAL, /no kernel has it/],
  ["fsconfig_create", 'mount "proc" on "/proc"', EPERM, /pid namespace of its own/],
  ["fsconfig_create", 'mount "sysfs" on "/sys"', EPERM, /network namespace of its own/],
  ["fsconfig_create", 'mount "/dev/sda" on "/mnt"', EPERM, /only what the kernel holds safe/],
  ["fsopen", 'mount "nofs" on "/mnt"', ENODEV, /\/proc\/filesystems/],
  ["mount_setattr", 'mount "/a" on "/b"', EPERM, /ask for them, too/],
  ["open_target", 'mount "/a" on "/b"', EACCES, /the ids that it is mapped to/],
  ["open_target", 'mount "/a" on "/b"', EROFS, /read-only/],
  ["write", "set oom_score_adj to -5", EACCES, /CAP_SYS_RESOURCE/],
  ["write_proc", 'apply the AppArmor profile "x"', ENOENT, /no profile of this name is loaded/],
  ["write_proc", 'apply the SELinux label "x"', EINVAL, /knows no such label/],
  ["fsconfig_string", 'give a file system the SELinux label "x"', EINVAL, /knows no such label/],
  ["write", "set the time offsets", ERANGE, /below 0/],
  ["openat2", "set the time offsets", ENOENT, /no time namespaces/],
] as const) {
  test(`stepError() knows what usually makes ${op} fail with ${errno} when it is to ${what}`, () => {
    assert.match(message({ op, what }, errno), hint);
  });
}

test("stepError() tells of a hook that could not be executed what init found out about its file", () => {
  const bytes = new TextEncoder().encode("file 33188 0 0 0 \n#!/bin/sh\n");
  const step = { index: 3, op: "hook", what: 'run the createContainer hook "/x"' };
  const { message: words } = stepError(step, { errno: EACCES, text: "file 33188 0 0 0 \n#!/bin/sh\n", bytes }, place);
  assert.is(words, 'cannot run the createContainer hook "/x": EACCES: permission denied; its mode 0644 lets nobody execute it');
});

test("stepError() guesses no cause for what is not known", () => {
  assert.not.match(message({ op: "pivot_root", what: "x" }, EPERM), ";");
});

test.run();
