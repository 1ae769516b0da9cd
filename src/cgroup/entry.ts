/** Opens the doors through which a container's processes enter its cgroup. */

import { closeSync } from "../native/files.ts";
import type { CgroupDirectory } from "./cgroup.ts";
import { systemError } from "./failure.ts";
import { openDirectory, openForWriting } from "./files.ts";
import type { Fstatfs } from "./files.ts";

export interface EntryDescriptors {
  /**
   * The files that the process writes "0" to, in the order of the directories. On v1 `tasks`, by which a single-threaded
   * process moves itself without the wait for a grace period that `cgroup.procs` costs.
   */
  readonly files: readonly number[];
  /** The directory on v2, for CLONE_INTO_CGROUP (clone3(2)). */
  readonly directory?: number;
}

interface Entrance {
  readonly fstatfs?: Fstatfs;
  /** Without CLONE_INTO_CGROUP there is nothing but `cgroup.procs` on v2. */
  readonly intoCgroup?: boolean;
}

/** The descriptors, all verified to be on cgroup file systems; the caller closes them. */
export function entryDescriptors(directories: readonly CgroupDirectory[], { fstatfs, intoCgroup = true }: Entrance = {}): EntryDescriptors {
  const files: number[] = [];
  let directory: number | undefined;
  try {
    for (const one of directories) {
      const file = one.version === 1 ? "tasks" : "cgroup.procs";
      if (one.version === 2 && intoCgroup) directory = openDoor(one, () => openDirectory(one.path, 2, fstatfs));
      else files.push(openDoor(one, () => openForWriting(`${one.path}/${file}`, one.version, fstatfs)));
    }
  } catch (error) {
    closeEntry({ files, ...(directory === undefined ? {} : { directory }) });
    throw error;
  }
  return directory === undefined ? { files } : { files, directory };
}

/** Closes what entryDescriptors() opened. */
export function closeEntry({ files, directory }: EntryDescriptors): void {
  for (const fd of files) closeSync(fd);
  if (directory !== undefined) closeSync(directory);
}

function openDoor({ path }: CgroupDirectory, open: () => number): number {
  try {
    return open();
  } catch (error) {
    throw systemError(`open cgroup "${path}" for entry`, error);
  }
}
