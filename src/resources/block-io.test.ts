import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { BlockIO } from "../spec/config.ts";
import { blockIOV1, blockIOV2, ioWeight } from "./block-io.ts";
import type { Limits } from "./limits.ts";

const test = suite("resources/block-io");

function lines({ writes }: Limits): string[] {
  return writes.map(({ file, value, instead }) => `${file}=${value}${instead === undefined ? "" : ` or ${instead.file}=${instead.value}`}`);
}

const DISK = { major: 8, minor: 0 };
const PART = { major: 253, minor: 65536 };
const FULL: BlockIO = {
  weight: 500,
  weightDevice: [{ ...DISK, weight: 10 }, { ...PART, weight: 1000 }],
  throttleReadBpsDevice: [{ ...DISK, rate: 1 }],
  throttleWriteBpsDevice: [{ ...DISK, rate: 18446744073709551615n }],
  throttleReadIOPSDevice: [{ ...DISK, rate: 3 }],
  throttleWriteIOPSDevice: [{ ...DISK, rate: 4 }, { ...PART, rate: 0 }],
};

test("blockIOV1() writes weights to CFQ's or BFQ's files, and throttles", () => {
  assert.equal(lines(blockIOV1({ ...FULL, leafWeight: 300 })), [
    "blkio.weight=500 or blkio.bfq.weight=500",
    "blkio.leaf_weight=300",
    "blkio.weight_device=8:0 10 or blkio.bfq.weight_device=8:0 10",
    "blkio.weight_device=253:65536 1000 or blkio.bfq.weight_device=253:65536 1000",
    "blkio.throttle.read_bps_device=8:0 1",
    "blkio.throttle.write_bps_device=8:0 18446744073709551615",
    "blkio.throttle.read_iops_device=8:0 3",
    "blkio.throttle.write_iops_device=8:0 4",
    "blkio.throttle.write_iops_device=253:65536 0",
  ]);
});

test("blockIOV1() writes a device's leaf weight beside its weight, or without one", () => {
  const weightDevice = [{ ...DISK, weight: 20, leafWeight: 30 }, { ...PART, leafWeight: 40 }];
  assert.equal(lines(blockIOV1({ weightDevice })), [
    "blkio.weight_device=8:0 20 or blkio.bfq.weight_device=8:0 20",
    "blkio.leaf_weight_device=8:0 30",
    "blkio.leaf_weight_device=253:65536 40",
  ]);
});

test("blockIOV2() writes BFQ's weights, or iocost's by conversion, and io.max", () => {
  assert.equal(lines(blockIOV2(FULL)), [
    "io.bfq.weight=500 or io.weight=4950",
    "io.bfq.weight=8:0 10 or io.weight=8:0 1",
    "io.bfq.weight=253:65536 1000 or io.weight=253:65536 10000",
    "io.max=8:0 rbps=1",
    "io.max=8:0 wbps=18446744073709551615",
    "io.max=8:0 riops=3",
    "io.max=8:0 wiops=4",
    "io.max=253:65536 wiops=max",
  ]);
});

test("blockIOV2() refuses leaf weights", () => {
  const { problems } = blockIOV2({ leafWeight: 10, weightDevice: [{ ...DISK, weight: 10, leafWeight: 5 }] });
  assert.equal(problems.map(({ pointer }) => pointer), [
    "/linux/resources/blockIO/leafWeight",
    "/linux/resources/blockIO/weightDevice/0/leafWeight",
  ]);
});

test("blockIOV1() and blockIOV2() take a weight of 0 for none, and refuse one above 1000", () => {
  for (const planner of [blockIOV1, blockIOV2]) {
    assert.equal(planner({ weight: 0, leafWeight: 0, weightDevice: [{ ...DISK, weight: 0 }] }).writes, []);
    assert.equal(planner({ weight: 1001 }).problems.map(({ message }) => message), ["must be between 1 and 1000, got 1001"]);
    assert.equal(planner({ weight: 1000, weightDevice: [{ ...DISK, weight: 1 }] }).problems, []);
  }
});

test("ioWeight() maps 10 to 1 and 1000 to 10000, and never leaves that range", () => {
  assert.equal([1, 10, 11, 100, 999, 1000].map(ioWeight), [1, 1, 11, 910, 9989, 10000]);
});

test.run();
