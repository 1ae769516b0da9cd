/** `exec`: a further process in a container, by a command and options. */

import * as fs from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import type { BundleConfig } from "../test/bundle.ts";
import { created, file, fromShell, inExec, output, read, refused, running, script, silent, waitFor } from "./containers.ts";
import type { Container } from "./containers.ts";
import { suite } from "./suite.ts";

const test = suite("exec");

const EXEC_FAILED = 255;

function status(text: string, field: string): string {
  return new RegExp(`^${field}:\t(.*)$`, "m").exec(text)?.[1]?.trim() ?? "missing";
}

/** Not every runtime's delete waits for more than the container's own process. */
async function endBoth(container: Container, pid: string): Promise<void> {
  await container.end();
  await waitFor("the process is gone", () => !fs.existsSync(`/proc/${pid}`));
}

async function statusIn(container: Container, options: readonly string[] = []): Promise<string> {
  return inExec(container, ["cat", "/proc/self/status"], options);
}

test("a command runs in all namespaces of the container, and prints to the caller", async (t) => {
  const container = await running(t);
  const { pid } = await container.state();
  const names = ["cgroup", "ipc", "mnt", "net", "pid", "uts"];
  const links = names.map((name) => fs.readlinkSync(`/proc/${pid}/ns/${name}`));
  const script = `for name in ${names.join(" ")}; do readlink /proc/self/ns/$name; done`;
  assert.is(await inExec(container, ["sh", "-c", script]), `${links.join("\n")}\n`);
  assert.is(await inExec(container, ["hostname"]), "tsrun-test\n");
});

test("the process is one of the container's own pid namespace", async (t) => {
  const container = await running(t);
  assert.match(await inExec(container, ["ps"]), /^ +1 root +\/bin\/sleep 100$/m);
  assert.not.equal(await inExec(container, ["sh", "-c", "echo $$"]), "1\n");
});

test("the process is in the container's cgroups", async (t) => {
  const container = await running(t, (config) => {
    config.linux.namespaces = config.linux.namespaces.filter(({ type }) => type !== "cgroup");
  });
  const own = await container.proc("cgroup");
  assert.match(own, container.id);
  assert.is(await inExec(container, ["cat", "/proc/self/cgroup"]), own);
});

test("user, groups, directory, environment, umask, capabilities and limits are those of the container's process", async (t) => {
  const container = await running(t, ({ process }) => {
    process.user = { uid: 1000, gid: 1001, additionalGids: [5, 6], umask: 0o27 };
    process.cwd = "/tmp";
    process.env.push("GREETING=hello");
    process["rlimits"] = [{ type: "RLIMIT_NOFILE", soft: 100, hard: 200 }];
    process["capabilities"] = { bounding: ["CAP_KILL"], permitted: ["CAP_KILL"], effective: ["CAP_KILL"], inheritable: ["CAP_KILL"], ambient: ["CAP_KILL"] };
  });
  const own = await container.proc("status");
  const theirs = await statusIn(container);
  for (const field of ["Uid", "Gid", "Groups", "CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb", "NoNewPrivs", "Umask"]) {
    assert.is(status(theirs, field), status(own, field), field);
  }
  assert.is(await inExec(container, ["sh", "-c", "pwd; echo $GREETING; ulimit -Sn; ulimit -Hn"]), "/tmp\nhello\n100\n200\n");
});

test("noNewPrivileges is the container's, or --no-new-privs", async (t) => {
  for (const own of [true, false]) {
    const container = await running(t, (config) => (config.process["noNewPrivileges"] = own));
    assert.is(status(await statusIn(container), "NoNewPrivs"), own ? "1" : "0");
    assert.is(status(await statusIn(container, ["--no-new-privs"]), "NoNewPrivs"), "1");
  }
});

test("the container's seccomp filter is on the process, too", async (t) => {
  const container = await running(t, (config) => {
    config.linux["seccomp"] = { defaultAction: "SCMP_ACT_ALLOW", syscalls: [{ names: ["mkdir", "mkdirat"], action: "SCMP_ACT_ERRNO", errnoRet: 28 }] };
  });
  assert.is(status(await statusIn(container), "Seccomp"), "2");
  refused(await container.exec(["mkdir", "/tmp/x"]), "No space left on device");
});

test("seccomp without no_new_privs leaves no capability behind that only its loading needs", async (t) => {
  const container = await running(t, (config) => {
    config.process["noNewPrivileges"] = false;
    config.linux["seccomp"] = { defaultAction: "SCMP_ACT_ALLOW", syscalls: [{ names: ["mkdir"], action: "SCMP_ACT_ERRNO" }] };
  });
  const own = await container.proc("status");
  const theirs = await statusIn(container);
  for (const field of ["CapPrm", "CapEff", "CapBnd"]) assert.is(status(theirs, field), status(own, field), field);
});

