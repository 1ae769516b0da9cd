/** What the programs of a container do against the runtime: by their names, their hooks, and the cgroups that they make. */

import { execFileSync, spawn, spawnSync } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import * as fs from "node:fs";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import * as assert from "uvu/assert";
import { until } from "./engine.ts";
import { needs, skip, suite } from "./harness.ts";
import type { BundleConfig } from "./bundle.ts";
import type { Ground } from "./harness.ts";
import { RUNTIME } from "./runtime.ts";

const test = suite("review/hostile");

/** Runs a container detached, and resolves when its script has written a line. */
async function running(t: Ground, script: string, change: (config: BundleConfig) => void): Promise<string> {
  const id = t.id();
  const bundle = t.bundle((config) => {
    config.root.readonly = false;
    config.process.args = ["/bin/sh", "-c", script];
    change(config);
  });
  const result = await t.runtime(["run", "--detach", "--bundle", bundle.path, id]);
  assert.is(result.status, 0, result.stderr);
  while (!fs.existsSync(join(bundle.rootfs, "ready"))) await setTimeout(5);
  return id;
}

/** How long it takes to create, start, exec in and delete a container whose program has this name. */
async function lifeOf(t: Ground, name: string): Promise<number> {
  const id = t.id();
  const bundle = t.bundle(({ process }) => (process.args = [`/bin/${name}`]));
  fs.writeFileSync(join(bundle.rootfs, "bin", name), "#!/bin/sh\nread x < /tmp/fifo\n", { mode: 0o755 });
  execFileSync("mkfifo", [join(bundle.rootfs, "tmp/fifo")]);
  const began = performance.now();
  assert.is((await t.runtime(["create", "--bundle", bundle.path, id])).status, 0);
  assert.is((await t.runtime(["start", id])).status, 0);
  assert.is((await t.runtime(["exec", "--detach", id, `/bin/${name}`])).status, 0);
  assert.is((await t.runtime(["delete", "--force", id])).status, 0);
  return performance.now() - began;
}

test("start and exec do not take a program for init because it has init's name", async (t) => {
  needs("root");
  const usual = await lifeOf(t, "program");
  let named = Infinity;
  // Others may use the machine: the least of some lives says what one takes.
  for (let life = 0; life < 4 && named >= usual + 2000; life++) named = Math.min(named, await lifeOf(t, "tsrun-init"));
  // Each wait for an execve(2) that is never seen to end would be two seconds.
  assert.ok(named < usual + 2000, "start or exec waited for the end of an execve(2)");
});

