/** `linux.resources.unified`, and what of v1 cannot be converted to cgroup v2 (config-linux.md#unified). */

import { spawn } from "node:child_process";
import * as fs from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { skip } from "../test/harness.ts";
import { CGROUPS, blockDevice, isV2, limit, needsControllers, onlyOnV2, resources } from "./cgroups.ts";
import { cannotCreate, created, refused, waitFor } from "./containers.ts";
import { isOurs, suite } from "./suite.ts";

const test = suite("unified");

const LIMIT = 64 << 20;

function unified(files: Readonly<Record<string, string>>): ReturnType<typeof resources> {
  return resources({ unified: files });
}

test("RU-01 RU-02 files by their names, of controllers that nothing else needs", async (t) => {
  onlyOnV2();
  needsControllers("memory", "cpu");
  const container = await created(t, unified({ "memory.high": `${LIMIT}`, "cpu.weight": "77" }));
  assert.equal([await limit(container, "", "memory.high"), await limit(container, "", "cpu.weight")], [`${LIMIT}`, "77"]);
});

test("RU-01 RU-03 files that no field is for", async (t) => {
  onlyOnV2();
  needsControllers("memory");
  const container = await created(t, unified({ "memory.oom.group": "1" }));
  assert.is(await limit(container, "", "memory.oom.group"), "1");
});

test("RU-01 a value of several lines is written line by line", async (t) => {
  onlyOnV2();
  needsControllers("blkio");
  const { text } = blockDevice();
  const container = await created(t, unified({ "io.max": `${text} rbps=1000001\n${text} wiops=1004` }));
  assert.is(await limit(container, "", "io.max"), `${text} rbps=1000001 wbps=max riops=max wiops=1004`);
});

test("RU-01 it has the last word", async (t) => {
  onlyOnV2();
  needsControllers("memory", "pids");
  const container = await created(t, resources({ unified: { "memory.max": `${2 * LIMIT}`, "pids.max": "44" }, memory: { limit: LIMIT }, pids: { limit: 33 } }));
  assert.equal([await limit(container, "", "memory.max"), await limit(container, "", "pids.max")], [`${2 * LIMIT}`, "44"]);
});

test("RU-03 a file that the kernel does not have is an error", async (t) => {
  onlyOnV2();
  needsControllers("memory");
  await cannotCreate(t, unified({ "memory.nosuch": "1" }), /memory\.nosuch/);
});

test("RU-02 a controller that a cgroup above holds back is an error, and tsrun says which, where, and what to do", async (t) => {
  onlyOnV2();
  needsControllers("pids");
  const name = t.id();
  const parent = join(CGROUPS, name);
  fs.mkdirSync(parent);
  const sleeper = spawn("sleep", ["100"], { stdio: "ignore" });
  const ended = new Promise((resolve) => sleeper.once("exit", resolve));
  try {
    fs.writeFileSync(join(parent, "cgroup.procs"), `${sleeper.pid}`);
    const bundle = t.bundle((config) => Object.assign(config.linux, { cgroupsPath: `/${name}/inner`, resources: { pids: { limit: 9 } } }));
    const result = await t.runtime(["create", "--bundle", bundle.path, t.id()]);
    refused(result, /cgroup/);
    if (!isOurs()) return;
    for (const words of ['"pids"', `"${parent}" holds pid ${sleeper.pid}`, "choose a cgroupsPath elsewhere", "/linux/resources/pids/limit"]) {
      assert.ok(result.stderr.includes(words), `${words} in ${result.stderr}`);
    }
  } finally {
    sleeper.kill("SIGKILL");
    await ended;
    await waitFor("nothing holds the cgroup", () => removed(join(parent, "inner")) && removed(parent));
  }
});

function removed(folder: string): boolean {
  try {
    fs.rmdirSync(folder);
  } catch {
    // It is not there, or somebody in it is about to end.
  }
  return !fs.existsSync(folder);
}

test("RU-04 a controller that is not there is an error", async (t) => {
  onlyOnV2();
  await cannotCreate(t, unified({ "nosuch.max": "1" }), /nosuch/);
});

test("RU-04 on cgroup v1 it is an error", async (t) => {
  if (isV2()) skip("this host has cgroup v2");
  await cannotCreate(t, unified({ "memory.max": `${LIMIT}` }), /./);
});

test("RU-01 a path is an error", async (t) => {
  await cannotCreate(t, unified({ "../memory.max": "1" }), /./);
});

const UNCONVERTIBLE: readonly (readonly [title: string, values: Readonly<Record<string, unknown>>, error: RegExp])[] = [
  ["RM-04 swap without a limit", { memory: { swap: LIMIT } }, /swap/],
  ["RM-07 swappiness", { memory: { swappiness: 10 } }, /swappiness/],
  ["RM-08 disableOOMKiller", { memory: { disableOOMKiller: true } }, /OOM/i],
  ["RC-06 realtimeRuntime", { cpu: { realtimeRuntime: 1000 } }, /real-?time/i],
  ["RB-03 leafWeight", { blockIO: { leafWeight: 300 } }, /leaf/i],
];

for (const [title, values, error] of UNCONVERTIBLE) {
  test(`RU-05 ${title} cannot be converted`, async (t) => {
    onlyOnV2();
    await cannotCreate(t, resources(values), error);
  });
}

test.run();
