/** Where in the container's cgroup a further process runs: in itself, or in a sub-cgroup that is asked for. */

import { unifiedDirectory } from "../cgroup/cgroup.ts";
import type { CgroupDirectory } from "../cgroup/cgroup.ts";
import { UsageError } from "../errors.ts";
import { readStartSync } from "../native/files.ts";
import { entryFd } from "../plan/cgroup-entry.ts";
import type { ExecCgroup } from "../plan/exec.ts";
import type { Fd } from "../plan/step.ts";
import type { StoredState } from "./state.ts";

export interface ExecEntrance {
  readonly cgroup: ExecCgroup;
  readonly directories: readonly CgroupDirectory[];
}

interface Asked {
  /** `[controllers:]path`, as runc's `--cgroup` has it. */
  readonly asked: readonly string[];
  /** Born there on v2, or moved there by itself. */
  readonly intoCgroup: boolean;
}

export function execEntrance({ cgroup }: StoredState, { asked, intoCgroup }: Asked): ExecEntrance {
  const own = cgroup?.directories ?? [];
  const path = cgroup?.path ?? "";
  // Who is outside of what is the user's own may not enter it.
  if (cgroup?.unit?.manager === "user" && asked.length === 0) return { cgroup: { path, entries: [], intoCgroup: false, isAttached: true }, directories: [] };
  const directories = asked.length === 0 ? own : subDirectories(own, asked);
  const entries: Fd[] = [];
  let hasUnified = false;
  for (let at = 0; at < own.length; at++) {
    const directory = own[at];
    if (directory === undefined) continue;
    const { version } = directory;
    if (version === 2) hasUnified = true;
    const mountPoint = directory.path.slice(0, directory.path.length - path.length);
    if (version === 1 || !intoCgroup) entries.push(entryFd({ mountPoint, version }));
  }
  return { cgroup: { path, entries, intoCgroup: intoCgroup && hasUnified }, directories };
}

/** Whether the container manages cgroups of its own: then its own takes no process (cgroup-v2.rst, "No Internal Process Constraint"). */
export function hasInnerCgroups({ cgroup }: StoredState): boolean {
  const unified = unifiedDirectory(cgroup?.directories ?? []);
  if (unified === undefined) return false;
  try {
    return readStartSync(`${unified.path}/cgroup.subtree_control`).trim() !== "";
  } catch {
    return false;
  }
}

function subDirectories(own: readonly CgroupDirectory[], asked: readonly string[]): CgroupDirectory[] {
  const directories = [...own];
  const named = new Set<string>();
  for (const argument of asked) {
    const colon = argument.indexOf(":");
    const path = subPath(argument, argument.slice(colon + 1));
    if (colon < 0) {
      if (asked.length > 1) throw invalid(argument, 'the prefix "CONTROLLER:" is missing');
      return own.map((directory) => ({ ...directory, path: directory.path + path }));
    }
    for (const controller of argument.slice(0, colon).split(",")) {
      if (controller === "") throw invalid(argument, "a controller has no name");
      if (named.has(controller)) throw invalid(argument, `the controller "${controller}" is given twice`);
      named.add(controller);
      const at = own.findIndex((directory) => directory.version === 1 && hasController(directory, controller));
      const directory = own[at];
      if (directory === undefined) throw invalid(argument, `there is no cgroup v1 controller "${controller}"`);
      directories[at] = { ...directory, path: directory.path + path };
    }
  }
  return directories;
}

/** A hierarchy without controllers goes by its name, which is that of its mount point. */
function hasController({ controllers, path }: CgroupDirectory, name: string): boolean {
  return controllers.includes(name) || (controllers.length === 0 && path.split("/").includes(name));
}

/** Below the container's cgroup, whatever the path says. */
function subPath(argument: string, path: string): string {
  const components = path.split("/").filter((component) => component !== "" && component !== ".");
  if (components.includes("..")) throw invalid(argument, "it is not a sub cgroup path");
  return components.map((component) => `/${component}`).join("");
}

function invalid(argument: string, reason: string): UsageError {
  return new UsageError(`cannot use the cgroup "${argument}": ${reason}`);
}
