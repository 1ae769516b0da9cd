/** The names that the ways into a cgroup have in a plan. */

import type { Hierarchy } from "../resources/layout.ts";
import type { Fd } from "./step.ts";

/** The name that the file by which a process enters a hierarchy's cgroup has in the plan. */
export function entryFd({ mountPoint, version }: Pick<Hierarchy, "mountPoint" | "version">): Fd {
  return `${mountPoint.slice(mountPoint.lastIndexOf("/") + 1)} ${version === 1 ? "tasks" : "procs"}`;
}

/** Whether a descriptor has such a name. */
export function isEntry(name: Fd): boolean {
  return name.endsWith(" tasks") || name.endsWith(" procs");
}
