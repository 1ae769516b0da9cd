/** What this machine has of what the validation suite asks for. */

import * as fs from "node:fs";
import { release } from "node:os";
import { mountedControllers } from "../cgroup-mounts.ts";

export interface Machine {
  /** The controllers that are mounted as cgroup v1. */
  readonly controllers: ReadonlySet<string>;
  /** The files of v1's controllers that this kernel has, of those that it may lack. */
  readonly files: ReadonlySet<string>;
  /** Whether memory.kmem.limit_in_bytes takes what is written to it and forgets it, as since 5.16. */
  readonly forgetsKernelMemory: boolean;
  readonly cpus: number;
  readonly interfaces: number;
  /** Whether this process can give CAP_SYS_RESOURCE to another one. */
  readonly sysResource: boolean;
  readonly appArmor: boolean;
}

const FILES = [
  "blkio/blkio.leaf_weight",
  "memory/memory.memsw.limit_in_bytes",
  "memory/memory.kmem.limit_in_bytes",
  "memory/memory.kmem.tcp.limit_in_bytes",
];
const CAP_SYS_RESOURCE = 24n;

/** Looks at the machine in the mount namespace of this process. */
export function lookAtMachine(): Machine {
  const bounding = /^CapBnd:\s*(\w+)$/m.exec(read("/proc/self/status"))?.[1] ?? "0";
  return {
    controllers: mountedControllers(),
    files: new Set(FILES.filter((file) => fs.existsSync(`/sys/fs/cgroup/${file}`))),
    forgetsKernelMemory: isKernelSince(5, 16),
    cpus: read("/proc/cpuinfo").match(/^processor\s*:/gm)?.length ?? 1,
    interfaces: fs.readdirSync("/sys/class/net").length,
    sysResource: ((BigInt(`0x${bounding}`) >> CAP_SYS_RESOURCE) & 1n) === 1n,
    appArmor: read("/sys/module/apparmor/parameters/enabled").startsWith("Y"),
  };
}

function isKernelSince(major: number, minor: number): boolean {
  const [ownMajor = 0, ownMinor = 0] = release().split(".").map(Number.parseFloat);
  return ownMajor > major || (ownMajor === major && ownMinor >= minor);
}

function read(path: string): string {
  return fs.existsSync(path) ? fs.readFileSync(path, "utf8") : "";
}

/** Why a program cannot be run on this machine with any runtime; undefined when it can. */
export function obstacle(program: string, machine: Machine): string | undefined {
  for (const { programs, controllers = [], reason } of NEEDS) {
    if (!programs.test(program)) continue;
    const lacking = controllers.filter((name) => !machine.controllers.has(name));
    if (lacking.length > 0) return `no cgroup v1 with ${lacking.join(" and ")}, and the program knows no v2`;
    const found = reason?.(machine);
    if (found !== undefined) return found;
  }
  return undefined;
}

interface Need {
  readonly programs: RegExp;
  readonly controllers?: readonly string[];
  readonly reason?: (machine: Machine) => string | undefined;
}

const NEEDS: readonly Need[] = [
  { programs: /^delete_(only_create_)?resources$|^linux_cgroups_.*pids$/, controllers: ["pids"] },
  { programs: /^linux_cgroups_.*blkio$/, controllers: ["blkio"] },
  { programs: /^linux_cgroups_.*cpus$/, controllers: ["cpu", "cpuset"], reason: ({ cpus }) => (cpus < 2 ? "there is one processor" : undefined) },
  { programs: /^linux_cgroups_.*devices$/, controllers: ["devices"] },
  { programs: /^linux_cgroups_.*hugetlb$/, controllers: ["hugetlb"] },
  { programs: /^linux_cgroups_.*memory$/, controllers: ["memory"], reason: lacksMemoryFile },
  {
    programs: /^linux_cgroups_.*network$/,
    controllers: ["net_cls", "net_prio"],
    reason: ({ interfaces }) => (interfaces < 2 ? "there is one network interface" : undefined),
  },
  {
    programs: /^linux_process_apparmor_profile$/,
    reason: ({ appArmor }) => (appArmor ? "AppArmor lacks the program's profile" : undefined),
  },
];

function lacksMemoryFile({ files }: Machine): string | undefined {
  const missing = FILES.find((file) => file.startsWith("memory/") && !files.has(file));
  return missing === undefined ? undefined : `this kernel has no ${missing.replace("memory/", "")}`;
}
