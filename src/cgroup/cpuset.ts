/** Gives a cgroup of the v1 cpuset controller the processors and memory nodes without which no task may enter it. */

import { dirname } from "node:path";
import { systemError } from "./failure.ts";
import { readText, writeText } from "./files.ts";

const FILES = ["cpuset.cpus", "cpuset.mems"] as const;

/**
 * Copies the parent's values where a cgroup has none; an ancestor without any is filled first, since nothing below it
 * could be used (Documentation/admin-guide/cgroup-v1/cpusets.rst). `isNew` spares the look at one that was just made.
 */
export function fillCpuset(directory: string, mountPoint: string, isNew: boolean): void {
  try {
    for (const file of FILES) fill(directory, file, { mountPoint, isNew });
  } catch (error) {
    throw systemError(`give cgroup "${directory}" the cpuset of its parent`, error);
  }
}

function fill(
  directory: string,
  file: string,
  { mountPoint, isNew }: { readonly mountPoint: string; readonly isNew: boolean },
): string {
  const path = `${directory}/${file}`;
  const own = isNew ? "" : readText(path).trim();
  if (own !== "" || directory === mountPoint) return own;
  const inherited = fill(dirname(directory), file, { mountPoint, isNew: false });
  if (inherited !== "") writeText(path, inherited);
  return inherited;
}
