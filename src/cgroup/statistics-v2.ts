/** The statistics of cgroup v2 (cgroup-v2.rst). */

import type { CgroupDirectory } from "./cgroup.ts";
import { unifiedDirectory } from "./cgroup.ts";
import { UNLIMITED, countersIn, hugePageSizes, nestedCountersIn, numberIn, pressureIn } from "./statistics.ts";
import type { Counters, Pressure } from "./statistics.ts";

export interface Pressures {
  readonly some?: Pressure;
  readonly full?: Pressure;
}

export interface StatisticsV2 {
  readonly pids: { readonly current: bigint; readonly limit: bigint };
  /** cpu.stat; microseconds. */
  readonly cpu: { readonly stat: Counters; readonly pressure: Pressures | undefined };
  readonly memory: {
    /** memory.stat. */
    readonly stat: Counters;
    readonly usage: bigint;
    readonly limit: bigint;
    readonly max: bigint;
    readonly swapUsage: bigint;
    readonly swapLimit: bigint;
    readonly swapMax: bigint;
    /** memory.events. */
    readonly events: Counters;
    readonly pressure: Pressures | undefined;
  };
  /** io.stat, by `major:minor`. */
  readonly io: { readonly stat: readonly (readonly [device: string, Counters])[]; readonly pressure: Pressures | undefined };
  readonly hugetlb: readonly { readonly pagesize: string; readonly current: bigint; readonly max: bigint; readonly failcnt: bigint }[];
  readonly rdma: { readonly current: readonly (readonly [string, Counters])[]; readonly limit: readonly (readonly [string, Counters])[] };
}

export function readStatisticsV2(directories: readonly CgroupDirectory[]): StatisticsV2 {
  const directory = unifiedDirectory(directories)?.path;
  return {
    pids: { current: numberIn(directory, "pids.current"), limit: numberIn(directory, "pids.max", UNLIMITED) },
    cpu: { stat: countersIn(directory, "cpu.stat"), pressure: pressureIn(directory, "cpu.pressure") },
    memory: {
      stat: countersIn(directory, "memory.stat"),
      usage: numberIn(directory, "memory.current"),
      limit: numberIn(directory, "memory.max", UNLIMITED),
      max: numberIn(directory, "memory.peak"),
      swapUsage: numberIn(directory, "memory.swap.current"),
      swapLimit: numberIn(directory, "memory.swap.max", UNLIMITED),
      swapMax: numberIn(directory, "memory.swap.peak"),
      events: countersIn(directory, "memory.events"),
      pressure: pressureIn(directory, "memory.pressure"),
    },
    io: { stat: nestedCountersIn(directory, "io.stat"), pressure: pressureIn(directory, "io.pressure") },
    hugetlb: hugePageSizes().map((pagesize) => ({
      pagesize,
      current: numberIn(directory, `hugetlb.${pagesize}.current`),
      max: numberIn(directory, `hugetlb.${pagesize}.max`, UNLIMITED),
      failcnt: countersIn(directory, `hugetlb.${pagesize}.events`)["max"] ?? 0n,
    })),
    rdma: { current: nestedCountersIn(directory, "rdma.current"), limit: nestedCountersIn(directory, "rdma.max") },
  };
}
