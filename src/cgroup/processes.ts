/** The processes of a cgroup, with those of its sub-cgroups. */

import { native } from "../native/native.ts";
import type { CgroupDirectory } from "./cgroup.ts";
import { directoryOf } from "./cgroup.ts";
import { errnoOf, systemError } from "./failure.ts";
import { readText } from "./files.ts";

/** The pids in a container's cgroup; none where it is gone. The freezer's hierarchy counts, as for kill and pause. */
export function pidsOf(directories: readonly CgroupDirectory[]): number[] {
  const directory = directoryOf(directories, "freezer") ?? directories[0];
  if (directory === undefined) return [];
  try {
    return pidsIn(directory.path);
  } catch (error) {
    throw systemError(`read the processes of cgroup "${directory.path}"`, error);
  }
}

/** The pids in one directory and all below it, which the container may have made. */
export function pidsIn(directory: string): number[] {
  return native().cgroupPids(directory);
}

/** The pids in one directory alone; a process of another pid namespace shows as 0 and is left out. */
export function ownPids(directory: string): number[] {
  try {
    const lines = readText(`${directory}/cgroup.procs`).split("\n");
    return lines.map(Number).filter((pid) => pid > 0);
  } catch (error) {
    // A threaded cgroup (EOPNOTSUPP) holds threads of processes that its domain lists; a removed one gives ENODEV.
    const errno = errnoOf(error);
    if (errno === "ENOENT" || errno === "ENODEV" || errno === "EOPNOTSUPP" || errno === "ENOTSUP") return [];
    throw error;
  }
}
