/** To whom a cgroup is given, so that a manager inside can divide it (config-linux.md#cgroup-ownership). */

import type { Config, IdMapping, Mount } from "../spec/config.ts";

/** The host's uid of the container's user, and the mount that asks for it to own the cgroup. */
export interface CgroupOwner {
  readonly uid: number;
  readonly pointer: string;
}

/**
 * To whom the cgroup shall be chowned on v2: only with a cgroup namespace of its own and a cgroup file system that it
 * may write to. Undefined too where the runtime's own user, root, keeps it.
 */
export function cgroupOwner({ process, linux, mounts = [] }: Config): CgroupOwner | undefined {
  let mount = 0;
  while (mount < mounts.length && !isWritableCgroup(mounts[mount])) mount++;
  if (mount === mounts.length) return undefined;
  let ownNamespace = false;
  let mapped = false;
  for (const { type, path = "" } of linux?.namespaces ?? []) {
    if (type === "cgroup" && path === "") ownNamespace = true;
    if (type === "user") mapped = true;
  }
  const inside = process?.user?.uid ?? 0;
  const uid = mapped ? hostUid(inside, linux?.uidMappings ?? []) : inside;
  if (!ownNamespace || uid === undefined || (uid === 0 && !mapped)) return undefined;
  return { uid, pointer: `/mounts/${mount}` };
}

function hostUid(uid: number, mappings: readonly IdMapping[]): number | undefined {
  for (const { containerID, hostID, size } of mappings) {
    if (uid >= containerID && uid < containerID + size) return hostID + (uid - containerID);
  }
  return undefined;
}

function isWritableCgroup(mount: Mount | undefined): boolean {
  if (mount?.source !== "cgroup" || mount.destination !== "/sys/fs/cgroup") return false;
  return mount.options === undefined || !mount.options.includes("ro");
}
