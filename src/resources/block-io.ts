/**
 * The limits of block devices as files of cgroup v1 (blkio) and v2 (io) (config-linux.md#block-io).
 *
 * Weights belong to an I/O scheduler, and their files bear its name: those of CFQ, which Linux 5.0 dropped, none, those
 * of BFQ its own. A weight of 0 counts as unset, as engines mean it.
 */

import type { BlockIO, Integer, ThrottleDevice } from "../spec/config.ts";
import { Limits } from "./limits.ts";

const POINTER = "/linux/resources/blockIO";
const MAX_WEIGHT = 1000;

/** blkio-controller.rst and cgroup-v2.rst, "io.max". */
const THROTTLES = [
  { field: "throttleReadBpsDevice", file: "blkio.throttle.read_bps_device", key: "rbps" },
  { field: "throttleWriteBpsDevice", file: "blkio.throttle.write_bps_device", key: "wbps" },
  { field: "throttleReadIOPSDevice", file: "blkio.throttle.read_iops_device", key: "riops" },
  { field: "throttleWriteIOPSDevice", file: "blkio.throttle.write_iops_device", key: "wiops" },
] as const;

/** The files of cgroup v1. */
export function blockIOV1(blockIO: BlockIO): Limits {
  const limits = new Limits("blkio", 1, POINTER);
  const { weight, leafWeight, weightDevice = [] } = blockIO;
  if (isWeight(weight, "weight", limits)) writeWeightV1("weight", "weight", `${weight}`, limits);
  if (isWeight(leafWeight, "leafWeight", limits)) limits.write("leafWeight", "blkio.leaf_weight", `${leafWeight}`);
  for (let i = 0; i < weightDevice.length; i++) {
    const device = weightDevice[i];
    if (device === undefined) continue;
    const [at, number] = [`weightDevice/${i}`, numberOf(device)];
    if (isWeight(device.weight, `${at}/weight`, limits)) {
      writeWeightV1(`${at}/weight`, "weight_device", `${number} ${device.weight}`, limits);
    }
    if (isWeight(device.leafWeight, `${at}/leafWeight`, limits)) {
      limits.write(`${at}/leafWeight`, "blkio.leaf_weight_device", `${number} ${device.leafWeight}`);
    }
  }
  eachThrottle(blockIO, ({ file }, at, device) => limits.write(at, file, `${numberOf(device)} ${device.rate}`));
  return limits;
}

/** The files of cgroup v2. */
export function blockIOV2(blockIO: BlockIO): Limits {
  const limits = new Limits("io", 2, POINTER);
  const { weight, leafWeight, weightDevice = [] } = blockIO;
  if (isWeight(weight, "weight", limits)) writeWeightV2("weight", "", weight, limits);
  if (isWeight(leafWeight, "leafWeight", limits)) limits.refuseOnV2("leafWeight");
  for (let i = 0; i < weightDevice.length; i++) {
    const device = weightDevice[i];
    if (device === undefined) continue;
    const at = `weightDevice/${i}`;
    if (isWeight(device.weight, `${at}/weight`, limits)) {
      writeWeightV2(`${at}/weight`, `${numberOf(device)} `, device.weight, limits);
    }
    if (isWeight(device.leafWeight, `${at}/leafWeight`, limits)) limits.refuseOnV2(`${at}/leafWeight`);
  }
  // No rate at all is what v1 means by 0, and v2 has a word for it.
  const rateOf = (rate: Integer): string => (rate === 0 ? "max" : `${rate}`);
  eachThrottle(blockIO, ({ key }, at, device) => {
    limits.write(at, "io.max", `${numberOf(device)} ${key}=${rateOf(device.rate)}`);
  });
  return limits;
}

/** The weight of io.weight (1 to 10000) for one of blkio or BFQ (10, or 1, to 1000): the line that runc and crun draw. */
export function ioWeight(weight: number): number {
  if (weight <= 10) return 1;
  return 1 + Math.floor(((weight - 10) * 9999) / 990);
}

function writeWeightV1(field: string, name: string, value: string, limits: Limits): void {
  limits.writeEither(field, { file: `blkio.${name}`, value }, { file: `blkio.bfq.${name}`, value });
}

/** Without BFQ there is iocost's file, with another scale (cgroup-v2.rst, "io.weight"). */
function writeWeightV2(field: string, device: string, weight: number, limits: Limits): void {
  const bfq = { file: "io.bfq.weight", value: `${device}${weight}` };
  limits.writeEither(field, bfq, { file: "io.weight", value: `${device}${ioWeight(weight)}` });
}

function eachThrottle(
  blockIO: BlockIO,
  visit: (row: (typeof THROTTLES)[number], at: string, device: ThrottleDevice) => void,
): void {
  for (const row of THROTTLES) {
    const devices = blockIO[row.field] ?? [];
    for (let i = 0; i < devices.length; i++) {
      const device = devices[i];
      if (device !== undefined) visit(row, `${row.field}/${i}/rate`, device);
    }
  }
}

function isWeight(weight: number | undefined, field: string, limits: Limits): weight is number {
  if (weight === undefined || weight === 0) return false;
  if (weight > MAX_WEIGHT) limits.refuse(field, `must be between 1 and ${MAX_WEIGHT}, got ${weight}`);
  return true;
}

function numberOf({ major, minor }: { readonly major: number; readonly minor: number }): string {
  return `${major}:${minor}`;
}
