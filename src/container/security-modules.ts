/** What a config asks of AppArmor and SELinux: refused where the kernel has the module, told where it has not. */

import type { Problem } from "../errors.ts";
import { existsSync, readFileSync } from "../native/files.ts";
import type { Config } from "../spec/config.ts";

interface SecurityModule {
  readonly name: string;
  isThere(): boolean;
}

const APPARMOR: SecurityModule = { name: "AppArmor", isThere: () => isYes("/sys/module/apparmor/parameters/enabled") };
const SELINUX: SecurityModule = { name: "SELinux", isThere: () => existsSync("/sys/fs/selinux/enforce") };

/**
 * A profile that is not put into effect would be a promise that is not kept, so it is an error where it could be; where
 * the kernel lacks the module nobody can keep it, and the container runs with a warning.
 */
export function refuseProfiles({ process, linux }: Config, warn: (message: string) => void): Problem[] {
  const asked: readonly (readonly [SecurityModule, string, string | undefined])[] = [
    [APPARMOR, "process.apparmorProfile", process?.apparmorProfile],
    [SELINUX, "process.selinuxLabel", process?.selinuxLabel],
    [SELINUX, "linux.mountLabel", linux?.mountLabel],
  ];
  const problems: Problem[] = [];
  for (const [module, field, value = ""] of asked) {
    if (value === "" || value === "unconfined") continue;
    if (module.isThere()) problems.push({ pointer: `/${field.replace(".", "/")}`, message: `"${field}" is not supported yet` });
    else warn(`ignoring "${field}" ${JSON.stringify(value)}: the kernel has no ${module.name}`);
  }
  return problems;
}

function isYes(path: string): boolean {
  try {
    return readFileSync(path, "utf8").startsWith("Y");
  } catch {
    return false;
  }
}
