/** What is mounted in a container from outside of it: the images of a checkpoint do not hold it, and a restore is told of it. */

import { DEFAULT_DEVICES } from "../linux/devices.ts";
import type { CgroupPlan } from "./cgroup.ts";
import { absolute, isNew } from "./context.ts";
import type { PlanContext } from "./context.ts";
import { entries } from "./mounts.ts";

export interface ExternalMount {
  /** Where it is in the container, as the config says it. */
  readonly destination: string;
  /** Its name in the images; runc's, so that the one's can be restored by the other. */
  readonly name: string;
  /** Where it comes from on the host. */
  readonly source: string;
  /** A file is meant: what is a directory there is another thing. */
  readonly onlyFile?: true;
  /** What is mounted below the source comes along. */
  readonly recursive?: true;
}

/** All of them that the config asks for, whether they could be had or not. */
export function externalMounts(context: PlanContext, cgroup: Pick<CgroupPlan, "layout" | "path">): ExternalMount[] {
  const mounts: ExternalMount[] = [];
  for (const { mount, options } of entries(context)) {
    const { destination, source = "", type = "" } = mount;
    if (options.remount) continue;
    if (options.bind !== undefined) mounts.push({ destination, name: destination, source: absolute(source, context.bundle), ...(options.bind === "rbind" ? { recursive: true } : {}) });
    else if (type === "cgroup") mounts.push(...cgroupMounts(context, { destination, cgroup }));
  }
  for (const destination of context.config.linux?.maskedPaths ?? []) {
    mounts.push({ destination, name: "/dev/null", source: "/dev/null", onlyFile: true });
  }
  if (context.hasUserNamespace) for (const path of devicePaths(context)) mounts.push({ destination: path, name: path, source: path });
  return mounts;
}

/** Where the hierarchies are bound, and not mounted (cgroup-mounts.ts). */
function cgroupMounts(context: PlanContext, { destination, cgroup }: { readonly destination: string; readonly cgroup: Pick<CgroupPlan, "layout" | "path"> }): ExternalMount[] {
  const { layout, path } = cgroup;
  if (isNew(context, "cgroup")) return [];
  const mounts: ExternalMount[] = [];
  for (const { version, mountPoint } of layout.hierarchies) {
    const place = `${destination}/${mountPoint.slice(mountPoint.lastIndexOf("/") + 1)}`;
    if (layout.hierarchy !== "unified" && version === 1) mounts.push({ destination: place, name: place, source: mountPoint + path });
    else if (layout.hierarchy === "unified" && context.hasUserNamespace) mounts.push({ destination, name: destination, source: mountPoint });
  }
  return mounts;
}

/** In a user namespace device nodes are bound. */
function devicePaths({ config }: PlanContext): Set<string> {
  const paths = new Set<string>(DEFAULT_DEVICES.map(({ path }) => path));
  for (const { path, type } of config.linux?.devices ?? []) if (type !== "p") paths.add(path);
  return paths;
}
