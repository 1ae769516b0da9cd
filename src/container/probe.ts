/** The facts about this machine that planners ask for; each is read when it is asked for, and once. */

import { probeLayout } from "../cgroup/layout.ts";
import type { Host } from "../host.ts";
import { RDTGROUP_SUPER_MAGIC } from "../linux/magic.ts";
import { existsSync, readFileSync, statfsSync } from "../native/files.ts";
import { native } from "../native/native.ts";
import { compiledFilter } from "./filters.ts";
import { once, probeProcessHost } from "./process-host.ts";
import { hasSecurityModule, isConfined } from "./security-modules.ts";
import { inWords } from "./store.ts";

/** `root` is the state root, which keeps the filters that are compiled; without one nothing is read or written there. */
export function probeHost(root?: string): Host {
  return {
    ...probeProcessHost(),
    cgroups: once(probeLayout),
    mayMake,
    mountPointOf,
    fullProcAndSysMounts,
    resctrl: findResctrl,
    hasSecurityModule,
    isConfined,
    libseccomp: () => native().seccompLibrary(),
    compileSeccomp: (rules) => compiledFilter(rules, root),
  };
}

/** The longest mount point that holds the path (proc_pid_mountinfo(5)), which a link may have led elsewhere. */
function mountPointOf(given: string): string {
  const path = realpath(given);
  let best = "/";
  for (const line of readFileSync("/proc/self/mountinfo", "utf8").split("\n")) {
    const point = unescapePoint(line.split(" ")[4] ?? "");
    if (point === "" || point.length < best.length) continue;
    if (path === point || path.startsWith(`${point}/`)) best = point;
  }
  return best;
}

function realpath(path: string): string {
  try {
    return native().realpath(path);
  } catch (error) {
    throw inWords(`open the root file system "${path}"`, error);
  }
}

/** The fourth field is the root of the mount within its file system; the type follows the hyphen. */
function fullProcAndSysMounts(): string[] {
  return readFileSync("/proc/self/mountinfo", "utf8").split("\n").flatMap((line) => {
    const [, , , root, point = ""] = line.split(" ");
    return root === "/" && / - (proc|sysfs) /.test(line) ? [unescapePoint(point)] : [];
  });
}

function mayMake(directory: string): boolean {
  let path = directory;
  while (path.length > 1 && !existsSync(path)) path = path.slice(0, Math.max(path.lastIndexOf("/"), 1));
  return native().isWritable(path);
}

const USUAL_RESCTRL = "/sys/fs/resctrl";

/** Where it usually is, or wherever; a kernel without it lacks the directory, too. */
function findResctrl(): string | undefined {
  if (!existsSync(USUAL_RESCTRL)) return undefined;
  if (statfsSync(USUAL_RESCTRL).type === RDTGROUP_SUPER_MAGIC) return USUAL_RESCTRL;
  for (const line of readFileSync("/proc/self/mountinfo", "utf8").split("\n")) {
    if (line.includes(" - resctrl ")) return unescapePoint(line.split(" ")[4] ?? "");
  }
  return undefined;
}

function unescapePoint(point: string): string {
  return point.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(parseInt(digits, 8)));
}
