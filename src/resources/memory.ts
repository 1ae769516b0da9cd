/**
 * The memory controller's limits as files of cgroup v1 and v2 (config-linux.md#memory).
 *
 * A limit of 0 counts as unset, as engines mean it: nothing can run in no memory.
 */

import type { Integer, Memory } from "../spec/config.ts";
import { Limits } from "./limits.ts";

const POINTER = "/linux/resources/memory";
const UNLIMITED = -1;

/** The files of cgroup v1. */
export function memoryV1(memory: Memory): Limits {
  const limits = new Limits("memory", 1, POINTER);
  checkAmounts(memory, limits);
  // use_hierarchy can only change while the cgroup has no children, the kernel's oldest rule: first.
  if (memory.useHierarchy !== undefined) {
    limits.write("useHierarchy", "memory.use_hierarchy", memory.useHierarchy ? "1" : "0");
  }
  limitsV1(memory, limits);
  if (isSet(memory.reservation)) {
    limits.write("reservation", "memory.soft_limit_in_bytes", String(memory.reservation));
  }
  if (isSet(memory.kernelTCP)) {
    limits.write("kernelTCP", "memory.kmem.tcp.limit_in_bytes", String(memory.kernelTCP));
  }
  if (memory.swappiness !== undefined) {
    limits.write("swappiness", "memory.swappiness", String(memory.swappiness));
  }
  if (memory.disableOOMKiller === true) limits.write("disableOOMKiller", "memory.oom_control", "1");
  return limits;
}

/** The files of cgroup v2. */
export function memoryV2(memory: Memory): Limits {
  const limits = new Limits("memory", 2, POINTER);
  checkAmounts(memory, limits);
  if (isSet(memory.limit)) {
    const value = maxOr(memory.limit);
    if (memory.checkBeforeUpdate === true) limits.writeChecked("limit", "memory.max", value, "memory.current");
    else limits.write("limit", "memory.max", value);
  }
  swapV2(memory, limits);
  if (isSet(memory.reservation)) limits.write("reservation", "memory.low", maxOr(memory.reservation));
  if (isSet(memory.kernelTCP) && memory.kernelTCP !== UNLIMITED) limits.refuseOnV2("kernelTCP");
  if (memory.swappiness !== undefined) limits.refuseOnV2("swappiness", '"swap" limits how much may be swapped out');
  if (memory.disableOOMKiller === true) limits.refuseOnV2("disableOOMKiller");
  if (memory.useHierarchy === false) limits.refuseOnV2("useHierarchy", "cgroup v2 is always hierarchical");
  return limits;
}

function isSet(amount: Integer | undefined): amount is Integer {
  return amount !== undefined && amount !== 0;
}

function maxOr(amount: Integer): string {
  return amount === UNLIMITED ? "max" : String(amount);
}

/** What is wrong, or left out, on either version. */
function checkAmounts(memory: Memory, limits: Limits): void {
  for (const field of ["limit", "reservation", "swap", "kernelTCP"] as const) {
    const amount = memory[field];
    if (amount !== undefined && amount < UNLIMITED) {
      limits.refuse(field, `must be -1 (unlimited) or a number of bytes, got ${amount}`);
    }
  }
  if (isSet(memory.kernel)) limits.note("kernel", "not written: the kernel no longer limits its own memory apart");
  const { limit, swap } = memory;
  if (!isSet(swap) || swap === UNLIMITED) return;
  if (!isSet(limit) || limit === UNLIMITED) {
    limits.refuse("swap", "needs a memory limit, because it is the sum of memory and swap", 'set "limit"');
  } else if (swap < limit) {
    const message = `must not be less than the memory limit ${limit}, because it is the sum of both, got ${swap}`;
    limits.refuse("swap", message);
  }
}

/** The kernel keeps limit <= memsw at each step: a limit goes in before memsw, but "unlimited" goes to memsw first. */
function limitsV1({ limit, swap }: Memory, limits: Limits): void {
  const limitSet = isSet(limit);
  const swapSet = isSet(swap);
  if (limitSet && limit !== UNLIMITED) limits.write("limit", "memory.limit_in_bytes", String(limit));
  // Without swap accounting there is no memsw file, and nothing that would have to be lifted.
  if (swapSet && swap === UNLIMITED) limits.writeOptional("swap", "memory.memsw.limit_in_bytes", "-1");
  else if (swapSet) limits.write("swap", "memory.memsw.limit_in_bytes", String(swap));
  if (!limitSet || limit !== UNLIMITED) return;
  if (!swapSet) limits.writeOptional("limit", "memory.memsw.limit_in_bytes", "-1");
  limits.write("limit", "memory.limit_in_bytes", "-1");
}

/** v1 limits the sum of memory and swap, v2 swap alone; no limit on memory means none on swap unless told. */
function swapV2({ limit, swap }: Memory, limits: Limits): void {
  const file = "memory.swap.max";
  if (!isSet(swap)) {
    if (limit === UNLIMITED) limits.writeOptional("limit", file, "max");
  } else if (swap === UNLIMITED) {
    limits.writeOptional("swap", file, "max");
  } else if (isSet(limit) && limit !== UNLIMITED && swap >= limit) {
    // Where the kernel has no swap there is no file, and 0 is what holds.
    if (swap === limit) limits.writeOptional("swap", file, "0");
    else limits.write("swap", file, String(BigInt(swap) - BigInt(limit)));
  }
}
