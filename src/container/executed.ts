/** Whether init became its program: the end of its descriptors alone does not tell that from its death. */

import { hasArguments, isDead, parseExit, parseStat } from "../linux/procfs.ts";
import { SIGKILL } from "../linux/signals.ts";
import { readStartSync } from "../native/files.ts";
import type { Death } from "./cause.ts";

/** What init calls itself (addon/init/main.cc); the kernel gives a program its own name. */
const INIT_NAME = "tsrun-init";
/** What init ends with when it cannot even say why. */
const EXIT_FAILED = 1;
/** How long the kernel may take for the rest of an execve(2), where it does not show a program's arguments to this user. */
const MOST_MILLIS = 2000;

/**
 * How init died, whose close-on-exec descriptors are closed by now, without having become its program; undefined where it
 * has. Of a process that was waited for in the meantime nobody can tell, and it is taken for a program that was quick.
 */
export async function deathAsInit(pid: number): Promise<Death | undefined> {
  for (let millis = 0; millis < MOST_MILLIS; millis++) {
    const text = readStat(pid);
    const stat = text === undefined ? undefined : parseStat(text);
    if (text === undefined || stat?.comm !== INIT_NAME) return undefined;
    if (isDead(stat)) return parseExit(text);
    // Any program may have init's name; but while the kernel executes or ends one it has no arguments.
    if (hasArguments(text)) return undefined;
    // In the kernel still: an execve(2) names the program a moment after it has closed the descriptors.
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  return undefined;
}

/** A death that nobody has sent: init catches what can be caught, and SIGKILL is anybody's. */
export function isUnasked({ code, signal }: Death): boolean {
  return signal === 0 ? code === EXIT_FAILED : signal !== SIGKILL;
}

function readStat(pid: number): string | undefined {
  try {
    return readStartSync(`/proc/${pid}/stat`);
  } catch {
    return undefined;
  }
}
