/** `linux.seccomp`: actions, conditions, flags and the listener, by calls that a program makes (config-linux.md#seccomp). */

import * as fs from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import type { Bundle, BundleConfig } from "../test/bundle.ts";
import { skip } from "../test/harness.ts";
import type { Ground } from "../test/harness.ts";
import type { Result } from "../test/runtime.ts";
import { cannotCreate, created, file, inside, output, refused, run, runBundle, silent, waitFor } from "./containers.ts";
import { listen, probe } from "./probe.ts";
import { onlyOurs, suite } from "./suite.ts";

const test = suite("seccomp", () => {
  if (process.arch !== "x64") skip("the numbers of the calls are known for x86-64 only");
});

interface Rule {
  readonly names: readonly string[];
  readonly action: string;
  readonly errnoRet?: number;
  readonly args?: readonly { readonly index: number; readonly value: number | bigint; readonly valueTwo?: number | bigint; readonly op: string }[];
}

/** Calls that no runtime makes itself once the filter is loaded, as it does getpid. */
const [LSEEK, GETPGRP, GETSID] = [8, 111, 124];
/** lseek of a descriptor that is not open, which the kernel itself answers. */
const EBADF = 9;

function seccomp(rules: readonly Rule[], more: Readonly<Record<string, unknown>> = {}): Readonly<Record<string, unknown>> {
  return { defaultAction: "SCMP_ACT_ALLOW", architectures: ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86"], syscalls: rules, ...more };
}

/** A bundle whose program is the probe; numbers above 2^53 are written as they are. */
function probing(t: Ground, filter: unknown, ...args: readonly (string | number)[]): Bundle {
  const bundle = t.bundle((config) => (config.process.args = ["/bin/probe", ...args.map(String)]));
  fs.copyFileSync(probe(), join(bundle.rootfs, "bin/probe"));
  const text = JSON.stringify({ ...bundle.config, linux: { ...bundle.config.linux, seccomp: filter } }, (_, value: unknown) => (typeof value === "bigint" ? `#${value}#` : value));
  bundle.write(text.replaceAll(/"#(\d+)#"/g, "$1"));
  return bundle;
}

/** What one call returns under a filter: the value, and errno. */
async function call(t: Ground, filter: unknown, ...numbers: readonly number[]): Promise<readonly number[]> {
  const text = output(await runBundle(t, probing(t, filter, "call", ...numbers)));
  return text.trim().split(" ").map(Number);
}

function ending(t: Ground, filter: unknown, ...args: readonly (string | number)[]): Promise<Result> {
  return runBundle(t, probing(t, filter, ...args));
}

/** The errno of lseek(fd, offset, whence) where this condition gives 77. */
async function lseek(t: Ground, args: Rule["args"] & object, [fd, offset, whence]: readonly [number, number, number]): Promise<number> {
  const rule = { names: ["lseek"], action: "SCMP_ACT_ERRNO", errnoRet: 77, args };
  return (await call(t, seccomp([rule]), LSEEK, fd, offset, whence))[1] ?? 0;
}

test("SC-13 ERRNO gives EPERM, or the errno that is named", async (t) => {
  assert.equal(await call(t, seccomp([{ names: ["getpgrp"], action: "SCMP_ACT_ERRNO" }]), GETPGRP), [-1, 1]);
  assert.equal(await call(t, seccomp([{ names: ["getpgrp"], action: "SCMP_ACT_ERRNO", errnoRet: 99 }]), GETPGRP), [-1, 99]);
});

test("SC-13 ALLOW lets through, and so do rules of other calls", async (t) => {
  assert.equal(await call(t, seccomp([{ names: ["getsid"], action: "SCMP_ACT_ERRNO" }]), GETPGRP), [1, 0]);
});

test("SC-09 a filter without rules is a filter", async (t) => {
  assert.equal(await call(t, { defaultAction: "SCMP_ACT_ALLOW" }, GETPGRP), [1, 0]);
});

test("SC-13 KILL_PROCESS, KILL_THREAD and KILL end the program with SIGSYS", async (t) => {
  for (const action of ["SCMP_ACT_KILL_PROCESS", "SCMP_ACT_KILL_THREAD", "SCMP_ACT_KILL"]) {
    const { status } = await ending(t, seccomp([{ names: ["getpgrp"], action }]), "call", GETPGRP);
    assert.is(status, 128 + 31, action);
  }
});

test("SC-13 TRAP sends SIGSYS with the call's number, and the errno that is named", async (t) => {
  const text = output(await ending(t, seccomp([{ names: ["getpgrp"], action: "SCMP_ACT_TRAP" }]), "trap", GETPGRP));
  assert.is(text, `trapped 1 ${GETPGRP}\n`);
});

test("SC-13 LOG lets through", async (t) => {
  assert.equal(await call(t, seccomp([{ names: ["getpgrp"], action: "SCMP_ACT_LOG" }]), GETPGRP), [1, 0]);
});

test("SC-13 TRACE without a tracer gives ENOSYS", async (t) => {
  assert.equal(await call(t, seccomp([{ names: ["getpgrp"], action: "SCMP_ACT_TRACE", errnoRet: 5 }]), GETPGRP), [-1, 38]);
});

test("SC-02 SC-03 the default action is for all that no rule names, with its errno", async (t) => {
  const names = "execve brk arch_prctl set_tid_address set_robust_list rseq prlimit64 readlink readlinkat getrandom mprotect write writev exit_group fstat newfstatat ioctl mmap munmap uname futex close read";
  // What a runtime itself still does after loading the filter is not the container's business, but it must be able to.
  const runtimes = "openat openat2 open fcntl statx stat lstat access faccessat faccessat2 getcwd chdir fchdir prctl capset capget setuid setgid setresuid setresgid setgroups dup3 close_range getdents64 epoll_ctl epoll_pwait epoll_create1 rt_sigaction rt_sigprocmask rt_sigreturn sigaltstack gettid tgkill nanosleep clone clone3 madvise getppid pipe2 eventfd2 sched_yield sched_getaffinity wait4 waitid kill sendmsg recvmsg umask fchown lseek pread64 timer_create timer_settime timer_delete pselect6 ppoll exit tkill getuid getgid geteuid getegid execveat fstatfs statfs fchdir";
  const allowed = { names: [...names.split(" "), ...runtimes.split(" ")], action: "SCMP_ACT_ALLOW" };
  const filter = seccomp([allowed], { defaultAction: "SCMP_ACT_ERRNO" });
  assert.equal(await call(t, filter, GETPGRP), [-1, 1]);
  assert.equal(await call(t, { ...filter, defaultErrnoRet: 88 }, GETPGRP), [-1, 88]);
});

/** Conditions on lseek's second argument: operator, value, offsets that it holds for, offsets that it does not. */
const CONDITIONS: readonly (readonly [op: string, value: number, holds: readonly number[], not: readonly number[]])[] = [
  ["SCMP_CMP_NE", 5, [4, 6], [5]],
  ["SCMP_CMP_LT", 5, [0, 4], [5, 6]],
  ["SCMP_CMP_LE", 5, [4, 5], [6]],
  ["SCMP_CMP_EQ", 5, [5], [4, 6, 5 + 2 ** 32]],
  ["SCMP_CMP_GE", 5, [5, 6, 2 ** 32], [4]],
  ["SCMP_CMP_GT", 5, [6, 2 ** 40], [4, 5]],
];

for (const [op, value, holds, not] of CONDITIONS) {
  test(`SC-18 ${op}`, async (t) => {
    for (const offset of holds) assert.is(await lseek(t, [{ index: 1, value, op }], [999, offset, 0]), 77, `${offset}`);
    for (const offset of not) assert.is(await lseek(t, [{ index: 1, value, op }], [999, offset, 0]), EBADF, `${offset}`);
  });
}

test("SC-17 SC-18 SCMP_CMP_MASKED_EQ compares what the mask leaves with valueTwo", async (t) => {
  const condition = [{ index: 1, value: 0xf0, valueTwo: 0x50, op: "SCMP_CMP_MASKED_EQ" }];
  assert.is(await lseek(t, condition, [999, 0x50, 0]), 77);
  assert.is(await lseek(t, condition, [999, 0x76a, 0]), EBADF);
  assert.is(await lseek(t, condition, [999, 0x35f, 0]), 77);
});

test("SC-16 values above 2^53 are exact", async (t) => {
  const big = 18446744073709551615n;
  const filter = (value: bigint): unknown =>
    seccomp([{ names: ["lseek"], action: "SCMP_ACT_ERRNO", errnoRet: 77, args: [{ index: 1, value, op: "SCMP_CMP_EQ" }] }]);
  const at = async (value: bigint, offset: string): Promise<string> => output(await ending(t, filter(value), "call", LSEEK, 999, offset, 0)).trim();
  assert.is(await at(big, `${big}`), "-1 77");
  assert.is(await at(big - 1n, `${big}`), `-1 ${EBADF}`);
  assert.is(await at(9007199254740993n, "9007199254740993"), "-1 77");
  assert.is(await at(9007199254740993n, "9007199254740992"), `-1 ${EBADF}`);
});

test("SC-14 conditions on different arguments must all hold", async (t) => {
  const conditions = [
    { index: 0, value: 999, op: "SCMP_CMP_EQ" },
    { index: 1, value: 10, op: "SCMP_CMP_GE" },
  ];
  assert.is(await lseek(t, conditions, [999, 10, 0]), 77);
  assert.is(await lseek(t, conditions, [999, 9, 0]), EBADF);
  assert.is(await lseek(t, conditions, [998, 10, 0]), EBADF);
});

test("SC-14 of conditions on the same argument one must hold", async (t) => {
  const conditions = [
    { index: 1, value: 5, op: "SCMP_CMP_EQ" },
    { index: 1, value: 7, op: "SCMP_CMP_EQ" },
  ];
  assert.is(await lseek(t, conditions, [999, 5, 0]), 77);
  assert.is(await lseek(t, conditions, [999, 7, 0]), 77);
  assert.is(await lseek(t, conditions, [999, 6, 0]), EBADF);
});

test("SC-10 names that nobody knows are passed over", async (t) => {
  const filter = seccomp([{ names: ["no_such_call", "getpgrp"], action: "SCMP_ACT_ERRNO", errnoRet: 3 }]);
  assert.equal(await call(t, filter, GETPGRP), [-1, 3]);
});

test("SC-09 rules of the default action change nothing", async (t) => {
  const filter = seccomp([
    { names: ["getpgrp"], action: "SCMP_ACT_ALLOW" },
    { names: ["getsid"], action: "SCMP_ACT_ERRNO", errnoRet: 3 },
  ]);
  assert.equal(await call(t, filter, GETPGRP), [1, 0]);
  assert.equal(await call(t, filter, GETSID), [-1, 3]);
});

for (const flag of ["TSYNC", "LOG", "SPEC_ALLOW"]) {
  test(`SC-05 the flag ${flag} is taken`, async (t) => {
    const filter = seccomp([{ names: ["getpgrp"], action: "SCMP_ACT_ERRNO", errnoRet: 3 }], { flags: [`SECCOMP_FILTER_FLAG_${flag}`] });
    assert.equal(await call(t, filter, GETPGRP), [-1, 3]);
  });
}

test("SC-05 without flags, and with none, the filter holds as well", async (t) => {
  const rules = [{ names: ["getpgrp"], action: "SCMP_ACT_ERRNO", errnoRet: 3 }];
  assert.equal(await call(t, seccomp(rules, { flags: [] }), GETPGRP), [-1, 3]);
});

test("the program has exactly one filter, and it stays without no_new_privs", async (t) => {
  const text = await inside(t, "grep -E '^(Seccomp|NoNewPrivs)' /proc/self/status", (config) => {
    config.linux["seccomp"] = seccomp([{ names: ["getpgrp"], action: "SCMP_ACT_LOG" }]);
    config.process["noNewPrivileges"] = false;
    config.process.user = { uid: 1000, gid: 1000 };
  });
  assert.is(text, "NoNewPrivs:\t0\nSeccomp:\t2\nSeccomp_filters:\t1\n");
});

test("without seccomp there is no filter", async (t) => {
  assert.is(await inside(t, "grep '^Seccomp:' /proc/self/status"), "Seccomp:\t0\n");
});

const WRONG: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  "SC-13 NOTIFY as default action": { defaultAction: "SCMP_ACT_NOTIFY", listenerPath: "/no/such/listener", syscalls: [{ names: ["getpgrp"], action: "SCMP_ACT_ALLOW" }] },
  "SC-06 NOTIFY without a listenerPath": seccomp([{ names: ["getpgrp"], action: "SCMP_ACT_NOTIFY" }]),
  "SC-13 NOTIFY of write, which init itself needs": seccomp([{ names: ["write"], action: "SCMP_ACT_NOTIFY" }], { listenerPath: "/no/such/listener" }),
};

