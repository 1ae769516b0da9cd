/** `linux.seccomp`: what each action does to a call, the default action, and whose the filter is (config-linux.md#seccomp). */

import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { needs, skip } from "../test/harness.ts";
import { created, inside, output, read, refused, run, runBundle, silent } from "./containers.ts";
import { BY_SIGSYS, GETPGRP, GETPGRP_32, GETSID, call, ending, probing, seccomp, seccompSuite, withAction } from "./seccomp.ts";
import { onlyOurs, runtimeVersion } from "./suite.ts";

const test = seccompSuite("seccomp");

test("SC-01 a filter holds for the program and what it starts, and for nobody else", async (t) => {
  const text = await inside(t, "mkdir /tmp/a 2>&1; sh -c 'mkdir /tmp/b' 2>&1; exit 0", (config) => {
    config.root.readonly = false;
    config.linux["seccomp"] = seccomp([{ names: ["mkdir", "mkdirat"], action: "SCMP_ACT_ERRNO", errnoRet: 28 }]);
  });
  assert.is(text, ["a", "b"].map((name) => `mkdir: can't create directory '/tmp/${name}': No space left on device\n`).join(""));
});

test("SC-01 without seccomp there is no filter", async (t) => {
  assert.is(await inside(t, "grep '^Seccomp:' /proc/self/status"), "Seccomp:\t0\n");
});

