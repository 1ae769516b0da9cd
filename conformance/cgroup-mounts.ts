/** A view of the cgroups in which every v1 controller is mounted, for who cannot do with the host's. */

import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";

const CGROUPS = "/sys/fs/cgroup";

/**
 * Mounts the controllers that the host has left out as v1, in the mount namespace of this process, which must be a private
 * one. On a hybrid host crun wants no controller on v2, and the validation suite wants all on v1. Returns what was mounted;
 * nothing on a host with v2 alone.
 */
export async function mountLeftControllers(folder: string): Promise<string[]> {
  if (fs.existsSync(`${CGROUPS}/cgroup.controllers`)) return [];
  const mountedAlready = mountedControllers();
  const left = enabledControllers().filter(({ name }) => !mountedAlready.has(name)).map(({ name }) => name);
  if (left.length === 0) return [];
  const view = join(folder, "cgroup");
  fs.mkdirSync(view);
  mount("-t", "tmpfs", "-o", "mode=755", "cgroup", view);
  for (const entry of fs.readdirSync(CGROUPS, { withFileTypes: true })) {
    const from = join(CGROUPS, entry.name);
    if (entry.isSymbolicLink()) fs.symlinkSync(fs.readlinkSync(from), join(view, entry.name));
    else if (entry.isDirectory() && fs.statSync(from).dev !== fs.statSync(CGROUPS).dev) mountAt(join(view, entry.name), "--bind", from);
  }
  const mounted: string[] = [];
  for (const controller of left) {
    if (await mountController(join(view, controller), controller)) mounted.push(controller);
  }
  mount("--move", view, CGROUPS);
  fs.rmdirSync(view);
  return mounted;
}

/** The controllers that are mounted as cgroup v1 (proc_pid_mountinfo(5)). */
export function mountedControllers(): Set<string> {
  const mounts = fs.readFileSync("/proc/self/mountinfo", "utf8").matchAll(/ - cgroup \S+ (\S+)$/gm);
  const options = [...mounts].flatMap(([, words = ""]) => words.split(","));
  return new Set(options.filter((word) => word !== "rw" && word !== "ro" && !word.includes("=")));
}

/** /proc/cgroups: name, hierarchy, cgroups, enabled; hierarchy 0 is v2's, or nobody's. */
function enabledControllers(): { name: string; hierarchy: string }[] {
  const rows = fs.readFileSync("/proc/cgroups", "utf8").trim().split("\n").slice(1).map((line) => line.split("\t"));
  return rows.filter((row) => row[3] === "1").map(([name = "", hierarchy = ""]) => ({ name, hierarchy }));
}

/** A controller that v2 has given to cgroups is free some time after none has it any more. */
async function mountController(target: string, controller: string): Promise<boolean> {
  for (let attempt = 0; attempt < 20; attempt++) {
    if (mountAt(target, "-t", "cgroup", "-o", controller, "cgroup")) return true;
    if (attempt === 0 && !takeBack(controller)) return false;
    await setTimeout(100);
  }
  return false;
}

/** Takes the controller from v2's cgroups; false where one of them has a limit. */
function takeBack(controller: string): boolean {
  const top = `${CGROUPS}/unified`;
  if (!fs.existsSync(top) || isLimited(top, controller)) return false;
  release(top, controller);
  return true;
}

function isLimited(cgroup: string, controller: string): boolean {
  const limits = fs.readdirSync(cgroup).filter((name) => name.startsWith(`${controller}.`) && name.endsWith(".max"));
  // hugetlb has the largest number for "max".
  if (limits.some((name) => Number(fs.readFileSync(join(cgroup, name), "utf8")) < 2 ** 62)) return true;
  return cgroupsIn(cgroup).some((path) => isLimited(path, controller));
}

/** The innermost first, as no cgroup may have it below one that has not. */
function release(cgroup: string, controller: string): void {
  for (const path of cgroupsIn(cgroup)) release(path, controller);
  const control = join(cgroup, "cgroup.subtree_control");
  if (fs.readFileSync(control, "utf8").split(/\s/).includes(controller)) fs.writeFileSync(control, `-${controller}`);
}

function cgroupsIn(cgroup: string): string[] {
  return fs.readdirSync(cgroup, { withFileTypes: true }).flatMap((entry) => (entry.isDirectory() ? [join(cgroup, entry.name)] : []));
}

/** False when it cannot be mounted; the folder is then not there either. */
function mountAt(target: string, ...args: readonly string[]): boolean {
  fs.mkdirSync(target);
  const mounted = mount(...args, target);
  if (!mounted) fs.rmdirSync(target);
  return mounted;
}

function mount(...args: readonly string[]): boolean {
  return spawnSync("mount", args, { stdio: "ignore" }).status === 0;
}

/** Gives the controllers back. */
export async function unmountControllers(controllers: readonly string[]): Promise<void> {
  await Promise.all(controllers.map(unmountController));
}

/**
 * A hierarchy that is unmounted while a cgroup in it still goes away stays for ever, so it is mounted and unmounted until
 * it is gone; as long as somebody else has it mounted it stays.
 */
async function unmountController(controller: string): Promise<void> {
  const target = join(CGROUPS, controller);
  for (let attempt = 0; attempt < 20; attempt++) {
    spawnSync("umount", [target]);
    await setTimeout(50);
    if (enabledControllers().some(({ name, hierarchy }) => name === controller && hierarchy === "0")) return;
    mount("-t", "cgroup", "-o", controller, "cgroup", target);
    await setTimeout(100);
  }
  spawnSync("umount", [target]);
}
