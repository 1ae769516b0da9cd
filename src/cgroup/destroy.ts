/** Removes the cgroup that was made for a container, with what was made below it. */

import { CgroupError } from "../errors.ts";
import { rmdirSync } from "../native/files.ts";
import type { CgroupDirectory } from "./cgroup.ts";
import { errnoOf, systemError } from "./failure.ts";
import { listPids } from "./fitness.ts";
import { childrenOf, ownPids } from "./processes.ts";

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
    if (created) remove(path, holders);
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
  const deadline = Date.now() + TIMEOUT_MILLIS;
  for (let holders = tryDestroy(directories); holders.length > 0; holders = tryDestroy(directories)) {
    const pids = [...new Set(holders.flatMap((holder) => holder.pids))];
    if (pids.length > 0) {
      if (!(await waitForExit(pids))) throw destroyError(holders);
      continue;
    }
    // Who is dying is listed no more, but holds the directory for a moment longer.
    if (Date.now() > deadline) throw destroyError(holders);
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

/** True when the directory is gone. Sub-cgroups are looked for only where the kernel says that something is there. */
function remove(path: string, holders: Holder[]): boolean {
  if (tryRmdir(path)) return true;
  let emptied = true;
  for (const child of childrenOf(path)) emptied = remove(child, holders) && emptied;
  if (emptied && tryRmdir(path)) return true;
  // Of a tree, the places where somebody sits are named, not those above them.
  if (emptied) holders.push({ path, pids: ownPids(path) });
  return false;
}

function tryRmdir(path: string): boolean {
  try {
    rmdirSync(path);
    return true;
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === "ENOENT") return true;
    if (errno === "EBUSY" || errno === "ENOTEMPTY") return false;
    throw systemError(`remove cgroup "${path}"`, error);
  }
}
