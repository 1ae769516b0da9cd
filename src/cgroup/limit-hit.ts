/** Which limit of a cgroup, or of one above it, has stopped a process: the kernel's word for it is an errno, or SIGKILL. */

import { dirname } from "node:path";
import type { CgroupDirectory } from "./cgroup.ts";
import { directoryOf } from "./cgroup.ts";
import { isCgroupPath } from "./files.ts";
import { UNLIMITED, countersIn, numberIn } from "./statistics.ts";

export interface LimitHit {
  readonly controller: "memory" | "pids";
  /** The cgroup whose limit it is; undefined: the machine's own memory is at its end. */
  readonly path: string | undefined;
  readonly limit: bigint;
  /** Whether it is the container's own limit, and not that of a cgroup above. */
  readonly own: boolean;
}

/** v1's limits end below this; the greatest that the kernel shows is rounded down to a page. */
const NO_MEMORY_LIMIT = 2n ** 62n;

/** The memory limit for which the kernel killed a process of the container; undefined where it killed none. */
export function memoryHit(directories: readonly CgroupDirectory[]): LimitHit | undefined {
  const memory = directoryOf(directories, "memory");
  if (memory === undefined) return undefined;
  const { version, path: own } = memory;
  if ((countersIn(own, version === 1 ? "memory.oom_control" : "memory.events")["oom_kill"] ?? 0n) === 0n) return undefined;
  for (const path of upwards(memory)) {
    const limit = numberIn(path, version === 1 ? "memory.limit_in_bytes" : "memory.max", UNLIMITED);
    if (limit < NO_MEMORY_LIMIT && failures(path, version) > 0n) return { controller: "memory", path, limit, own: path === own };
  }
  return { controller: "memory", path: undefined, limit: UNLIMITED, own: false };
}

/** How often the limit itself was in the way, those of cgroups above and below aside. */
function failures(path: string, version: 1 | 2): bigint {
  if (version === 1) return numberIn(path, "memory.failcnt");
  const local = countersIn(path, "memory.events.local");
  return local["oom"] ?? countersIn(path, "memory.events")["oom"] ?? 0n;
}

/** The limit of processes that the container is at; undefined where there is room. */
export function pidsHit(directories: readonly CgroupDirectory[]): LimitHit | undefined {
  const pids = directoryOf(directories, "pids");
  if (pids === undefined) return undefined;
  for (const path of upwards(pids)) {
    const limit = numberIn(path, "pids.max", UNLIMITED);
    if (limit === UNLIMITED) continue;
    // On v1 init comes into the cgroup whatever the limit, and then may not clone.
    const refused = (countersIn(path, "pids.events")["max"] ?? 0n) > 0n && path === pids.path;
    if (refused || numberIn(path, "pids.current") >= limit) return { controller: "pids", path, limit, own: path === pids.path };
  }
  return undefined;
}

/** A cgroup and those above it, up to the hierarchy's root. */
function upwards({ path, version }: CgroupDirectory): string[] {
  const found = [path];
  for (let above = dirname(path); isCgroup(above, version); above = dirname(above)) found.push(above);
  return found;
}

function isCgroup(path: string, version: 1 | 2): boolean {
  try {
    return isCgroupPath(path, version);
  } catch {
    return false;
  }
}

/** `the memory limit of 4194304 bytes was hit`, and whose it is where it is not the container's own. */
export function describeHit({ controller, path, limit, own }: LimitHit): string {
  if (path === undefined) return "the kernel killed it, because the machine was out of memory";
  const what = controller === "memory" ? `the memory limit of ${limit} bytes` : `the limit of ${limit} processes`;
  return own ? `${what} was hit` : `${what} of the cgroup above, "${path}", was hit`;
}
