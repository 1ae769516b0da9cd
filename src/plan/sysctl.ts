/** Kernel parameters of the container's namespaces (config-linux.md#sysctl). */

import { sysctlParts } from "../spec/sysctl.ts";
import type { PlanContext } from "./context.ts";
import { init } from "./step.ts";
import type { Step } from "./step.ts";

export function sysctls({ config }: PlanContext): Step[] {
  const { sysctl } = config.linux ?? {};
  if (sysctl === undefined) return [];
  return Object.entries(sysctl).flatMap(([key, value]) => {
    const path = `sys/${(sysctlParts(key) ?? [key]).join("/")}`;
    const at = `/linux/sysctl/${key.replaceAll("~", "~0").replaceAll("/", "~1")}`;
    return init([{ op: "write_proc", proc: "proc", path, data: value }], { at, what: `set the sysctl "${key}" to "${value}"` });
  });
}
