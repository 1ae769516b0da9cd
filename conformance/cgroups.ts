/** Finds a container's cgroups from the host, on cgroup v1 as on v2, and reads its limits there. */

import * as fs from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { skip } from "../test/harness.ts";
import { read } from "./containers.ts";
import type { Change, Container } from "./containers.ts";

export const CGROUPS = "/sys/fs/cgroup";

/** A cgroup of a container: `memory`, or `cpu,cpuacct`, or nothing for v2; its path in the hierarchy, and on the host. */
export interface Place {
  readonly controllers: string;
  readonly path: string;
  readonly folder: string;
}

/** Whether the host has cgroup v2 and nothing else. */
export function isV2(): boolean {
  return fs.existsSync(join(CGROUPS, "cgroup.controllers"));
}

/** Skips unless the host has these controllers, which are named as on v1. */
export function needsControllers(...names: readonly string[]): void {
  const onV2 = isV2() ? read(join(CGROUPS, "cgroup.controllers")).trim().split(" ") : [];
  for (const name of names) {
    const has = isV2() ? onV2.includes(nameOnV2(name)) : fs.existsSync(join(CGROUPS, name, "cgroup.procs"));
    if (!has) skip(`this host has no ${isV2() ? nameOnV2(name) : name} controller of cgroup ${isV2() ? "v2" : "v1"}`);
  }
}

/** Skips where cgroup v2 has nothing that a field of v1 could be. */
export function onlyOnV1(field: string): void {
  if (isV2()) skip(`cgroup v2 has nothing like ${field}`);
}

/** Skips where the rule is about cgroup v2. */
export function onlyOnV2(): void {
  if (!isV2()) skip("this host has cgroup v1");
}

function nameOnV2(controller: string): string {
  return controller === "blkio" ? "io" : controller;
}

/** Where the container is in each hierarchy of v1 that is mounted, or in that of v2. */
export async function placesOf(container: Container): Promise<Place[]> {
  const rows = (await container.proc("cgroup")).trim().split("\n").map((line) => line.split(":"));
  return rows.flatMap(([, controllers = "", ...path]) => {
    // The folder of a hierarchy is named like it, that of `name=systemd` like `systemd`. In v2 beside v1 nobody need be.
    const root = controllers === "" && !isV2() ? "nowhere" : join(CGROUPS, controllers.replace("name=", ""));
    return fs.existsSync(join(root, "cgroup.procs")) ? [{ controllers, path: path.join(":"), folder: join(root, path.join(":")) }] : [];
  });
}

/** The container's cgroup that has a controller. */
export async function cgroupOf(container: Container, controller: string): Promise<string> {
  const found = (await placesOf(container)).find((place) => isV2() || place.controllers.split(",").includes(controller));
  assert.ok(found !== undefined, `the container is in no cgroup of ${controller}`);
  return found?.folder ?? "";
}

/** What a file of the container's cgroup says, on v1 or, if it is called otherwise there, on v2. */
export async function limit(container: Container, v1: string, v2: string = v1): Promise<string> {
  const name = isV2() ? v2 : v1;
  const [controller = ""] = name.split(".");
  const folder = await cgroupOf(container, controller);
  if (isV2()) assert.match(read(join(folder, "cgroup.controllers")), new RegExp(`\\b${controller}\\b`), `${controller} is enabled`);
  if (!fs.existsSync(join(folder, name))) skip(`this kernel has no ${name}`);
  return read(join(folder, name)).trim();
}

/** Whether the kernel has a file for a limit, in a cgroup that is not the root's; named as for `limit`. */
export async function hasLimit(container: Container, v1: string, v2: string = v1): Promise<boolean> {
  const name = isV2() ? v2 : v1;
  return fs.existsSync(join(await cgroupOf(container, name.split(".")[0] ?? ""), name));
}

/** The number of a whole block device of this host, as the kernel limits no others, also as `major:minor`. */
export function blockDevice(): { readonly major: number; readonly minor: number; readonly text: string } {
  for (const name of fs.readdirSync("/sys/block")) {
    const text = read(`/sys/block/${name}/dev`).trim();
    const [major = NaN, minor = NaN] = text.split(":").map(Number);
    if (Number.isInteger(major) && Number.isInteger(minor)) return { major, minor, text };
  }
  return skip("this host has no block device");
}

/** Sets `linux.resources`. */
export function resources(values: Readonly<Record<string, unknown>>): Change {
  return (config) => void (config.linux.resources = values);
}

/** Every cgroup on this host that has this name below the root of its hierarchy; removes them, as they must be empty. */
export function removeCgroups(name: string): string[] {
  const roots = isV2() ? [CGROUPS] : fs.readdirSync(CGROUPS).map((entry) => join(CGROUPS, entry));
  const found = roots.map((root) => join(root, name)).filter((folder) => fs.existsSync(folder));
  for (const folder of found) fs.rmdirSync(folder);
  return found;
}
