/** Where a shim listens: one socket for each group of containers, under a name that others cannot guess by accident. */

import { join } from "node:path";

const SCHEME = "unix://";
export const SOCKET_DIRECTORY = "/run/containerd/s";

/** The containers of a group share a shim: containerd's own annotation, then a Kubernetes pod's. */
const GROUP_ANNOTATIONS: readonly string[] = ["io.containerd.runc.v2.group", "io.kubernetes.cri.sandbox-id"];
/** "true": one shim for all containers of the containerd namespace that say so. */
const SHARED_ANNOTATION = "io.containerd.tsrun.v1.shared";
/** No container can have this name. */
const SHARED_GROUP = "@shared";

export interface Group {
  /** What the containers that share a shim have in common. */
  readonly group: string;
  /** It is the one of all that want to share one, not a pod's. */
  readonly isShared: boolean;
}

/** `shared`: the runtime's options say so for all its containers. Without a group it is the container's own id. */
export function groupOf(id: string, annotations: Readonly<Record<string, string>>, shared: boolean = false): Group {
  if (shared || annotations[SHARED_ANNOTATION] === "true") return { group: SHARED_GROUP, isShared: true };
  for (const name of GROUP_ANNOTATIONS) {
    const group = annotations[name];
    if (group !== undefined && group !== "") return { group, isShared: false };
  }
  return { group: id, isShared: false };
}

/** What is hashed: containerd's address keeps two of them apart. */
export function socketName(address: string, namespace: string, group: string): string {
  return join(address, namespace, group);
}

/** The path of a socket from the SHA-256 of its name. */
export function socketPath(digest: string, directory: string = SOCKET_DIRECTORY): string {
  return join(directory, digest);
}

export function formatAddress(path: string): string {
  return `${SCHEME}${path}`;
}

export function pathOfAddress(address: string): string {
  return address.startsWith(SCHEME) ? address.slice(SCHEME.length) : address;
}
