/** Faults under containerd: full disks, bundles that vanish, readers that never read, and kills at any moment. */

import { spawn } from "node:child_process";
import * as fs from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { suite } from "./harness.ts";
import type { Ground } from "./harness.ts";
import { begin, exec, left, mountTmpfs, pidOf, readOr, remove, shims, statusOf, stopped, underShim, until, unmount } from "./shim.ts";
import type { Task } from "./shim.ts";

const faults = suite("shim-faults");
const withShim = underShim(faults);

const PAGE = 4096;
const SEED = Number(process.env["SEED"] ?? 1);

/** Leaves so many pages free on a tmpfs, for as long as `body` runs. */
async function withPages(folder: string, free: number, body: () => Promise<void>): Promise<void> {
  const filler = join(folder, "filler");
  const { bavail } = fs.statfsSync(folder);
  fs.writeFileSync(filler, Buffer.alloc(Math.max(0, bavail - free) * PAGE));
  try {
    await body();
  } finally {
    fs.rmSync(filler);
  }
}

/** Tries with ever more room, from none on, until it is enough: each time it works, or fails with one clear error. */
async function fillStepwise(t: Ground, task: Task, { folder, options = [] }: { readonly folder: string; readonly options?: readonly string[] }): Promise<void> {
  let failures = 0;
  for (let free = 0; ; free++) {
    assert.ok(free < 64, "it never works");
    const id = t.id();
    let worked = false;
    await withPages(folder, free, async () => {
      const { status, stdout, stderr } = await task.containerd.run(["--rm", ...options, ...task.rootfs, id, "/bin/echo", "works"]);
      worked = status === 0 && stdout === "works\n";
      if (worked) return;
      assert.match(stderr, /no space left on device/i, `${free} pages`);
      assert.is(stderr.trim().split("\n").filter((line) => line.includes("ctr:")).length, 1, stderr);
    });
    await task.containerd.ctr(["containers", "rm", id]);
    await until(() => task.containerd.leftovers().length === 0, () => `left with ${free} pages: ${task.containerd.leftovers().join(" ")}`);
    if (worked) break;
    failures++;
  }
  assert.ok(failures > 0, "it was never full");
}

withShim("a disk that is full where the bundles are fails the create with one error, and leaves nothing", async (t, task) => {
  await fillStepwise(t, task, { folder: join(t.folder, "tmpfs") });
}, { state: "size=512k" });

withShim("a disk that is full where the states are fails the create with one error, and leaves nothing", async (t, task) => {
  const root = mountTmpfs(join(t.folder, "states"), "size=256k");
  const config = join(t.folder, "options.toml");
  fs.writeFileSync(config, `Root = "${root}"\n`);
  await fillStepwise(t, task, { folder: root, options: ["--runtime-config-path", config] });
  await unmount(root);
});

withShim("a disk that fills while a container runs keeps nobody from its end, nor from being removed", async (t, task) => {
  await begin(task, ["/bin/sleep", "1000"]);
  await withPages(join(t.folder, "tmpfs"), 0, async () => {
    const { status, stderr } = await exec(task, "x", ["/bin/true"]);
    assert.ok(status === 0 || /no space left on device/i.test(stderr), stderr);
    await remove(task);
  });
}, { state: "size=512k" });

withShim("a log file on a full disk is the container's own affair", async (t, task) => {
  const disk = mountTmpfs(join(t.folder, "disk"), "size=64k");
  const log = ["--log-uri", `file://${join(disk, "log")}`];
  const script = 'head -c 1000000 /dev/zero || exit 3';
  assert.is((await task.containerd.run(["--rm", ...log, ...task.rootfs, task.id, "/bin/sh", "-c", script])).status, 3);
  await unmount(disk);
});

withShim("a bundle that vanishes keeps nobody from the container's end, nor from being removed", async (_t, task) => {
  await begin(task, ["/bin/sleep", "1000"]);
  fs.rmSync(task.containerd.bundle(task.id), { recursive: true });
  assert.is((await exec(task, "x", ["/bin/echo", "here"])).stdout, "here\n");
  await remove(task);
});

withShim("a bundle that vanishes while a shim is killed leaves no process", async (t, task) => {
  await begin(task, ["/bin/sleep", "1000"]);
  const pid = await pidOf(task);
  const [shim = 0] = shims(task.id);
  fs.rmSync(join(task.containerd.bundle(task.id), "config.json"));
  process.kill(shim, "SIGKILL");
  await until(() => !fs.existsSync(`/proc/${pid}`), () => `left: ${left(t).join(", ")}`);
  await remove(task);
});

