/** Makes a container's cgroup in every hierarchy, fit for its first process, or leaves nothing behind. */

import { dirname } from "node:path";
import { mkdirSync, rmdirSync } from "../native/files.ts";
import { unifiedHierarchy } from "../resources/layout.ts";
import type { CgroupLayout, Hierarchy } from "../resources/layout.ts";
import type { Cgroup, CgroupDirectory } from "./cgroup.ts";
import { enableControllers } from "./controllers.ts";
import { fillCpuset } from "./cpuset.ts";
import { errnoOf, systemError } from "./failure.ts";
import { isCgroupPath } from "./files.ts";
import { refuseFrozen, refuseOccupied, refuseThreaded } from "./fitness.ts";

const MODE = 0o755;
/** Another runtime may remove a common parent between two of our calls; it cannot do so for ever. */
const ATTEMPTS = 10;

/**
 * Makes the cgroup `path` in each hierarchy, and its parents where they are missing. One that exists is used if it
 * holds no process and is not frozen (config-linux.md#control-groups).
 *
 * On a unified host every controller is enabled on the way, for statistics and later updates; on a hybrid one, only
 * the `needed` ones, since v2 is not where that host keeps its limits.
 */
export function createCgroup(layout: CgroupLayout, path: string, needed: readonly string[]): Cgroup {
  const made: string[] = [];
  try {
    const directories = layout.hierarchies.map((hierarchy) => createDirectory(hierarchy, path, made));
    const unified = unifiedHierarchy(layout);
    if (unified !== undefined) enableControllers(unified, path, { needed, all: layout.hierarchy === "unified" });
    // A cgroup that was made just now below the root is fit.
    if (directories.some(({ created }) => !created) || dirname(path) !== "/") {
      refuseFrozen(directories);
      refuseThreaded(directories);
    }
    const leaves = new Set(directories.map((directory) => directory.path));
    return { path, directories, parents: made.filter((directory) => !leaves.has(directory)) };
  } catch (error) {
    removeMade(made);
    throw error;
  }
}

/** The directories of `path` that exist already: what the state file has to know before createCgroup() begins. */
export function existingDirectories(layout: CgroupLayout, path: string): readonly string[] {
  const directories = layout.hierarchies.map(({ mountPoint, version }) => ({ directory: mountPoint + path, version }));
  return directories.filter(({ directory, version }) => exists(directory, version)).map(({ directory }) => directory);
}

/** Takes createCgroup() back, with the parents that it made, as far as nobody else has come to use them. */
export function undoCreate(cgroup: Cgroup): void {
  const created = cgroup.directories.filter((directory) => directory.created);
  removeMade([...cgroup.parents, ...created.map((directory) => directory.path)]);
}

function createDirectory(hierarchy: Hierarchy, path: string, made: string[]): CgroupDirectory {
  const { controllers, version, mountPoint } = hierarchy;
  const directory = { version, controllers, path: mountPoint + path };
  const created = makeDirectory(directory.path, mountPoint, made);
  if (!created) refuseOccupied(directory.path, version);
  if (version === 1 && controllers.includes("cpuset")) fillCpuset(directory.path, mountPoint, created);
  return { ...directory, created };
}

function makeDirectory(directory: string, mountPoint: string, made: string[]): boolean {
  for (let attempt = 1; ; attempt += 1) {
    try {
      mkdirSync(directory, { mode: MODE });
      made.push(directory);
      return true;
    } catch (error) {
      const errno = errnoOf(error);
      if (errno === "EEXIST") return false;
      const parent = dirname(directory);
      if (errno !== "ENOENT" || parent === mountPoint || attempt === ATTEMPTS) {
        throw systemError(`create cgroup "${directory}"`, error);
      }
      makeDirectory(parent, mountPoint, made);
    }
  }
}

/** What cannot be removed is in use by another, and so no longer ours. */
function removeMade(made: readonly string[]): void {
  for (const directory of made.toReversed()) {
    try {
      rmdirSync(directory);
    } catch (error) {
      if (errnoOf(error) === undefined) throw error;
    }
  }
}

function exists(directory: string, version: 1 | 2): boolean {
  try {
    return isCgroupPath(directory, version);
  } catch {
    return false;
  }
}
