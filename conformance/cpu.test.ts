/** `linux.resources.cpu`, as the container's cgroups show it (config-linux.md#cpu). */

import { join } from "node:path";
import * as assert from "uvu/assert";
import { skip } from "../test/harness.ts";
import type { Ground } from "../test/harness.ts";
import { CGROUPS, cgroupOf, isV2, limit, needsControllers, onlyOnV1, resources } from "./cgroups.ts";
import { cannotCreate, created, inside, read } from "./containers.ts";
import type { Change, Container } from "./containers.ts";
import { suite } from "./suite.ts";

const test = suite("cpu", () => needsControllers("cpu", "cpuset"));

const PLACE = "/linux/resources/cpu";

function cpu(values: Readonly<Record<string, unknown>>): Change {
  return resources({ cpu: values });
}

/** Quota and period; no quota is "-1" on v1 and "max" on v2. */
async function bandwidth(container: Container): Promise<string> {
  if (isV2()) return (await limit(container, "", "cpu.max")).replace("max", "-1");
  return `${await limit(container, "cpu.cfs_quota_us")} ${await limit(container, "cpu.cfs_period_us")}`;
}

async function bandwidthOf(t: Ground, values: Readonly<Record<string, unknown>>): Promise<string> {
  return bandwidth(await created(t, cpu(values)));
}

test("RC-01 an empty object limits nothing", async (t) => {
  assert.is(await bandwidthOf(t, {}), "-1 100000");
});

test("RC-02 shares", async (t) => {
  if (isV2()) {
    // The ends are the same in each way to convert them that there is.
    assert.is(await limit(await created(t, cpu({ shares: 2 })), "", "cpu.weight"), "1");
    assert.is(await limit(await created(t, cpu({ shares: 262_144 })), "", "cpu.weight"), "10000");
  } else {
    assert.is(await limit(await created(t, cpu({ shares: 512 })), "cpu.shares"), "512");
  }
});

test("RC-03 quota", async (t) => {
  assert.is(await bandwidthOf(t, { quota: 30_000 }), "30000 100000");
});

test("RC-03 a quota of -1 is none", async (t) => {
  assert.is(await bandwidthOf(t, { quota: -1 }), "-1 100000");
});

test("RC-03 RC-05 quota and period", async (t) => {
  assert.is(await bandwidthOf(t, { quota: 20_000, period: 50_000 }), "20000 50000");
});

test("RC-03 RC-05 a quota that only its period makes possible", async (t) => {
  assert.is(await bandwidthOf(t, { quota: 1000, period: 1000 }), "1000 1000");
  assert.is(await bandwidthOf(t, { quota: 2_000_000, period: 1_000_000 }), "2000000 1000000");
});

test("RC-03 a quota that the kernel finds too small is an error", async (t) => {
  await cannotCreate(t, cpu({ quota: 10 }), /cpu|invalid argument/i, PLACE);
});

test("RC-04 burst", async (t) => {
  const container = await created(t, cpu({ quota: 50_000, period: 100_000, burst: 10_000 }));
  assert.is(await limit(container, "cpu.cfs_burst_us", "cpu.max.burst"), "10000");
});

test("RC-04 a burst of 0 is written, too", async (t) => {
  const container = await created(t, cpu({ quota: 50_000, period: 100_000, burst: 0 }));
  assert.is(await limit(container, "cpu.cfs_burst_us", "cpu.max.burst"), "0");
});

test("RC-04 a burst above the quota is an error", async (t) => {
  await limit(await created(t), "cpu.cfs_burst_us", "cpu.max.burst");
  await cannotCreate(t, cpu({ quota: 50_000, period: 100_000, burst: 60_000 }), /cpu|burst|invalid argument/i, PLACE);
});

test("RC-05 a period without a quota", async (t) => {
  assert.is(await bandwidthOf(t, { period: 60_000 }), "-1 60000");
});

test("RC-05 a period that the kernel finds too long is an error", async (t) => {
  await cannotCreate(t, cpu({ period: 10_000_000 }), /cpu|period|invalid argument/i, PLACE);
});

function needsRealtime(): void {
  onlyOnV1("cpu.realtimeRuntime");
  if (read(join(CGROUPS, "cpu/cpu.rt_runtime_us")) === "") skip("this kernel has no cpu.rt_runtime_us");
}

test("RC-06 realtimeRuntime", async (t) => {
  needsRealtime();
  assert.is(await limit(await created(t, cpu({ realtimeRuntime: 5000 })), "cpu.rt_runtime_us"), "5000");
});

test("RC-07 realtimePeriod", async (t) => {
  needsRealtime();
  const container = await created(t, cpu({ realtimeRuntime: 5000, realtimePeriod: 500_000 }));
  assert.equal([await limit(container, "cpu.rt_runtime_us"), await limit(container, "cpu.rt_period_us")], ["5000", "500000"]);
});

test("RC-06 RC-07 a runtime above its period is an error", async (t) => {
  needsRealtime();
  await cannotCreate(t, cpu({ realtimeRuntime: 600_000, realtimePeriod: 500_000 }), /cpu|invalid argument/i, PLACE);
});

test("RC-08 cpus", async (t) => {
  const container = await created(t, cpu({ cpus: "0" }));
  assert.is(await limit(container, "cpuset.cpus"), "0");
  assert.match(await container.proc("status"), /^Cpus_allowed_list:\t0$/m);
});

test("RC-08 cpus as a range", async (t) => {
  const all = read("/sys/devices/system/cpu/online").trim();
  if (!/^0-\d+$/.test(all)) skip("it takes more than one processor, all of them online");
  assert.is(await limit(await created(t, cpu({ cpus: all })), "cpuset.cpus"), all);
});

test("RC-08 RC-09 without them the container has the parent's cpus and mems", async (t) => {
  const container = await created(t);
  const names = isV2() ? ["cpuset.cpus.effective", "cpuset.mems.effective"] : ["cpuset.cpus", "cpuset.mems"];
  for (const name of names) assert.is(read(join(await cgroupOf(container, "cpuset"), name)), read(join(CGROUPS, isV2() ? "" : "cpuset", name)), name);
});

test("RC-08 a list of cpus that is none, or names one that is missing, is an error", async (t) => {
  for (const cpus of ["zero", "0-", "4000"]) await cannotCreate(t, cpu({ cpus }), /cpu/, PLACE);
});

test("RC-09 mems", async (t) => {
  const container = await created(t, cpu({ mems: "0" }));
  assert.is(await limit(container, "cpuset.mems"), "0");
  assert.match(await container.proc("status"), /^Mems_allowed_list:\t0$/m);
});

test("RC-09 a list of nodes that is none, or names one that is missing, is an error", async (t) => {
  for (const mems of ["one", "900"]) await cannotCreate(t, cpu({ mems }), /mems/, PLACE);
});

test("RC-10 idle", async (t) => {
  await limit(await created(t), "cpu.idle");
  // Looked at from inside: a container that is idle may take its time to end when it is killed.
  const path = isV2() ? "/sys/fs/cgroup/cpu.idle" : "/sys/fs/cgroup/cpu/cpu.idle";
  for (const idle of [1, 0]) assert.is(await inside(t, `cat ${path}`, cpu({ idle })), `${idle}\n`);
});

test.run();