withShim("a client that never reads holds up its own container only, which can be killed", async (t, task) => {
  const group = ["--annotation", "io.containerd.tsrun.v1.shared=true"];
  const other = { ...task, id: t.id() };
  await begin(other, ["/bin/sleep", "1000"], group);
  const client = spawn(task.containerd.client, task.containerd.clientArguments(["run", "--runtime", "io.containerd.tsrun.v1", ...group, ...task.rootfs, task.id, "/bin/yes"]), {
    stdio: ["ignore", "pipe", "ignore"],
  });
  // Nobody listens to it, so the pipe fills, then the fifo.
  await until(async () => (await statusOf(task)) === "RUNNING", () => "it does not run");
  const pid = await pidOf(task);
  await until(() => /pipe|fifo/.test(fs.readFileSync(`/proc/${pid}/wchan`, "utf8")) || stopped(pid), () => "it never waits");
  const started = performance.now();
  const { stdout } = await exec(other, "x", ["/bin/echo", "others run on"]);
  assert.is(stdout, "others run on\n");
  assert.ok(performance.now() - started < 50_000);
  const flooded = spawn(task.containerd.client, task.containerd.clientArguments(["tasks", "exec", "--exec-id", "flood", other.id, "/bin/yes"]), { stdio: ["ignore", "pipe", "ignore"] });
  await until(async () => (await task.containerd.ctr(["tasks", "ps", other.id])).stdout.includes("flood"), () => "the exec does not run");
  assert.is((await exec(other, "y", ["/bin/echo", "still"])).stdout, "still\n");
  await task.containerd.ctr(["tasks", "kill", "--exec-id", "flood", "--signal", "KILL", other.id]);
  await task.containerd.ctr(["tasks", "kill", "--signal", "KILL", task.id]);
  await until(async () => (await statusOf(task)) !== "RUNNING", () => "it cannot be killed");
  for (const child of [client, flooded]) child.kill("SIGKILL");
  await task.containerd.ctr(["tasks", "delete", "--force", task.id]);
  await task.containerd.ctr(["containers", "rm", task.id]);
  await remove(other);
});

withShim("a client that gives up a create whose hook goes on for ever leaves nothing, and the id can be used again", async (t, task) => {
  const begun = join(t.folder, "begun");
  const bundle = t.bundle((config) => {
    config.hooks = { createRuntime: [{ path: "/bin/sh", args: ["sh", "-c", `touch ${begun}; exec sleep 1000`] }] };
  });
  bundle.config.root.path = bundle.rootfs;
  bundle.write();
  const args = ["run", "--runtime", "io.containerd.tsrun.v1", "--config", join(bundle.path, "config.json"), task.id];
  const client = spawn(task.containerd.client, task.containerd.clientArguments(args), { stdio: "ignore" });
  await until(() => fs.existsSync(begun), () => "the hook does not begin");
  client.kill("SIGKILL");
  await until(() => shims(task.id).length === 0 && task.containerd.leftovers().length === 0, () => `left: ${task.containerd.leftovers().join(" ")}`);
  await task.containerd.ctr(["containers", "rm", task.id]);
  await begin(task, ["/bin/sleep", "1000"]);
  await remove(task);
});

/** A generator of Lehmer's: the moments of a run can be had again. */
function random(seed: number): () => number {
  let state = (seed % 2147483646) + 1;
  return () => (state = (state * 48271) % 2147483647) / 2147483647;
}

/** A container's life, whether all of it succeeds or not. */
async function live(task: Task): Promise<void> {
  await task.containerd.run(["--detach", ...task.rootfs, task.id, "/bin/sh", "-c", "sleep 0.05 & sleep 1000"]);
  await exec(task, "x", ["/bin/true"]);
  await task.containerd.ctr(["tasks", "delete", "--force", task.id]);
}

/** Removes what containerd still knows of a task, whatever became of it. */
async function sweep(task: Task): Promise<void> {
  await until(
    async () => {
      await task.containerd.ctr(["tasks", "delete", "--force", task.id]);
      await task.containerd.ctr(["containers", "rm", task.id]);
      return !(await task.containerd.ctr(["containers", "ls", "--quiet"])).stdout.split("\n").includes(task.id);
    },
    () => `${task.id} cannot be removed`,
  );
}

/** It may end at this very moment. */
function killIfThere(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

withShim(`containerd killed at random moments of a container's life leaves nothing (SEED=${SEED})`, async (t, task) => {
  const next = random(SEED);
  for (let round = 0; round < 12; round++) {
    const one = { ...task, id: t.id() };
    const lived = live(one);
    await new Promise((resolve) => setTimeout(resolve, 20 + next() * 200));
    await one.containerd.end("SIGKILL");
    await lived;
    await one.containerd.start();
    await sweep(one);
  }
});

withShim(`the shim killed at random moments of a container's life leaves nothing (SEED=${SEED})`, async (t, task) => {
  const next = random(SEED);
  for (let round = 0; round < 12; round++) {
    const one = { ...task, id: t.id() };
    const lived = live(one);
    // From then on containerd has reached the shim: of one that dies before, it removes nothing.
    await until(() => readOr(join(one.containerd.bundle(one.id), "tsrun.json")).includes('"root":"/'), () => "no shim is called");
    await new Promise((resolve) => setTimeout(resolve, next() * 120));
    for (const pid of shims(one.id)) killIfThere(pid);
    await lived;
    await sweep(one);
  }
});

faults.run();
