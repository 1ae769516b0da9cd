/** Where a further process runs when the container's own cgroup takes none, because it manages cgroups of its own. */

import { unifiedDirectory } from "../cgroup/cgroup.ts";
import type { CgroupDirectory } from "../cgroup/cgroup.ts";
import { readFileSync } from "../native/files.ts";
import { parseMemberships } from "../resources/layout.ts";
import { hasInnerCgroups } from "./exec-cgroup.ts";
import type { StoredState } from "./state.ts";

/** The sub-cgroup to which the container's process moved itself, for a process that moves itself, too. */
export function cgroupToEnter(state: StoredState, directories: readonly CgroupDirectory[]): readonly CgroupDirectory[] {
  // One that was asked for is taken at its word.
  if (directories !== state.cgroup?.directories || !hasInnerCgroups(state)) return directories;
  return below(state, directories) ?? directories;
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
