/** Opens, reads and writes the files of cgroup file systems, and refuses what only looks like one. */

import { closeSync, constants, openSync, readSync, statfsSync, writeSync } from "node:fs";
import { CgroupError } from "../errors.ts";

// linux/magic.h
const CGROUP_SUPER_MAGIC = 0x27e0eb;
const CGROUP2_SUPER_MAGIC = 0x63677270;

// node:fs knows no O_CLOEXEC; it is the same on every architecture that tsrun is built for (asm-generic/fcntl.h).
const O_CLOEXEC = 0o2000000;
const { O_DIRECTORY, O_NOFOLLOW, O_RDONLY, O_WRONLY } = constants;

const CHUNK_SIZE = 4096;

/** Whether a path leads to a cgroup file system of the version (statfs(2)). */
export function isCgroupPath(path: string, version: 1 | 2): boolean {
  return statfsSync(path).type === (version === 1 ? CGROUP_SUPER_MAGIC : CGROUP2_SUPER_MAGIC);
}

/** Opens a cgroup's directory; one of another file system is an error (an unmounted controller leaves a plain folder). */
export function openDirectory(path: string, version: 1 | 2): number {
  return verified(openSync(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), path, version);
}

/** Opens a cgroup's file for writing, verified like a directory. */
export function openForWriting(path: string, version: 1 | 2): number {
  return verified(openSync(path, O_WRONLY | O_NOFOLLOW | O_CLOEXEC), path, version);
}

/** Opens a file in an open directory for writing; it is never made, and no link is followed. */
export function openAt(directoryFd: number, file: string): number {
  return openSync(`/proc/self/fd/${directoryFd}/${file}`, O_WRONLY | O_NOFOLLOW | O_CLOEXEC);
}

/** The text of a small file, in three system calls. */
export function readText(path: string): string {
  const fd = openSync(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
  try {
    const parts: Buffer[] = [];
    let length: number;
    do {
      const buffer = Buffer.allocUnsafe(CHUNK_SIZE);
      length = readSync(fd, buffer);
      parts.push(buffer.subarray(0, length));
      // The kernel hands out whole lines, all of them much shorter than half of a chunk: so less is the end.
    } while (length >= CHUNK_SIZE / 2);
    return Buffer.concat(parts).toString();
  } finally {
    closeSync(fd);
  }
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

function verified(fd: number, path: string, version: 1 | 2): number {
  try {
    if (isCgroupPath(`/proc/self/fd/${fd}`, version)) return fd;
    throw new CgroupError(`cannot use cgroup "${path}": it is not on a cgroup v${version} file system`);
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}
