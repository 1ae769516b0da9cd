/** checkpoint and restore: programs that go on where they were, what is told when they cannot, and what is left of it. */

import { spawn, spawnSync } from "node:child_process";
import * as fs from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import type { Bundle, BundleConfig } from "./bundle.ts";
import { needsCriu } from "./criu.ts";
import { until } from "./engine.ts";
import { needs, suite } from "./harness.ts";
import type { Ground } from "./harness.ts";
import { Pty } from "./pty.ts";
import { RUNTIME } from "./runtime.ts";

const test = suite("checkpoint");

const COUNT = "i=0; trap 'exit 7' TERM; while true; do i=$((i+1)); echo $i >/data/new; mv /data/new /data/count; echo counted $i; sleep 0.02; done";

interface Counter {
  readonly id: string;
  readonly bundle: Bundle;
  readonly images: string;
  /** The last number that the program has written into a folder of the host's. */
  count(): number;
  /** Waits until it has counted on. */
  goesOn(): Promise<void>;
  must(verb: string, ...args: string[]): Promise<string>;
}

/** A container that counts. */
async function startCounter(t: Ground, change: (config: BundleConfig) => void = () => {}): Promise<Counter> {
  const id = t.id();
  const data = join(t.folder, `${id}.data`);
  fs.mkdirSync(data);
  const bundle = t.bundle((config) => {
    config.process.args = ["sh", "-c", COUNT];
    config.mounts.push({ destination: "/data", type: "bind", source: data, options: ["rbind", "rw"] });
    change(config);
  });
  const must = async (verb: string, ...args: string[]): Promise<string> => {
    const { status, stdout, stderr } = await t.runtime([verb, ...args]);
    assert.is(status, 0, stderr);
    return stdout;
  };
  const count = (): number => (fs.existsSync(join(data, "count")) ? Number(fs.readFileSync(join(data, "count"), "utf8")) : 0);
  const goesOn = (): Promise<void> => {
    const before = count();
    return until(() => count() > before, () => `it stays at ${before}`);
  };
  await must("run", "--detach", "--bundle", bundle.path, id);
  await goesOn();
  return { id, bundle, images: join(t.folder, `${id}.images`), count, goesOn, must };
}

async function stateOf(t: Ground, id: string): Promise<{ readonly status: string; readonly pid: number }> {
  const { stdout, stderr } = await t.runtime(["state", id]);
  assert.is.not(stdout, "", stderr);
  return JSON.parse(stdout) as { status: string; pid: number };
}

test("a program goes on where it was, in a container like any other", async (t) => {
  needsCriu();
  const { id, bundle, images, count, goesOn, must } = await startCounter(t);
  await must("checkpoint", "--image-path", images, id);
  assert.is((await t.runtime(["state", id])).status, 1);
  assert.equal(t.leftovers(id), []);
  const seen = count();
  assert.ok(seen > 0);
  const pidFile = join(t.folder, "pid");
  await must("restore", "--detach", "--pid-file", pidFile, "--image-path", images, "--bundle", bundle.path, id);
  await goesOn();
  assert.ok(count() > seen);
  const { status, pid } = await stateOf(t, id);
  assert.is(status, "running");
  assert.is(fs.readFileSync(pidFile, "utf8"), `${pid}`);
  assert.equal((await must("exec", id, "sh", "-c", "hostname; cat /proc/1/comm; touch /file 2>&1 || true")).split("\n").slice(0, 2), ["tsrun-test", "sh"]);
  // criu gives them clocks of their own, and a further process has to have the same.
  const [own, first] = (await must("exec", id, "sh", "-c", "readlink /proc/self/ns/time; readlink /proc/1/ns/time")).split("\n");
  assert.is(own, first);
  await must("pause", id);
  assert.is((await stateOf(t, id)).status, "paused");
  await must("resume", id);
  // And it can be done again.
  await must("checkpoint", "--leave-running", "--image-path", images, id);
  await goesOn();
  await must("kill", id, "KILL");
  await until(() => !fs.existsSync(`/proc/${pid}`), () => "it does not end");
  await must("delete", id);
  assert.equal(t.leftovers(id), []);
});

