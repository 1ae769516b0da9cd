/** Finds unknown properties that are nearly the name of a known one: the specification wants unknown ones ignored. */

import type { Problem } from "../errors.ts";
import { configNames } from "./generated/names.ts";
import { type Path, pointerOf } from "./pointer.ts";

/** The names of an object's properties, each with those inside it; `*` stands for items and for values of maps. */
export interface Names {
  readonly [name: string]: Names;
}

/** Longer names are no slip of the finger, and comparing them takes time. */
const MAX_NAME_LENGTH = 40;
const MAX_NEAR_MISSES = 20;
/** Real configs have some hundred values and a handful of unknown names; a hostile one may have millions. */
const MAX_VISITED = 100_000;
const MAX_COMPARED = 10_000;

interface Search {
  readonly problems: Problem[];
  visited: number;
  compared: number;
}

/** Returns a problem, with the name that was meant, for each property that looks like a slip. */
export function nearMisses(tree: unknown): Problem[] {
  return search(tree, configNames());
}

/** As `nearMisses` for a document that holds only what config.json has under `process`. */
export function nearMissesOfProcess(tree: unknown): Problem[] {
  return search(tree, configNames()["process"] ?? {});
}

function search(tree: unknown, names: Names): Problem[] {
  const found: Search = { problems: [], visited: 0, compared: 0 };
  visit(tree, names, [], found);
  return found.problems;
}

/** The recursion ends with the known names, so hostile depth does not matter. */
function visit(value: unknown, names: Names, path: Path, found: Search): void {
  if (typeof value !== "object" || value === null || found.problems.length >= MAX_NEAR_MISSES) return;
  const inside = names["*"];
  const isMap = inside !== undefined && !Array.isArray(value);
  for (const key in value) {
    if (++found.visited > MAX_VISITED) return;
    const child: unknown = (value as Record<string, unknown>)[key];
    const known = inside ?? (Object.hasOwn(names, key) ? names[key] : undefined);
    if (known !== undefined) visit(child, known, [...path, key], found);
    else if (!isMap && ++found.compared <= MAX_COMPARED) addNearMiss({ key, names, path, present: value, found });
  }
}

function addNearMiss(facts: { key: string; names: Names; path: Path; present: object; found: Search }): void {
  const { key, names, path, present, found } = facts;
  const free = Object.keys(names).filter((name) => !Object.hasOwn(present, name));
  const meant = closest(key, free);
  if (meant === undefined || found.problems.length >= MAX_NEAR_MISSES) return;
  found.problems.push({
    pointer: pointerOf([...path, key]),
    message: `unknown property "${key}" is ignored`,
    hint: `did you mean "${meant}"?`,
  });
}

/** Returns the candidate that differs from `word` in case or by a slip or two, undefined where none does. */
export function closest(word: string, candidates: readonly string[]): string | undefined {
  if (word.length > MAX_NAME_LENGTH) return undefined;
  const plain = plainForm(word);
  const limit = plain.length < 4 ? 0 : plain.length < 8 ? 1 : 2;
  let best: string | undefined;
  let bestDistance = limit + 1;
  for (const candidate of candidates) {
    const distance = slips(plain, plainForm(candidate), bestDistance);
    if (distance < bestDistance) [best, bestDistance] = [candidate, distance];
  }
  return best;
}

function plainForm(word: string): string {
  return word.toLowerCase().replaceAll(/[-_]/g, "");
}

/** Insertions, deletions, replacements and swaps of neighbours (optimal string alignment), or `limit` if there are as many. */
function slips(a: string, b: string, limit: number): number {
  if (Math.abs(a.length - b.length) >= limit) return limit;
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let row = 1; row <= a.length; row++) {
    const current = [row];
    for (let column = 1; column <= b.length; column++) {
      const same = a[row - 1] === b[column - 1];
      let cost = Math.min((last[column] ?? 0) + 1, (current[column - 1] ?? 0) + 1, (last[column - 1] ?? 0) + (same ? 0 : 1));
      const swapped = row > 1 && column > 1 && a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1];
      if (swapped) cost = Math.min(cost, (beforeLast[column - 2] ?? 0) + 1);
      current.push(cost);
    }
    beforeLast = last;
    last = current;
  }
  return Math.min(last[b.length] ?? limit, limit);
}
