/** The fields that may hold integers beyond 2^53, and putting those into the tree exactly, as bigints. */

import type { Problem } from "../errors.ts";
import { type Path, pointerOf } from "./pointer.ts";
import type { BigInteger } from "./scan.ts";

type IntegerType = "int64" | "uint64";

/** The fields typed `Integer` in config.ts; all others are refused above 2^53 by the schema or by a check. */
const FIELDS: Readonly<Record<string, IntegerType>> = {
  "process/rlimits/*/soft": "uint64",
  "process/rlimits/*/hard": "uint64",
  "process/scheduler/runtime": "uint64",
  "process/scheduler/deadline": "uint64",
  "process/scheduler/period": "uint64",
  "linux/timeOffsets/monotonic/secs": "int64",
  "linux/timeOffsets/boottime/secs": "int64",
  "linux/resources/memory/limit": "int64",
  "linux/resources/memory/reservation": "int64",
  "linux/resources/memory/swap": "int64",
  "linux/resources/memory/kernel": "int64",
  "linux/resources/memory/kernelTCP": "int64",
  "linux/resources/cpu/shares": "uint64",
  "linux/resources/cpu/quota": "int64",
  "linux/resources/cpu/burst": "uint64",
  "linux/resources/cpu/period": "uint64",
  "linux/resources/cpu/realtimeRuntime": "int64",
  "linux/resources/cpu/realtimePeriod": "uint64",
  "linux/resources/blockIO/throttleReadBpsDevice/*/rate": "uint64",
  "linux/resources/blockIO/throttleWriteBpsDevice/*/rate": "uint64",
  "linux/resources/blockIO/throttleReadIOPSDevice/*/rate": "uint64",
  "linux/resources/blockIO/throttleWriteIOPSDevice/*/rate": "uint64",
  "linux/resources/hugepageLimits/*/limit": "uint64",
  "linux/resources/pids/limit": "int64",
  "linux/seccomp/syscalls/*/args/*/value": "uint64",
  "linux/seccomp/syscalls/*/args/*/valueTwo": "uint64",
};

const RANGES: Readonly<Record<IntegerType, { readonly min: bigint; readonly max: bigint }>> = {
  int64: { min: -(2n ** 63n), max: 2n ** 63n - 1n },
  uint64: { min: 0n, max: 2n ** 64n - 1n },
};

/** Replaces the rounded numbers in `tree`; `base` is the tree's own path in config.json. Returns those out of range. */
export function restoreIntegers(tree: unknown, integers: readonly BigInteger[], base: Path = []): Problem[] {
  const problems: Problem[] = [];
  for (const { path, value } of integers) {
    const type = FIELDS[[...base, ...path].map((part) => (typeof part === "number" ? "*" : part)).join("/")];
    if (type === undefined) continue;
    const { min, max } = RANGES[type];
    if (value < min || value > max) {
      const message = value > max ? `must be at most ${max}, got ${value}` : `must be at least ${min}, got ${value}`;
      problems.push({ pointer: pointerOf(path), message });
    } else {
      put(tree, path, value);
    }
  }
  return problems;
}

function put(tree: unknown, path: Path, value: bigint): void {
  let node = tree;
  for (const part of path.slice(0, -1)) {
    if (typeof node !== "object" || node === null) return;
    node = (node as Record<string | number, unknown>)[part];
  }
  const last = path.at(-1);
  if (typeof node === "object" && node !== null && last !== undefined) {
    (node as Record<string | number, unknown>)[last] = value;
  }
}
