/** `--systemd-cgroup`: the container's cgroup is a scope of systemd's, which knows its limits. */

import { execFileSync, spawnSync } from "node:child_process";
import * as fs from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import type { BundleConfig } from "./bundle.ts";
import { needs, skip, suite } from "./harness.ts";
import type { Ground } from "./harness.ts";

const test = suite("systemd");
const ROOT = "/sys/fs/cgroup";

function needsSystemd(): void {
  needs("root", "systemctl");
  if (!fs.existsSync("/run/systemd/system")) skip("systemd does not run here");
  if (!fs.existsSync(join(ROOT, "cgroup.controllers"))) skip("cgroup v2 alone is not in use");
}

interface Made {
  readonly id: string;
  readonly unit: string;
  /** The cgroup's folder. */
  readonly folder: string;
}

/** A container in a scope of the system's slice, which sleeps. */
async function make(t: Ground, change: (config: BundleConfig) => void = () => undefined): Promise<Made> {
  const id = t.id();
  const bundle = t.bundle((config) => {
    config.process.args = ["/bin/sleep", "1000"];
    config.linux.cgroupsPath = `system.slice:tsrun:${id}`;
    change(config);
  });
  const { status, stderr } = await t.runtime(["--systemd-cgroup", "create", "--bundle", bundle.path, id]);
  assert.is(status, 0, stderr);
  assert.is((await t.runtime(["start", id])).status, 0);
  return { id, unit: `tsrun-${id}.scope`, folder: `${ROOT}/system.slice/tsrun-${id}.scope` };
}

function property(unit: string, name: string): string {
  return execFileSync("systemctl", ["show", "--value", "--property", name, unit], { encoding: "utf8" }).trim();
}

function read(folder: string, file: string): string {
  return fs.readFileSync(join(folder, file), "utf8").trim();
}

