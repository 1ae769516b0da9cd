import { suite } from "uvu";
import * as assert from "uvu/assert";
import { ConfigError } from "../errors.ts";
import type { Config, Resources } from "../spec/config.ts";
import { cgroupLayout, parseCgroupMounts, parseMemberships } from "./layout.ts";
import type { CgroupLayout } from "./layout.ts";
import { neededControllers, planResources } from "./resources.ts";

const test = suite("resources/resources");

const UNIFIED = cgroupLayout(
  parseMemberships("0::/\n"),
  parseCgroupMounts("30 25 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n"),
  "cpuset cpu io memory pids",
);
const LEGACY = legacy(["cpu", "cpuset", "memory", "devices", "freezer", "pids"]);

function legacy(controllers: readonly string[]): CgroupLayout {
  const lines = controllers.map((name, index) => `${index + 1}:${name}:/`).join("\n");
  const mounts = controllers.map((name) => `1 1 0:1 / /sys/fs/cgroup/${name} rw - cgroup cgroup rw,${name}`).join("\n");
  return cgroupLayout(parseMemberships(lines), parseCgroupMounts(mounts), "");
}

function config(resources: Resources): Config {
  return { ociVersion: "1.3.0", linux: { resources } };
}

function problems(resources: Resources, layout: CgroupLayout): string[] {
  try {
    planResources(config(resources), layout);
  } catch (error) {
    if (error instanceof ConfigError) return error.problems.map(({ pointer, message }) => `${pointer}: ${message}`);
    throw error;
  }
  return [];
}

const SOME: Resources = {
  devices: [{ allow: true }],
  memory: { limit: 1000 },
  cpu: { shares: 1024, cpus: "0" },
  pids: { limit: 5 },
};

test("planResources() writes v1 files on v1, and needs their controllers", () => {
  const { writes, deviceProgram } = planResources(config(SOME), LEGACY);
  assert.equal(
    writes.map(({ controller, version, file, value }) => [controller, version, file, value]),
    [
      ["cpuset", 1, "cpuset.cpus", "0"],
      ["cpu", 1, "cpu.shares", "1024"],
      ["memory", 1, "memory.limit_in_bytes", "1000"],
      ["pids", 1, "pids.max", "5"],
      ["devices", 1, "devices.allow", "a"],
    ],
  );
  assert.is(deviceProgram, undefined);
  assert.equal(neededControllers(writes), ["cpuset", "cpu", "memory", "pids", "devices"]);
});

test("planResources() writes v2 files on v2, and no program where all devices are allowed", () => {
  const { writes, deviceProgram } = planResources(config(SOME), UNIFIED);
  assert.equal(
    writes.map(({ file, value }) => [file, value]),
    [["cpuset.cpus", "0"], ["cpu.weight", "100"], ["memory.max", "1000"], ["pids.max", "5"]],
  );
  assert.is(deviceProgram, undefined);
  assert.equal(writes[2]?.pointer, "/linux/resources/memory/limit");
});

test("planResources() restricts devices without being asked, on both", () => {
  const bare: Config = { ociVersion: "1.3.0" };
  assert.ok((planResources(bare, UNIFIED).deviceProgram?.length ?? 0) > 0);
  assert.is(planResources(bare, LEGACY).writes[0]?.file, "devices.deny");
});

test("planResources() names the controller and the place of a limit that the host cannot set", () => {
  const bare = legacy(["cpu"]);
  const expected = 'needs "memory.limit_in_bytes" of the cgroup controller "memory", which this host has not mounted or not enabled';
  assert.equal(problems({ memory: { limit: 5, swap: -1 } }, bare), [`/linux/resources/memory/limit: ${expected}`]);
  assert.equal(problems({ memory: { disableOOMKiller: false } }, bare), []);
  assert.is(problems({ devices: [{ allow: false }] }, bare).length, 1);
  assert.is(problems({ devices: [{ allow: true }] }, bare).length, 0);
});

test("planResources() finds block I/O by the name that it has on each version", () => {
  const blockIO = { throttleReadBpsDevice: [{ major: 8, minor: 0, rate: 1 }] };
  assert.equal(planResources(config({ blockIO }), UNIFIED).writes.map(({ controller, file }) => [controller, file]), [["io", "io.max"]]);
  const [write] = planResources(config({ blockIO }), legacy(["blkio"])).writes;
  assert.equal([write?.controller, write?.file], ["blkio", "blkio.throttle.read_bps_device"]);
  const expected = 'needs "blkio.throttle.read_bps_device" of the cgroup controller "blkio", which this host has not mounted or not enabled';
  assert.equal(problems({ blockIO }, LEGACY), [`/linux/resources/blockIO/throttleReadBpsDevice/0/rate: ${expected}`]);
});

test("planResources() tells of each limit that needs a missing controller once, and minds none that change nothing", () => {
  const wanting: Resources = {
    hugepageLimits: [{ pageSize: "2MB", limit: 1 }],
    rdma: { mlx: { hcaHandles: 1 } },
    network: { classID: 1, priorities: [{ name: "lo", priority: 1 }] },
  };
  assert.equal(problems(wanting, LEGACY).map((problem) => problem.split(":")[0]), [
    "/linux/resources/hugepageLimits/0",
    "/linux/resources/rdma/mlx",
    "/linux/resources/network/classID",
    "/linux/resources/network/priorities/0",
  ]);
  assert.equal(problems({ blockIO: { weight: 0 }, hugepageLimits: [], rdma: {}, network: { classID: 0, priorities: [] }, unified: {} }, LEGACY), []);
});

test("planResources() writes unified last, so that it wins", () => {
  const { writes } = planResources(config({ pids: { limit: 5 }, memory: { limit: 1 }, unified: { "memory.max": "2" } }), UNIFIED);
  assert.equal(writes.map(({ file, value }) => `${file}=${value}`), ["memory.max=1", "pids.max=5", "memory.max=2"]);
  assert.equal(neededControllers(planResources(config({ unified: { "io.weight": "default 5" } }), UNIFIED).writes), ["io"]);
});

test("planResources() reports all problems together", () => {
  const wrong: Resources = {
    memory: { swappiness: 1, limit: 5, swap: 4 },
    cpu: { realtimeRuntime: 5 },
    devices: [{ allow: true, access: "x" }],
  };
  assert.is(problems(wrong, UNIFIED).length, 4);
});

test.run();
