/** Finds unknown properties that are nearly the name of a known one: the specification wants unknown ones ignored. */

import type { Problem } from "../errors.ts";
import { closest } from "./closest.ts";
import { configNames } from "./generated/names.ts";
import { type Path, pointerOf } from "./pointer.ts";

/** The names of an object's properties, each with those inside it; `*` stands for items and for values of maps. */
export interface Names {
  readonly [name: string]: Names;
}

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
