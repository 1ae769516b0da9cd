/** Opens, reads and writes the files of cgroup file systems, and refuses what only looks like one. */

import { CgroupError } from "../errors.ts";
import { CGROUP2_SUPER_MAGIC, CGROUP_SUPER_MAGIC } from "../linux/magic.ts";
import { O_CLOEXEC, O_RDONLY, O_WRONLY, openFlags } from "../linux/open-flags.ts";
import { closeSync, openSync, readFileSync, statfsSync, writeSync } from "../native/files.ts";

const MAGIC: Readonly<Record<1 | 2, number>> = { 1: CGROUP_SUPER_MAGIC, 2: CGROUP2_SUPER_MAGIC };

const { O_DIRECTORY, O_NOFOLLOW } = openFlags(process.arch);

/** Whether a path leads to a cgroup file system of the version (statfs(2)). */
export function isCgroupPath(path: string, version: 1 | 2): boolean {
  return statfsSync(path).type === MAGIC[version];
}

/** The type of the file system that a descriptor lies on (fstatfs(2)): the addon's is one plain system call. */
export type Fstatfs = (fd: number) => number;

const fstatfsByProc: Fstatfs = (fd) => statfsSync(`/proc/self/fd/${fd}`).type;

/** Opens a cgroup's directory; another file system's is an error: an unmounted controller leaves a plain folder. */
export function openDirectory(path: string, version: 1 | 2, fstatfs: Fstatfs = fstatfsByProc): number {
  return verified(openSync(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), path, version, fstatfs);
}

/** Opens a cgroup's file for writing, verified like a directory. */
export function openForWriting(path: string, version: 1 | 2, fstatfs: Fstatfs = fstatfsByProc): number {
  return verified(openSync(path, O_WRONLY | O_NOFOLLOW | O_CLOEXEC), path, version, fstatfs);
}

/** Opens a file in an open directory for writing; it is never made, and no link is followed. */
export function openAt(directoryFd: number, file: string): number {
  return openSync(`/proc/self/fd/${directoryFd}/${file}`, O_WRONLY | O_NOFOLLOW | O_CLOEXEC);
}

/** The text of a cgroup's file. */
export function readText(path: string): string {
  return readFileSync(path, "utf8");
}

/** Writes a value in one system call; the file must exist. */
export function writeText(path: string, value: string): void {
  const fd = openSync(path, O_WRONLY | O_NOFOLLOW | O_CLOEXEC);
  try {
    writeSync(fd, value);
  } finally {
    closeSync(fd);
  }
}

function verified(fd: number, path: string, version: 1 | 2, fstatfs: Fstatfs): number {
  try {
    if (fstatfs(fd) === MAGIC[version]) return fd;
    throw new CgroupError(`cannot use cgroup "${path}": it is not on a cgroup v${version} file system`);
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}
