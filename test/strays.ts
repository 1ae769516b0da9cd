/** Finds what a test left on the system: everything that a test makes bears the name of its run. */

import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import { join } from "node:path";

/** One thing that should not be there any more. */
export interface Stray {
  readonly kind: "process" | "mount" | "cgroup" | "file";
  /** A path, or for a process its id, then its command line. */
  readonly what: string;
}

const CGROUP_ROOT = "/sys/fs/cgroup";

/** Where test files put what they make, and where runtimes keep their states. */
const FILE_PLACES: readonly string[] = ["/tmp", "/run", "/run/tsrun", "/run/runc", "/run/crun", "/var/tmp", "/dev/shm"];

/** Everything on this system that bears `name`; processes first, as they hold the rest. */
export function findStrays(name: string): Stray[] {
  return [...processes(name), ...mounts(name), ...cgroups(CGROUP_ROOT, name), ...files(name)];
}

function processes(name: string): Stray[] {
  return fs
    .readdirSync("/proc")
    .filter((pid) => /^\d+$/.test(pid) && Number(pid) !== process.pid)
    .filter((pid) => ["cmdline", "environ", "cgroup"].some((file) => read(`/proc/${pid}/${file}`).includes(name)))
    // One that has ended by now has no state any more; one that nobody has waited for yet is no more than its number.
    .filter((pid) => /^State:\s+[^ZX]/m.test(read(`/proc/${pid}/status`)))
    .map((pid) => ({ kind: "process", what: `${pid} ${read(`/proc/${pid}/cmdline`).replaceAll("\0", " ").trim()}` }));
}

function mounts(name: string): Stray[] {
  const points = read("/proc/self/mountinfo")
    .split("\n")
    .filter((line) => line.includes(name))
    .map((line) => line.split(" ")[4] ?? "");
  // The innermost first, as they must be unmounted before the others.
  return points.reverse().map((what) => ({ kind: "mount", what }));
}

function cgroups(folder: string, name: string): Stray[] {
  return folders(folder).flatMap((entry) => {
    const path = join(folder, entry);
    const below = cgroups(path, name);
    return path.includes(name) ? [...below, { kind: "cgroup", what: path } as const] : below;
  });
}

function folders(folder: string): string[] {
  try {
    return fs.readdirSync(folder, { withFileTypes: true }).flatMap((entry) => (entry.isDirectory() ? [entry.name] : []));
  } catch {
    // Another process's cgroup may end while this looks.
    return [];
  }
}

function files(name: string): Stray[] {
  return FILE_PLACES.flatMap((place) =>
    entries(place)
      .filter((entry) => entry.includes(name))
      .map((entry) => ({ kind: "file", what: join(place, entry) }) as const),
  );
}

/** A runtime's states are not for everyone to read. */
function entries(folder: string): string[] {
  try {
    return fs.readdirSync(folder);
  } catch {
    return [];
  }
}

/** Removes what findStrays() found, as far as that goes. */
export function removeStray(stray: Stray): void {
  try {
    if (stray.kind === "process") process.kill(Number.parseInt(stray.what, 10), "SIGKILL");
    if (stray.kind === "mount") spawnSync("umount", ["--lazy", stray.what], { stdio: "ignore" });
    if (stray.kind === "cgroup") fs.rmdirSync(stray.what);
    // A folder that is still a mount point is left alone: below it lies something else.
    if (stray.kind === "file" && mounts(stray.what).length === 0) fs.rmSync(stray.what, { recursive: true });
  } catch {
    // It is reported in any case; what goes away by itself needs no removal.
  }
}

function read(path: string): string {
  try {
    return fs.readFileSync(path, "latin1");
  } catch {
    return "";
  }
}
