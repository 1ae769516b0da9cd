/** spawn(): what the child finds, and what it leaves; the same under both engines. */

import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { native } from "./native.ts";
import type { NativeError, SpawnOptions, Spawned } from "./native.ts";
import { forget, ready } from "./waiter.ts";

const test = suite("spawn");

let folder = "";
test.before.each(() => {
  folder = fs.mkdtempSync(join(tmpdir(), "tsrun-spawn-"));
});
test.after.each(() => fs.rmSync(folder, { recursive: true }));

async function endOf({ pidfd }: Spawned): Promise<{ code: number; signal: number } | null> {
  await ready(pidfd);
  const end = native().waitPidfd(pidfd);
  forget(pidfd);
  fs.closeSync(pidfd);
  return end;
}

function readAll(fd: number): string {
  const buffer = Buffer.alloc(65_536);
  let text = "";
  for (let size = fs.readSync(fd, buffer); size > 0; size = fs.readSync(fd, buffer)) text += buffer.toString("utf8", 0, size);
  return text;
}

type Options = Partial<SpawnOptions> & { fdsWith?: (output: number) => number[] };

/** Spawns a program whose output is read to its end. */
async function run({ fdsWith = (output) => [-1, output, output], ...options }: Options): Promise<string> {
  const [reader, writer] = native().pipe();
  const child = native().spawn({ argv: [], env: ["PATH=/bin:/usr/bin"], ...options, fds: fdsWith(writer) });
  fs.closeSync(writer);
  const text = readAll(reader);
  fs.closeSync(reader);
  const end = await endOf(child);
  assert.equal(end, { code: 0, signal: 0 }, text);
  return text;
}

function shell(script: string, options: Options = {}): Promise<string> {
  return run({ file: "/bin/sh", argv: ["sh", "-c", script], ...options });
}

test("spawn() passes arguments and environment as they are, and nothing else", async () => {
  const env = ["A=1", "B= ä=\n", "EMPTY=", "word"];
  const text = await run({ file: "/bin/cat", argv: ["other name", "/proc/self/cmdline", "/proc/self/environ"], env });
  assert.is(text, ["other name", "/proc/self/cmdline", "/proc/self/environ", ...env].map((entry) => `${entry}\0`).join(""));
});

test("spawn() executes a descriptor", async () => {
  const executable = fs.openSync("/bin/sh", "r");
  assert.is(await run({ executable, argv: ["sh", "-c", "echo here"] }), "here\n");
  fs.closeSync(executable);
});

test("spawn() enters a working directory", async () => {
  assert.is(await shell("pwd", { cwd: fs.realpathSync(folder) }), `${fs.realpathSync(folder)}\n`);
});

/** Each descriptor of the child with what it is open on, those of the standard streams and its own view of them aside. */
const LIST = "cd /proc/self/fd; for fd in *; do echo $fd $(readlink $fd); done";

function descriptorsOf(text: string): string[] {
  return text.trim().split("\n").filter((line) => !line.includes("/proc/") && !/ (pipe|socket):/.test(line) && line.includes(folder));
}

test("spawn() puts descriptors that exchange their numbers each at its place", async () => {
  const names = ["x", "y", "z"].map((name) => join(folder, name));
  const [x = 0, y = 0, z = 0] = names.map((name) => fs.openSync(name, "w"));
  const places = (output: number): number[] => {
    const fds = Array.from({ length: Math.max(x, y, z) + 1 }, () => -1);
    [fds[0], fds[1], fds[2], fds[x], fds[y], fds[z]] = [-1, output, output, y, z, x];
    return fds;
  };
  const found = descriptorsOf(await shell(LIST, { fdsWith: places }));
  assert.equal(found.sort(), [`${x} ${names[1]}`, `${y} ${names[2]}`, `${z} ${names[0]}`].sort());
  for (const fd of [x, y, z]) fs.closeSync(fd);
});

test("spawn() gives one descriptor to several places, and closes the gaps", async () => {
  const path = join(folder, "x");
  const fd = fs.openSync(path, "w");
  const others = Array.from({ length: 5 }, (_, index) => fs.openSync(join(folder, `other-${index}`), "w"));
  const found = descriptorsOf(await shell(LIST, { fdsWith: (output) => [-1, output, output, fd, -1, -1, fd, -1, fd] }));
  assert.equal(found, [`3 ${path}`, `6 ${path}`, `8 ${path}`]);
  for (const other of [fd, ...others]) fs.closeSync(other);
});

test("spawn() places the output of the standard streams where the numbers of others were", async () => {
  const [reader, writer] = native().pipe();
  assert.is(await shell("echo out; echo err >&2", { fdsWith: (output) => [reader, writer, output] }), "err\n");
  fs.closeSync(writer);
  assert.is(readAll(reader), "out\n");
  fs.closeSync(reader);
});

async function signalMasks(options: Options): Promise<string[]> {
  const text = await run({ file: "/bin/cat", argv: ["cat", "/proc/self/status"], ...options });
  return [...text.matchAll(/^(Sig[BIC]\w+:)\s+(\w+)$/gm)].map(([, name, mask]) => `${name}${mask}`);
}