test("--user takes numbers, and keeps the group where it names none", async (t) => {
  const container = await running(t, (config) => (config.process.user = { uid: 7, gid: 8, additionalGids: [9] }));
  const ids = async (...options: string[]): Promise<string> => inExec(container, ["sh", "-c", "id -u; id -g; id -G"], options);
  assert.is(await ids("--user", "1000"), "1000\n8\n8 9\n");
  assert.is(await ids("--user", "1000:1001"), "1000\n1001\n1001 9\n");
  assert.is(await ids("-u", "0:0"), "0\n0\n0 9\n");
});

for (const user of ["x", "1:", ":1", "1x", "-1", "root", "1:x", "99999999999", "4294967295"]) {
  test(`--user ${user} is an error`, async (t) => {
    const container = await running(t);
    refused(await container.exec(["true"], ["--user", user]), /./, EXEC_FAILED);
  });
}

test("CVE-2016-3697 a number is never a name of the container's passwd", async (t) => {
  const container = await running(t);
  fs.writeFileSync(join(container.bundle.rootfs, "etc/passwd"), "1000:x:0:0:root:/root:/bin/sh\n");
  assert.is(await inExec(container, ["id", "-u"], ["--user", "1000"]), "1000\n");
});

test("--additional-gids adds groups", async (t) => {
  const container = await running(t, (config) => (config.process.user.additionalGids = [5]));
  const groups = status(await statusIn(container, ["--additional-gids", "10", "--additional-gids", "11"]), "Groups");
  assert.equal(groups.split(" ").map(Number).sort((a, b) => a - b), [5, 10, 11]);
});

test("--cwd is the working directory", async (t) => {
  const container = await running(t);
  assert.is(await inExec(container, ["pwd"], ["--cwd", "/etc"]), "/etc\n");
});

test("--cwd that is missing, relative or a file is an error", async (t) => {
  const container = await running(t);
  const cases = [["/none", "no such file or directory"], ["etc", "absolute"], ["/etc/passwd", "not a directory"]] as const;
  for (const [cwd, text] of cases) refused(await container.exec(["pwd"], ["--cwd", cwd]), new RegExp(text, "i"), EXEC_FAILED);
});

test("--env is added to the container's environment, and wins", async (t) => {
  const container = await running(t, ({ process }) => process.env.push("A=1", "B=2"));
  const text = await inExec(container, ["env"], ["--env", "B=3", "--env", "C=a b=c"]);
  const lines = text.split("\n").filter((line) => /^[ABC]=/.test(line));
  assert.equal(lines.sort(), ["A=1", "B=3", "C=a b=c"]);
});

test("nothing of the caller's environment reaches the process", async (t) => {
  const container = await running(t);
  const result = await container.exec(["env"], [], { env: { FROM_CALLER: "1", BUN_SECRET: "2" } });
  const names = output(result).trim().split("\n").map((line) => line.split("=")[0]).sort();
  assert.equal(names, ["HOME", "PATH", "SHLVL", "TERM"].filter((name) => names.includes(name)));
});

test("HOME is that of the user who is asked for", async (t) => {
  const container = await running(t);
  fs.appendFileSync(join(container.bundle.rootfs, "etc/passwd"), "one:x:1000:1000::/home/one:/bin/sh\n");
  assert.is(await inExec(container, ["sh", "-c", "echo $HOME"], ["--user", "1000"]), "/home/one\n");
  assert.is(await inExec(container, ["sh", "-c", "echo $HOME"], ["--user", "1000", "--cwd", "/tmp"]), "/home/one\n");
});

test("CVE-2022-29162 --cap adds to bounding, effective and permitted, and to nothing else", async (t) => {
  const container = await running(t);
  const own = await container.proc("status");
  const theirs = await statusIn(container, ["--cap", "CAP_SYS_PTRACE", "--cap", "CAP_CHOWN"]);
  const more = (1n << 19n) | 1n;
  for (const field of ["CapPrm", "CapEff", "CapBnd"]) {
    assert.is(BigInt(`0x${status(theirs, field)}`), BigInt(`0x${status(own, field)}`) | more, field);
  }
  assert.is(BigInt(`0x${status(theirs, "CapInh")}`), 0n);
  assert.is(BigInt(`0x${status(theirs, "CapAmb")}`), 0n);
});

