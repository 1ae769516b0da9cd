/** `linux.resources.blockIO`, as the container's cgroup shows it (config-linux.md#block-io). */

import * as assert from "uvu/assert";
import { skip } from "../test/harness.ts";
import { blockDevice, hasLimit, isV2, limit, needsControllers, onlyOnV1, onlyOnV2, resources } from "./cgroups.ts";
import { cannotCreate, created } from "./containers.ts";
import type { Change, Container } from "./containers.ts";
import { suite } from "./suite.ts";

const test = suite("block io", () => needsControllers("blkio"));

/** A device number that nothing has. */
const NOBODY = { major: 4000, minor: 1 };

function blockIO(values: Readonly<Record<string, unknown>>): Change {
  return resources({ blockIO: values });
}

/** The weight, whatever scheduler it is for; iocost has another scale. */
async function weightOf(container: Container): Promise<string> {
  for (const [v1 = "", v2 = ""] of [["blkio.weight", "io.bfq.weight"], ["blkio.bfq.weight", "io.weight"]]) {
    if (await hasLimit(container, v1, v2)) return (await limit(container, v1, v2)).replace("default ", "");
  }
  return skip("this kernel has no weights of block I/O");
}

test("RB-01 an empty object limits nothing", async (t) => {
  const container = await created(t, blockIO({}));
  assert.is(await limit(container, "blkio.throttle.read_bps_device", "io.max"), "");
});

test("RB-02 weight, for BFQ or converted for another scheduler", async (t) => {
  const container = await created(t, blockIO({ weight: 500 }));
  const found = await weightOf(container);
  const converted = isV2() && !(await hasLimit(container, "", "io.bfq.weight"));
  assert.is(found, converted ? "4950" : "500");
});

test("RB-02 a weight of 0, as docker writes it, is none", async (t) => {
  assert.is(await weightOf(await created(t, blockIO({ weight: 0 }))), await weightOf(await created(t)));
});

test("RB-03 leafWeight, or an error where the kernel has none", async (t) => {
  onlyOnV1("leafWeight");
  if (await hasLimit(await created(t), "blkio.leaf_weight")) {
    assert.is(await limit(await created(t, blockIO({ leafWeight: 300 })), "blkio.leaf_weight"), "300");
  } else {
    await cannotCreate(t, blockIO({ leafWeight: 300 }), /leaf_?weight/i);
  }
});

test("RB-04 a weight of a device that is not there is an error", async (t) => {
  if (isV2()) skip("this host has cgroup v2");
  await weightOf(await created(t));
  await cannotCreate(t, blockIO({ weightDevice: [{ ...NOBODY, weight: 100 }] }), /no such device/i);
});

test("RB-04 on cgroup v2 a weight of a device that is not there is an error", async (t) => {
  onlyOnV2();
  await weightOf(await created(t));
  await cannotCreate(t, blockIO({ weightDevice: [{ ...NOBODY, weight: 100 }] }), /./);
});

test("RB-06 RB-07 a device without any weight is an error", async (t) => {
  await cannotCreate(t, blockIO({ weightDevice: [NOBODY] }), /./);
});

const THROTTLES = [
  ["RB-08", "throttleReadBpsDevice", "read_bps_device", "rbps"],
  ["RB-09", "throttleWriteBpsDevice", "write_bps_device", "wbps"],
  ["RB-10", "throttleReadIOPSDevice", "read_iops_device", "riops"],
  ["RB-11", "throttleWriteIOPSDevice", "write_iops_device", "wiops"],
] as const;

for (const [row, field, legacy, unified] of THROTTLES) {
  test(`${row} RB-13 ${field}`, async (t) => {
    const { major, minor, text } = blockDevice();
    const container = await created(t, blockIO({ [field]: [{ major, minor, rate: 1_000_001 }] }));
    const found = await limit(container, `blkio.throttle.${legacy}`, "io.max");
    const keys = THROTTLES.map(([, , , key]) => `${key}=${key === unified ? 1_000_001 : "max"}`).join(" ");
    assert.is(found, isV2() ? `${text} ${keys}` : `${text} 1000001`);
  });
}

test("RB-08 to RB-11 all throttles of a device together", async (t) => {
  const { major, minor, text } = blockDevice();
  const container = await created(t, blockIO(Object.fromEntries(THROTTLES.map(([, field], at) => [field, [{ major, minor, rate: 1001 + at }]]))));
  if (isV2()) {
    assert.is(await limit(container, "", "io.max"), `${text} rbps=1001 wbps=1002 riops=1003 wiops=1004`);
  } else {
    const values = await Promise.all(THROTTLES.map(([, , name]) => limit(container, `blkio.throttle.${name}`)));
    assert.equal(values, [1001, 1002, 1003, 1004].map((rate) => `${text} ${rate}`));
  }
});

test("RB-12 a throttle of a device that is not there is an error", async (t) => {
  await cannotCreate(t, blockIO({ throttleReadBpsDevice: [{ ...NOBODY, rate: 1 }] }), /no such device/i);
});

test.run();
