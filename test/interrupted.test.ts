/** Commands that are killed half-way, and commands on one container at the same time. */

import { execFileSync, spawn } from "node:child_process";
import * as fs from "node:fs";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import * as assert from "uvu/assert";
import type { Bundle, BundleConfig } from "./bundle.ts";
import { until } from "./engine.ts";
import { needs, suite } from "./harness.ts";
import type { Ground } from "./harness.ts";
import { RUNTIME } from "./runtime.ts";
import type { Result } from "./runtime.ts";

const test = suite("interrupted");

const ROUNDS = 30;
const DYING_MILLIS = 5000;

/** Numbers in [0, 1), the same in every run (mulberry32). */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

function args(t: Ground, bundle: Bundle, id: string): string[] {
  return ["--root", t.stateRoot, "create", "--bundle", bundle.path, id];
}

/**
 * Kills `create` after some milliseconds, if it still runs by then; the launcher, the engine and it are one process. Returns how
 * long it took where it was not killed.
 */
async function killCreate(t: Ground, bundle: Bundle, { id, after }: { id: string; after: number }): Promise<number | undefined> {
  const start = performance.now();
  const child = spawn(RUNTIME, args(t, bundle, id), { stdio: "ignore", cwd: t.folder });
  const ended = new Promise<boolean>((resolve) => child.on("exit", (_, signal) => resolve(signal === "SIGKILL")));
  const timer = globalThis.setTimeout(() => child.kill("SIGKILL"), after);
  const killed = await ended;
  clearTimeout(timer);
  return killed ? undefined : performance.now() - start;
}

async function durationOfCreate(t: Ground, bundle: Bundle): Promise<number> {
  const id = t.id();
  const start = performance.now();
  assert.is((await t.runtime(["create", "--bundle", bundle.path, id])).status, 0);
  const duration = performance.now() - start;
  assert.is((await t.runtime(["delete", "--force", id])).status, 0);
  return duration;
}

/** What the killed command had begun, and nobody knew of, ends by itself when it hears of that. */
function nothingStays(t: Ground, id: string, when: string): Promise<void> {
  const words = (): string => `${when}: ${t.leftovers(id).map(({ kind, what }) => `${kind} ${what}`).join(", ")}`;
  return until(() => t.leftovers(id).length === 0, words, DYING_MILLIS);
}

/** With hooks, so that there are moments at which init waits for the runtime. */
function withHooks(config: BundleConfig): void {
  const hook = { path: "/bin/sh", args: ["sh", "-c", "cat > /dev/null"] };
  config.hooks = { createRuntime: [hook], createContainer: [hook] };
  config.linux.resources = { pids: { limit: 100 }, devices: [{ allow: false, access: "rwm" }] };
}

function userNamespace(config: BundleConfig): void {
  withHooks(config);
  config.linux.namespaces.push({ type: "user" });
  const map = [{ containerID: 0, hostID: 100_000, size: 65_536 }];
  Object.assign(config.linux, { uidMappings: map, gidMappings: map });
}

for (const [name, change, seed] of [["one stage", withHooks, 1], ["two stages", userNamespace, 2]] as const) {
  test(`delete --force cleans up after a create of ${name} that was killed at any moment, and the id is free`, async (t) => {
    needs("root");
    const bundle = t.bundle(change);
    if (change === userNamespace) execFileSync("chown", ["-R", "100000:100000", bundle.rootfs]);
    let duration = Math.max(await durationOfCreate(t, bundle), await durationOfCreate(t, bundle));
    const random = seeded(seed);
    const id = t.id();
    let killed = 0;
    for (let round = 0; round < ROUNDS; round++) {
      const after = random() * duration * 1.1;
      const whole = await killCreate(t, bundle, { id, after });
      if (whole === undefined) killed++;
      // Others may have used the machine when it was measured.
      else duration = Math.min(duration, whole);
      const state = await t.runtime(["state", id]);
      if (state.status !== 0) assert.match(state.stderr, /container does not exist/);
      // A child that was just cloned, and closes what it has from its parent, may hold the lock a moment longer.
      else assert.match(state.stdout, /"status": "(creating|created|stopped)"/);
      const deleted = await t.runtime(["delete", "--force", id]);
      assert.is(deleted.status, 0, deleted.stderr);
      assert.is(deleted.stderr, "");
      await nothingStays(t, id, `round ${round}, after ${after.toFixed(1)} ms`);
      assert.equal(ids(t), []);
    }
    assert.ok(killed > ROUNDS / 3, `only ${killed} were killed in time`);
    assert.is((await t.runtime(["run", "--bundle", bundle.path, id])).status, 0);
  });
}

/** What is in the state root besides the filters. */
function ids(t: Ground): string[] {
  return fs.existsSync(t.stateRoot) ? fs.readdirSync(t.stateRoot).filter((name) => !name.startsWith("@")) : [];
}

function statuses(results: readonly Result[]): (number | undefined)[] {
  return results.map(({ status }) => status);
}

function noDefects(results: readonly Result[]): void {
  for (const { stderr } of results) assert.match(stderr, /^(tsrun: (?!internal error).*\n)*$/);
}

test("of 20 creates of one id at the same time one wins, and the others are told why", async (t) => {
  needs("root");
  const bundle = t.bundle();
  const id = t.id();
  const results = await Promise.all(Array.from({ length: 20 }, () => t.runtime(["create", "--bundle", bundle.path, id])));
  assert.equal(statuses(results).sort(), [0, ...Array.from({ length: 19 }, () => 1)]);
  for (const { status, stderr } of results) {
    assert.is(stderr, status === 0 ? "" : `tsrun: cannot create container "${id}": container with given ID already exists\n`);
  }
  assert.match((await t.runtime(["state", id])).stdout, '"status": "created"');
  assert.is((await t.runtime(["start", id])).status, 0);
});

