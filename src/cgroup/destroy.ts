/** Removes the cgroup that was made for a container, with what was made below it. */

import { CgroupError } from "../errors.ts";
import { native } from "../native/native.ts";
import type { CgroupDirectory } from "./cgroup.ts";
import { systemError } from "./failure.ts";
import { listPids } from "./fitness.ts";

/** A directory that cannot be removed, and who is in it. */
export interface Holder {
  readonly path: string;
  readonly pids: readonly number[];
}

/**
 * Tries once, without a wait, and returns what is still held: nothing means that all is gone. A directory that existed
 * before the container stays, and so do parents, which engines share between containers.
 */
export function tryDestroy(directories: readonly CgroupDirectory[]): Holder[] {
  const holders: Holder[] = [];
  for (const { path, created } of directories) {
    if (!created) continue;
    for (const holder of remove(path)) holders.push(holder);
  }
  return holders;
}

const POLL_MILLIS = 1;
const TIMEOUT_MILLIS = 10_000;

/**
 * Removes the cgroup. Where processes are still in it, `waitForExit` waits for the end of any of them, driven by the
 * kernel, and resolves to false when it has waited long enough: then it is an error that names them.
 */
export async function destroyCgroup(
  directories: readonly CgroupDirectory[],
  waitForExit: (pids: readonly number[]) => Promise<boolean>,
): Promise<void> {
  const deadline = performance.now() + TIMEOUT_MILLIS;
  for (let holders = tryDestroy(directories); holders.length > 0; holders = tryDestroy(directories)) {
    const pids = [...new Set(holders.flatMap((holder) => holder.pids))];
    if (pids.length > 0) {
      if (!(await waitForExit(pids))) throw destroyError(holders);
      continue;
    }
    // Who is dying is listed no more, but holds the directory for a moment longer.
    if (performance.now() > deadline) throw destroyError(holders);
    await new Promise((resolve) => setTimeout(resolve, POLL_MILLIS));
  }
}

/** The error for a cgroup that others hold. */
export function destroyError(holders: readonly Holder[]): CgroupError {
  const [first] = holders;
  if (first === undefined) return new CgroupError("cannot remove cgroup: nothing holds it");
  const nobody = "EBUSY: device or resource busy; nobody is listed in it, so who was there is still ending";
  const who = first.pids.length > 0 ? `it still holds ${listPids(first.pids)}` : nobody;
  return new CgroupError(`cannot remove cgroup "${first.path}": ${who}`);
}

/** Sub-cgroups are looked for only where the kernel says that something is there. */
function remove(path: string): readonly Holder[] {
  try {
    return native().removeCgroup(path);
  } catch (error) {
    throw systemError(`remove cgroup "${path}"`, error);
  }
}
