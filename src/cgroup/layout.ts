/** Finds the cgroup hierarchies of this process (cgroups(7)). */

import { readFileSync } from "../native/files.ts";
import {
  cgroupLayout,
  layoutOf,
  parseCgroupMounts,
  parseControllers,
  parseMemberships,
  usualMountPoint,
} from "../resources/layout.ts";
import type { CgroupLayout, Hierarchy, Membership } from "../resources/layout.ts";
import { systemError } from "./failure.ts";
import { isCgroupPath, readText } from "./files.ts";

/**
 * The mounted hierarchies. Every run pays for this, so the usual mount points are tried first; the table of mounts,
 * which is megabytes on a host of a thousand containers, is read only where one of them is not what it should be.
 */
export function probeLayout(): CgroupLayout {
  let memberships: readonly Membership[];
  try {
    memberships = parseMemberships(readFileSync("/proc/self/cgroup", "utf8"));
  } catch (error) {
    throw systemError('read "/proc/self/cgroup"', error);
  }
  const alone = memberships.every(({ version }) => version === 2);
  const hierarchies: Hierarchy[] = [];
  for (const membership of memberships) {
    const mountPoint = usualMountPoint(membership, alone);
    if (!isMountedAt(mountPoint, membership)) return layoutFromMounts(memberships);
    hierarchies.push(mounted(membership, mountPoint));
  }
  return layoutOf(hierarchies);
}

/** That the process's own cgroup is found below the mount point shows that the mount shows the hierarchy's root. */
function isMountedAt(mountPoint: string, { own, version }: Membership): boolean {
  if (own.startsWith("/..")) return false;
  try {
    return isCgroupPath(mountPoint + own, version);
  } catch {
    return false;
  }
}

function mounted(membership: Membership, mountPoint: string): Hierarchy {
  const { name, version, own } = membership;
  const controllers = version === 1 ? membership.controllers : parseControllers(readControllers(mountPoint));
  return { controllers, name, version, own, mountPoint, root: "/" };
}

function layoutFromMounts(memberships: readonly Membership[]): CgroupLayout {
  const mounts = parseCgroupMounts(readFileSync("/proc/self/mountinfo", "utf8")).filter(({ mountPoint, version }) => {
    try {
      return isCgroupPath(mountPoint, version);
    } catch {
      return false;
    }
  });
  const unified = mounts.find(({ version }) => version === 2);
  return cgroupLayout(memberships, mounts, unified === undefined ? "" : readControllers(unified.mountPoint));
}

function readControllers(mountPoint: string): string {
  try {
    return readText(`${mountPoint}/cgroup.controllers`);
  } catch (error) {
    throw systemError(`read "${mountPoint}/cgroup.controllers"`, error);
  }
}
