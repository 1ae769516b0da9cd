/** What tsrun says when something goes wrong: always once, where the caller looks for it, with the cause and not only the errno. */

import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import type { BundleConfig } from "./bundle.ts";
import { needs, skip, suite } from "./harness.ts";
import type { Ground } from "./harness.ts";
import { PROJECT } from "./runtime.ts";

const test = suite("diagnosis");

/** The messages of level error in a log of JSON lines. */
function errorsIn(t: Ground): string[] {
  const lines = fs.readFileSync(join(t.folder, "log"), "utf8").split("\n").filter((line) => line !== "");
  const records = lines.map((line) => JSON.parse(line) as { level: string; msg: string; time: string });
  return records.filter(({ level }) => level === "error").map(({ msg }) => msg);
}

for (const [words, status, message] of [
  [["--log", "LOG", "--log-format", "json", "--nope", "list"], 1, 'cannot use option "--nope": flag provided but not defined'],
  [["--nope", "--log=LOG", "--log-format=json"], 1, 'cannot use option "--nope": flag provided but not defined'],
  [["--log", "LOG", "--log-format", "json", "--root"], 1, 'cannot use option "--root": it needs a value'],
  [["--log-format", "json", "--log", "LOG", "nope"], 3, "No help topic for 'nope': it is not a command of tsrun (tsrun --help)"],
  [["--log-format", "json", "--log", "LOG", "help", "nope"], 3, "No help topic for 'nope': it is not a command of tsrun (tsrun --help)"],
  [["--log-format", "json", "--log", "LOG", "state"], 1, "cannot state: it needs a container id (tsrun state --help)"],
] as const) {
  test(`--log has exactly one error of the command line ${words.join(" ")}`, async (t) => {
    const log = join(t.folder, "log");
    const { status: ended } = await t.runtime(words.map((word) => word.replace("LOG", log)));
    assert.equal([ended, errorsIn(t)], [status, [message]]);
  });
}

for (const [what, code] of [
  ["an exception that nobody catches", 'throw new Error("told");'],
  ["a rejection that nobody waits for", 'void Promise.reject(new Error("told"));'],
  ["what is thrown and is no error", 'throw "told";'],
] as const) {
  test(`--log has exactly one error of ${what} in the JavaScript`, (t) => {
    needs("root");
    const underWay = join(t.folder, "under-way");
    const bundle = t.bundle((config) => {
      config.hooks = { createRuntime: [{ path: "/bin/sh", args: ["sh", "-c", `echo $$ >${underWay}; exec sleep 5`], timeout: 5 }] };
    });
    const fault = join(t.folder, "fault.mjs");
    const wait = `const timer = setInterval(() => { if (!existsSync(${JSON.stringify(underWay)})) return; clearInterval(timer); ${code} }, 10);`;
    fs.writeFileSync(fault, `import { existsSync } from "node:fs";\n${wait}\n`);
    const main = join(PROJECT, "dist/js/src/cli/main.js");
    const options = ["--root", t.stateRoot, "--log", join(t.folder, "log"), "--log-format", "json"];
    const command = ["--import", fault, main, ...options, "create", "--bundle", bundle.path, t.id()];
    const { status, stderr } = spawnSync(process.execPath, command, { encoding: "utf8" });
    // Who died so ends nobody.
    process.kill(Number(fs.readFileSync(underWay, "utf8")), "SIGKILL");
    assert.equal([status, errorsIn(t)], [1, ["internal error: told"]]);
    assert.is(stderr, "tsrun: internal error: told\n", "no stack trace");
  });
}

/** A program for another machine: an ELF header and nothing more. */
function foreignProgram(): Buffer {
  const header = Buffer.alloc(64);
  header.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  // Of the machine that this one is not: EM_AARCH64, EM_X86_64.
  header.writeUInt16LE(2, 16);
  header.writeUInt16LE(process.arch === "x64" ? 0xb7 : 0x3e, 18);
  return header;
}

