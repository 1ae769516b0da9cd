/** A container's statistics in the form of containerd's metrics: v2's on a host that has only cgroup v2, else v1's. */

import type { CgroupDirectory } from "../cgroup/cgroup.ts";
import { readStatisticsV1 } from "../cgroup/statistics-v1.ts";
import type { MemoryEntry, StatisticsV1 } from "../cgroup/statistics-v1.ts";
import { readStatisticsV2 } from "../cgroup/statistics-v2.ts";
import type { Counters } from "../cgroup/statistics.ts";
import { Metrics as MetricsV1 } from "./generated/metrics-v1.ts";
import type { BlkIOEntry } from "./generated/metrics-v1.ts";
import { Metrics as MetricsV2 } from "./generated/metrics-v2.ts";
import type { Any } from "./generated/types.ts";
import { encode } from "../protobuf/messages.ts";

const V1 = "io.containerd.cgroups.v1.Metrics";
const V2 = "io.containerd.cgroups.v2.Metrics";

/** The metrics of a cgroup, as clients compare the type. */
export function readMetrics(directories: readonly CgroupDirectory[]): Any {
  const isUnified = directories.every(({ version }) => version === 2);
  return isUnified ? { type_url: V2, value: encode(MetricsV2, metricsV2(directories)) } : { type_url: V1, value: encode(MetricsV1, metricsV1(directories)) };
}

function metricsV1(directories: readonly CgroupDirectory[]): Partial<MetricsV1> {
  const { pids, cpu, memory, blkio, hugetlb, rdma } = readStatisticsV1(directories);
  const { nr_periods, nr_throttled, throttled_time } = cpu.throttling;
  return {
    hugetlb,
    pids,
    cpu: {
      usage: { total: cpu.total, kernel: cpu.kernel, user: cpu.user, per_cpu: cpu.perCpu },
      throttling: { periods: nr_periods ?? 0n, throttled_periods: nr_throttled ?? 0n, throttled_time: throttled_time ?? 0n },
    },
    // The message's fields have the names that memory.stat has.
    memory: { ...memory.stat, usage: entry(memory.usage), swap: entry(memory.swap), kernel: entry(memory.kernel), kernel_tcp: entry(memory.kernelTcp) },
    blkio: blkioOf(blkio),
    rdma: { current: rdma.current.map(rdmaEntry), limit: rdma.limit.map(rdmaEntry) },
    memory_oom_control: { ...memory.oomControl },
  };
}

/** Each part is always there: ctr reads it without a look. */
function entry({ limit, usage, max, failcnt }: MemoryEntry): MemoryEntry {
  return { limit, usage, max, failcnt };
}

function blkioOf(blkio: StatisticsV1["blkio"]): Record<string, Partial<BlkIOEntry>[]> {
  const lists: Record<string, Partial<BlkIOEntry>[]> = {};
  for (const [name, entries] of Object.entries(blkio)) lists[name] = entries.map((one) => ({ ...one }));
  return lists;
}

function rdmaEntry([device, counters]: readonly [string, Counters]): { device: string; hca_handles: number; hca_objects: number } {
  return { device, hca_handles: small(counters["hca_handle"]), hca_objects: small(counters["hca_object"]) };
}

/** These are counted in 32 bits; "max" is the greatest. */
function small(value = 0n): number {
  return Number(value > 0xffff_ffffn ? 0xffff_ffffn : value);
}

function metricsV2(directories: readonly CgroupDirectory[]): Partial<MetricsV2> {
  const { pids, cpu, memory, io, hugetlb, rdma } = readStatisticsV2(directories);
  return {
    pids,
    cpu: { ...cpu.stat, psi: cpu.pressure },
    memory: {
      ...memory.stat,
      usage: memory.usage,
      usage_limit: memory.limit,
      max_usage: memory.max,
      swap_usage: memory.swapUsage,
      swap_limit: memory.swapLimit,
      swap_max_usage: memory.swapMax,
      psi: memory.pressure,
    },
    rdma: { current: rdma.current.map(rdmaEntry), limit: rdma.limit.map(rdmaEntry) },
    io: { usage: io.stat.map(ioEntry), psi: io.pressure },
    hugetlb,
    memory_events: { ...memory.events },
  };
}

function ioEntry([device, { rbytes = 0n, wbytes = 0n, rios = 0n, wios = 0n }]: readonly [string, Counters]): Record<string, bigint> {
  const [major = "0", minor = "0"] = device.split(":");
  return { major: BigInt(major), minor: BigInt(minor), rbytes, wbytes, rios, wios };
}
