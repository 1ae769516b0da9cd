/** Where a container's cgroups are on this host, and what their files hold. */

import * as fs from "node:fs";
import { join } from "node:path";
import type { BundleConfig } from "../test/bundle.ts";
import { skip } from "../test/harness.ts";
import { read } from "./containers.ts";
import type { Container } from "./containers.ts";

export const CGROUP_ROOT = "/sys/fs/cgroup";

/** Skips unless these controllers are mounted as hierarchies of cgroup v1. */
export function v1(...controllers: readonly string[]): void {
  for (const controller of controllers) {
    if (!fs.existsSync(join(CGROUP_ROOT, controller, "cgroup.procs"))) skip(`this host has no ${controller} controller of cgroup v1`);
  }
}

/** Skips unless this host has cgroup v2 only, with these controllers. */
export function v2(...controllers: readonly string[]): void {
  const present = read(join(CGROUP_ROOT, "cgroup.controllers")).trim().split(" ");
  if (present.length === 1 && present[0] === "") skip("this host's cgroups are not those of v2 only");
  for (const controller of controllers) {
    if (!present.includes(controller)) skip(`this host has no ${controller} controller of cgroup v2`);
  }
}

/** The container's cgroup of a controller of v1; without one, its cgroup on v2. */
export async function cgroupOf(container: Container, controller?: string): Promise<string> {
  const lines = await container.proc("cgroup");
  if (controller === undefined) return join(CGROUP_ROOT, /^0::(.*)$/m.exec(lines)?.[1] ?? "missing");
  const found = new RegExp(`^\\d+:(?:.*,)?${controller}(?:,.*)?:(.*)$`, "m").exec(lines);
  return join(CGROUP_ROOT, controller, found?.[1] ?? "missing");
}

/** What a file of the container's cgroup on v1 holds, or "" where the kernel has no such file. */
export async function value(container: Container, name: string): Promise<string> {
  const [controller = ""] = name.split(".");
  return read(join(await cgroupOf(container, controller), name)).trim();
}

/** The same on v2. */
export async function unifiedValue(container: Container, name: string): Promise<string> {
  return read(join(await cgroupOf(container), name)).trim();
}

/** Whether this host has cgroup v2 only. */
export function isUnified(): boolean {
  return fs.existsSync(join(CGROUP_ROOT, "cgroup.controllers"));
}

/** What holds in a container's cgroup, by the file's name on v1 or, after a bar, on v2: `pids.max|pids.max`. */
export function limitOf(container: Container, names: string): Promise<string> {
  const [legacy = "", unified = ""] = names.split("|");
  return isUnified() ? unifiedValue(container, unified) : value(container, legacy);
}

/** A config with these resources, and no others. */
export function withResources(resources: Readonly<Record<string, unknown>>): (config: BundleConfig) => void {
  return (config) => (config.linux.resources = resources);
}

/** The number of a block device of this host, as `major:minor`; a whole one, since the kernel limits no others. */
export function blockDevice(): { readonly major: number; readonly minor: number; readonly text: string } {
  for (const name of fs.readdirSync("/sys/block")) {
    const text = read(`/sys/block/${name}/dev`).trim();
    const [major = NaN, minor = NaN] = text.split(":").map(Number);
    if (Number.isInteger(major) && Number.isInteger(minor)) return { major, minor, text };
  }
  return skip("this host has no block device");
}