for (const [title, filter] of Object.entries(WRONG)) {
  test(`${title} is an error`, async (t) => {
    await cannotCreate(t, (config) => (config.linux["seccomp"] = filter), /./);
  });
}

function notifying(config: BundleConfig, socket: string, more: Readonly<Record<string, unknown>> = {}): void {
  config.linux["seccomp"] = seccomp([{ names: ["mkdir", "mkdirat"], action: "SCMP_ACT_NOTIFY" }], { listenerPath: socket, ...more });
}

test("SC-06 SC-07 the listener gets the state with the descriptor, and answers calls", async (t) => {
  const listener = await listen(t, "notify", "77");
  const container = await created(t, (config) => {
    notifying(config, listener.socket, { listenerMetadata: "some metadata" });
    config.annotations = { "org.example.key": "value" };
    config.process.args = ["/bin/sh", "-c", "mkdir /tmp/x; exit 0"];
    config.root.readonly = false;
  });
  await waitFor("the message has come", () => listener.output().includes("\nclosed\n"));
  const [, sent = "", closed] = /^message 0: 1 descriptors: (\{.*\})\n(closed)\n/.exec(listener.output()) ?? [];
  assert.is(closed, "closed");
  const message = JSON.parse(sent) as { ociVersion: string; fds: string[]; pid: number; metadata: string; state: Record<string, unknown> };
  const { pid } = await container.state();
  assert.equal([message.fds, message.pid, message.metadata], [["seccompFd"], pid, "some metadata"]);
  assert.match(message.ociVersion, /^1\.\d+\.\d+/);
  const { id, status, bundle, annotations } = message.state;
  assert.equal([id, bundle, message.state["pid"], annotations], [container.id, container.bundle.path, pid, { "org.example.key": "value" }]);
  assert.is(status, "creating");
  await container.start();
  await container.stopped();
  await listener.end();
  assert.match(listener.output(), /\ncall \d+ of a process 1\nover\n$/);
});

