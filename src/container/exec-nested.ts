/** Where a further process runs when the container's own cgroup takes none, because it manages cgroups of its own. */

import { unifiedDirectory } from "../cgroup/cgroup.ts";
import type { CgroupDirectory } from "../cgroup/cgroup.ts";
import { readFileSync } from "../native/files.ts";
import { isNativeError } from "../native/native.ts";
import { parseMemberships } from "../resources/layout.ts";
import type { StoredState } from "./state.ts";

/** A v2 cgroup that passes controllers on, or has threads of its own below, takes no processes (cgroup-v2.rst). */
function isRefused(error: unknown): boolean {
  return isNativeError(error) && (error.code === "EBUSY" || error.code === "EOPNOTSUPP");
}

/** The sub-cgroup to which the container's process moved itself, as it does when it manages cgroups of its own. */
export function cgroupOfInit(
  state: StoredState,
  { directories, error }: { readonly directories: readonly CgroupDirectory[]; readonly error: unknown },
): CgroupDirectory[] | undefined {
  if (!isRefused(error)) return undefined;
  return below(state, directories);
}

/** The same for a process that moves itself: it would be refused when it is too late to choose. */
export function cgroupToEnter(state: StoredState, directories: readonly CgroupDirectory[]): readonly CgroupDirectory[] {
  const unified = unifiedDirectory(directories);
  // One that was asked for is taken at its word.
  if (unified === undefined || directories !== state.cgroup?.directories || !passesOn(unified)) return directories;
  return below(state, directories) ?? directories;
}

function passesOn({ path }: CgroupDirectory): boolean {
  try {
    return readFileSync(`${path}/cgroup.subtree_control`, "utf8").trim() !== "";
  } catch {
    return false;
  }
}

function below({ pid, cgroup }: StoredState, directories: readonly CgroupDirectory[]): CgroupDirectory[] | undefined {
  const unified = unifiedDirectory(directories);
  if (unified === undefined || cgroup === undefined) return undefined;
  const own = parseMemberships(readFileSync(`/proc/${pid}/cgroup`, "utf8")).find(({ version }) => version === 2)?.own ?? "";
  const mountPoint = unified.path.slice(0, unified.path.length - cgroup.path.length);
  const path = mountPoint + own;
  // Wherever it went, its limits go with it only below the container's own.
  if (!path.startsWith(`${unified.path}/`) || path.includes("/../")) return undefined;
  return directories.map((directory) => (directory === unified ? { ...unified, path } : directory));
}
