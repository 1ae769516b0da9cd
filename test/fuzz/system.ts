/** What there is in the sandbox besides the fuzzer itself: a case must leave nothing of it behind. */

import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import { join } from "node:path";

export interface Things {
  /** `12 sleep 60` */
  readonly processes: readonly string[];
  readonly mounts: readonly string[];
  readonly cgroups: readonly string[];
  readonly files: readonly string[];
}

const KINDS = ["processes", "mounts", "cgroups", "files"] as const;
const CGROUP_ROOT = "/sys/fs/cgroup";

/** Not looked into: what is the kernel's, the case's own, and the runtime's cache of compiled filters. */
const SKIPPED: ReadonlySet<string> = new Set(["/proc", "/sys", "/dev/pts", "/bundle", "/fuzz", "/opt", "/state/@seccomp"]);

export function lookAround(): Things {
  return { processes: processes(), mounts: mounts(), cgroups: folders(CGROUP_ROOT), files: filesBelow("/") };
}

/** What is there now and was not before: `process 12 sleep 60`; and what is gone. */
export function difference(before: Things, now: Things): string[] {
  return KINDS.flatMap((kind) => [
    ...now[kind].filter((thing) => !before[kind].includes(thing)).map((thing) => `${kind}: ${thing}`),
    ...(kind === "processes" ? [] : before[kind].filter((thing) => !now[kind].includes(thing)).map((thing) => `${kind}: gone: ${thing}`)),
  ]);
}

/** Removes what a case left, as far as that goes. */
export function tidy(before: Things): void {
  for (const line of processes()) {
    try {
      process.kill(Number.parseInt(line, 10), "SIGKILL");
    } catch {
      // It ended by itself.
    }
  }
  for (const line of mounts().filter((one) => !before.mounts.includes(one)).reverse()) attempt(() => execFileSync("/fuzz/busybox", ["umount", "-l", line.split(" ")[1] ?? ""], { stdio: "ignore" }));
  for (const path of folders(CGROUP_ROOT).filter((one) => !before.cgroups.includes(one)).reverse()) attempt(() => fs.rmdirSync(path));
  for (const path of filesBelow("/").filter((one) => !before.files.includes(one)).reverse()) attempt(() => fs.rmSync(path.replace(/ \S+$/, ""), { recursive: true, force: true }));
}

/** Removes an empty cgroup, by its path below the hierarchies. */
export function removeFolders(path: string): void {
  for (const hierarchy of [CGROUP_ROOT, ...attemptList(CGROUP_ROOT).map(({ name }) => join(CGROUP_ROOT, name))]) attempt(() => fs.rmdirSync(hierarchy + path));
}

function attempt(remove: () => void): void {
  try {
    remove();
  } catch {
    // Who looks around afterwards sees it.
  }
}

/** Without this process, its ancestors and zombies, which pid 1 is about to take. */
function processes(): string[] {
  const own = new Set([1, process.pid, process.ppid]);
  return fs.readdirSync("/proc").flatMap((name) => {
    const pid = Number(name);
    if (!Number.isInteger(pid) || own.has(pid)) return [];
    const state = /^State:\s+(\S)/m.exec(read(`/proc/${name}/status`))?.[1];
    if (state === undefined || state === "Z" || state === "X") return [];
    return [`${name} ${read(`/proc/${name}/cmdline`).replaceAll("\0", " ").slice(0, 200).trim()} (${state}, ${read(`/proc/${name}/wchan`)})`];
  });
}

/** Number, mount point and options. */
function mounts(): string[] {
  return read("/proc/self/mountinfo").split("\n").filter((line) => line !== "").map((line) => {
    const [id = "", , , root = "", point = "", ...rest] = line.split(" ");
    return `${id} ${point} ${root} ${rest.join(" ")}`;
  });
}

function folders(folder: string): string[] {
  return attemptList(folder).flatMap((entry) => (entry.isDirectory() ? [join(folder, entry.name), ...folders(join(folder, entry.name))] : []));
}

/** With kind, mode and size, but for sockets and what grows. */
function filesBelow(folder: string): string[] {
  return attemptList(folder).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (SKIPPED.has(path)) return [];
    if (entry.isDirectory()) return [`${path} dir`, ...filesBelow(path)];
    return [`${path} ${entry.isFile() ? size(path) : "special"}`];
  });
}

function size(path: string): string {
  try {
    return String(fs.lstatSync(path).size);
  } catch {
    return "gone";
  }
}

function attemptList(folder: string): fs.Dirent[] {
  try {
    return fs.readdirSync(folder, { withFileTypes: true });
  } catch {
    return [];
  }
}

function read(path: string): string {
  try {
    return fs.readFileSync(path, "latin1");
  } catch {
    return "";
  }
}
