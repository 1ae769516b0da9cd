/** A container's statistics in the form of runc's `events --stats`. */

import type { CgroupDirectory } from "../cgroup/cgroup.ts";
import { readCpusetFlags, readStatisticsV1 } from "../cgroup/statistics-v1.ts";
import type { BlkioEntry, BlkioName, MemoryEntry, StatisticsV1 } from "../cgroup/statistics-v1.ts";
import { readStatisticsV2 } from "../cgroup/statistics-v2.ts";
import type { Pressures, StatisticsV2 } from "../cgroup/statistics-v2.ts";
import { UNLIMITED } from "../cgroup/statistics.ts";
import { numbersOfList } from "../linux/number-list.ts";

const NANOS_PER_MICRO = 1000n;

/** What is zero and may be left out is left out, as runc does. */
type Json = Readonly<Record<string, unknown>>;

/** What v1's or v2's files say; v1's on a host that has both. */
export function statisticsOf(directories: readonly CgroupDirectory[]): Json {
  const isUnified = directories.length > 0 && directories.every(({ version }) => version === 2);
  return isUnified ? fromV2(readStatisticsV2(directories)) : fromV1(readStatisticsV1(directories), readCpusetFlags(directories));
}

function fromV1({ cpu, cpuset, memory, pids, blkio, hugetlb }: StatisticsV1, flags: Readonly<Record<string, number>>): Json {
  const { nr_periods, nr_throttled, throttled_time } = cpu.throttling;
  const usage = { total: cpu.total, percpu: cpu.perCpu, percpu_kernel: cpu.perCpuKernel, percpu_user: cpu.perCpuUser, kernel: cpu.kernel, user: cpu.user };
  return {
    cpu: { usage: bare(usage, ["kernel", "user"]), throttling: throttling(nr_periods, nr_throttled, throttled_time) },
    cpuset: { cpus: numbersOfList(cpuset.cpus), mems: numbersOfList(cpuset.mems), ...flags },
    memory: {
      ...bare({ cache: memory.stat["cache"] ?? 0n }, []),
      usage: memoryEntry(memory.usage),
      swap: memoryEntry(memory.swap),
      kernel: memoryEntry(memory.kernel),
      kernelTCP: memoryEntry(memory.kernelTcp),
      raw: memory.stat,
    },
    pids: bare(pids, []),
    blkio: blkioV1(blkio),
    hugetlb: Object.fromEntries(hugetlb.map(({ pagesize, usage: used, max, failcnt }) => [pagesize, bare({ usage: used, max, failcnt }, ["failcnt"])])),
    intel_rdt: {},
    network_interfaces: null,
  };
}

function memoryEntry({ limit, usage, max, failcnt }: MemoryEntry): Json {
  return bare({ limit, usage, max, failcnt }, ["limit", "failcnt"]);
}

function throttling(periods = 0n, throttledPeriods = 0n, throttledTime = 0n): Json {
  return bare({ periods, throttledPeriods, throttledTime }, []);
}

/** runc's names for the lists. */
const BLKIO_NAMES: Readonly<Record<BlkioName, string>> = {
  io_service_bytes_recursive: "ioServiceBytesRecursive",
  io_serviced_recursive: "ioServicedRecursive",
  io_queued_recursive: "ioQueueRecursive",
  io_service_time_recursive: "ioServiceTimeRecursive",
  io_wait_time_recursive: "ioWaitTimeRecursive",
  io_merged_recursive: "ioMergedRecursive",
  io_time_recursive: "ioTimeRecursive",
  sectors_recursive: "sectorsRecursive",
};

function blkioV1(blkio: StatisticsV1["blkio"]): Json {
  const lists: Record<string, readonly Json[]> = {};
  for (const name of Object.keys(BLKIO_NAMES) as BlkioName[]) if (blkio[name].length > 0) lists[BLKIO_NAMES[name]] = blkio[name].map(blkioEntry);
  return lists;
}

function blkioEntry({ major, minor, op, value }: BlkioEntry): Json {
  return bare({ major, minor, op, value }, []);
}

function fromV2({ cpu, memory, pids, io, hugetlb }: StatisticsV2): Json {
  const { usage_usec = 0n, user_usec = 0n, system_usec = 0n, nr_periods, nr_throttled, throttled_usec = 0n } = cpu.stat;
  const usage = { total: usage_usec * NANOS_PER_MICRO, kernel: system_usec * NANOS_PER_MICRO, user: user_usec * NANOS_PER_MICRO };
  return {
    cpu: { usage: bare(usage, ["kernel", "user"]), throttling: throttling(nr_periods, nr_throttled, throttled_usec * NANOS_PER_MICRO), ...pressure(cpu.pressure) },
    cpuset: {},
    memory: {
      ...bare({ cache: memory.stat["file"] ?? 0n }, []),
      usage: memoryEntry({ limit: memory.limit, usage: memory.usage, max: memory.max, failcnt: memory.events["max"] ?? 0n }),
      swap: memoryEntry(memoryAndSwap(memory)),
      kernel: { failcnt: 0, limit: 0 },
      kernelTCP: { failcnt: 0, limit: 0 },
      raw: memory.stat,
      ...pressure(memory.pressure),
    },
    pids: bare({ current: pids.current, limit: pids.limit === UNLIMITED ? 0n : pids.limit }, []),
    blkio: { ...ioV2(io.stat), ...pressure(io.pressure) },
    hugetlb: Object.fromEntries(hugetlb.map(({ pagesize, current, max, failcnt }) => [pagesize, bare({ usage: current, max: max === UNLIMITED ? 0n : max, failcnt }, ["failcnt"])])),
    intel_rdt: {},
    network_interfaces: null,
  };
}

/** As v1 counts swap: with the memory. */
function memoryAndSwap({ usage, limit, swapUsage, swapLimit }: StatisticsV2["memory"]): MemoryEntry {
  return { usage: usage + swapUsage, limit: limit === UNLIMITED || swapLimit === UNLIMITED ? UNLIMITED : limit + swapLimit, max: 0n, failcnt: 0n };
}

function pressure(psi: Pressures | undefined): Json {
  return psi === undefined ? {} : { psi };
}

/** Which of io.stat's counters is which operation of v1's. */
const IO_COUNTERS: readonly (readonly [counter: string, list: "bytes" | "operations", op: string])[] = [
  ["rbytes", "bytes", "Read"],
  ["wbytes", "bytes", "Write"],
  ["dbytes", "bytes", "Discard"],
  ["rios", "operations", "Read"],
  ["wios", "operations", "Write"],
  ["dios", "operations", "Discard"],
];

function ioV2(devices: StatisticsV2["io"]["stat"]): Json {
  const lists: Record<"bytes" | "operations", Json[]> = { bytes: [], operations: [] };
  for (const [device, counters] of devices) {
    const [major = "0", minor = "0"] = device.split(":");
    for (const [counter, list, op] of IO_COUNTERS) {
      const value = counters[counter];
      if (value !== undefined) lists[list].push(blkioEntry({ major: BigInt(major), minor: BigInt(minor), op, value }));
    }
  }
  if (lists.bytes.length === 0) return {};
  return { ioServiceBytesRecursive: lists.bytes, ioServicedRecursive: lists.operations };
}

/** Without what is zero or empty, but for those that runc always prints. */
function bare(values: Json, always: readonly string[]): Json {
  return Object.fromEntries(
    Object.entries(values).filter(([name, value]) => always.includes(name) || !(value === 0n || value === "" || (Array.isArray(value) && value.length === 0))),
  );
}