test("SC-01 the program has exactly one filter, and it stays without no_new_privs", async (t) => {
  const text = await inside(t, "grep -E '^(Seccomp|NoNewPrivs)' /proc/self/status", (config) => {
    config.linux["seccomp"] = withAction("SCMP_ACT_LOG");
    config.process["noNewPrivileges"] = false;
    config.process.user = { uid: 1000, gid: 1000 };
  });
  assert.is(text, "NoNewPrivs:\t0\nSeccomp:\t2\nSeccomp_filters:\t1\n");
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

test("SC-04 a rule is for all architectures of the list: also for the calls of 32 bits", async (t) => {
  const filter = withAction("SCMP_ACT_ERRNO", { errnoRet: 77 });
  assert.is(output(await ending(t, filter, "call32", GETPGRP_32)), "-77\n");
  assert.equal(await call(t, filter, GETPGRP), [-1, 77]);
});

for (const [what, architectures] of [["without a list", undefined], ["with the machine's own alone", ["SCMP_ARCH_X86_64"]]] as const) {
  test(`SC-04 ${what} calls of other architectures end the program`, async (t) => {
    const filter = { ...withAction("SCMP_ACT_LOG"), architectures };
    assert.equal(await call(t, filter, GETPGRP), [1, 0]);
    assert.is((await ending(t, filter, "call32", GETPGRP_32)).status, BY_SIGSYS);
  });
}

for (const flag of ["TSYNC", "LOG", "SPEC_ALLOW"]) {
  test(`SC-05 the flag ${flag} is taken`, async (t) => {
    const filter = { ...withAction("SCMP_ACT_ERRNO", { errnoRet: 3 }), flags: [`SECCOMP_FILTER_FLAG_${flag}`] };
    assert.equal(await call(t, filter, GETPGRP), [-1, 3]);
  });
}

test("SC-05 without flags, and with none, the filter holds as well", async (t) => {
  const filter = withAction("SCMP_ACT_ERRNO", { errnoRet: 3 });
  assert.equal(await call(t, filter, GETPGRP), [-1, 3]);
  assert.equal(await call(t, { ...filter, flags: [] }, GETPGRP), [-1, 3]);
});

/** Whether the kernel's log says that the filter met getpgrp; it drops lines when there are many, so a few tries are made. */
async function logs(once: (program: string) => Promise<void>): Promise<boolean> {
  needs("dmesg");
  if (!read("/proc/sys/kernel/seccomp/actions_logged").includes("errno")) skip("this kernel logs no seccomp actions");
  for (let i = 0; i < 3; i++) {
    const program = `log${process.pid}${counter++}`;
    await once(program);
    const log = spawnSync("dmesg", { encoding: "utf8", maxBuffer: 1 << 26 }).stdout;
    if (new RegExp(`type=1326 .*comm="${program}" .*syscall=${GETPGRP} `).test(log)) return true;
  }
  return false;
}

let counter = 0;

for (const [what, filter, expected] of [
  ["the action LOG", withAction("SCMP_ACT_LOG"), true],
  ["ERRNO with the flag LOG", { ...withAction("SCMP_ACT_ERRNO"), flags: ["SECCOMP_FILTER_FLAG_LOG"] }, true],
  ["ERRNO without the flag LOG", withAction("SCMP_ACT_ERRNO"), false],
] as const) {
  test(`SC-05 SC-13 ${what} is ${expected ? "seen" : "not seen"} in the kernel's log`, async (t) => {
    const found = await logs(async (program) => {
      const bundle = probing(t, filter, "call", GETPGRP);
      fs.renameSync(join(bundle.rootfs, "bin/probe"), join(bundle.rootfs, "bin", program));
      bundle.write(read(join(bundle.path, "config.json")).replace("/bin/probe", `/bin/${program}`));
      output(await runBundle(t, bundle));
    });
    assert.is(found, expected);
  });
}

test("SC-09 a filter without rules is a filter", async (t) => {
  assert.equal(await call(t, { defaultAction: "SCMP_ACT_ALLOW" }, GETPGRP), [1, 0]);
});

test("SC-09 KILL without rules is a filter, too, under which nothing can run", async (t) => {
  if (runtimeVersion().startsWith("runc ")) skip("runc waits for ever for its init that the filter has killed");
  const result = await run(t, "echo up", (config) => (config.linux["seccomp"] = { defaultAction: "SCMP_ACT_KILL", syscalls: [] }));
  assert.is(result.stdout, "");
  assert.is.not(result.status, 0);
});

test("SC-09 rules of the default action change nothing", async (t) => {
  const filter = seccomp([
    { names: ["getpgrp"], action: "SCMP_ACT_ALLOW" },
    { names: ["getsid"], action: "SCMP_ACT_ERRNO", errnoRet: 3 },
  ]);
  assert.equal(await call(t, filter, GETPGRP), [1, 0]);
  assert.equal(await call(t, filter, GETSID), [-1, 3]);
});

test("SC-10 names that nobody knows are passed over", async (t) => {
  const filter = seccomp([{ names: ["no_such_call", "getpgrp"], action: "SCMP_ACT_ERRNO", errnoRet: 3 }]);
  assert.equal(await call(t, filter, GETPGRP), [-1, 3]);
});

test("SC-11 SC-13 ALLOW lets through", async (t) => {
  const names = ["getpgrp"];
  assert.equal(await call(t, seccomp([{ names: ["getsid"], action: "SCMP_ACT_ERRNO" }, { names, action: "SCMP_ACT_ALLOW" }]), GETPGRP), [1, 0]);
});

test("SC-12 SC-13 ERRNO gives EPERM, or the errno that is named", async (t) => {
  assert.equal(await call(t, withAction("SCMP_ACT_ERRNO"), GETPGRP), [-1, 1]);
  assert.equal(await call(t, withAction("SCMP_ACT_ERRNO", { errnoRet: 99 }), GETPGRP), [-1, 99]);
});

test("SC-12 an errnoRet of 0 is 0, and not the default", async (t) => {
  assert.equal(await call(t, withAction("SCMP_ACT_ERRNO", { errnoRet: 0 }), GETPGRP), [0, 0]);
});

for (const action of ["SCMP_ACT_KILL_PROCESS", "SCMP_ACT_KILL_THREAD", "SCMP_ACT_KILL"]) {
  test(`SC-13 ${action} ends the program with SIGSYS`, async (t) => {
    assert.is((await ending(t, withAction(action), "call", GETPGRP)).status, BY_SIGSYS);
  });
}

test("SC-13 KILL_THREAD and KILL end the thread alone, KILL_PROCESS all of them", async (t) => {
  for (const action of ["SCMP_ACT_KILL_THREAD", "SCMP_ACT_KILL"]) assert.is(output(await ending(t, withAction(action), "thread", GETPGRP)), "goes on\n");
  assert.is((await ending(t, withAction("SCMP_ACT_KILL_PROCESS"), "thread", GETPGRP)).status, BY_SIGSYS);
});

test("SC-13 TRAP sends SIGSYS with the call's number", async (t) => {
  assert.is(output(await ending(t, withAction("SCMP_ACT_TRAP"), "trap", GETPGRP)), `trapped 1 ${GETPGRP}\n`);
});

test("SC-13 LOG lets through", async (t) => {
  assert.equal(await call(t, withAction("SCMP_ACT_LOG"), GETPGRP), [1, 0]);
});

test("SC-13 TRACE without a tracer gives ENOSYS", async (t) => {
  assert.equal(await call(t, withAction("SCMP_ACT_TRACE", { errnoRet: 5 }), GETPGRP), [-1, 38]);
});

test("SC-12 SC-13 TRACE tells a tracer the errno that is named", async (t) => {
  assert.is(output(await ending(t, withAction("SCMP_ACT_TRACE", { errnoRet: 5 }), "traced", GETPGRP)), "traced 5\n");
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
  const container = await created(t, (config) => (config.linux["seccomp"] = withAction("SCMP_ACT_KILL")));
  silent(await container.verb("kill", "TERM"));
  await container.stopped();
  refused(await container.verb("start"), "stopped");
});

test.run();
