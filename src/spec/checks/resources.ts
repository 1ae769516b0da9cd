/** Checks the limits of the control group, but for the device rules (config-linux.md#control-groups). */

import type { BlockIO, Config, Cpu, Integer, Linux, Memory, Resources } from "../config.ts";
import type { Path } from "../pointer.ts";
import { isInterfaceName } from "./net-devices.ts";
import { numberListProblem } from "./number-list.ts";
import { quoted, type Report } from "./report.ts";

export function checkResources({ linux }: Config, report: Report): void {
  if (linux === undefined) return;
  checkCgroupsPath(linux, report);
  const { resources } = linux;
  if (resources === undefined) return;
  const path = ["linux", "resources"];
  if (resources.memory !== undefined) checkMemory(resources.memory, [...path, "memory"], report);
  if (resources.cpu !== undefined) checkCpu(resources.cpu, [...path, "cpu"], report);
  if (resources.blockIO !== undefined) checkBlockIO(resources.blockIO, [...path, "blockIO"], report);
  const pids = resources.pids?.limit;
  if (pids !== undefined && pids < -1) report([...path, "pids", "limit"], `must be at least -1, got ${pids}`);
  checkNamed(resources, path, report);
}

/** A path that climbs could leave the place that the caller chose. */
function checkCgroupsPath({ cgroupsPath = "" }: Linux, report: Report): void {
  if (!cgroupsPath.includes("..") || !cgroupsPath.split("/").includes("..")) return;
  report(["linux", "cgroupsPath"], `must not contain "..", got ${quoted(cgroupsPath)}`);
}

const MEMORY_LIMITS = ["limit", "reservation", "swap", "kernel", "kernelTCP"] as const;

function checkMemory(memory: Memory, path: Path, report: Report): void {
  for (const field of MEMORY_LIMITS) {
    const bytes = memory[field];
    if (bytes !== undefined && bytes < -1) report([...path, field], `must be at least -1, got ${bytes}`);
  }
  const { limit = 0, swap = 0, swappiness = 0 } = memory;
  if (swap > 0 && limit > 0 && swap < limit) {
    report([...path, "swap"], `is the sum of memory and swap, so not below "limit", which is ${limit}, got ${swap}`);
  }
  if (swappiness > 100) report([...path, "swappiness"], `must be between 0 and 100, got ${swappiness}`);
}

function checkCpu(cpu: Cpu, path: Path, report: Report): void {
  for (const field of ["cpus", "mems"] as const) {
    const list = cpu[field];
    const problem = list === undefined ? undefined : numberListProblem(list);
    if (problem !== undefined) report([...path, field], problem);
  }
  const { quota = 0, burst = 0, idle = 0, realtimeRuntime = 0, realtimePeriod = 0 } = cpu;
  if (quota > 0 && burst > quota) report([...path, "burst"], `must not be above "quota", which is ${quota}, got ${burst}`);
  if (idle !== 0 && idle !== 1) report([...path, "idle"], `must be 0 or 1, got ${idle}`);
  if (realtimePeriod > 0 && realtimeRuntime > realtimePeriod) {
    const message = `must not be above "realtimePeriod", which is ${realtimePeriod}, got ${realtimeRuntime}`;
    report([...path, "realtimeRuntime"], message);
  }
}

const THROTTLES = [
  "throttleReadBpsDevice",
  "throttleWriteBpsDevice",
  "throttleReadIOPSDevice",
  "throttleWriteIOPSDevice",
] as const;

function checkBlockIO(blockIO: BlockIO, path: Path, report: Report): void {
  blockIO.weightDevice?.forEach((device, i) => {
    if (device === undefined) return;
    const at = [...path, "weightDevice", i];
    if (device.weight === undefined && device.leafWeight === undefined) report(at, '"weight" or "leafWeight" is required');
    checkDeviceNumber(device, at, report);
  });
  for (const field of THROTTLES) {
    blockIO[field]?.forEach((device, i) => {
      if (device === undefined) return;
      const rate: Integer | undefined = device.rate;
      if (rate === undefined) report([...path, field, i], '"rate" is required');
      checkDeviceNumber(device, [...path, field, i], report);
    });
  }
}

/** A device number has 12 bits for the major, 20 for the minor part (linux/kdev_t.h). */
function checkDeviceNumber({ major, minor }: { major: number; minor: number }, path: Path, report: Report): void {
  if (major < 0 || major > 0xfff) report([...path, "major"], `must be between 0 and ${0xfff}, got ${major}`);
  if (minor < 0 || minor > 0xfffff) report([...path, "minor"], `must be between 0 and ${0xfffff}, got ${minor}`);
}

/** The limits that are by name: of a network device, an RDMA device, a file. */
function checkNamed({ network, rdma = {}, unified = {} }: Resources, path: Path, report: Report): void {
  network?.priorities?.forEach((priority, i) => {
    const name = priority?.name;
    if (name === undefined || isInterfaceName(name)) return;
    report([...path, "network", "priorities", i, "name"], `${quoted(name)} cannot be the name of a network device`);
  });
  for (const device in rdma) {
    const limits = rdma[device];
    if (limits?.hcaHandles !== undefined || limits?.hcaObjects !== undefined) continue;
    report([...path, "rdma", device], '"hcaHandles" or "hcaObjects" is required');
  }
  for (const file in unified) {
    const isName = file !== "" && file !== "." && file !== ".." && !file.includes("/");
    if (!isName) report([...path, "unified", file], `must be the name of a file in the control group, got ${quoted(file)}`);
    const value: unknown = unified[file];
    if (typeof value !== "string") report([...path, "unified", file], `the value of ${quoted(file)} must be a string`);
  }
}
