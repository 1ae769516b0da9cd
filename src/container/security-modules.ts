/** Which security modules the kernel has, and whether one holds this process. */

import type { SecurityModule } from "../host.ts";
import { existsSync, readFileSync } from "../native/files.ts";

/** Whether labels of the module mean anything here. */
export function hasSecurityModule(module: SecurityModule): boolean {
  // The file system of SELinux is mounted where it is in force, and hidden where it is not to be used.
  return module === "selinux" ? existsSync("/sys/fs/selinux/enforce") : textOf("/sys/module/apparmor/parameters/enabled").startsWith("Y");
}

/** Whether AppArmor holds this process, and so what it executes, to a profile. */
export function isConfined(): boolean {
  const current = textOf("/proc/self/attr/apparmor/current").trim();
  // A profile may be there for its name only: "crun (unconfined)".
  return current !== "" && current !== "unconfined" && !current.endsWith("(unconfined)");
}

/** Empty where the file cannot be read. */
function textOf(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