test("the container is in its unit, whose limits stay when systemd is reloaded and follow an update", async (t) => {
  needsSystemd();
  const { id, unit, folder } = await make(t, (config) => {
    config.linux.resources = { memory: { limit: 64 << 20 }, pids: { limit: 50 }, cpu: { quota: 50_001, period: 100_000 } };
  });
  const limits = (): string[] => ["memory.max", "pids.max"].map((file) => read(folder, file));
  const { pid } = JSON.parse((await t.runtime(["state", id])).stdout) as { pid: number };
  assert.is(read(folder, "cgroup.procs"), `${pid}`);
  assert.equal(limits(), ["67108864", "50"]);
  // systemd keeps whole percents; what was asked for is what holds.
  assert.is(read(folder, "cpu.max"), "50001 100000");
  assert.equal(["ActiveState", "MemoryMax", "TasksMax", "CPUQuotaPerSecUSec", "Delegate"].map((name) => property(unit, name)), ["active", "67108864", "50", "510ms", "yes"]);
  assert.is(spawnSync("systemctl", ["daemon-reload"]).status, 0);
  assert.equal(limits(), ["67108864", "50"]);
  assert.is((await t.runtime(["update", "--memory", `${32 << 20}`, "--cpu-quota", "20001", id])).status, 0);
  assert.equal([read(folder, "memory.max"), property(unit, "MemoryMax"), read(folder, "cpu.max")], ["33554432", "33554432", "20001 100000"]);
  assert.match((await t.runtime(["exec", id, "cat", "/proc/1/cgroup"])).stdout, /^0::\//);
  assert.is((await t.runtime(["delete", "--force", id])).status, 0);
  assert.equal([property(unit, "LoadState"), fs.existsSync(folder)], ["not-found", false]);
});

test("devices are judged as before when systemd is reloaded: who may use one still may, and who may not still may not", async (t) => {
  needsSystemd();
  const FUSE = { path: "/dev/fuse", type: "c", major: 10, minor: 229, fileMode: 0o666 };
  const LOOP = { path: "/dev/loop-control", type: "c", major: 10, minor: 237, fileMode: 0o666 };
  const { id } = await make(t, (config) => {
    config.linux["devices"] = [FUSE, LOOP];
    config.linux.resources = { devices: [{ allow: false, access: "rwm" }, { allow: true, type: "c", major: 10, minor: 229, access: "rwm" }] };
  });
  const refusals = async (): Promise<boolean[]> => {
    const results = await Promise.all([FUSE, LOOP].map(({ path }) => t.runtime(["exec", id, "sh", "-c", `: < ${path}`])));
    return results.map(({ stderr }) => /Operation not permitted/.test(stderr));
  };
  assert.equal(await refusals(), [false, true]);
  assert.is(spawnSync("systemctl", ["daemon-reload"]).status, 0);
  assert.equal(await refusals(), [false, true]);
});

test("a unit that is there already is an error, and stays as it is", async (t) => {
  needsSystemd();
  const { id, unit } = await make(t);
  const bundle = t.bundle((config) => {
    config.linux.cgroupsPath = `system.slice:tsrun:${id}`;
  });
  const { status, stderr } = await t.runtime(["--systemd-cgroup", "run", "--bundle", bundle.path, t.id()]);
  assert.is(status, 1);
  assert.match(stderr, new RegExp(`cannot start the unit "${unit}": .*\\(config.json:\\d+:\\d+ /linux/cgroupsPath\\)`));
  assert.is(property(unit, "ActiveState"), "active");
});

test("a limit of one process holds, though another keeps the unit until init is born", async (t) => {
  needsSystemd();
  const { folder } = await make(t, (config) => {
    config.linux.resources = { pids: { limit: 1 } };
  });
  assert.equal([read(folder, "pids.max"), read(folder, "pids.current")], ["1", "1"]);
});

test("annotations set properties of the unit, and a wrong one is an error that leaves none", async (t) => {
  needsSystemd();
  const { unit } = await make(t, (config) => {
    config.annotations = { "org.systemd.property.TimeoutStopUSec": "uint64 5000000", "org.systemd.property.CollectMode": "'inactive-or-failed'" };
  });
  assert.equal([property(unit, "TimeoutStopUSec"), property(unit, "CollectMode")], ["5s", "inactive-or-failed"]);
  for (const [text, error] of [["five", /is no value in GVariant's text format/], ["'five'", /cannot start the unit/]] as const) {
    const id = t.id();
    const bundle = t.bundle((config) => {
      config.annotations = { "org.systemd.property.TimeoutStopUSec": text };
      config.linux.cgroupsPath = `:tsrun:${id}`;
    });
    const refused = await t.runtime(["--systemd-cgroup", "run", "--bundle", bundle.path, id]);
    assert.match(refused.stderr, error);
    assert.is(property(`tsrun-${id}.scope`, "LoadState"), "not-found");
  }
});

test("a container that cannot be created leaves no unit, and one that was killed for memory is forgotten", async (t) => {
  needsSystemd();
  const id = t.id();
  const bundle = t.bundle((config) => {
    config.process.args = ["/bin/none"];
    config.linux.cgroupsPath = `:tsrun:${id}`;
  });
  assert.is((await t.runtime(["--systemd-cgroup", "create", "--bundle", bundle.path, id])).status, 1);
  assert.is(property(`tsrun-${id}.scope`, "LoadState"), "not-found");
  const greedy = t.id();
  const other = t.bundle((config) => {
    config.process.args = ["/bin/dd", "if=/dev/zero", "of=/dev/null", "bs=64M", "count=1"];
    config.linux.cgroupsPath = `:tsrun:${greedy}`;
    config.linux.resources = { memory: { limit: 16 << 20, swap: 16 << 20 } };
  });
  assert.is((await t.runtime(["--systemd-cgroup", "run", "--bundle", other.path, greedy])).status, 137);
  assert.is(property(`tsrun-${greedy}.scope`, "LoadState"), "not-found");
});

test("what names no unit is an error at its place", async (t) => {
  needsSystemd();
  const bundle = t.bundle((config) => {
    config.linux.cgroupsPath = "/a/b";
  });
  const { stderr } = await t.runtime(["--systemd-cgroup", "run", "--bundle", bundle.path, t.id()]);
  assert.match(stderr, /cgroupsPath/);
  assert.match(stderr, /slice:prefix:name/);
});

test.run();