test("spawn() resets the engine's signals", async () => {
  assert.equal(await signalMasks({}), ["SigBlk:0000000000000000", "SigIgn:0000000000000000", "SigCgt:0000000000000000"]);
});

test("spawn() ignores and blocks the signals that it is told to", async () => {
  const masks = await signalMasks({ ignored: (1n << 9n) | 1n, blocked: (1n << 63n) | (1n << 14n) });
  assert.equal(masks, ["SigBlk:8000000000004000", "SigIgn:0000000000000201", "SigCgt:0000000000000000"]);
});

test("spawn() sets the limit of descriptors", async () => {
  assert.is(await shell("ulimit -Sn; ulimit -Hn", { nofile: [64n, 128n] }), "64\n128\n");
});

test("spawn() leaves this process's own signals and limit as they were", async () => {
  // SigQ counts what waits for all processes of the user.
  const status = (): string => (fs.readFileSync("/proc/self/status", "utf8").match(/^Sig[^Q].*$/gm) ?? []).join();
  const before = [status(), fs.readFileSync("/proc/self/limits", "utf8")];
  await shell("true", { nofile: [64n, 128n], ignored: 1n, blocked: 2n });
  assert.equal([status(), fs.readFileSync("/proc/self/limits", "utf8")], before);
});

test("waitPidfd() tells an exit status, a signal, and nothing of what still runs", async () => {
  const spawn = (script: string): Spawned => native().spawn({ file: "/bin/sh", argv: ["sh", "-c", script], env: [], fds: [-1, -1, -1] });
  assert.equal(await endOf(spawn("exit 7")), { code: 7, signal: 0 });
  assert.equal(await endOf(spawn("kill -9 $$")), { code: 0, signal: 9 });
  const sleeping = native().spawn({ file: "/bin/sleep", argv: ["sleep", "100"], env: [], fds: [-1, -1, -1] });
  assert.is(native().waitPidfd(sleeping.pidfd), null);
  native().pidfdSendSignal(sleeping.pidfd, 15);
  assert.equal(await endOf(sleeping), { code: 0, signal: 15 });
});

function failureOf(action: () => unknown): Partial<NativeError> {
  try {
    action();
  } catch (error) {
    const { code, errno, syscall, path } = error as NativeError;
    return { code, errno, syscall, ...(path === undefined ? {} : { path }) };
  }
  return {};
}

const PLAIN = { argv: ["x"], env: [], fds: [-1, -1, -1] };

test("spawn() says why it could not, with the call of the child that failed", () => {
  const script = join(folder, "script");
  fs.writeFileSync(script, "no program", { mode: 0o755 });
  const plain = join(folder, "plain");
  fs.writeFileSync(plain, "", { mode: 0o644 });
  const spawn = (options: Partial<SpawnOptions>): Partial<NativeError> => failureOf(() => native().spawn({ ...PLAIN, ...options }));
  assert.equal(spawn({ file: "/no/such" }), { code: "ENOENT", errno: 2, syscall: "execve", path: "/no/such" });
  assert.equal(spawn({ file: script }), { code: "ENOEXEC", errno: 8, syscall: "execve", path: script });
  assert.equal(spawn({ file: plain }), { code: "EACCES", errno: 13, syscall: "execve", path: plain });
  assert.equal(spawn({ file: "/bin/true", cwd: "/no/such" }).syscall, "chdir");
  assert.equal(spawn({ file: "/bin/true", fds: [-1, 99_999] }), { code: "EBADF", errno: 9, syscall: "fcntl", path: "/bin/true" });
  // CLONE_THREAD without CLONE_SIGHAND.
  assert.equal(spawn({ file: "/bin/true", flags: 0x10000 }), { code: "EINVAL", errno: 22, syscall: "clone3" });
});

/** What grows when something is forgotten; a mapping more or less is the engine's. */
function owned(): { descriptors: number; children: string; mappings: number } {
  const tasks = fs.readdirSync("/proc/self/task");
  return {
    descriptors: fs.readdirSync("/proc/self/fd").length,
    children: tasks.map((task) => fs.readFileSync(`/proc/self/task/${task}/children`, "utf8")).join(""),
    mappings: fs.readFileSync("/proc/self/maps", "utf8").split("\n").length,
  };
}

test("spawn() leaks nothing, whether it works or not", async () => {
  await shell("true");
  const before = owned();
  for (let round = 0; round < 50; round++) {
    await shell("true");
    failureOf(() => native().spawn({ ...PLAIN, file: "/no/such" }));
    failureOf(() => native().spawn({ ...PLAIN, file: "/bin/true", fds: [99_999] }));
    failureOf(() => native().spawn({ ...PLAIN, file: "/bin/true", flags: 0x10000 }));
  }
  const after = owned();
  assert.equal([after.descriptors, after.children], [before.descriptors, before.children]);
  assert.ok(after.mappings < before.mappings + 30, `${before.mappings} mappings, then ${after.mappings}`);
});

test.run();
