/** `exec`: terminals, signals, and what is left when it is killed, fails or has a hostile container before it. */

import { spawn } from "node:child_process";
import * as fs from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import type { BundleConfig } from "./bundle.ts";
import { until } from "./engine.ts";
import { needs, skip, suite } from "./harness.ts";
import type { Ground } from "./harness.ts";
import { Pty } from "./pty.ts";
import { RUNTIME } from "./runtime.ts";

const test = suite("exec");

async function sleeping(t: Ground, change?: (config: BundleConfig) => void): Promise<string> {
  needs("root");
  const id = t.id();
  const bundle = t.bundle((config) => {
    config.process.args = ["sleep", "100"];
    change?.(config);
  });
  const { status, stderr } = await t.runtime(["run", "--detach", "--bundle", bundle.path, id]);
  assert.is(status, 0, stderr);
  return id;
}

async function pids(t: Ground, id: string): Promise<number[]> {
  return JSON.parse((await t.runtime(["ps", "--format", "json", id])).stdout) as number[];
}

async function alone(t: Ground, id: string): Promise<void> {
  await until(async () => (await pids(t, id)).length === 1, () => "processes of the exec are left");
}

/** Waits for a file that the program makes. */
async function untilThere(path: string): Promise<void> {
  await until(() => fs.existsSync(path), () => `${path} does not come`);
}

function writable(config: BundleConfig): void {
  config.root.readonly = false;
}

function rootfs(t: Ground): string {
  return join(t.folder, "bundle-0/rootfs");
}

