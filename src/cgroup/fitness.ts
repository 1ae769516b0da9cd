/** Judges whether a cgroup that exists is fit for a new container (config-linux.md#control-groups). */

import { CgroupError } from "../errors.ts";
import type { CgroupDirectory } from "./cgroup.ts";
import { unifiedDirectory } from "./cgroup.ts";
import { systemError } from "./failure.ts";
import { parseStatus } from "../linux/procfs.ts";
import { isCgroupPath, readText } from "./files.ts";
import { isFrozen } from "./freeze.ts";
import { pidsIn } from "./processes.ts";

/** Refuses a directory that holds processes, itself or below: limits and the end of the container would hit them. */
export function refuseOccupied(directory: string, version: 1 | 2): void {
  let pids: readonly number[];
  try {
    if (!isCgroupPath(directory, version)) {
      throw new CgroupError(`cannot use cgroup "${directory}": it is not on a cgroup v${version} file system`);
    }
    pids = pidsIn(directory);
  } catch (error) {
    throw systemError(`read the processes of cgroup "${directory}"`, error);
  }
  if (pids.length === 0) return;
  const found = `container's cgroup is not empty: ${pids.length} process(es) found`;
  throw new CgroupError(`cannot use cgroup "${directory}": ${found} (${listPids(pids)})`);
}

/** Refuses a frozen cgroup, or one below a frozen one: the container's first process would never run. */
export function refuseFrozen(directories: readonly CgroupDirectory[]): void {
  for (const directory of directories) {
    if (!isFrozen([directory])) continue;
    const reason = "container's cgroup unexpectedly frozen, itself or by a cgroup above it";
    throw new CgroupError(`cannot use cgroup "${directory.path}": ${reason}`);
  }
}

/** Refuses a v2 cgroup that no process may enter: one above it is for threads (cgroup-v2.rst, "Threads"). */
export function refuseThreaded(directories: readonly CgroupDirectory[]): void {
  const directory = unifiedDirectory(directories);
  if (directory === undefined) return;
  let type: string;
  try {
    type = readText(`${directory.path}/cgroup.type`).trim();
  } catch (error) {
    throw systemError(`read the type of cgroup "${directory.path}"`, error);
  }
  if (type === "domain" || type === "domain threaded") return;
  const reason = `its type is "${type}", because a cgroup above it holds threads; choose a cgroupsPath elsewhere`;
  throw new CgroupError(`cannot use cgroup "${directory.path}": ${reason}`);
}

/** `pid 1 ("sh")` or `pids 1 ("sh"), 2 ("sleep"), 3 ("nc") and 7 more`: a number alone says little once it is gone. */
export function listPids(pids: readonly number[]): string {
  const shown = pids.slice(0, 5).map(named).join(", ");
  const rest = pids.length > 5 ? ` and ${pids.length - 5} more` : "";
  return `${pids.length === 1 ? "pid" : "pids"} ${shown}${rest}`;
}

/** Who cannot be killed sleeps in the kernel, so that is told, too (proc_pid_status(5)). */
function named(pid: number): string {
  try {
    const status = parseStatus(readText(`/proc/${pid}/status`));
    const stuck = status.get("State")?.startsWith("D") === true ? ", in uninterruptible sleep" : "";
    return `${pid} (${JSON.stringify(status.get("Name") ?? "")}${stuck})`;
  } catch {
    return `${pid}`;
  }
}
