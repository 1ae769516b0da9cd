import { suite } from "uvu";
import * as assert from "uvu/assert";
import { cpuV1, cpuV2, cpuWeight } from "./cpu.ts";
import { cpusetV1, cpusetV2 } from "./cpuset.ts";
import type { Limits } from "./limits.ts";
import { pidsV1, pidsV2 } from "./pids.ts";

const test = suite("resources/cpu, cpuset, pids");

function lines({ writes }: Limits): string[] {
  return writes.map(({ file, value, optional }) => `${file}=${value}${optional === true ? "?" : ""}`);
}

test("cpuV1() writes shares before idle, and period, quota, burst in this order", () => {
  const cpu = { burst: 1000, quota: 50000, period: 100000, idle: 1, shares: 512, realtimeRuntime: 9, realtimePeriod: 10 };
  assert.equal(lines(cpuV1(cpu)), [
    "cpu.shares=512",
    "cpu.idle=1",
    "cpu.cfs_period_us=100000",
    "cpu.cfs_quota_us=50000",
    "cpu.cfs_burst_us=1000",
    "cpu.rt_period_us=10",
    "cpu.rt_runtime_us=9",
  ]);
});

test("cpuV1() refuses shares that the kernel would change without a word", () => {
  const pointers = (shares: number | bigint): string[] => cpuV1({ shares }).problems.map(({ pointer }) => pointer);
  for (const shares of [1, 262_145, 2n ** 60n]) assert.equal(pointers(shares), ["/linux/resources/cpu/shares"], String(shares));
  for (const shares of [0, 2, 262_144]) assert.equal(pointers(shares), [], String(shares));
});

test("cpuV1() and cpuV2() take zeros for unset", () => {
  const cpu = { shares: 0, quota: 0, period: 0, realtimeRuntime: 0, realtimePeriod: 0 };
  assert.equal(lines(cpuV1(cpu)), []);
  assert.equal(lines(cpuV2(cpu)), []);
  assert.equal(cpuV2(cpu).problems, []);
});

test("cpuV1() and cpuV2() do without the files of idle and burst where they are 0", () => {
  assert.equal(lines(cpuV1({ idle: 0, burst: 0 })), ["cpu.idle=0?", "cpu.cfs_burst_us=0?"]);
  assert.equal(lines(cpuV2({ idle: 0, burst: 0 })), ["cpu.idle=0?", "cpu.max.burst=0?"]);
});

test("cpuV2() joins quota and period, with their defaults", () => {
  assert.equal(lines(cpuV2({ quota: 50000, period: 20000 })), ["cpu.max=50000 20000"]);
  assert.equal(lines(cpuV2({ quota: 50000 })), ["cpu.max=50000 100000"]);
  assert.equal(lines(cpuV2({ quota: -1 })), ["cpu.max=max 100000"]);
  assert.equal(lines(cpuV2({ period: 20000 })), ["cpu.max=max 20000"]);
  assert.is(cpuV2({ period: 20000 }).writes[0]?.pointer, "/linux/resources/cpu/period");
});

test("cpuV2() refuses real-time limits", () => {
  const pointers = cpuV2({ realtimeRuntime: 1, realtimePeriod: 2 }).problems.map(({ pointer }) => pointer);
  assert.equal(pointers, ["/linux/resources/cpu/realtimeRuntime", "/linux/resources/cpu/realtimePeriod"]);
});

test("cpuV1() and cpuV2() refuse a burst greater than the quota, if there is one", () => {
  for (const plan of [cpuV1, cpuV2]) {
    assert.is(plan({ quota: 100, burst: 101 }).problems[0]?.pointer, "/linux/resources/cpu/burst");
    assert.equal(plan({ quota: 100, burst: 100 }).problems, []);
    assert.equal(plan({ quota: -1, burst: 101 }).problems, []);
  }
});

test("cpuWeight() goes through the three points, and stays in range", () => {
  const expected = [[0, 1], [2, 1], [3, 2], [512, 59], [1024, 100], [262144, 10000], [300000, 10000]] as const;
  for (const [shares, weight] of expected) assert.is(cpuWeight(shares), weight, String(shares));
  assert.is(cpuWeight(18446744073709551615n), 10000);
});

test("cpusetV1() and cpusetV2() write the lists, and nothing for empty ones", () => {
  for (const plan of [cpusetV1, cpusetV2]) {
    assert.equal(lines(plan({ cpus: "0-1", mems: "0" })), ["cpuset.cpus=0-1", "cpuset.mems=0"]);
    assert.equal(lines(plan({ cpus: "", mems: "" })), []);
  }
});

test("pidsV1() and pidsV2() write the limit, max for -1, and refuse less", () => {
  for (const plan of [pidsV1, pidsV2]) {
    assert.equal(lines(plan({})), []);
    assert.equal(lines(plan({ limit: 5 })), ["pids.max=5"]);
    assert.equal(lines(plan({ limit: -1 })), ["pids.max=max"]);
    assert.is(plan({ limit: -2 }).problems.length, 1);
  }
});

test("pidsV2() has 1 for 0, which a clone into the cgroup would fail on", () => {
  assert.equal(lines(pidsV1({ limit: 0 })), ["pids.max=0"]);
  assert.equal(lines(pidsV2({ limit: 0 })), ["pids.max=1"]);
});

test.run();
