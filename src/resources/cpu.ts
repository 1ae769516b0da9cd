/**
 * The cpu controller's limits as files of cgroup v1 and v2 (config-linux.md#cpu).
 *
 * Shares, quota, period and the real-time fields count 0 as unset, as engines mean it.
 */

import type { Cpu, Integer } from "../spec/config.ts";
import { Limits } from "./limits.ts";

const POINTER = "/linux/resources/cpu";
const DEFAULT_PERIOD_MICROS = 100_000;
const MIN_SHARES = 2;
const MAX_SHARES = 262_144;

/** The files of cgroup v1. */
export function cpuV1(cpu: Cpu): Limits {
  const limits = new Limits("cpu", 1, POINTER);
  checkBurst(cpu, limits);
  checkShares(cpu, limits);
  // A group that is idle takes no shares: shares before idle.
  if (isSet(cpu.shares)) limits.write("shares", "cpu.shares", String(cpu.shares));
  writeIdle(cpu, limits);
  // A quota is judged by the period, and a burst by the quota that is in force: in this order.
  if (isSet(cpu.period)) limits.write("period", "cpu.cfs_period_us", String(cpu.period));
  if (isSet(cpu.quota)) limits.write("quota", "cpu.cfs_quota_us", cpu.quota < 0 ? "-1" : String(cpu.quota));
  writeBurst(cpu, limits, "cpu.cfs_burst_us");
  if (isSet(cpu.realtimePeriod)) limits.write("realtimePeriod", "cpu.rt_period_us", String(cpu.realtimePeriod));
  if (isSet(cpu.realtimeRuntime)) limits.write("realtimeRuntime", "cpu.rt_runtime_us", String(cpu.realtimeRuntime));
  return limits;
}

/** The files of cgroup v2. */
export function cpuV2(cpu: Cpu): Limits {
  const limits = new Limits("cpu", 2, POINTER);
  checkBurst(cpu, limits);
  if (isSet(cpu.shares)) limits.write("shares", "cpu.weight", String(cpuWeight(cpu.shares)));
  writeIdle(cpu, limits);
  if (isSet(cpu.quota) || isSet(cpu.period)) {
    const quota = isSet(cpu.quota) && cpu.quota > 0 ? String(cpu.quota) : "max";
    const period = isSet(cpu.period) ? cpu.period : DEFAULT_PERIOD_MICROS;
    limits.write(isSet(cpu.quota) ? "quota" : "period", "cpu.max", `${quota} ${period}`);
  }
  writeBurst(cpu, limits, "cpu.max.burst");
  for (const field of ["realtimeRuntime", "realtimePeriod"] as const) {
    if (isSet(cpu[field])) limits.refuseOnV2(field);
  }
  return limits;
}

/**
 * The v2 weight (1 to 10000) of v1 shares (2 to 262144): a curve through (2, 1), (1024, 100) and (262144, 10000),
 * the one that runc and crun use, so that containers of all three share the processor fairly.
 */
export function cpuWeight(shares: Integer): number {
  if (shares <= MIN_SHARES) return 1;
  if (shares >= MAX_SHARES) return 10_000;
  const log = Math.log2(Number(shares));
  return Math.ceil(10 ** ((log * log + 125 * log) / 612 - 7 / 34));
}

function isSet(amount: Integer | undefined): amount is Integer {
  return amount !== undefined && amount !== 0;
}

/** The kernel would take another number than is asked for, and say nothing; the curve of v2 ends at the same ones. */
function checkShares({ shares }: Cpu, limits: Limits): void {
  if (!isSet(shares) || (shares >= MIN_SHARES && shares <= MAX_SHARES)) return;
  limits.refuse("shares", `must be between ${MIN_SHARES} and ${MAX_SHARES}, got ${shares}`);
}

function checkBurst({ burst, quota }: Cpu, limits: Limits): void {
  if (burst === undefined || quota === undefined || quota <= 0 || burst <= quota) return;
  limits.refuse("burst", `must not be greater than the quota ${quota}, got ${burst}`);
}

function writeIdle({ idle }: Cpu, limits: Limits): void {
  if (idle === undefined) return;
  // A kernel before 5.15 has no such file, and runs every group as 0 asks.
  if (idle === 0) limits.writeOptional("idle", "cpu.idle", "0");
  else limits.write("idle", "cpu.idle", String(idle));
}

function writeBurst({ burst }: Cpu, limits: Limits, file: string): void {
  if (burst === undefined) return;
  if (burst === 0) limits.writeOptional("burst", file, "0");
  else limits.write("burst", file, String(burst));
}
