/** The streams of the shim's processes: all kinds of them, all bytes, detached and attached again, and over restarts. */

import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { createHash } from "node:crypto";
import * as fs from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { needs, suite } from "./harness.ts";
import type { Ground } from "./harness.ts";
import { begin, exec, pidOf, readOr, remove, shims, underShim, until } from "./shim.ts";
import type { Task } from "./shim.ts";

const stdio = suite("shim-stdio");
const withShim = underShim(stdio);

const LINES = 200_000;
const LAST = `${LINES}\n`;
/** What `seq 1 LINES` prints. */
const NUMBERS = Array.from({ length: LINES }, (_, n) => `${n + 1}\n`).join("");
const COUNT = ["/bin/seq", "1", `${LINES}`];

function sameBytes(got: string, wanted: string): void {
  const digest = (text: string): string => createHash("sha256").update(text).digest("hex");
  assert.is(digest(got), digest(wanted), `${got.length} bytes, not ${wanted.length}`);
}

/** The client with something to read, which ends when that does. */
async function feed(task: Task, args: readonly string[], input: string): Promise<{ readonly status: number | null; readonly output: string }> {
  const child = spawn(task.containerd.client, task.containerd.clientArguments(args), { stdio: ["pipe", "pipe", "inherit"] });
  let output = "";
  child.stdout.setEncoding("utf8");
  child.stdout.on("data", (text: string) => (output += text));
  const ended = new Promise<number | null>((resolve) => child.on("close", resolve));
  // The end of an input before there is a task is lost on containerd 1.6's client, with any shim.
  child.stdin.write(input);
  await until(() => output.length >= input.length, () => `${output.length} of ${input.length} bytes came`);
  child.stdin.end();
  return { status: await ended, output };
}

withShim("a container writes to the client's fifo itself, an exec to a pipe, and a terminal is a terminal", async (t, task) => {
  needs("setsid");
  const fifos = join(t.folder, "fifos");
  await begin(task, ["/bin/sleep", "1000"], ["--fifo-dir", fifos]);
  const init = await pidOf(task);
  assert.ok(fs.readlinkSync(`/proc/${init}/fd/1`).startsWith(fifos));
  const { stdout } = await exec(task, "x", ["/bin/readlink", "/proc/self/fd/1"]);
  assert.match(stdout, /^pipe:\[\d+\]\n$/);
  const pty = task.containerd.onTerminal(["tasks", "exec", "--tty", "--exec-id", "t", task.id, "/bin/readlink", "/proc/self/fd/1"]);
  await pty.until(/\/dev\/pts\/0/);
  assert.is(await pty.ended, 0);
  pty.close();
  await remove(task);
});

withShim("all bytes come out of a container, an exec and a terminal", async (_t, task) => {
  needs("setsid");
  sameBytes((await task.containerd.run(["--rm", ...task.rootfs, task.id, ...COUNT])).stdout, NUMBERS);
  await begin(task, ["/bin/sleep", "1000"]);
  sameBytes((await exec(task, "x", COUNT)).stdout, NUMBERS);
  const pty = task.containerd.onTerminal(["tasks", "exec", "--tty", "--exec-id", "t", task.id, ...COUNT]);
  await pty.until(new RegExp(`\\n${LINES}\\r`));
  assert.is(await pty.ended, 0);
  pty.close();
  const text = pty.shown.replaceAll("\r", "").split("\n").filter((line) => /^\d+$/.test(line));
  sameBytes(`${text.join("\n")}\n`, NUMBERS);
  await remove(task);
});

withShim("all bytes go into a container and an exec, and then the end", async (_t, task) => {
  const first = await feed(task, ["run", "--runtime", "io.containerd.tsrun.v1", "--rm", ...task.rootfs, task.id, "/bin/cat"], NUMBERS);
  sameBytes(first.output, NUMBERS);
  assert.is(first.status, 0);
  await begin(task, ["/bin/sleep", "1000"]);
  const second = await feed(task, ["tasks", "exec", "--exec-id", "x", task.id, "/bin/cat"], NUMBERS);
  sameBytes(second.output, NUMBERS);
  assert.is(second.status, 0);
  await remove(task);
});

withShim("a client may leave and come back: the container never notices, and what it writes meanwhile waits", async (_t, task) => {
  await begin(task, ["/bin/sh", "-c", "while :; do echo tick; sleep 0.02; done"]);
  const pid = await pidOf(task);
  for (let round = 0; round < 3; round++) {
    const attached = task.containerd.follow(["tasks", "attach", task.id]);
    await attached.until(/tick\ntick/);
    await attached.end("SIGKILL");
  }
  assert.is(await pidOf(task), pid);
  await remove(task);
});

