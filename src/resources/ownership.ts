/** To whom a cgroup is given, so that a manager inside can divide it (config-linux.md#cgroup-ownership). */

import type { Config, Mount } from "../spec/config.ts";

/**
 * The host's uid of the container's user, if the cgroup shall be chowned to it on v2: only with a cgroup namespace of
 * its own and a cgroup file system that it may write to. Undefined too where the runtime's own user, root, keeps it.
 */
export function cgroupOwner({ process, linux, mounts = [] }: Config): number | undefined {
  const namespaces = linux?.namespaces ?? [];
  const ownNamespace = namespaces.some(({ type, path }) => type === "cgroup" && path === undefined);
  if (!ownNamespace || !mounts.some(isWritableCgroup)) return undefined;
  const uid = process?.user?.uid ?? 0;
  const user = namespaces.find(({ type }) => type === "user");
  if (user === undefined) return uid === 0 ? undefined : uid;
  const range = linux?.uidMappings?.find(({ containerID, size }) => uid >= containerID && uid < containerID + size);
  return range === undefined ? undefined : range.hostID + (uid - range.containerID);
}

function isWritableCgroup({ source, destination, options = [] }: Mount): boolean {
  return source === "cgroup" && destination === "/sys/fs/cgroup" && !options.includes("ro");
}
