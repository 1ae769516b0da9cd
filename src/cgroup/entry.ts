/** Opens the doors through which a container's first process enters its cgroup. */

import { closeSync } from "../native/files.ts";
import type { Cgroup, CgroupDirectory } from "./cgroup.ts";
import { systemError } from "./failure.ts";
import { openDirectory, openForWriting } from "./files.ts";
import type { Fstatfs } from "./files.ts";

export interface EntryDescriptors {
  /**
   * The `tasks` files of v1: a single-threaded process that writes "0" to each moves itself without the wait for a
   * grace period that `cgroup.procs` costs.
   */
  readonly tasks: readonly number[];
  /** The directory on v2, for CLONE_INTO_CGROUP (clone3(2)). */
  readonly directory?: number;
}

/** The descriptors, all verified to be on cgroup file systems; the caller closes them. */
export function entryDescriptors(cgroup: Pick<Cgroup, "directories">, fstatfs?: Fstatfs): EntryDescriptors {
  const tasks: number[] = [];
  let directory: number | undefined;
  try {
    for (const one of cgroup.directories) {
      if (one.version === 1) tasks.push(openDoor(one, () => openForWriting(`${one.path}/tasks`, 1, fstatfs)));
      else directory = openDoor(one, () => openDirectory(one.path, 2, fstatfs));
    }
  } catch (error) {
    closeEntry({ tasks, ...(directory === undefined ? {} : { directory }) });
    throw error;
  }
  return directory === undefined ? { tasks } : { tasks, directory };
}

/** Closes what entryDescriptors() opened. */
export function closeEntry({ tasks, directory }: EntryDescriptors): void {
  for (const fd of tasks) closeSync(fd);
  if (directory !== undefined) closeSync(directory);
}

function openDoor({ path }: CgroupDirectory, open: () => number): number {
  try {
    return open();
  } catch (error) {
    throw systemError(`open cgroup "${path}" for entry`, error);
  }
}