async function created(t: Ground, program: readonly string[] = ["sleep", "100"]): Promise<string> {
  const id = t.id();
  const bundle = t.bundle((config) => void (config.process.args = [...program]));
  const result = await t.runtime(["create", "--bundle", bundle.path, id]);
  assert.is(result.status, 0, result.stderr);
  return id;
}

async function stopped(t: Ground): Promise<string> {
  const id = await created(t);
  assert.is((await t.runtime(["kill", id, "KILL"])).status, 0);
  while (!(await t.runtime(["state", id])).stdout.includes('"stopped"')) await setTimeout(5);
  return id;
}

test("two starts at the same time: one starts, the other is told that it runs", async (t) => {
  needs("root");
  const id = await created(t);
  const results = await Promise.all([t.runtime(["start", id]), t.runtime(["start", id])]);
  assert.equal(statuses(results).sort(), [0, 1]);
  assert.match(results.map(({ stderr }) => stderr).join(""), "cannot start an already running container");
});

test("start against delete --force: whoever comes second, nothing is left", async (t) => {
  needs("root");
  for (let round = 0; round < 5; round++) {
    const id = await created(t);
    const results = await Promise.all([t.runtime(["start", id]), t.runtime(["delete", "--force", id])]);
    assert.is(results[1]?.status, 0, results[1]?.stderr);
    noDefects(results);
    assert.equal(t.leftovers(id), []);
    assert.equal(ids(t), []);
  }
});

test("two deletes at the same time: one deletes, the other finds nothing", async (t) => {
  needs("root");
  for (let round = 0; round < 5; round++) {
    const id = await stopped(t);
    const results = await Promise.all([t.runtime(["delete", id]), t.runtime(["delete", id])]);
    assert.equal(statuses(results).sort(), [0, 1]);
    assert.match(results.map(({ stderr }) => stderr).join(""), `tsrun: cannot delete container "${id}": container does not exist\n`);
    assert.equal(t.leftovers(id), []);
  }
});

test("two deletes --force of a running container at the same time: both are content", async (t) => {
  needs("root");
  for (let round = 0; round < 5; round++) {
    const id = await created(t);
    assert.is((await t.runtime(["start", id])).status, 0);
    const results = await Promise.all([t.runtime(["delete", "--force", id]), t.runtime(["delete", "--force", id])]);
    assert.equal(statuses(results), [0, 0], results.map(({ stderr }) => stderr).join(""));
    assert.equal(t.leftovers(id), []);
  }
});

test("run against delete --force: the container ends, and nothing is left", async (t) => {
  needs("root");
  for (let round = 0; round < 5; round++) {
    const id = t.id();
    const bundle = t.bundle((config) => void (config.process.args = ["sleep", "100"]));
    const run = t.runtime(["run", "--bundle", bundle.path, id]);
    // At another moment each time, from before it begins to when it runs.
    await setTimeout(round * 12);
    let ended = false;
    void run.then(() => void (ended = true));
    while (!ended) {
      const deleted = await t.runtime(["delete", "--force", id]);
      assert.is(deleted.status, 0, deleted.stderr);
    }
    noDefects([await run]);
    assert.equal(t.leftovers(id), []);
    assert.equal(ids(t), []);
  }
});

/** As if the machine had been started again since: its cgroups are gone with it. */
function forgetBoot(t: Ground, id: string): void {
  for (const { kind, what } of t.leftovers(id)) if (kind === "cgroup") fs.rmdirSync(what);
  const path = join(t.stateRoot, id, "state.json");
  const state = JSON.parse(fs.readFileSync(path, "utf8")) as object;
  fs.writeFileSync(path, JSON.stringify({ ...state, bootId: "00000000-0000-0000-0000-000000000000" }));
}

test("a container of another boot is stopped, and its id free to take", async (t) => {
  needs("root");
  const id = await stopped(t);
  forgetBoot(t, id);
  assert.match((await t.runtime(["state", id])).stdout, '"status": "stopped"');
  assert.match((await t.runtime(["list"])).stdout, /\sstopped\s/);
  assert.match((await t.runtime(["start", id])).stderr, "cannot start a container that has stopped");
  const again = await t.runtime(["create", "--bundle", t.bundle().path, id]);
  assert.is(again.status, 0, again.stderr);
  assert.is((await t.runtime(["start", id])).status, 0);
});

test("a container of another boot can be deleted, though its pid belongs to somebody else now", async (t) => {
  needs("root");
  const id = await stopped(t);
  forgetBoot(t, id);
  const path = join(t.stateRoot, id, "state.json");
  const state = JSON.parse(fs.readFileSync(path, "utf8")) as object;
  fs.writeFileSync(path, JSON.stringify({ ...state, pid: process.pid }));
  const result = await t.runtime(["delete", id]);
  assert.is(result.status, 0, result.stderr);
  assert.equal(t.leftovers(id), []);
});

test("delete --force spares a process that has the pid, but did not start when init did", async (t) => {
  needs("root");
  const id = await stopped(t);
  const other = spawn("sleep", ["100"], { stdio: "ignore" });
  const path = join(t.stateRoot, id, "state.json");
  const state = JSON.parse(fs.readFileSync(path, "utf8")) as object;
  fs.writeFileSync(path, JSON.stringify({ ...state, pid: other.pid }));
  assert.is((await t.runtime(["delete", "--force", id])).status, 0);
  assert.is(other.exitCode, null);
  assert.is(other.kill("SIGTERM"), true);
  assert.is(await new Promise((resolve) => other.on("exit", (_, signal) => resolve(signal))), "SIGTERM");
});

test.run();