test("an option that is no number makes the command line wrong as a whole: status 1", async (t) => {
  for (const option of ["--additional-gids", "--preserve-fds"]) {
    const { status, stdout } = await t.runtime(["exec", option, "x", t.id(), "true"]);
    assert.is(status, 1, `${option}: ${stdout}`);
  }
});

test("the exit status is the program's", async (t) => {
  const container = await running(t);
  assert.is((await container.exec(["sh", "-c", "exit 7"])).status, 7);
  assert.is((await container.exec(["true"])).status, 0);
});

test("the exit status is 128 + n when signal n ended it", async (t) => {
  const container = await running(t);
  assert.is((await container.exec(["sh", "-c", "kill -9 $$"])).status, 137);
  assert.is((await container.exec(["sh", "-c", "kill -15 $$"])).status, 143);
});

test("standard input reaches the program, and its output and errors are apart", async (t) => {
  const container = await running(t);
  const result = await container.exec(["sh", "-c", "cat; echo wrong >&2"], [], { input: "typed\n" });
  assert.equal([result.stdout, result.stderr, result.status], ["typed\n", "wrong\n", 0]);
});

test("options after the command are the command's", async (t) => {
  const container = await running(t);
  assert.is(await inExec(container, ["echo", "--user", "x", "-d", "--", "--help"]), "--user x -d -- --help\n");
});

test("a program that is missing, or is none, is an error in docker's words", async (t) => {
  const container = await running(t);
  const cases: [program: string, error: RegExp][] = [
    // A log may write quotes with a backslash.
    ["/bin/none", /exec: \\?"\/bin\/none\\?": stat \/bin\/none: no such file or directory/],
    ["none", /exec: \\?"none\\?": executable file not found in \$PATH/],
    ["/etc/passwd", /exec: \\?"\/etc\/passwd\\?": permission denied/],
    ["/etc", /exec: \\?"\/etc\\?": (is a directory|permission denied)/],
  ];
  for (const [program, error] of cases) refused(await container.exec([program]), error, EXEC_FAILED);
});

test("a script whose interpreter is missing ends with 255", async (t) => {
  const container = await running(t);
  fs.writeFileSync(join(container.bundle.rootfs, "bin/script"), "#!/bin/none\n", { mode: 0o755 });
  const result = await container.exec(["/bin/script"]);
  assert.is(result.status, EXEC_FAILED);
  assert.match(result.stderr, "no such file or directory");
});

test("PATH is that of the process", async (t) => {
  const container = await running(t);
  fs.mkdirSync(join(container.bundle.rootfs, "mine"));
  fs.copyFileSync("/bin/busybox", join(container.bundle.rootfs, "mine/own"));
  refused(await container.exec(["own", "true"]), "executable file not found in $PATH", EXEC_FAILED);
  const result = await container.exec(["own", "true"], ["--env", "PATH=/none:/mine"]);
  assert.not.match(result.stderr, "not found in $PATH");
});

test("without a command it is an error", async (t) => {
  const container = await running(t);
  refused(await container.exec([]), /./, EXEC_FAILED);
});

test("in a container that does not exist it is an error", async (t) => {
  refused(await t.runtime(["exec", t.id(), "true"]), "does not exist", EXEC_FAILED);
});

test("in a stopped container it is an error", async (t) => {
  const container = await running(t);
  await container.end();
  refused(await container.exec(["true"]), "stopped", EXEC_FAILED);
});

test("in a created container it works, and the container stays created", async (t) => {
  const container = await created(t);
  assert.is(await inExec(container, ["echo", "early"]), "early\n");
  assert.is(await container.status(), "created");
  await container.start();
});

test("--detach returns while the program runs; --pid-file names it", async (t) => {
  const container = await running(t);
  silent(await container.exec(["sleep", "50"], ["--detach", "--pid-file", file(t, "pid")]));
  const text = read(file(t, "pid"));
  assert.match(text, /^\d+$/);
  await waitFor("the program runs", () => read(`/proc/${text}/cmdline`) === "sleep\u000050\0");
  assert.is(fs.readlinkSync(`/proc/${text}/ns/pid`), fs.readlinkSync(`/proc/${(await container.state()).pid}/ns/pid`));
  assert.equal(JSON.parse(output(await container.verb("ps", "--format=json"))).sort(), [(await container.state()).pid, Number(text)].sort());
  await endBoth(container, text);
});

test("--pid-file is written in the foreground, too", async (t) => {
  const container = await running(t);
  fs.writeFileSync(file(t, "pid"), "old");
  silent(await container.exec(["true"], ["--pid-file", file(t, "pid")]));
  assert.match(read(file(t, "pid")), /^\d+$/);
});

