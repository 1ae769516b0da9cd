/** Reads /proc/self/mountinfo of a container (proc_pid_mountinfo(5)). */

import type { BundleConfig } from "../test/bundle.ts";
import type { Ground } from "../test/harness.ts";
import { inside } from "./containers.ts";

export type MountEntry = BundleConfig["mounts"][number];

export interface MountLine {
  /** The mounted part of the file system. */
  readonly root: string;
  readonly point: string;
  /** Of the mount: `ro`, `nosuid`, `relatime`. */
  readonly options: readonly string[];
  /** `shared:3`, `master:2`, `unbindable`. */
  readonly propagation: readonly string[];
  readonly type: string;
  readonly source: string;
  /** Of the file system. */
  readonly superblock: readonly string[];
}

export function parseMountinfo(text: string): MountLine[] {
  return text
    .trimEnd()
    .split("\n")
    .map((line) => {
      const [own = "", others = ""] = line.split(" - ");
      const [, , , root = "", point = "", options = "", ...propagation] = own.split(" ");
      const [type = "", source = "", superblock = ""] = others.split(" ");
      return { root, point, options: options.split(","), propagation: propagation.filter((word) => word !== ""), type, source, superblock: superblock.split(",") };
    });
}

/** All mounts of a container with these entries in addition, in the order in which they were made. */
export async function mountsWith(t: Ground, entries: readonly MountEntry[], change?: (config: BundleConfig) => void): Promise<MountLine[]> {
  const text = await inside(t, "cat /proc/self/mountinfo", (config) => {
    config.mounts.push(...entries);
    change?.(config);
  });
  return parseMountinfo(text);
}

/** The uppermost mount on a path; every part is empty where there is none. */
export function mountAt(mounts: readonly MountLine[], point: string): MountLine {
  const none = { root: "", point: "", options: [], propagation: [], type: "", source: "", superblock: [] };
  return mounts.findLast((mount) => mount.point === point) ?? none;
}