/** One that asks for a dynamic loader, whose name lies as far back as in programs of Go. */
function loaderProgram(loader: string): Buffer {
  const file = Buffer.alloc(4096);
  file.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  file.writeUInt16LE(2, 16);
  file.writeUInt16LE(process.arch === "x64" ? 0x3e : 0xb7, 18);
  const [segment, name] = [64, file.length - loader.length - 1];
  file.writeBigUInt64LE(BigInt(segment), 32);
  file.writeUInt16LE(56, 54);
  file.writeUInt16LE(1, 56);
  file.writeUInt32LE(3, segment);
  file.writeBigUInt64LE(BigInt(name), segment + 8);
  file.writeBigUInt64LE(BigInt(loader.length + 1), segment + 32);
  file.write(loader, name);
  return file;
}

interface Refused {
  readonly why: string;
  readonly args: readonly string[];
  readonly message: string;
  /** Puts the program into the root file system. */
  readonly prepare?: (rootfs: string) => void;
  readonly change?: (config: BundleConfig) => void;
  /** The command that fails; 1 for `create`. */
  readonly at: "create" | "start";
}

function file(name: string, content: string | Buffer, mode = 0o755): (rootfs: string) => void {
  return (rootfs) => fs.writeFileSync(join(rootfs, name), content, { mode });
}

const NAMES = process.arch === "x64" ? ["aarch64", "x86_64"] : ["x86_64", "aarch64"];

const REFUSED: readonly Refused[] = [
  { why: "is in no folder of the PATH", args: ["none"], at: "create", message: 'exec: "none": executable file not found in $PATH (config.json:PLACE /process/args/0); the PATH is "/bin:/usr/bin"' },
  { why: "is not there", args: ["/none"], at: "create", message: 'exec: "/none": stat /none: no such file or directory (config.json:PLACE /process/args/0)' },
  { why: "is a link that leads nowhere", args: ["/bin/dangling"], prepare: (rootfs) => fs.symlinkSync("/none", join(rootfs, "bin/dangling")), at: "create", message: 'exec: "/bin/dangling": stat /bin/dangling: no such file or directory (config.json:PLACE /process/args/0); it is a symbolic link that leads nowhere' },
  { why: "is a directory", args: ["/bin"], at: "create", message: 'exec: "/bin": is a directory (config.json:PLACE /process/args/0)' },
  { why: "nobody may execute", args: ["text"], prepare: file("bin/text", "#!/bin/sh\n", 0o644), at: "create", message: 'exec: "text": permission denied (config.json:PLACE /process/args/0); its mode 0644 lets nobody execute it' },
  { why: "this user may not execute", args: ["/bin/text"], prepare: file("bin/text", "#!/bin/sh\n", 0o744), change: ({ process }) => (process.user = { uid: 1000, gid: 1000 }), at: "create", message: 'exec: "/bin/text": permission denied (config.json:PLACE /process/args/0); its mode 0744 and its owner 0:0 do not let this user execute it' },
  { why: "this user may not come to", args: ["/root/text"], prepare: (rootfs) => { file("root/text", "#!/bin/sh\n")(rootfs); fs.chmodSync(join(rootfs, "root"), 0o700); }, change: ({ process }) => (process.user = { uid: 1000, gid: 1000 }), at: "create", message: 'exec: "/root/text": permission denied (config.json:PLACE /process/args/0); a directory on the way to it may not be searched by this user' },
  { why: "lies on a mount with noexec", args: ["/mnt/true"], change: ({ mounts }) => mounts.push({ destination: "/mnt", source: "/bin", options: ["bind", "noexec"] }), at: "create", message: 'exec: "/mnt/true": permission denied (config.json:PLACE /process/args/0); its file system is mounted noexec' },
  { why: "is a device", args: ["/dev/null"], at: "create", message: 'exec: "/dev/null": permission denied (config.json:PLACE /process/args/0); it is a character device' },
  { why: "is a script without its interpreter", args: ["/bin/script"], prepare: file("bin/script", "#!/none -x\n"), at: "start", message: 'ENOENT: no such file or directory (config.json:PLACE /process/args); it needs the interpreter "/none", which is missing' },
  { why: "is a script with the line ends of Windows", args: ["/bin/script"], prepare: file("bin/script", "#!/bin/sh\r\n"), at: "start", message: 'ENOENT: no such file or directory (config.json:PLACE /process/args); it needs the interpreter "/bin/sh\\r", which is missing; the file has the line ends of Windows' },
  { why: "is a script whose interpreter is none", args: ["/bin/script"], prepare: file("bin/script", "#!/etc/passwd\n"), at: "start", message: 'EACCES: permission denied (config.json:PLACE /process/args); it needs the interpreter "/etc/passwd", which cannot be executed' },
  { why: "is without its dynamic loader", args: ["/bin/program"], prepare: file("bin/program", loaderProgram("/lib/ld-none.so")), at: "start", message: 'ENOENT: no such file or directory (config.json:PLACE /process/args); it needs the dynamic loader "/lib/ld-none.so", which is missing' },
  { why: "is for another machine", args: ["/bin/program"], prepare: file("bin/program", foreignProgram()), at: "start", message: `ENOEXEC: exec format error (config.json:PLACE /process/args); it is a program for ${NAMES[0]}, and this machine is ${NAMES[1]}` },
  { why: "is text", args: ["/bin/text"], prepare: file("bin/text", "true\n"), at: "start", message: 'ENOEXEC: exec format error (config.json:PLACE /process/args); it is text without a first line that begins with "#!"' },
  { why: "is empty", args: ["/bin/text"], prepare: file("bin/text", ""), at: "start", message: "ENOEXEC: exec format error (config.json:PLACE /process/args); it is an empty file" },
  { why: "has too long an argument", args: ["/bin/true", "x".repeat(200_000)], at: "start", message: "E2BIG: argument list too long (config.json:PLACE /process/args); args and env together, or one of them alone, are longer than the kernel takes" },
];