/** What reads a fifo all the time, as a client that does not care whether containerd runs. */
function reader(fifo: string, file: string): { readonly child: ChildProcess; readonly ended: Promise<unknown> } {
  const child = spawn("cat", [fifo], { stdio: ["ignore", fs.openSync(file, "w"), "inherit"] });
  return { child, ended: new Promise((resolve) => child.on("exit", resolve)) };
}

function fifoIn(folder: string, ending: string): string {
  const [found] = fs.readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(ending));
  assert.ok(found !== undefined, `no fifo ${ending}`);
  return join(folder, found);
}

withShim("nothing of a container's or an exec's output is lost when containerd is killed in the middle of it", async (t, task) => {
  const mount = ["--mount", `type=bind,src=${t.folder},dst=/mnt,options=rbind:rw`];
  const script = `until [ -e /mnt/gate ]; do sleep 0.02; done; seq 1 ${LINES / 2}; touch /mnt/half-$0; sleep 0.5; seq ${LINES / 2 + 1} ${LINES}`;
  const [fifos, execFifos] = [join(t.folder, "fifos"), join(t.folder, "exec-fifos")];
  await begin(task, ["/bin/sh", "-c", `${script}; sleep 1000`, "init"], ["--fifo-dir", fifos, ...mount]);
  const detached = ["tasks", "exec", "--detach", "--fifo-dir", execFifos, "--exec-id", "x", task.id, "/bin/sh", "-c", script, "exec"];
  assert.is((await task.containerd.ctr(detached)).status, 0);
  const [out, execOut] = [join(t.folder, "out"), join(t.folder, "exec-out")];
  const readers = [reader(fifoIn(fifos, "-stdout"), out), reader(fifoIn(execFifos, "-stdout"), execOut)];
  fs.writeFileSync(join(t.folder, "gate"), "");
  await until(() => fs.existsSync(join(t.folder, "half-init")) && fs.existsSync(join(t.folder, "half-exec")), () => "no output comes");
  await task.containerd.end("SIGKILL");
  await task.containerd.start();
  await until(() => [out, execOut].every((file) => readOr(file).endsWith(LAST)), () => "the rest does not come");
  await remove(task);
  await Promise.all(readers.map(({ ended }) => ended));
  for (const file of [out, execOut]) sameBytes(readOr(file), NUMBERS);
});

/** A container in the host's pid namespace, where nobody ends what it leaves behind. */
function inHostPids(t: Ground, args: readonly string[]): string[] {
  const bundle = t.bundle((config) => {
    config.linux.namespaces = config.linux.namespaces.filter(({ type }) => type !== "pid");
    config.process.args = [...args];
  });
  bundle.config.root.path = bundle.rootfs;
  bundle.write();
  return ["--config", join(bundle.path, "config.json")];
}

withShim("a grandchild that keeps the output open, without a pid namespace, holds up nobody and does not survive", async (t, task) => {
  const args = inHostPids(t, ["/bin/sh", "-c", "(trap '' HUP; sleep 1000) & echo begun"]);
  const { status, stdout } = await task.containerd.run(["--rm", ...args, task.id]);
  assert.is(stdout, "begun\n");
  assert.is(status, 0);
});

function zombiesOf(shim: number): string[] {
  return readOr(`/proc/${shim}/task/${shim}/children`)
    .split(" ")
    .filter((pid) => /^State:\s+Z/m.test(readOr(`/proc/${pid}/status`)));
}

withShim("orphans of a container without a pid namespace are reaped, also side by side with execs and loggers", async (t, task) => {
  const args = inHostPids(t, ["/bin/sh", "-c", "while :; do (sleep 0.01 & sleep 0.02 &); sleep 0.05; done"]);
  const { status, stderr } = await task.containerd.run(["--detach", ...args, task.id]);
  assert.is(status, 0, stderr);
  const [shim = 0] = shims(task.id);
  for (let n = 0; n < 8; n++) assert.is((await exec(task, `x${n}`, ["/bin/sh", "-c", "(sleep 0.01 &) ; exit 4"])).status, 4);
  await task.containerd.ctr(["tasks", "pause", task.id]);
  await until(() => zombiesOf(shim).length === 0, () => `zombies: ${zombiesOf(shim).join(" ")}`);
  await task.containerd.ctr(["tasks", "resume", task.id]);
  await remove(task);
});

withShim("fifty containers at once all give their output and status", async (t, task) => {
  const ids = Array.from({ length: 50 }, () => t.id());
  const run = (id: string, n: number): ReturnType<Task["containerd"]["run"]> =>
    task.containerd.run(["--rm", ...task.rootfs, id, "/bin/sh", "-c", `echo ${n}; echo err ${n} >&2; exit ${n}`], { timeoutSeconds: 120 });
  const results = await Promise.all(ids.map(run));
  const wrong = results.map(({ status, stdout, stderr }, n) => [n, status, stdout, stderr]).filter(([n, ...got]) => `${got}` !== `${[n, `${n}\n`, `err ${n}\n`]}`);
  assert.equal(wrong, []);
});

stdio.run();