test("SC-06 the answer of the listener is the call's errno", async (t) => {
  const listener = await listen(t, "notify", "28");
  const result = await run(t, "mkdir /tmp/x", (config) => {
    notifying(config, listener.socket);
    config.root.readonly = false;
  });
  assert.is(result.stderr, "mkdir: can't create directory '/tmp/x': No space left on device\n", listener.output());
  assert.is(result.status, 1);
});

test("SC-06 a listener that does not listen fails create and leaves nothing", async (t) => {
  await cannotCreate(t, (config) => notifying(config, file(t, "nobody")), /no such file or directory/);
});

test("SC-06 listenerPath without NOTIFY is ignored", async (t) => {
  const filter = seccomp([{ names: ["getpgrp"], action: "SCMP_ACT_ERRNO", errnoRet: 3 }], { listenerPath: "/no/such/listener" });
  assert.equal(await call(t, filter, GETPGRP), [-1, 3]);
});

test("getcwd may be forbidden: the runtime does not need it any more", async (t) => {
  onlyOurs("runc looks once more where it is");
  const result = await run(t, "", (config) => {
    config.process.args = ["/bin/echo", "up"];
    config.linux["seccomp"] = seccomp([{ names: ["getcwd"], action: "SCMP_ACT_ERRNO" }]);
  });
  assert.is(output(result), "up\n");
});

test("a filter does not keep a created container from ending by TERM", async (t) => {
  const container = await created(t, (config) => (config.linux["seccomp"] = seccomp([{ names: ["getpgrp"], action: "SCMP_ACT_KILL" }])));
  silent(await container.verb("kill", "TERM"));
  await container.stopped();
  refused(await container.verb("start"), "stopped");
});

test.run();
