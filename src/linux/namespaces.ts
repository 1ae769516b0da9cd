/** The namespaces of Linux: the specification's name, the clone flag, the file in /proc/PID/ns. */

import {
  CLONE_NEWCGROUP,
  CLONE_NEWIPC,
  CLONE_NEWNET,
  CLONE_NEWNS,
  CLONE_NEWPID,
  CLONE_NEWTIME,
  CLONE_NEWUSER,
  CLONE_NEWUTS,
} from "./clone-flags.ts";

export interface NamespaceKind {
  /** The name in `linux.namespaces[].type` (config-linux.md#namespaces). */
  readonly type: "pid" | "network" | "mount" | "ipc" | "uts" | "user" | "cgroup" | "time";
  readonly flag: number;
  /** The file in /proc/PID/ns of the namespace that the process is in. */
  readonly file: string;
  /** The file of the namespace that its children will be in, where that may be another one (namespaces(7)). */
  readonly childrenFile?: string;
}

/** All eight, in the order of config-linux.md. */
export const NAMESPACES: readonly NamespaceKind[] = [
  { type: "pid", flag: CLONE_NEWPID, file: "pid", childrenFile: "pid_for_children" },
  { type: "network", flag: CLONE_NEWNET, file: "net" },
  { type: "mount", flag: CLONE_NEWNS, file: "mnt" },
  { type: "ipc", flag: CLONE_NEWIPC, file: "ipc" },
  { type: "uts", flag: CLONE_NEWUTS, file: "uts" },
  { type: "user", flag: CLONE_NEWUSER, file: "user" },
  { type: "cgroup", flag: CLONE_NEWCGROUP, file: "cgroup" },
  { type: "time", flag: CLONE_NEWTIME, file: "time", childrenFile: "time_for_children" },
];

/** Returns the row of a type, undefined where there is no such namespace. */
export function findNamespace(type: string): NamespaceKind | undefined {
  return NAMESPACES.find((namespace) => namespace.type === type);
}
