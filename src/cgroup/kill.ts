/** Kills every process of a cgroup that was made for the container. */

import type { CgroupDirectory } from "./cgroup.ts";
import { directoryOf, unifiedDirectory } from "./cgroup.ts";
import { errnoOf, systemError } from "./failure.ts";
import { writeText } from "./files.ts";
import { requestFreeze, thaw, thawBelow } from "./freeze.ts";
import { pidsOf } from "./processes.ts";

/** A frozen cgroup forks no more, so a second look finds whom the first one missed; a third is for good measure. */
const ROUNDS = 3;

/**
 * Sends SIGKILL to all, without a wait for their end. Where the cgroup existed before the container nothing is done:
 * others may live in it. `kill` sends SIGKILL to one pid and does not mind one that is gone.
 *
 * v2 has a file for this (cgroup-v2.rst, "cgroup.kill", Linux 5.14); on v1, and on a v2 without it, the cgroup is
 * frozen while its processes are listed, and thawed so that they can die.
 */
export function killAll(directories: readonly CgroupDirectory[], kill: (pid: number) => void): void {
  const own = directories.filter(({ created }) => created);
  const killed = killByFile(own);
  const freezer = directoryOf(own, "freezer");
  if (freezer === undefined || (killed && freezer.version === 2)) return;
  // On a hybrid host the file has told them all, but one that is frozen by v1 still has to be thawed to die.
  if (!killed) requestFreeze([freezer]);
  try {
    signalAll(freezer, kill);
  } finally {
    thaw([freezer]);
    thawBelow([freezer]);
  }
}

function signalAll(freezer: CgroupDirectory, kill: (pid: number) => void): void {
  const told = new Set<number>();
  for (let round = 0; round < ROUNDS; round += 1) {
    const found = pidsOf([freezer]).filter((pid) => !told.has(pid));
    if (found.length === 0) return;
    for (const pid of found) {
      told.add(pid);
      kill(pid);
    }
  }
}

function killByFile(own: readonly CgroupDirectory[]): boolean {
  const directory = unifiedDirectory(own);
  if (directory === undefined) return false;
  try {
    writeText(`${directory.path}/cgroup.kill`, "1");
    return true;
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === "ENOENT" || errno === "ENODEV" || errno === "EOPNOTSUPP" || errno === "ENOTSUP") return false;
    throw systemError(`kill the processes of cgroup "${directory.path}"`, error);
  }
}
