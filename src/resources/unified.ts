/** `linux.resources.unified`: files of cgroup v2 by their names (config-linux.md#unified). */

import { pointerOf } from "../spec/pointer.ts";
import type { CgroupLayout } from "./layout.ts";
import { hierarchyOf, unifiedHierarchy } from "./layout.ts";
import { Limits } from "./limits.ts";

const PATH = ["linux", "resources", "unified"];
/** What the prefix of the files says that every cgroup has (cgroup-v2.rst, "Core Interface Files"). */
export const CORE = "cgroup";

/** Core files that are no limits: a write to them moves, stops or ends processes, or keeps the container's own out. */
const NO_LIMITS: readonly string[] = ["cgroup.procs", "cgroup.threads", "cgroup.freeze", "cgroup.kill", "cgroup.type"];

/** The writes in the config's order: they come after those of all other fields, so that what they say holds. */
export function unified(files: Readonly<Record<string, string>>, layout: CgroupLayout): Limits {
  const limits = new Limits(CORE, 2, pointerOf(PATH));
  for (const file in files) {
    const pointer = pointerOf([...PATH, file]);
    const controller = file.slice(0, Math.max(file.indexOf("."), 0));
    const message = refusal(file, controller, layout);
    if (message !== undefined) {
      limits.problems.push({ pointer, message });
      continue;
    }
    // What does not name a controller is for the kernel to judge.
    const owner = controller === "" ? CORE : controller;
    for (const value of linesOf(files[file] ?? "")) limits.writes.push({ controller: owner, version: 2, file, value, pointer });
  }
  return limits;
}

function refusal(file: string, controller: string, layout: CgroupLayout): string | undefined {
  if (file.includes("/")) return `must be the name of a file in the control group, got ${JSON.stringify(file)}`;
  if (unifiedHierarchy(layout) === undefined) return `sets a file of cgroup v2, which this host has not mounted`;
  if (NO_LIMITS.includes(file)) return `"${file}" is no limit, and the runtime's own to write`;
  if (controller === "" || controller === CORE) return undefined;
  const hierarchy = hierarchyOf(layout, controller);
  if (hierarchy === undefined) return `needs the controller "${controller}", which cgroup v2 does not have on this host`;
  if (hierarchy.version === 2) return undefined;
  return `needs the controller "${controller}" on cgroup v2, but this host has it on v1`;
}

/** A file of several lines takes each as a write of its own; an empty value is a line, too. */
function linesOf(value: string): string[] {
  const lines = value.split("\n").filter((line) => line !== "");
  return lines.length === 0 ? ["\n"] : lines;
}
