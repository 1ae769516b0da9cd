/** Paths that are hidden or made read-only (config-linux.md#masked-paths, #readonly-paths). */

import { MOUNT_ATTR_RDONLY } from "../linux/mount-flags.ts";
import { O_PATH } from "../linux/open-flags.ts";
import type { PlanContext } from "./context.ts";
import { fileSystemLabel, mountLabel } from "./labels.ts";
import { init } from "./step.ts";
import type { InitOp, Step } from "./step.ts";

/** One read-only tmpfs and the host's null device cover all masked paths. */
export function maskedPaths(context: PlanContext): Step[] {
  const paths = context.config.linux?.maskedPaths ?? [];
  if (paths.length === 0) return [];
  const covers: InitOp[] = [
    // The host's, while it can be had by name: that of the container is the image's to choose (CVE-2025-31133).
    { op: "openat2", path: "/dev/null", flags: O_PATH, mode: 0, resolve: 0, to: "null" },
    { op: "fsopen", type: "tmpfs", to: "file system" },
    { op: "fsconfig_string", fd: "file system", key: "source", value: "tmpfs" },
    { op: "fsconfig_string", fd: "file system", key: "nr_inodes", value: "1" },
    ...fileSystemLabel(mountLabel(context)),
    { op: "fsconfig_create", fd: "file system" },
    { op: "fsmount", fd: "file system", attributes: MOUNT_ATTR_RDONLY, to: "empty" },
  ];
  const masks = paths.map((path, index): Step => {
    const op: InitOp = { op: "mask", root: "rootfs", path, null: "null", empty: "empty" };
    return { by: "init", at: `/linux/maskedPaths/${index}`, what: `mask "${path}"`, ...op };
  });
  return [...init(covers, { at: "/linux/maskedPaths", what: "prepare to mask paths" }), ...masks];
}

export function readonlyPaths({ config }: PlanContext): Step[] {
  return (config.linux?.readonlyPaths ?? []).map((path, index): Step => {
    const op: InitOp = { op: "readonly_path", root: "rootfs", path };
    return { by: "init", at: `/linux/readonlyPaths/${index}`, what: `make "${path}" read-only`, ...op };
  });
}