for (const { why, args, message, prepare, change, at } of REFUSED) {
  test(`${at} tells of a program that ${why}`, async (t) => {
    needs("root");
    const bundle = t.bundle((config) => {
      config.process.args = [...args];
      config.process.env = ["PATH=/bin:/usr/bin"];
      change?.(config);
    });
    prepare?.(bundle.rootfs);
    const id = t.id();
    const expected = `tsrun: cannot execute "${args[0]}": ${message}\n`;
    const created = await t.runtime(["create", "--bundle", bundle.path, id]);
    const told = at === "create" ? created : await t.runtime(["start", id]);
    assert.is(told.stderr.replace(/config\.json:\d+:\d+/, "config.json:PLACE"), expected);
    assert.equal([created.status, told.status], at === "create" ? [1, 1] : [0, 1]);
    // The same in one command, where init speaks through the gate and not through the fifo.
    const ran = await t.runtime(["run", "--bundle", bundle.path, t.id()]);
    assert.is(ran.stderr.replace(/config\.json:\d+:\d+/, "config.json:PLACE"), expected);
    assert.is(ran.status, at === "create" ? 1 : 255);
  });
}

test("a config.json that nobody writes, and resources without an end, are told at once", async (t) => {
  needs("root");
  const bundle = t.bundle();
  const config = join(bundle.path, "config.json");
  fs.rmSync(config);
  assert.is(spawnSync("mkfifo", [config]).status, 0);
  const { stderr } = await t.runtime(["run", "--bundle", bundle.path, t.id()]);
  assert.is(stderr, `tsrun: cannot use ${config}: must be a file (${config} /)\n`);
  const update = await t.runtime(["update", "--resources", "/dev/zero", "none"]);
  assert.is(update.stderr, 'tsrun: cannot read "/dev/zero": EFBIG: file too large\n');
});

test("run tells where to look for the system call that seccomp killed the program for", async (t) => {
  needs("root");
  const kill = { defaultAction: "SCMP_ACT_ALLOW", syscalls: [{ names: ["chdir"], action: "SCMP_ACT_KILL_PROCESS" }] };
  const bundle = t.bundle((config) => {
    config.process.args = ["/bin/sh", "-c", "cd /tmp"];
    config.linux["seccomp"] = kill;
  });
  const { status, stderr } = await t.runtime(["run", "--bundle", bundle.path, t.id()]);
  assert.is(status, 128 + 31);
  assert.match(stderr, /^tsrun: warning: container ".*" was killed by SIGSYS: its profile \(\/linux\/seccomp\) .*type=1326/);
  // The same end without a profile is the program's own business.
  const own = t.bundle((config) => (config.process.args = ["/bin/sh", "-c", "exec sh -c 'kill -SYS $$'"]));
  assert.is((await t.runtime(["run", "--bundle", own.path, t.id()])).stderr, "");
});

