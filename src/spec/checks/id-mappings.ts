/** Checks maps of user and group ids against what the kernel takes (user_namespaces(7)). */

import type { IdMapping } from "../config.ts";
import type { Path } from "../pointer.ts";
import type { Report } from "./report.ts";

/** The kernel's limit of lines in uid_map and gid_map. */
export const MAX_ID_MAPPINGS = 340;

/** The last id is (uid_t)-1, which is none. */
const MAX_ID_END = 0xffff_ffff;

export function checkIdMappings(list: readonly IdMapping[] | undefined, path: Path, report: Report): void {
  if (list === undefined) return;
  if (list.length > MAX_ID_MAPPINGS) {
    report(path, `must have at most ${MAX_ID_MAPPINGS} entries, which is the kernel's limit, got ${list.length}`);
    return;
  }
  for (let i = 0; i < list.length; i++) {
    const mapping = list[i];
    if (mapping === undefined) continue;
    const { containerID, hostID, size } = mapping;
    if (size === 0) report([...path, i, "size"], "must be at least 1, got 0");
    if (containerID + size > MAX_ID_END) report([...path, i], `the ids of the container end at ${MAX_ID_END - 1}`);
    if (hostID + size > MAX_ID_END) report([...path, i], `the ids of the host end at ${MAX_ID_END - 1}`);
  }
  checkOverlaps(list, "containerID", path, report);
  checkOverlaps(list, "hostID", path, report);
}

/** The kernel refuses maps in which a range meets another one on either side. */
function checkOverlaps(list: readonly IdMapping[], side: "containerID" | "hostID", path: Path, report: Report): void {
  const sorted = [...list.entries()].filter(([, mapping]) => mapping !== undefined && mapping.size > 0);
  sorted.sort(([, a], [, b]) => a[side] - b[side]);
  let last: [number, IdMapping] | undefined;
  for (const entry of sorted) {
    const [index, mapping] = entry;
    if (last !== undefined && last[1][side] + last[1].size > mapping[side]) {
      report([...path, index, side], `the range that begins at ${mapping[side]} overlaps entry ${last[0]}`);
    }
    last = entry;
  }
}

/** Returns true where the map gives the container this id. */
export function isMapped(id: number, list: readonly IdMapping[]): boolean {
  return list.some((mapping) => mapping === undefined || (id >= mapping.containerID && id < mapping.containerID + mapping.size));
}
