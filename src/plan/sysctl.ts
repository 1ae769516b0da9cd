/** Kernel parameters of the container's namespaces (config-linux.md#sysctl). */

import { O_WRONLY, RESOLVE_NO_SYMLINKS } from "../linux/open-flags.ts";
import { sysctlParts } from "../spec/sysctl.ts";
import { isNew } from "./context.ts";
import type { PlanContext } from "./context.ts";
import { init } from "./step.ts";
import type { InitOp, Step } from "./step.ts";

export function sysctls(context: PlanContext): Step[] {
  const { config, host } = context;
  const { sysctl } = config.linux ?? {};
  if (sysctl === undefined) return [];
  // In another's mount namespace the /proc may be of anybody's making.
  const isConfined = isNew(context, "mount") && host.isConfined();
  return Object.entries(sysctl).flatMap(([key, value]) => {
    const path = `sys/${(sysctlParts(key) ?? [key]).join("/")}`;
    const at = `/linux/sysctl/${key.replaceAll("~", "~0").replaceAll("/", "~1")}`;
    const ops: InitOp[] = isConfined ? byHostsProc(path, value) : [{ op: "write_proc", proc: "proc", path, data: value }];
    return init(ops, { at, what: `set the sysctl "${key}" to "${value}"` });
  });
}

/**
 * A profile of AppArmor goes by paths, and a procfs that is mounted nowhere has others than the profile means: in LXC its
 * "sys" is taken for the "/sys" that may not be written to. The host's own, where init still stands, has the right ones;
 * which namespaces the value is for depends on who writes it, not on the mount.
 */
function byHostsProc(path: string, data: string): InitOp[] {
  return [
    { op: "openat2", path: `/proc/${path}`, flags: O_WRONLY, mode: 0, resolve: RESOLVE_NO_SYMLINKS, to: "sysctl" },
    { op: "write", fd: "sysctl", data },
  ];
}
