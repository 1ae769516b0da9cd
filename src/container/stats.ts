/** `stats`: what the running containers use, from two looks at their counters. */

import { readStatisticsV1 } from "../cgroup/statistics-v1.ts";
import { readStatisticsV2 } from "../cgroup/statistics-v2.ts";
import { UNLIMITED } from "../cgroup/statistics.ts";
import type { CgroupDirectory } from "../cgroup/cgroup.ts";
import { readFileSync } from "../native/files.ts";
import { isAlive } from "./status.ts";
import type { Store } from "./store.ts";

/** What a container has used until a moment. */
export interface Sample {
  readonly id: string;
  /** Milliseconds, of the clock that only goes on. */
  readonly at: number;
  /** Nanoseconds. */
  readonly cpu: bigint;
  /** Bytes; without what the kernel gives back at once (inactive file pages), as others show it. */
  readonly memory: bigint;
  readonly memoryLimit: bigint;
  readonly read: bigint;
  readonly written: bigint;
  readonly pids: bigint;
}

/** One row of the table. */
export interface Usage extends Omit<Sample, "at" | "cpu"> {
  /** Percent of one processor. */
  readonly cpuPercent: number;
  readonly memoryPercent: number;
}

const NANOS_PER_MILLISECOND = 1e6;
const NANOS_PER_MICRO = 1000n;

/** A sample of each of these containers that runs; of all, where none is named. */
export function takeSamples(store: Store, ids: readonly string[]): Sample[] {
  const samples: Sample[] = [];
  for (const id of ids.length > 0 ? ids : store.ids()) {
    const state = ids.length > 0 ? store.load(id, "show the use of") : store.tryLoad(id);
    if (state === undefined || !isAlive(state)) continue;
    samples.push(sample(id, state.cgroup?.directories ?? []));
  }
  return samples;
}

function sample(id: string, directories: readonly CgroupDirectory[]): Sample {
  const isUnified = directories.length > 0 && directories.every(({ version }) => version === 2);
  const at = performance.now();
  const counters = isUnified ? countersV2(directories) : countersV1(directories);
  const total = memoryOfHost();
  return { id, at, ...counters, memoryLimit: counters.memoryLimit > total ? total : counters.memoryLimit };
}

type CounterNames = "cpu" | "memory" | "memoryLimit" | "read" | "written" | "pids";

function countersV1(directories: readonly CgroupDirectory[]): Pick<Sample, CounterNames> {
  const { cpu, memory, blkio, pids } = readStatisticsV1(directories);
  const bytes = (op: string): bigint => sum(blkio.io_service_bytes_recursive.filter((entry) => entry.op === op).map(({ value }) => value));
  return {
    cpu: cpu.total,
    memory: without(memory.usage.usage, memory.stat["total_inactive_file"]),
    memoryLimit: memory.usage.limit,
    read: bytes("Read"),
    written: bytes("Write"),
    pids: pids.current,
  };
}

function countersV2(directories: readonly CgroupDirectory[]): Pick<Sample, CounterNames> {
  const { cpu, memory, io, pids } = readStatisticsV2(directories);
  return {
    cpu: (cpu.stat["usage_usec"] ?? 0n) * NANOS_PER_MICRO,
    memory: without(memory.usage, memory.stat["inactive_file"]),
    memoryLimit: memory.limit,
    read: sum(io.stat.map(([, counters]) => counters["rbytes"] ?? 0n)),
    written: sum(io.stat.map(([, counters]) => counters["wbytes"] ?? 0n)),
    pids: pids.current,
  };
}

function sum(values: readonly bigint[]): bigint {
  let total = 0n;
  for (const value of values) total += value;
  return total;
}

function without(usage: bigint, inactive = 0n): bigint {
  return usage > inactive ? usage - inactive : 0n;
}

/** MemTotal of proc_meminfo(5). */
function memoryOfHost(): bigint {
  const kilobytes = /^MemTotal:\s*(\d+) kB/m.exec(readFileSync("/proc/meminfo", "utf8"))?.[1];
  return kilobytes === undefined ? UNLIMITED : BigInt(kilobytes) * 1024n;
}

/** What was used between two samples of a container; undefined where there is no earlier one. */
export function usageBetween(before: Sample | undefined, { at, cpu, ...rest }: Sample): Usage {
  const elapsed = before === undefined ? 0 : (at - before.at) * NANOS_PER_MILLISECOND;
  const cpuPercent = before === undefined || elapsed <= 0 ? 0 : (Number(cpu - before.cpu) / elapsed) * 100;
  return { ...rest, cpuPercent, memoryPercent: (Number(rest.memory) / Number(rest.memoryLimit)) * 100 };
}