test("--tty gives the program the caller's terminal, its size and its keys, and puts the settings back", async (t) => {
  const id = await sleeping(t);
  const pty = new Pty([RUNTIME, "--root", t.stateRoot, "exec", "--tty", id, "sh"], { cwd: t.folder, rows: 33, columns: 77 });
  const { before } = pty;
  await pty.until(/# /);
  pty.type("tty; stty size\n");
  await pty.until(/\/dev\/pts\/0\r\n33 77\r\n/);
  pty.resize(44, 88);
  pty.type('until [ "$(stty size)" = "44 88" ]; do sleep 0.1; done; stty size; : </dev/tty && echo mine\n');
  await pty.until(/44 88\r\nmine\r\n/);
  pty.type("exit 5\n");
  assert.is(await pty.ended, 5);
  const kept = (text: string): string => text.replace(/rows \d+; columns \d+/, "");
  assert.is(kept(pty.settings()), kept(before));
  pty.close();
});

test("--tty: Control-C is a key of the program's", async (t) => {
  const id = await sleeping(t);
  const pty = new Pty([RUNTIME, "--root", t.stateRoot, "exec", "-t", id, "sh", "-c", "trap 'echo caught; exit 9' INT; echo ready; while :; do sleep 0.1; done"], { cwd: t.folder });
  await pty.until(/ready/);
  pty.type("\u0003");
  await pty.until(/caught/);
  assert.is(await pty.ended, 9);
  pty.close();
});

test("signals go to the program, and not to the container's", async (t) => {
  const id = await sleeping(t, writable);
  for (const [signal, number] of [["SIGTERM", 15], ["SIGUSR1", 10], ["SIGHUP", 1]] as const) {
    const ready = join(rootfs(t), `ready-${signal}`);
    const script = `trap 'exit ${40 + number}' ${number}; touch /ready-${signal}; while :; do sleep 0.05; done`;
    const child = spawn(RUNTIME, ["--root", t.stateRoot, "exec", id, "sh", "-c", script], { stdio: "ignore" });
    const ended = new Promise<number | null>((resolve) => child.on("exit", resolve));
    await untilThere(ready);
    child.kill(signal);
    assert.is(await ended, 40 + number);
  }
  assert.match((await t.runtime(["state", id])).stdout, '"status": "running"');
});

test("an exec that is killed at any moment leaves no process that was not told to run", async (t) => {
  const id = await sleeping(t);
  const [init] = await pids(t, id);
  let unfinished = 0;
  for (let round = 0; round < 30; round++) {
    const child = spawn(RUNTIME, ["--root", t.stateRoot, "exec", id, "sleep", "100"], { stdio: "ignore" });
    const ended = new Promise((resolve) => child.on("exit", resolve));
    setTimeout(() => child.kill("SIGKILL"), round * 2);
    await ended;
    if ((await pids(t, id)).length === 1) unfinished++;
    // Who was told to run is the program by now, or soon; who was not is gone.
    await until(async () => !(await pids(t, id)).some((pid) => nameOf(pid) === "tsrun-init"), () => "an init waits for nobody");
    for (const pid of await pids(t, id)) if (pid !== init && nameOf(pid) === "sleep") process.kill(pid, "SIGKILL");
    await alone(t, id);
  }
  assert.ok(unfinished > 0, "none was killed in time");
  assert.equal(fs.readdirSync(join(t.stateRoot, id)).sort(), ["config.json", "state.json"]);
});

/** Whether a process has a handler of its own for a signal: before it has, the signal simply ends it. */
function hears(pid: number, signal: number): boolean {
  const [, caught = "0"] = /^SigCgt:\t([0-9a-f]+)$/m.exec(fs.readFileSync(`/proc/${pid}/status`, "utf8")) ?? [];
  return ((BigInt(`0x${caught}`) >> BigInt(signal - 1)) & 1n) === 1n;
}

function nameOf(pid: number): string {
  try {
    return fs.readFileSync(`/proc/${pid}/comm`, "utf8").trim();
  } catch {
    return "";
  }
}

test("an exec into a paused container is refused, and with --ignore-paused begins when that is resumed", async (t) => {
  const id = await sleeping(t, writable);
  assert.is((await t.runtime(["pause", id])).status, 0);
  const refused = await t.runtime(["exec", id, "true"]);
  assert.is(refused.status, 255);
  assert.match(refused.stderr, "cannot exec in a paused container (use --ignore-paused to override)");
  const child = spawn(RUNTIME, ["--root", t.stateRoot, "exec", "--ignore-paused", id, "touch", "/begun"], { stdio: "ignore" });
  const ended = new Promise<number | null>((resolve) => child.on("exit", resolve));
  await new Promise((resolve) => setTimeout(resolve, 200));
  assert.not.ok(fs.existsSync(join(rootfs(t), "begun")));
  assert.is((await t.runtime(["resume", id])).status, 0);
  assert.is(await ended, 0);
  assert.ok(fs.existsSync(join(rootfs(t), "begun")));
});

test("on cgroup v2 a process that moves itself goes where the container's own went with its sub-cgroups", async (t) => {
  if (!fs.existsSync("/sys/fs/cgroup/cgroup.controllers")) skip("cgroup v2 is not in use");
  const id = await sleeping(t, writable);
  const { pid } = JSON.parse((await t.runtime(["state", id])).stdout) as { pid: number };
  const own = join("/sys/fs/cgroup", fs.readFileSync(`/proc/${pid}/cgroup`, "utf8").trim().slice("0::".length));
  fs.mkdirSync(join(own, "inner"));
  fs.writeFileSync(join(own, "inner/cgroup.procs"), `${pid}`);
  fs.writeFileSync(join(own, "cgroup.subtree_control"), "+pids");
  // From there on the container's own cgroup takes no process. An affinity has to be set before the cgroup is entered.
  const file = join(t.folder, "process.json");
  fs.writeFileSync(file, JSON.stringify({ cwd: "/", args: ["cat", "/proc/self/cgroup"], env: ["PATH=/bin"], execCPUAffinity: { initial: "0" } }));
  assert.match((await t.runtime(["exec", "--process", file, id])).stdout, /^0::\/(.*\/)?inner\n$/);
  assert.is((await t.runtime(["pause", id])).status, 0);
  const child = spawn(RUNTIME, ["--root", t.stateRoot, "exec", "--ignore-paused", id, "touch", "/begun"], { stdio: "ignore" });
  const ended = new Promise<number | null>((resolve) => child.on("exit", resolve));
  assert.is((await t.runtime(["resume", id])).status, 0);
  assert.is(await ended, 0);
  assert.ok(fs.existsSync(join(rootfs(t), "begun")));
});

test("an exec that waits for a resume can be given up", async (t) => {
  const id = await sleeping(t);
  assert.is((await t.runtime(["pause", id])).status, 0);
  const child = spawn(RUNTIME, ["--root", t.stateRoot, "exec", "--ignore-paused", id, "sleep", "50"], { stdio: "ignore" });
  const ended = new Promise<number | null>((resolve) => child.on("exit", resolve));
  await until(() => hears(child.pid ?? 0, 15), () => "it does not come to hear signals");
  await until(async () => (await pids(t, id)).length > 1, () => "it does not come to wait");
  child.kill("SIGTERM");
  assert.is(await ended, 143);
  assert.is((await t.runtime(["resume", id])).status, 0);
  await alone(t, id);
});

test("--process takes a whole process, and names the place of what is wrong in it", async (t) => {
  const id = await sleeping(t);
  const file = join(t.folder, "process.json");
  const whole = { cwd: "/tmp", args: ["sh", "-c", "pwd; id -u; echo $A $HOME"], env: ["PATH=/bin", "A=b"], user: { uid: 7, gid: 8 } };
  fs.writeFileSync(file, JSON.stringify(whole));
  const good = await t.runtime(["exec", "--process", file, id]);
  assert.equal([good.stdout, good.status], ["/tmp\n7\nb /\n", 0], good.stderr);
  fs.writeFileSync(file, JSON.stringify({ ...whole, cwd: "/none" }, undefined, 2));
  const missing = await t.runtime(["exec", "--process", file, id]);
  assert.match(missing.stderr, `cannot enter the working directory "/none": cwd: ENOENT: no such file or directory (${file}:2:`);
  fs.writeFileSync(file, JSON.stringify({ ...whole, cwd: "tmp", args: [] }, undefined, 2));
  const wrong = await t.runtime(["exec", "--process", file, id]);
  assert.is(wrong.status, 255);
  assert.match(wrong.stderr, "must be an absolute path");
  assert.match(wrong.stderr, "must have at least 1 entry");
});

test("CVE-2024-21626 no working directory leads out of the container", async (t) => {
  const id = await sleeping(t);
  for (let fd = 0; fd < 30; fd++) {
    const { status, stdout } = await t.runtime(["exec", "--cwd", `/proc/self/fd/${fd}`, id, "ls"]);
    assert.equal([status, stdout], [255, ""], `fd ${fd}`);
  }
});

test("CVE-2019-5736 a program that is a link to /proc/self/exe does not get at the runtime", async (t) => {
  const id = await sleeping(t);
  fs.symlinkSync("/proc/self/exe", join(rootfs(t), "evil"));
  for (const program of ["/evil", "/proc/self/exe"]) assert.is((await t.runtime(["exec", id, program])).status, 255);
});

test("CVE-2016-9962 who watches from inside never sees a descriptor of the host, nor more rights than the program has", async (t) => {
  const id = await sleeping(t, (config) => {
    writable(config);
    const sets = ["CAP_SYS_PTRACE", "CAP_DAC_OVERRIDE"];
    config.process["capabilities"] = { bounding: sets, effective: sets, permitted: sets };
  });
  const seen = join(rootfs(t), "seen");
  const watch = "cd /proc; touch /ready; while [ ! -e /stop ]; do for p in [0-9]*; do case $p in 1|$$) ;; *) grep -h ^CapPrm $p/status; ls -l $p/fd;; esac; done; done >>/seen 2>/dev/null";
  assert.is((await t.runtime(["exec", "--detach", id, "sh", "-c", watch])).status, 0);
  await untilThere(join(rootfs(t), "ready"));
  for (let round = 0; round < 30; round++) assert.is((await t.runtime(["exec", id, "true"])).status, 0);
  fs.writeFileSync(join(rootfs(t), "stop"), "");
  await alone(t, id);
  const lines = fs.readFileSync(seen, "latin1").split("\n");
  assert.ok(lines.some((line) => line.startsWith("CapPrm")), "the watcher saw nobody");
  const allowed = (1n << 19n) | (1n << 1n);
  for (const line of lines.filter((text) => text.startsWith("CapPrm"))) assert.is(BigInt(`0x${line.slice(7).trim()}`) & ~allowed, 0n, line);
  assert.equal(lines.filter((line) => / -> (\/sys\/fs\/cgroup|.*\/tasks|.*cgroup\.procs|anon_inode:\[pidfd\])/.test(line)), []);
});

test.run();
