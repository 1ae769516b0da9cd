/** The statistics of cgroup v1 (cgroup-v1/memory.rst, blkio-controller.rst and others). */

import type { CgroupDirectory } from "./cgroup.ts";
import { directoryOf } from "./cgroup.ts";
import { UNLIMITED, countersIn, hugePageSizes, nestedCountersIn, numberIn, numbersIn, textOf } from "./statistics.ts";
import type { Counters } from "./statistics.ts";

/** One kind of memory: bytes, and how often the limit was hit. */
export interface MemoryEntry {
  readonly limit: bigint;
  readonly usage: bigint;
  readonly max: bigint;
  readonly failcnt: bigint;
}

export interface BlkioEntry {
  readonly op: string;
  readonly major: bigint;
  readonly minor: bigint;
  readonly value: bigint;
}

export interface HugetlbEntry {
  readonly pagesize: string;
  readonly usage: bigint;
  readonly max: bigint;
  readonly failcnt: bigint;
}

export interface StatisticsV1 {
  readonly pids: { readonly current: bigint; readonly limit: bigint };
  /** Nanoseconds; the throttling's counts are of periods. */
  readonly cpu: {
    readonly total: bigint;
    readonly kernel: bigint;
    readonly user: bigint;
    readonly perCpu: readonly bigint[];
    readonly perCpuKernel: readonly bigint[];
    readonly perCpuUser: readonly bigint[];
    readonly throttling: Counters;
  };
  readonly memory: {
    /** memory.stat. */
    readonly stat: Counters;
    readonly usage: MemoryEntry;
    readonly swap: MemoryEntry;
    readonly kernel: MemoryEntry;
    readonly kernelTcp: MemoryEntry;
    readonly useHierarchy: boolean;
    /** memory.oom_control. */
    readonly oomControl: Counters;
  };
  /** By the names that containerd and runc have for them. */
  readonly blkio: Readonly<Record<BlkioName, readonly BlkioEntry[]>>;
  readonly hugetlb: readonly HugetlbEntry[];
  readonly rdma: { readonly current: readonly (readonly [string, Counters])[]; readonly limit: readonly (readonly [string, Counters])[] };
  readonly cpuset: { readonly cpus: string; readonly mems: string };
}

export type BlkioName =
  | "io_service_bytes_recursive"
  | "io_serviced_recursive"
  | "io_queued_recursive"
  | "io_service_time_recursive"
  | "io_wait_time_recursive"
  | "io_merged_recursive"
  | "io_time_recursive"
  | "sectors_recursive";

/** The files of a scheduler that has them; where none has, the throttling's counters stand in for the first two. */
const BLKIO_FILES: Readonly<Record<BlkioName, readonly string[]>> = {
  io_service_bytes_recursive: ["blkio.bfq.io_service_bytes_recursive", "blkio.io_service_bytes_recursive", "blkio.throttle.io_service_bytes_recursive", "blkio.throttle.io_service_bytes"],
  io_serviced_recursive: ["blkio.bfq.io_serviced_recursive", "blkio.io_serviced_recursive", "blkio.throttle.io_serviced_recursive", "blkio.throttle.io_serviced"],
  io_queued_recursive: ["blkio.bfq.io_queued_recursive", "blkio.io_queued_recursive"],
  io_service_time_recursive: ["blkio.bfq.io_service_time_recursive", "blkio.io_service_time_recursive"],
  io_wait_time_recursive: ["blkio.bfq.io_wait_time_recursive", "blkio.io_wait_time_recursive"],
  io_merged_recursive: ["blkio.bfq.io_merged_recursive", "blkio.io_merged_recursive"],
  io_time_recursive: ["blkio.bfq.time_recursive", "blkio.time_recursive"],
  sectors_recursive: ["blkio.bfq.sectors_recursive", "blkio.sectors_recursive"],
};

/** USER_HZ, in which cpuacct.stat counts: it is part of the kernel's interface. */
const NANOS_PER_TICK = 1_000_000_000n / 100n;

export function readStatisticsV1(directories: readonly CgroupDirectory[]): StatisticsV1 {
  const path = (controller: string): string | undefined => directoryOf(directories, controller)?.path;
  return {
    pids: readPids(path("pids")),
    cpu: readCpu(path("cpuacct"), path("cpu")),
    memory: readMemory(path("memory")),
    blkio: readBlkio(path("blkio")),
    hugetlb: readHugetlb(directoryOf(directories, "hugetlb")),
    rdma: { current: nestedCountersIn(path("rdma"), "rdma.current"), limit: nestedCountersIn(path("rdma"), "rdma.max") },
    cpuset: { cpus: textOf(path("cpuset"), "cpuset.cpus").trim(), mems: textOf(path("cpuset"), "cpuset.mems").trim() },
  };
}

