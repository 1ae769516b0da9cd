/** Whether init became its program: the end of its descriptors alone does not tell that from its death. */

import { isDead, parseExit, parseStat } from "../linux/procfs.ts";
import { readFileSync } from "../native/files.ts";
import type { Death } from "./cause.ts";

/** What init calls itself (addon/init/main.cc); the kernel gives a program its own name. */
const INIT_NAME = "tsrun-init";

/**
 * Init, whose close-on-exec descriptors are closed by now, has died without having become its program. Of a process that
 * was waited for in the meantime nobody can tell, and it is taken for a program that was quick.
 */
export async function diedAsInit(pid: number): Promise<boolean> {
  for (;;) {
    const stat = readStat(pid);
    const found = stat === undefined ? undefined : parseStat(stat);
    if (found?.comm !== INIT_NAME) return false;
    if (isDead(found)) return true;
    // In the kernel still: an execve(2) names the program a moment after it has closed the descriptors.
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

/** How a process ended that waits for its parent; undefined where that is not to be known. */
export function deathOf(pid: number): Death | undefined {
  const stat = readStat(pid);
  const found = stat === undefined ? undefined : parseStat(stat);
  return stat === undefined || found === undefined || !isDead(found) ? undefined : parseExit(stat);
}

function readStat(pid: number): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/stat`, "utf8");
  } catch {
    return undefined;
  }
}