test("a pid file that cannot be written is an error, and leaves no process", async (t) => {
  const container = await running(t);
  refused(await container.exec(["sleep", "50"], ["--detach", "--pid-file", "/none/pid"]), "no such file or directory", EXEC_FAILED);
  await waitFor("the process is gone", async () => JSON.parse(output(await container.verb("ps", "--format=json"))).length === 1);
});

test("a detached process ends with the container", async (t) => {
  const container = await running(t);
  silent(await container.exec(["sleep", "50"], ["--detach", "--pid-file", file(t, "pid")]));
  const pid = read(file(t, "pid"));
  await container.end();
  await waitFor("the process is gone", () => !read(`/proc/${pid}/status`).includes("State:\tS"));
});

test("RL-01 only 0, 1 and 2 are open, whatever the caller has open", async (t) => {
  const container = await running(t);
  const result = await fromShell(t, "exec 3</etc 4</etc 9</etc/passwd 20</", ["exec", container.id, "sh", "-c", "cd /proc/$$/fd; echo *"]);
  assert.is(output(result), "0 1 2 3\n");
});

test("RL-02 --preserve-fds passes as many as it says from 3 on", async (t) => {
  const container = await running(t);
  for (const name of ["three", "four", "five"]) fs.writeFileSync(file(t, name), `${name}\n`);
  const open = `exec 3<${file(t, "three")} 4<${file(t, "four")} 5<${file(t, "five")}`;
  const result = await fromShell(t, open, ["exec", "--preserve-fds", "2", container.id, "sh", "-c", "cd /proc/$$/fd; echo *; cat <&3; cat <&4"]);
  assert.is(output(result), "0 1 2 3 4 5\nthree\nfour\n");
});

test("several at once are independent of each other", async (t) => {
  const container = await running(t);
  const results = await Promise.all(Array.from({ length: 10 }, (_, index) => container.exec(["sh", "-c", `echo ${index}; exit ${index}`])));
  assert.equal(results.map(({ stdout, status: code }) => [stdout, code]), results.map((_, index) => [`${index}\n`, index]));
});

test("the container's own process is asked for nothing: what the bundle says by now does not count", async (t) => {
  const container = await running(t, ({ process }) => process.env.push("WHEN=create"));
  container.bundle.config.process.env.push("WHEN=now");
  container.bundle.write();
  assert.is(await inExec(container, ["sh", "-c", "echo $WHEN"]), "create\n");
});

function mapped(config: BundleConfig): void {
  config.linux.namespaces.push({ type: "user" });
  config.linux["uidMappings"] = [{ containerID: 0, hostID: 100_000, size: 65536 }];
  config.linux["gidMappings"] = [{ containerID: 0, hostID: 200_000, size: 65536 }];
}

test("with a user namespace the process is root inside and a mapped user outside", async (t) => {
  const container = await running(t, mapped);
  assert.is(await inExec(container, ["sh", "-c", "id -u; id -g; cat /proc/self/uid_map | tr -s ' '"]), "0\n0\n 0 100000 65536\n");
  silent(await container.exec(["sleep", "50"], ["--detach", "--user", "5:6", "--pid-file", file(t, "pid")]));
  await waitFor("the program runs", () => read(`/proc/${read(file(t, "pid"))}/comm`) === "sleep\n");
  const text = read(`/proc/${read(file(t, "pid"))}/status`);
  assert.is(status(text, "Uid"), "100005\t100005\t100005\t100005");
  assert.is(status(text, "Gid"), "200006\t200006\t200006\t200006");
  await endBoth(container, read(file(t, "pid")));
});

test("with a user namespace an id without a mapping is an error", async (t) => {
  const container = await running(t, mapped);
  refused(await container.exec(["true"], ["--user", "70000"]), /./, EXEC_FAILED);
});

test("without namespaces of its own the process is in the container's root all the same", async (t) => {
  const container = await running(t, (config) => {
    config.linux.namespaces = [{ type: "mount" }];
    delete config["hostname"];
    config.mounts = config.mounts.filter(({ destination }) => !destination.startsWith("/sys"));
  });
  assert.match(await inExec(container, ["ls", "/"]), /^bin\n/);
  assert.is(await inExec(container, ["readlink", "/proc/self/ns/pid"]), `${fs.readlinkSync("/proc/self/ns/pid")}\n`);
});

test("PRC-08 a shell's script with all kinds of characters arrives as it is", async (t) => {
  const container = await running(t, (config) => script(config, "sleep 100"));
  assert.is(await inExec(container, ["printf", "%s|", "", " ", "ä\n", "\"'$x"]), "| |ä\n|\"'$x|");
});

test.run();