test("run, create and start, and exec tell of an init that a filter kills in its last step", async (t) => {
  needs("root");
  const kill = { defaultAction: "SCMP_ACT_ALLOW", syscalls: [{ names: ["execve"], action: "SCMP_ACT_KILL_PROCESS" }] };
  const bundle = t.bundle((config) => (config.linux["seccomp"] = kill));
  const words = /it died of SIGSYS; does the profile refuse what init still has to do \(.*execve\)\?/;
  for (const options of [[], ["--detach"]]) {
    const { status, stderr } = await t.runtime(["run", ...options, "--bundle", bundle.path, t.id()]);
    assert.is(status, 1);
    assert.match(stderr, words);
  }
  const id = t.id();
  assert.is((await t.runtime(["create", "--bundle", bundle.path, id])).status, 0);
  const exec = await t.runtime(["exec", id, "true"]);
  assert.is(exec.status, 255);
  assert.match(exec.stderr, words);
  // This process is nobody's parent here: who is may be quicker, and then nobody knows.
  const { status, stderr } = await t.runtime(["start", id]);
  if (status === 1) assert.match(stderr, /^tsrun: cannot start container ".*": its init died before the program could begin: it died of SIGSYS; does/);
  assert.match((await t.runtime(["state", id])).stdout, '"stopped"');
});

for (const [name, action, end] of [
  ["openat", "SCMP_ACT_ERRNO", "cannot wait at the exec fifo: try_fifo: EPERM: operation not permitted (config.json:"],
  ["openat", "SCMP_ACT_KILL_PROCESS", "its init is gone before it was done: it died of SIGSYS"],
  ["read", "SCMP_ACT_ERRNO", "cannot wait at the exec fifo: try_fifo: EPERM: operation not permitted (config.json:"],
  ["read", "SCMP_ACT_KILL_THREAD", "its init is gone before it was done: it died of SIGSYS"],
] as const) {
  test(`create fails where the filter does not let init wait for start (${name}, ${action})`, async (t) => {
    needs("root");
    const id = t.id();
    const bundle = t.bundle((config) => {
      config.linux["seccomp"] = { defaultAction: "SCMP_ACT_ALLOW", syscalls: [{ names: [name], action }] };
    });
    const { status, stderr } = await t.runtime(["create", "--bundle", bundle.path, id]);
    assert.is(status, 1);
    assert.match(stderr, end);
    assert.match(stderr, "/linux/seccomp");
    assert.equal(t.leftovers(id), []);
  });
}

test("create tells which rules of a filter contradict each other where the filter cannot have both", async (t) => {
  needs("root");
  if (process.arch !== "x64") skip("it is so on i386, of whose calls this machine's filters know nothing");
  const rule = { names: ["sendto"], action: "SCMP_ACT_ERRNO" };
  const bundle = t.bundle((config) => {
    config.linux["seccomp"] = { defaultAction: "SCMP_ACT_ALLOW", architectures: ["SCMP_ARCH_X86"], syscalls: [rule, { ...rule, action: "SCMP_ACT_LOG" }] };
  });
  const { status, stderr } = await t.runtime(["create", "--bundle", bundle.path, t.id()]);
  assert.is(status, 1);
  assert.match(stderr, /^tsrun: cannot use config\.json: must not have rules for "sendto" that contradict each other: .* \(config\.json:\d+:\d+ \/linux\/seccomp\/syscalls\)\n$/);
});

test("start tells what it can where seccomp does not let init find out more", async (t) => {
  needs("root");
  const bundle = t.bundle((config) => {
    config.process.args = ["/bin/script"];
    config.linux["seccomp"] = { defaultAction: "SCMP_ACT_ALLOW", syscalls: [{ names: ["statx"], action: "SCMP_ACT_KILL_PROCESS" }] };
  });
  file("bin/script", "#!/none\n")(bundle.rootfs);
  const id = t.id();
  assert.is((await t.runtime(["create", "--bundle", bundle.path, id])).status, 0);
  const { stderr } = await t.runtime(["start", id]);
  assert.match(stderr, /^tsrun: cannot execute "\/bin\/script": ENOENT: no such file or directory \(.*\); the program is there, so its interpreter or loader is missing\n$/);
});

test.run();
