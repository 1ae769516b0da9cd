/** Enables controllers for a v2 cgroup, from the mount point down (cgroup-v2.rst, "Controlling Controllers"). */

import { CgroupError } from "../errors.ts";
import { parseControllers } from "../resources/layout.ts";
import type { Hierarchy } from "../resources/layout.ts";
import { errnoOf, systemError } from "./failure.ts";
import { readText, writeText } from "./files.ts";
import { listPids } from "./fitness.ts";
import { ownPids } from "./processes.ts";

/** Why a controller did not go further down than a directory. */
interface Refusal {
  readonly directory: string;
  readonly errno: string;
}

interface Wanted {
  /** Controllers without which a limit cannot be set; those of other hierarchies do not matter here. */
  readonly needed: readonly string[];
  /** Whether to enable the rest too, as far as it goes. */
  readonly all: boolean;
}

/** Enables controllers for the cgroup `path`; a needed one that it does not get is an error that names the cause. */
export function enableControllers(hierarchy: Hierarchy, path: string, { needed, all }: Wanted): void {
  const neededHere = hierarchy.controllers.filter((controller) => needed.includes(controller));
  const wanted = all ? hierarchy.controllers : neededHere;
  if (wanted.length === 0) return;
  const directory = hierarchy.mountPoint + path;
  if (lacking(directory, "cgroup.controllers", wanted).length === 0) return;
  const refusals = new Map<string, Refusal>();
  const components = path.split("/").slice(1);
  let ancestor = hierarchy.mountPoint;
  for (const component of components) {
    enableBelow(ancestor, wanted, refusals);
    ancestor += `/${component}`;
  }
  const [missing] = lacking(directory, "cgroup.controllers", neededHere);
  if (missing === undefined) return;
  const reason = explain(missing, refusals.get(missing), hierarchy.mountPoint);
  throw new CgroupError(`cannot enable cgroup controller "${missing}" for "${path}": ${reason}`, { controller: missing });
}

function lacking(directory: string, file: string, wanted: readonly string[]): string[] {
  try {
    const present = parseControllers(readText(`${directory}/${file}`));
    return wanted.filter((controller) => !present.includes(controller));
  } catch (error) {
    throw systemError(`read "${directory}/${file}"`, error);
  }
}

/** One write for all; where the kernel refuses one of them it takes none, so then each is tried by itself. */
function enableBelow(directory: string, wanted: readonly string[], refusals: Map<string, Refusal>): void {
  const missing = lacking(directory, "cgroup.subtree_control", wanted);
  if (missing.length === 0) return;
  const refused = tryEnable(directory, missing);
  if (refused === undefined) return;
  for (const controller of missing) {
    // Of a cgroup that holds processes the kernel would take those for threads, and so change what that cgroup is.
    const errno = refused === "EBUSY" ? refused : tryEnable(directory, [controller]);
    if (errno !== undefined && !refusals.has(controller)) refusals.set(controller, { directory, errno });
  }
}

function tryEnable(directory: string, controllers: readonly string[]): string | undefined {
  try {
    writeText(`${directory}/cgroup.subtree_control`, controllers.map((controller) => `+${controller}`).join(" "));
    return undefined;
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === undefined) throw error;
    return errno;
  }
}

function explain(controller: string, refusal: Refusal | undefined, mountPoint: string): string {
  if (refusal === undefined) return `"${mountPoint}" does not pass it on`;
  const { directory, errno } = refusal;
  const remedy = `where systemd manages it, set "Delegate=${controller}" or "Delegate=yes" in its unit`;
  switch (errno) {
    case "EBUSY": {
      const pids = listPids(ownPids(directory));
      const rule = "a cgroup that holds processes passes no controllers on";
      const way = "move them into a cgroup of their own, or choose a cgroupsPath elsewhere";
      return `"${directory}" holds ${pids}, and ${rule}; ${way}`;
    }
    case "ENOENT":
      return `"${directory}" does not have it; ${remedy}`;
    case "EACCES":
    case "EPERM":
    case "EROFS":
      return `${errno}: this user may not change "${directory}"; ${remedy}`;
    case "EOPNOTSUPP":
    case "ENOTSUP":
      return `"${directory}" is a threaded cgroup, or has become invalid; choose a cgroupsPath elsewhere`;
    default:
      return `"${directory}" refuses it (${errno})`;
  }
}
