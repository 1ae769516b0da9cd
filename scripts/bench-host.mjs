/** The ground of a bench: a mount namespace in which every runtime works, and what the machine is. */

import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";

const CGROUPS = "/sys/fs/cgroup";
const INSIDE = "TSRUN_BENCH_INSIDE";

/** Starts this program again in a mount namespace of its own; undefined when that is where it is. */
export function enterNamespace() {
  if (process.env[INSIDE] !== undefined) return undefined;
  const command = ["--mount", "--propagation", "private", process.execPath, ...process.argv.slice(1)];
  const { status, error } = spawnSync("unshare", command, { stdio: "inherit", env: { ...process.env, [INSIDE]: "1" } });
  if (error !== undefined) throw new Error("unshare is missing (Debian's package: util-linux)");
  return status ?? 1;
}

/**
 * On a hybrid host with a controller on v2, crun refuses to work. Mounted as v1 the controller is not on v2 any more, for
 * as long as this namespace exists; nobody outside sees the mounts. Returns what was mounted; undefined where others'
 * cgroups hold a controller on v2.
 */
export function mountLeftControllers(folder) {
  const left = `${CGROUPS}/unified/cgroup.controllers`;
  const controllers = fs.existsSync(left) ? fs.readFileSync(left, "utf8").trim().split(/\s+/).filter((name) => name !== "") : [];
  if (controllers.length === 0) return [];
  const view = join(folder, "cgroup");
  fs.mkdirSync(view);
  mount("-t", "tmpfs", "-o", "mode=755", "cgroup", view);
  for (const entry of fs.readdirSync(CGROUPS, { withFileTypes: true })) {
    const from = join(CGROUPS, entry.name);
    if (entry.isSymbolicLink()) fs.symlinkSync(fs.readlinkSync(from), join(view, entry.name));
    else if (isMountPoint(from)) mountAt(join(view, entry.name), "--bind", from);
  }
  try {
    for (const controller of controllers) mountAt(join(view, controller), "-t", "cgroup", "-o", controller, "cgroup");
  } catch {
    spawnSync("umount", ["--recursive", view]);
    fs.rmdirSync(view);
    return undefined;
  }
  mount("--move", view, CGROUPS);
  fs.rmdirSync(view);
  return controllers;
}

function isMountPoint(path) {
  return fs.statSync(path).dev !== fs.statSync(CGROUPS).dev;
}

function mountAt(target, ...args) {
  fs.mkdirSync(target, { recursive: true });
  mount(...args, target);
}

function mount(...args) {
  const { status, stderr } = spawnSync("mount", args, { encoding: "utf8" });
  if (status !== 0) throw new Error(`mount ${args.join(" ")}: ${stderr.trim()}`);
}

/**
 * Gives the controllers back to v2. A hierarchy that is unmounted while a cgroup in it still goes away stays for ever, so
 * it is mounted and unmounted until it is gone.
 */
export async function unmountControllers(controllers) {
  for (const controller of controllers) {
    const target = join(CGROUPS, controller);
    for (let attempt = 0; attempt < 20; attempt++) {
      await setTimeout(100);
      spawnSync("umount", [target]);
      await setTimeout(50);
      if (!isOnV1(controller)) break;
      spawnSync("mount", ["-t", "cgroup", "-o", controller, "cgroup", target]);
    }
  }
}

/** Whether a hierarchy of its own has the controller (/proc/cgroups: name, hierarchy, ...). */
function isOnV1(controller) {
  const line = fs.readFileSync("/proc/cgroups", "utf8").split("\n").find((text) => text.startsWith(`${controller}\t`));
  return line?.split("\t")[1] !== "0";
}

/** Removes the cgroups that bear the name, in the namespace's view. */
export function removeCgroups(name) {
  for (const hierarchy of fs.existsSync(`${CGROUPS}/cgroup.procs`) ? [CGROUPS] : fs.readdirSync(CGROUPS).map((entry) => join(CGROUPS, entry))) {
    removeBelow(hierarchy, name);
  }
}

function removeBelow(folder, name) {
  for (const entry of entriesOf(folder)) {
    if (!entry.isDirectory()) continue;
    const path = join(folder, entry.name);
    removeBelow(path, name);
    if (entry.name.includes(name)) fs.rmdirSync(path);
  }
}

/** Others' cgroups come and go meanwhile. */
function entriesOf(folder) {
  try {
    return fs.readdirSync(folder, { withFileTypes: true });
  } catch {
    return [];
  }
}

/** What a reader of the numbers must know. */
export function describeHost() {
  const [cpu] = os.cpus();
  return { kernel: os.release(), cpus: os.availableParallelism(), cpu: cpu?.model ?? "unknown", load: os.loadavg()[0] ?? 0 };
}

/** The share of the processors' time that somebody uses while this program waits. */
export async function measureBusyness(milliseconds = 1000) {
  const before = processorTimes();
  await setTimeout(milliseconds);
  const after = processorTimes();
  return 1 - (after.idle - before.idle) / (after.all - before.all);
}

/** The first line of proc_stat(5). */
function processorTimes() {
  const times = fs.readFileSync("/proc/stat", "utf8").split("\n", 1)[0]?.split(/\s+/).slice(1, 9).map(Number) ?? [];
  return { idle: (times[3] ?? 0) + (times[4] ?? 0), all: times.reduce((sum, time) => sum + time, 0) };
}