/** What a cpuset has besides its lists (cgroup-v1/cpusets.rst), in the order in which runc tells it. */
const CPUSET_FLAGS = [
  "cpu_exclusive",
  "mem_hardwall",
  "mem_exclusive",
  "memory_migrate",
  "memory_spread_page",
  "memory_spread_slab",
  "memory_pressure",
  "sched_load_balance",
  "sched_relax_domain_level",
] as const;

/** The cpuset's switches and numbers; the last may be -1. */
export function readCpusetFlags(directories: readonly CgroupDirectory[]): Readonly<Record<string, number>> {
  const directory = directoryOf(directories, "cpuset")?.path;
  const flags: Record<string, number> = {};
  for (const name of CPUSET_FLAGS) flags[name] = Number(textOf(directory, `cpuset.${name}`));
  return flags;
}

/** A limit of 0 says that there is none. */
function readPids(directory: string | undefined): StatisticsV1["pids"] {
  const limit = numberIn(directory, "pids.max");
  return { current: numberIn(directory, "pids.current"), limit: limit === UNLIMITED ? 0n : limit };
}

function readCpu(accounting: string | undefined, scheduling: string | undefined): StatisticsV1["cpu"] {
  const ticks = countersIn(accounting, "cpuacct.stat");
  const { user = 0n, system = 0n } = ticks;
  const perCpu = numbersIn(accounting, "cpuacct.usage_percpu");
  return {
    total: numberIn(accounting, "cpuacct.usage"),
    kernel: system * NANOS_PER_TICK,
    user: user * NANOS_PER_TICK,
    perCpu,
    perCpuKernel: numbersIn(accounting, "cpuacct.usage_percpu_sys"),
    perCpuUser: numbersIn(accounting, "cpuacct.usage_percpu_user"),
    throttling: countersIn(scheduling, "cpu.stat"),
  };
}

function readMemory(directory: string | undefined): StatisticsV1["memory"] {
  return {
    stat: countersIn(directory, "memory.stat"),
    usage: readEntry(directory, "memory"),
    swap: readEntry(directory, "memory.memsw"),
    kernel: readEntry(directory, "memory.kmem"),
    kernelTcp: readEntry(directory, "memory.kmem.tcp"),
    useHierarchy: numberIn(directory, "memory.use_hierarchy") === 1n,
    oomControl: countersIn(directory, "memory.oom_control"),
  };
}

function readEntry(directory: string | undefined, kind: string): MemoryEntry {
  return {
    limit: numberIn(directory, `${kind}.limit_in_bytes`),
    usage: numberIn(directory, `${kind}.usage_in_bytes`),
    max: numberIn(directory, `${kind}.max_usage_in_bytes`),
    failcnt: numberIn(directory, `${kind}.failcnt`),
  };
}

function readBlkio(directory: string | undefined): StatisticsV1["blkio"] {
  const statistics: Partial<Record<BlkioName, BlkioEntry[]>> = {};
  for (const name of Object.keys(BLKIO_FILES) as BlkioName[]) statistics[name] = firstWithLines(directory, BLKIO_FILES[name]);
  return statistics as Record<BlkioName, BlkioEntry[]>;
}

function firstWithLines(directory: string | undefined, files: readonly string[]): BlkioEntry[] {
  for (const file of files) {
    const entries = parseBlkio(textOf(directory, file));
    if (entries.length > 0) return entries;
  }
  return [];
}

/** `8:0 Read 4096`, or `8:0 12` where there is one number a device; the sums at the end have no device. */
function parseBlkio(text: string): BlkioEntry[] {
  const entries: BlkioEntry[] = [];
  for (const line of text.split("\n")) {
    const words = line.split(" ");
    const [major = "", minor] = (words[0] ?? "").split(":");
    if (minor === undefined || words.length < 2) continue;
    entries.push({ op: words.length > 2 ? (words[1] ?? "") : "", major: BigInt(major), minor: BigInt(minor), value: BigInt(words.at(-1) ?? 0) });
  }
  return entries;
}

function readHugetlb(found: CgroupDirectory | undefined): HugetlbEntry[] {
  if (found === undefined) return [];
  const directory = found.path;
  // Where v1 and v2 stand side by side, a controller may be with either.
  if (found.version === 2) {
    return hugePageSizes().map((pagesize) => ({
      pagesize,
      usage: numberIn(directory, `hugetlb.${pagesize}.current`),
      max: 0n,
      failcnt: countersIn(directory, `hugetlb.${pagesize}.events`)["max"] ?? 0n,
    }));
  }
  return hugePageSizes().map((pagesize) => ({
    pagesize,
    usage: numberIn(directory, `hugetlb.${pagesize}.usage_in_bytes`),
    max: numberIn(directory, `hugetlb.${pagesize}.max_usage_in_bytes`),
    failcnt: numberIn(directory, `hugetlb.${pagesize}.failcnt`),
  }));
}