test("restore in the foreground passes output and the exit status on, and removes the container", async (t) => {
  needsCriu();
  const { id, bundle, images, count, must } = await startCounter(t);
  await must("checkpoint", "--image-path", images, "--work-path", join(t.folder, "work"), id);
  assert.ok(fs.existsSync(join(t.folder, "work/dump.log")));
  const seen = count();
  const restored = t.runtime(["restore", "--image-path", images, "--bundle", bundle.path, id]);
  await until(() => count() > seen, () => `it stays at ${seen}`);
  await must("kill", id, "TERM");
  const { status, stdout, stderr } = await restored;
  assert.equal([status, stderr], [7, ""]);
  assert.ok(Number(/^counted (\d+)$/m.exec(stdout)?.[1]) >= seen, stdout);
  assert.equal(t.leftovers(id), []);
});

test("a terminal is given to who restores, with what was in its shell", async (t) => {
  needsCriu();
  const id = t.id();
  const bundle = t.bundle((config) => {
    config.process.terminal = true;
    config.process.args = ["sh"];
    config.process.env.push("PS1=# ");
  });
  const images = join(t.folder, "images");
  const call = (verb: string, ...args: string[]): Pty => new Pty([RUNTIME, "--root", t.stateRoot, verb, ...args, "--bundle", bundle.path, id], { cwd: t.folder });
  const before = call("run");
  await before.until(/# /);
  before.type("kept=here; echo $((6*7))\n");
  await before.until(/42\r\n# /);
  const { status, stderr } = await t.runtime(["checkpoint", "--image-path", images, id]);
  assert.is(status, 0, stderr);
  assert.is(await before.ended, 137);
  before.close();
  const without = await t.runtime(["restore", "--detach", "--image-path", images, "--bundle", bundle.path, id]);
  assert.match(without.stderr, "without setting console socket");
  const after = call("restore", "--image-path", images);
  await until(async () => (await t.runtime(["state", id])).status === 0, () => "it does not come back");
  after.type("echo still $kept; tty\n");
  await after.until(/still here\r\n\/dev\/pts\/0\r\n# /);
  after.type("exit 5\n");
  assert.is(await after.ended, 5);
  after.close();
  assert.equal(t.leftovers(id), []);
});

test("what is mounted below a folder of the host is the host's again, and not a copy", async (t) => {
  needsCriu();
  const disk = join(t.folder, "disk");
  fs.mkdirSync(join(disk, "below"), { recursive: true });
  fs.symlinkSync(disk, join(t.folder, "link"));
  assert.is(spawnSync("mount", ["-t", "tmpfs", "tmpfs", join(disk, "below")]).status, 0);
  try {
    const { id, bundle, images, must } = await startCounter(t, (config) => {
      config.mounts.push({ destination: "/disk", type: "bind", source: join(t.folder, "link"), options: ["rbind", "rw"] });
      config.mounts.push({ destination: "/disk/own", type: "tmpfs", source: "tmpfs" });
    });
    await must("exec", id, "sh", "-c", "echo kept > /disk/own/file");
    await must("checkpoint", "--image-path", images, id);
    fs.writeFileSync(join(disk, "below/file"), "later");
    await must("restore", "--detach", "--image-path", images, "--bundle", bundle.path, id);
    assert.is(await must("exec", id, "cat", "/disk/below/file", "/disk/own/file"), "laterkept\n");
    await must("delete", "--force", id);
  } finally {
    spawnSync("umount", ["--lazy", join(disk, "below")]);
  }
});

test("--leave-running lets it run on, and each checkpoint is one of its own", async (t) => {
  needsCriu();
  const { id, bundle, images, count, goesOn, must } = await startCounter(t);
  await must("checkpoint", "--leave-running", "--image-path", images, id);
  const first = count();
  await goesOn();
  assert.is((await stateOf(t, id)).status, "running");
  await must("pause", id);
  await must("checkpoint", "--leave-running", "--image-path", `${images}.paused`, id);
  assert.is((await stateOf(t, id)).status, "paused");
  await must("delete", "--force", id);
  fs.rmSync(join(t.folder, `${id}.data`, "count"));
  const other = t.id();
  const restored = await t.runtime(["restore", "--detach", "--image-path", images, "--bundle", bundle.path, other]);
  assert.is(restored.status, 0, restored.stderr);
  const begun = (): number => Number(/^counted (\d+)$/m.exec(restored.stdout)?.[1] ?? 0);
  await until(() => begun() > 0, () => "it does not count");
  assert.ok(begun() <= first + 1, `${begun()} after ${first}`);
});

test("--pre-dump writes memory first, and a checkpoint on it the rest", async (t) => {
  needsCriu("mem_dirty_track");
  const { id, bundle, images, count, goesOn, must } = await startCounter(t);
  await must("checkpoint", "--pre-dump", "--image-path", join(images, "1"), id);
  await goesOn();
  const missing = await t.runtime(["checkpoint", "--image-path", join(images, "2"), "--parent-path", "../0", id]);
  assert.match(missing.stderr, `the folder of the parent images, "${join(images, "0")}", does not exist`);
  const absolute = await t.runtime(["checkpoint", "--image-path", join(images, "2"), "--parent-path", join(images, "1"), id]);
  assert.match(absolute.stderr, "must be relative");
  await must("checkpoint", "--image-path", join(images, "2"), "--parent-path", "../1", id);
  assert.ok(fs.lstatSync(join(images, "2/parent")).isSymbolicLink());
  const seen = count();
  await must("restore", "--detach", "--image-path", join(images, "2"), "--bundle", bundle.path, id);
  await until(() => count() > seen, () => `it stays at ${seen}`);
});

test("restore runs the hooks of its beginning, and delete those of its end", async (t) => {
  needsCriu();
  const log = join(t.folder, "hooks");
  const hook = (name: string): object => ({ path: "/bin/sh", args: ["sh", "-c", `echo ${name} $(sed 's/.*"status":"\\([a-z]*\\)".*/\\1/') >> ${log}`] });
  const points = ["prestart", "createRuntime", "poststart", "poststop"];
  const { id, bundle, images, must } = await startCounter(t, (config) => {
    config.hooks = Object.fromEntries(points.map((point) => [point, [hook(point)]])) as NonNullable<BundleConfig["hooks"]>;
  });
  await must("checkpoint", "--image-path", images, id);
  await must("restore", "--detach", "--image-path", images, "--bundle", bundle.path, id);
  await must("delete", "--force", id);
  const life = "prestart created\ncreateRuntime created\npoststart running\npoststop stopped\n";
  assert.is(fs.readFileSync(log, "utf8"), life + life);
});

test("a hook that fails ends a restore, and nothing is left", async (t) => {
  needsCriu();
  const { id, bundle, images, must } = await startCounter(t);
  await must("checkpoint", "--image-path", images, id);
  bundle.config.hooks = { createRuntime: [{ path: "/bin/sh", args: ["sh", "-c", "echo no >&2; exit 3"] }] };
  bundle.write();
  const { status, stderr } = await t.runtime(["restore", "--image-path", images, "--bundle", bundle.path, id]);
  assert.is(status, 1);
  assert.match(stderr, 'cannot run createRuntime hook #0 "/bin/sh": exit status 3: no');
  assert.is((await t.runtime(["state", id])).status, 1);
  assert.equal(t.leftovers(id), []);
});

for (const signal of ["SIGINT", "SIGKILL"] as const) {
  test(`a restore that ${signal} ends leaves nothing, at least after delete --force`, async (t) => {
    needsCriu();
    const { id, bundle, images, count, must } = await startCounter(t);
    await must("checkpoint", "--image-path", images, id);
    const seen = count();
    const reached = join(t.folder, "reached");
    bundle.config.hooks = { createRuntime: [{ path: "/bin/sh", args: ["sh", "-c", `echo $$ > ${reached}.new; mv ${reached}.new ${reached}; exec sleep 100`] }] };
    bundle.write();
    const child = spawn(RUNTIME, ["--root", t.stateRoot, "restore", "--image-path", images, "--bundle", bundle.path, id], { stdio: "ignore" });
    const ended = new Promise((resolve) => child.on("exit", (status, by) => resolve(status ?? by)));
    // criu and the container's first process are there, and wait for the hook.
    await until(() => fs.existsSync(reached), () => "the hook does not run");
    child.kill(signal);
    assert.is(await ended, signal === "SIGINT" ? 130 : "SIGKILL");
    if (signal === "SIGKILL") {
      process.kill(Number(fs.readFileSync(reached, "utf8")), "SIGKILL");
      await must("delete", "--force", id);
    }
    assert.is((await t.runtime(["state", id])).status, 1);
    assert.equal(t.leftovers(id), []);
    assert.is(count(), seen);
  });
}

test("what criu cannot do it says itself, with the log's path, and the container runs on", async (t) => {
  needsCriu();
  const connect = "nc -l -p 5 -e sleep 100 & until nc 127.0.0.1 5 -e sleep 100; do sleep 0.01; done &";
  const { id, images, goesOn } = await startCounter(t, (config) => {
    config.process.args = ["sh", "-c", `${connect} ${COUNT}`];
  });
  await until(() => isConnected(t, id), () => "nothing is connected");
  const { status, stderr } = await t.runtime(["checkpoint", "--image-path", images, id]);
  assert.is(status, 1);
  assert.match(stderr, new RegExp(`^tsrun: cannot checkpoint container "${id}": criu: .*TCP.* \\(${join(images, "dump.log")}\\)\n$`));
  assert.not.match(stderr, "FAILED");
  await goesOn();
  assert.is((await stateOf(t, id)).status, "running");
});

/** Whether there is an established TCP connection in the container: state 01 in /proc/net/tcp (proc(5)). */
async function isConnected(t: Ground, id: string): Promise<boolean> {
  return /: \w+:\w+ \w+:\w+ 01 /.test((await t.runtime(["exec", id, "cat", "/proc/net/tcp"])).stdout);
}

test("images that are missing or damaged are an error, and nothing is left", async (t) => {
  needsCriu();
  const { id, bundle, images, must } = await startCounter(t);
  await must("checkpoint", "--image-path", images, id);
  const refused = async (pattern: RegExp | string): Promise<void> => {
    const { status, stderr } = await t.runtime(["restore", "--image-path", images, "--bundle", bundle.path, id]);
    assert.is(status, 1);
    assert.match(stderr, pattern);
    assert.equal(t.leftovers(id), []);
    assert.is((await t.runtime(["state", id])).status, 1);
  };
  fs.truncateSync(join(images, "pstree.img"), 10);
  await refused(`cannot restore container "${id}": criu: `);
  fs.writeFileSync(join(images, "descriptors.json"), "{");
  await refused(`cannot use "${join(images, "descriptors.json")}": it is not JSON`);
  fs.rmSync(images, { recursive: true });
  await refused(`cannot read "${join(images, "descriptors.json")}": ENOENT`);
});

test("a status that it cannot be done in, and an id that is taken, are refused", async (t) => {
  needsCriu();
  const { id, bundle, images, must } = await startCounter(t);
  await must("checkpoint", "--leave-running", "--image-path", images, id);
  const taken = await t.runtime(["restore", "--image-path", images, "--bundle", bundle.path, id]);
  assert.match(taken.stderr, "container with given ID already exists");
  const created = t.id();
  await must("create", "--bundle", t.bundle().path, created);
  const early = await t.runtime(["checkpoint", "--image-path", images, created]);
  assert.match(early.stderr, `cannot checkpoint container "${created}": its program does not run yet`);
  const none = await t.runtime(["checkpoint", "--image-path", images, "none"]);
  assert.match(none.stderr, 'cannot checkpoint container "none": container does not exist');
});

test("without criu the error says what to install", async (t) => {
  needs("root");
  const { id, bundle, images } = await startCounter(t);
  const env = { PATH: "/nowhere" };
  const remedy = 'executable "criu" not found in $PATH; install criu 3.16 or later';
  const { stderr } = await t.runtime(["checkpoint", "--image-path", images, id], { env });
  assert.match(stderr, `cannot checkpoint container "${id}": ${remedy}`);
  const restored = await t.runtime(["restore", "--image-path", images, "--bundle", bundle.path, "other"], { env });
  assert.match(restored.stderr, `cannot restore container "other": ${remedy}`);
});

/** What stands for criu, and what is told of it: one that is too old answers with version 3.2. */
const STRANGE: Readonly<Record<string, readonly [script: string, told: string]>> = {
  "is too old": ["printf '\\010\\012\\020\\001\\122\\004\\010\\003\\020\\002' >&3", "has version 3.2, and 3.16 or later is needed"],
  "ends without a word": ["exit 3", "criu ended without an answer: exit status 3"],
  "dies": ["kill -SEGV $$", "criu ended without an answer: it died of SIGSEGV"],
  "speaks another language": ["printf '\\377\\377\\377' >&3", "criu gives an answer that cannot be read"],
};

for (const [what, [script, told]] of Object.entries(STRANGE)) {
  test(`a criu that ${what} is an error, and the container runs on`, async (t) => {
    needs("root");
    const { id, images, goesOn } = await startCounter(t);
    fs.writeFileSync(join(t.folder, "criu"), `#!/bin/sh\nhead -c 1 <&3 >/dev/null\n${script}\n`, { mode: 0o755 });
    const { status, stderr } = await t.runtime(["checkpoint", "--image-path", images, id], { env: { PATH: `${t.folder}:/usr/bin:/bin` } });
    assert.is(status, 1);
    assert.match(stderr, new RegExp(`^tsrun: cannot checkpoint container "${id}": .*${told}\n$`));
    await goesOn();
  });
}

test.run();