test("delete --force does not wait for a hook in the container for which a start waits", async (t) => {
  needs("root");
  const id = t.id();
  const bundle = t.bundle((config) => {
    config.process.args = ["/bin/sleep", "100"];
    config.hooks = { startContainer: [{ path: "/bin/sh", args: ["sh", "-c", "read x < /tmp/fifo"] }] };
  });
  execFileSync("mkfifo", [join(bundle.rootfs, "tmp/fifo")]);
  assert.is((await t.runtime(["create", "--bundle", bundle.path, id])).status, 0);
  const start = t.runtime(["start", id]);
  const { pid } = JSON.parse((await t.runtime(["state", id])).stdout) as { pid: number };
  while (fs.readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8") === "") await setTimeout(5);
  const { status, stderr } = await t.runtime(["delete", "--force", id], { timeoutSeconds: 60 });
  assert.equal([status, stderr], [0, ""]);
  await start;
  assert.equal(t.leftovers(id), []);
});

/** With cgroups that are the container's to change. */
function writable({ mounts, process }: BundleConfig): void {
  delete process["capabilities"];
  for (const mount of mounts) if (mount.type === "cgroup") mount.options = ["nosuid", "noexec", "nodev"];
}

/** Below the freezer's cgroup of the container, or below its cgroup of v2, of which the processes are listed. */
const ENTER = "cd /sys/fs/cgroup/freezer 2> /dev/null || cd /sys/fs/cgroup";
const LEVELS = 20;
/** As many levels as make a path that no system call takes. */
const DEEP = `n=$(head -c 250 /dev/zero | tr '\\0' x); i=0; while [ $i -lt ${LEVELS} ]; do mkdir $n && cd $n; i=$((i+1)); done`;
const MADE: Readonly<Record<string, string>> = {
  "a path that is too long": DEEP,
  "a name that is no UTF-8": "d=$(printf 'a\\377b'); mkdir $d && cd $d",
};

for (const [what, make] of Object.entries(MADE)) {
  test(`a container's processes are found, and its cgroups removed, below ${what}`, async (t) => {
    needs("root");
    const script = `${ENTER}; ${make}; sleep 100 & echo $! > cgroup.procs && touch /ready; wait`;
    const id = await running(t, script, writable);
    let found: readonly number[] = [];
    const hasBoth = async (): Promise<boolean> => {
      const { status, stdout, stderr } = await t.runtime(["ps", "--format", "json", id]);
      assert.equal([status, stderr], [0, ""]);
      found = JSON.parse(stdout) as number[];
      return found.length === 2;
    };
    // Who has made the file may not have ended yet.
    await until(hasBoth, () => `it has the processes ${found.join(" ")}`);
    assert.is((await t.runtime(["kill", "--all", id, "KILL"])).status, 0);
    const deleted = await t.runtime(["delete", "--force", id]);
    assert.equal([deleted.status, deleted.stderr], [0, ""]);
    assert.equal(t.leftovers(id), []);
  });
}

const V2 = fs.existsSync("/sys/fs/cgroup/cgroup.controllers");

/** Its program goes to a sub-cgroup, where another freezes it. */
async function frozenBelow(t: Ground, freezing: string): Promise<string> {
  const script = [
    `${ENTER}; mkdir inner other`,
    `(echo 0 > other/cgroup.procs; while ! grep -q '^1$' inner/cgroup.procs; do sleep 0.01; done; ${V2 ? "echo +pids > cgroup.subtree_control;" : ""}`,
    `${freezing}; touch /ready; sleep 100) & echo 0 > inner/cgroup.procs; sleep 100`,
  ].join("\n");
  return running(t, script, writable);
}

test("a container that has frozen itself, in a sub-cgroup of the freezer, is ended", async (t) => {
  needs("root");
  if (V2) skip("cgroup v1 is not in use: on v2 who is frozen can be killed");
  // One that is left freezes the others again, as long as it lives.
  for (const freezing of ["echo FROZEN > inner/freezer.state", "(while :; do echo FROZEN > inner/freezer.state; done) & sleep 0.1"]) {
    const id = await frozenBelow(t, freezing);
    const { status, stderr } = await t.runtime(["delete", "--force", id]);
    assert.equal([status, stderr], [0, ""]);
    assert.equal(t.leftovers(id), []);
  }
});

test("kill ends a container that has frozen itself", async (t) => {
  needs("root");
  if (V2) skip("cgroup v1 is not in use: on v2 who is frozen can be killed");
  const id = await frozenBelow(t, "echo FROZEN > inner/freezer.state");
  assert.is((await t.runtime(["kill", id, "KILL"])).status, 0);
  const status = async (): Promise<string> => (JSON.parse((await t.runtime(["state", id])).stdout) as { status: string }).status;
  await until(async () => (await status()) === "stopped", () => "it does not stop");
});

test("an exec into a sub-cgroup that the container has frozen can be given up, and is ended with the container", async (t) => {
  needs("root");
  if (!V2) skip("cgroup v2 is not in use");
  const id = await frozenBelow(t, "echo 1 > inner/cgroup.freeze");
  const processes = (): string => fs.readFileSync(`/sys/fs/cgroup/${id}/inner/cgroup.procs`, "utf8");
  const before = processes();
  const begin = async (): Promise<{ child: ChildProcess; ended: Promise<number | null> }> => {
    const child = spawn(RUNTIME, ["--root", t.stateRoot, "exec", id, "true"], { stdio: "ignore" });
    const ended = new Promise<number | null>((resolve) => child.on("exit", resolve));
    while (processes() === before) await setTimeout(20);
    return { child, ended };
  };
  const first = await begin();
  first.child.kill("SIGTERM");
  assert.is(await first.ended, 143);
  while (processes() !== before) await setTimeout(20);
  const second = await begin();
  const { status, stderr } = await t.runtime(["delete", "--force", id]);
  assert.equal([status, stderr], [0, ""]);
  assert.is.not(await second.ended, 0);
});

test("kill --all signals nobody who has got the pid of one of the container's processes", async (t) => {
  needs("root");
  const id = await running(t, "touch /ready; sleep 100", () => undefined);
  const path = join(t.stateRoot, id, "state.json");
  const text = fs.readFileSync(path, "utf8");
  const { cgroup } = JSON.parse(text) as { cgroup: { directories: { path: string }[] } };
  // A cgroup that lists a process once, and no more when it is looked at again.
  const other = spawn("sleep", ["100"], { stdio: "ignore" });
  const folder = join(t.folder, "cgroup");
  fs.mkdirSync(folder);
  execFileSync("mkfifo", [join(folder, "cgroup.procs")]);
  const feeder = spawn("sh", ["-c", `echo ${other.pid} > cgroup.procs; while :; do : > cgroup.procs; done`], { cwd: folder, stdio: "ignore" });
  try {
    const directories = cgroup.directories.map((directory) => ({ ...directory, path: folder }));
    fs.writeFileSync(path, JSON.stringify({ ...(JSON.parse(text) as object), cgroup: { ...cgroup, directories } }));
    assert.is((await t.runtime(["kill", "--all", id, "TERM"])).status, 0);
    assert.is(other.kill(0), true);
    assert.match(fs.readFileSync(`/proc/${other.pid}/status`, "utf8"), /^State:\s+S/m);
  } finally {
    fs.writeFileSync(path, text);
    feeder.kill("SIGKILL");
    other.kill("SIGKILL");
  }
});

const RENAME = 'for (const fs = require("fs"); ; ) { fs.renameSync("a", "b"); fs.renameSync("b", "a"); }';

test("who renames files without end keeps no other container from being made", async (t) => {
  needs("root");
  const bundle = t.bundle(({ mounts }) => {
    for (const name of ["a", "b", "c", "d", "e", "f", "g", "h"]) mounts.push({ destination: `/var/run/${name}`, type: "tmpfs", source: "tmpfs" });
    for (const { destination } of mounts.slice(-8)) fs.mkdirSync(join(t.folder, "made", destination.slice("/var".length)), { recursive: true });
  });
  fs.cpSync(join(t.folder, "made"), bundle.rootfs, { recursive: true });
  fs.mkdirSync(join(bundle.rootfs, "var"));
  fs.symlinkSync(Array(5).fill("../run").join("/"), join(bundle.rootfs, "var/run"));
  const folder = fs.mkdtempSync("/dev/shm/tsrun-test-");
  fs.writeFileSync(join(folder, "a"), "");
  const renamer = spawn(process.execPath, ["-e", RENAME], { cwd: folder, stdio: "ignore" });
  try {
    while (!fs.existsSync(join(folder, "b"))) await setTimeout(1);
    for (let round = 0; round < 10; round++) {
      const { status, stderr } = await t.runtime(["run", "--bundle", bundle.path, t.id()]);
      assert.equal([status, stderr], [0, ""]);
    }
  } finally {
    renamer.kill("SIGKILL");
    fs.rmSync(folder, { recursive: true });
  }
});

const EXCHANGE = 'for (const fs = require("fs"); ; ) for (const name of ["fifo", "file"]) { fs.linkSync(name, "new"); fs.renameSync("new", "data/x"); }';

test("who puts a fifo in the place of a file holds up no other container that copies it up", async (t) => {
  needs("root", "strace");
  const bundle = t.bundle(({ mounts }) => mounts.push({ destination: "/data", type: "tmpfs", source: "tmpfs", options: ["tmpcopyup"] }));
  fs.mkdirSync(join(bundle.rootfs, "data"));
  fs.writeFileSync(join(bundle.rootfs, "file"), "");
  execFileSync("mkfifo", [join(bundle.rootfs, "fifo")]);
  const exchanger = spawn(process.execPath, ["-e", EXCHANGE], { cwd: bundle.rootfs, stdio: "ignore" });
  try {
    while (!fs.existsSync(join(bundle.rootfs, "data/x"))) await setTimeout(1);
    for (let round = 0; round < 15; round++) {
      // Between the look at a file and its opening there is time enough for an exchange.
      const slowly = ["-f", "-o", "/dev/null", "-e", "inject=openat:delay_enter=1ms", RUNTIME, "--root", t.stateRoot];
      const { status, signal } = spawnSync("strace", [...slowly, "run", "--bundle", bundle.path, t.id()], { stdio: "ignore", timeout: 60_000, killSignal: "SIGKILL" });
      // It may well find that something is gone.
      assert.ok(status === 0 || status === 1, `round ${round}: ${status}, ${signal}`);
    }
  } finally {
    exchanger.kill("SIGKILL");
  }
});

test.run();
