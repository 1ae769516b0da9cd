/** Idmapped mounts: the user namespaces whose maps they take, and the steps that apply them (config.md#mounts). */

import { MOUNT_ATTR_IDMAP } from "../linux/mount-flags.ts";
import type { ParsedMount } from "../linux/mount-options.ts";
import { AT_RECURSIVE } from "../linux/open-flags.ts";
import type { IdMapping, Mount } from "../spec/config.ts";
import type { PlanContext } from "./context.ts";
import { runtime } from "./step.ts";
import type { Fd, InitOp, Step } from "./step.ts";

export interface OpenedIdmaps {
  readonly steps: readonly Step[];
  readonly fds: readonly Fd[];
}

/** The kernel takes maps only from a user namespace: the runtime makes one for each mount that has maps of its own. */
export function openIdmaps({ config }: PlanContext): OpenedIdmaps {
  const steps: Step[] = [];
  const fds: Fd[] = [];
  const mounts = config.mounts ?? [];
  for (let index = 0; index < mounts.length; index++) {
    const maps = ownMaps(mounts[index], config.linux);
    if (maps === undefined) continue;
    const to = `idmap ${index}`;
    fds.push(to);
    const what = `make the id maps of the mount on "${mounts[index]?.destination ?? ""}"`;
    steps.push(runtime({ op: "open_idmap", ...maps, to, at: `/mounts/${index}`, what }));
  }
  return { steps, fds };
}

/** The op that maps a mount that is not attached yet; nothing for one that is not to be mapped. */
export function applyIdmap(fd: Fd, context: PlanContext, mapped: { mount: Mount; index: number; options: ParsedMount }): InitOp[] {
  const { mount, index, options } = mapped;
  if (!isIdmapped(mount, options.idmap !== undefined)) return [];
  const own = ownMaps(mount, context.config.linux) !== undefined;
  const userns = own ? `idmap ${index}` : "user namespace";
  const flags = options.idmap === "ridmap" ? AT_RECURSIVE : 0;
  return [{ op: "mount_setattr", fd, flags, set: MOUNT_ATTR_IDMAP, clear: 0, propagation: 0, userns }];
}

/** Maps without the option count, as they do for the peers. */
function isIdmapped({ uidMappings = [] }: Mount, asked: boolean): boolean {
  return asked || uidMappings.length > 0;
}

function ownMaps(
  mount: Mount | undefined,
  linux: PlanContext["config"]["linux"],
): { readonly uid: string; readonly gid: string } | undefined {
  const { uidMappings = [], gidMappings = [], options = [] } = mount ?? {};
  if (uidMappings.length > 0) return { uid: formatMap(uidMappings), gid: formatMap(gidMappings) };
  if (options.indexOf("idmap") < 0 && options.indexOf("ridmap") < 0) return undefined;
  const { uidMappings: uids = [], gidMappings: gids = [] } = linux ?? {};
  // A user namespace that is joined is itself the one to take the maps from.
  return uids.length > 0 ? { uid: formatMap(uids), gid: formatMap(gids) } : undefined;
}

/** The lines of /proc/PID/uid_map (user_namespaces(7)). */
export function formatMap(mappings: readonly IdMapping[]): string {
  return mappings.map(({ containerID, hostID, size }) => `${containerID} ${hostID} ${size}\n`).join("");
}
