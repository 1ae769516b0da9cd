/** The rules of the specification 1.3 for Linux, by the names that tests bear, and which of them can be seen from outside. */

import { CGROUP_ROWS } from "./rows-cgroups.ts";
import { CONFIG_ROWS } from "./rows-config.ts";
import { FEATURES_ROWS } from "./rows-features.ts";
import { LIFECYCLE_ROWS } from "./rows-lifecycle.ts";
import { LINUX_ROWS } from "./rows-linux.ts";

/** One rule: MUST, SHOULD or MAY of the specification, or a field with what its description promises. */
export interface Row {
  /** Section and number: `MNT-06`. */
  readonly id: string;
  readonly meaning: string;
  /** Why no test can show from outside whether a runtime keeps the rule; each row without it has a test. */
  readonly unobservable?: string;
}

export const ROWS: readonly Row[] = [...LIFECYCLE_ROWS, ...CONFIG_ROWS, ...LINUX_ROWS, ...CGROUP_ROWS, ...FEATURES_ROWS];

const ID = /\b[A-Z]{1,4}-\d\d\b/g;

/** The rows that a test's title names, alone or from first to last: `RM-02 to RM-04 memory`. */
export function rowsOf(title: string): string[] {
  const ids = new Set<string>();
  for (const [, section, first, last] of title.matchAll(/\b([A-Z]{1,4})-(\d\d) to \1-(\d\d)\b/g)) {
    for (let number = Number(first); number <= Number(last); number++) ids.add(`${section}-${String(number).padStart(2, "0")}`);
  }
  for (const [id] of title.matchAll(ID)) ids.add(id);
  return [...ids];
}
