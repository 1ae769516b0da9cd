/** A mount of type "cgroup": what the container sees of its cgroups, as v1 hierarchies on a tmpfs or as v2. */

import { parseMountOptions } from "../linux/mount-options.ts";
import type { ParsedMount } from "../linux/mount-options.ts";
import { MOUNT_ATTR_RDONLY, OPEN_TREE_CLOEXEC, OPEN_TREE_CLONE } from "../linux/mount-flags.ts";
import { AT_RECURSIVE } from "../linux/open-flags.ts";
import type { Hierarchy } from "../resources/layout.ts";
import type { Mount } from "../spec/config.ts";
import type { CgroupPlan } from "./cgroup.ts";
import { isNew } from "./context.ts";
import type { PlanContext } from "./context.ts";
import type { FileSystemLabel } from "./labels.ts";
import { newMount } from "./mounts.ts";
import { init } from "./step.ts";
import type { InitOp, Step } from "./step.ts";
import { DIRECTORY, MOVE_TO_FD } from "./targets.ts";

interface CgroupMount {
  readonly mount: Mount;
  readonly options: ParsedMount;
  readonly reason: { readonly at: string; readonly what: string };
  readonly cgroup: CgroupPlan;
  /** That of the tmpfs: cgroups take none. */
  readonly label: FileSystemLabel | undefined;
}

export function cgroupMount(context: PlanContext, entry: CgroupMount): Step[] {
  const { layout } = entry.cgroup;
  const ops = layout.hierarchy === "unified" ? unified(context, entry) : legacy(context, entry);
  return init(ops, entry.reason);
}

function unified(context: PlanContext, entry: CgroupMount): InitOp[] {
  const { mount, options, cgroup } = entry;
  const [hierarchy] = cgroup.layout.hierarchies;
  // A user namespace without a cgroup namespace of its own may not mount it: it gets the host's, bound, read-only, for
  // what lies beside its own cgroup is not its business (CVE-2023-25809).
  if (hierarchy !== undefined && context.hasUserNamespace && !isNew(context, "cgroup")) {
    return bindHierarchy(mount.destination, { from: hierarchy.mountPoint, set: options.attrSet | MOUNT_ATTR_RDONLY });
  }
  return newMount({ mount: { ...mount, type: "cgroup2", source: mount.source ?? "cgroup" }, options });
}

/** A tmpfs with a directory for each v1 hierarchy; runc leaves the unified one of a hybrid host out, and so do we. */
function legacy(context: PlanContext, entry: CgroupMount): InitOp[] {
  const { mount, options, cgroup } = entry;
  const readonly = (options.attrSet & MOUNT_ATTR_RDONLY) !== 0;
  const base = { ...mount, type: "tmpfs", source: "tmpfs" };
  const tmpfs = parseMountOptions(["nosuid", "noexec", "nodev", "mode=755"]);
  const ops: InitOp[] = newMount({ mount: base, options: tmpfs, label: entry.label });
  for (const hierarchy of cgroup.layout.hierarchies) {
    if (hierarchy.version === 2) continue;
    const name = hierarchy.mountPoint.slice(hierarchy.mountPoint.lastIndexOf("/") + 1);
    const destination = `${mount.destination}/${name}`;
    if (isNew(context, "cgroup")) {
      const own = { ...mount, destination, source: "cgroup", data: [] };
      ops.push(...newMount({ mount: own, options: { ...options, data: [controllerOption(hierarchy)] } }));
    } else {
      ops.push(...bindHierarchy(destination, { from: hierarchy.mountPoint + cgroup.path, set: options.attrSet }));
    }
    for (const controller of hierarchy.controllers) {
      if (controller === name) continue;
      ops.push({ op: "symlink", root: "rootfs", path: `${mount.destination}/${controller}`, target: name, replace: false });
    }
  }
  if (readonly) {
    ops.push(
      { op: "open_target", root: "rootfs", path: mount.destination, kind: DIRECTORY, resolve: 0, to: "target" },
      { op: "mount_setattr", fd: "target", flags: 0, set: MOUNT_ATTR_RDONLY, clear: 0, propagation: 0 },
    );
  }
  return ops;
}

function controllerOption({ name, controllers }: Hierarchy): string {
  return name === undefined ? controllers.join(",") : `name=${name}`;
}

function bindHierarchy(destination: string, { from, set }: { readonly from: string; readonly set: number }): InitOp[] {
  const flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE;
  return [
    { op: "open_tree", path: from, flags, to: "hierarchy" },
    { op: "mount_setattr", fd: "hierarchy", flags: AT_RECURSIVE, set, clear: 0, propagation: 0 },
    { op: "open_target", root: "rootfs", path: destination, kind: DIRECTORY, resolve: 0, to: "target" },
    { op: "move_mount", from: "hierarchy", to: "target", flags: MOVE_TO_FD },
  ];
}
