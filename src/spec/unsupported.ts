/** What the specification defines and tsrun does not do yet: each row is an error where a config asks for it. */

import type { Problem } from "../errors.ts";
import type { Config } from "./config.ts";
import { type Path, pointerOf } from "./pointer.ts";

/** An `object` asks for something if one of its fields does, a `map` as soon as it has a key. */
type Kind = "object" | "map";

const ROWS: readonly (readonly [kind: Kind, ...path: string[]])[] = [
  ["object", "linux", "intelRdt"],
];

/** Returns a problem for each field that asks for what is missing; empty values, as engines write them, ask for nothing. */
export function unsupported(config: Config): Problem[] {
  const problems: Problem[] = [];
  for (let i = 0; i < ROWS.length; i++) {
    const [kind = "object", ...path] = ROWS[i] ?? [];
    const value = valueAt(config, path);
    if (value !== undefined && asks(value, kind)) problems.push(problem(path));
  }
  return problems;
}

/** Whether a config may ask for the field: `isSupported("linux", "resources", "rdma")`. */
export function isSupported(...path: readonly string[]): boolean {
  for (const [, ...row] of ROWS) if (row.join(".") === path.join(".")) return false;
  return true;
}

function problem(path: Path): Problem {
  return { pointer: pointerOf(path), message: `"${path.join(".")}" is not supported yet` };
}

function valueAt(config: Config, path: readonly string[]): unknown {
  let value: unknown = config;
  for (let i = 0; i < path.length; i++) {
    if (typeof value !== "object" || value === null) return undefined;
    value = (value as Record<string, unknown>)[path[i] ?? ""];
  }
  return value;
}

/** Zeros, empty strings, lists and objects are how Go writes what is not set. */
function asks(value: unknown, kind: Kind): boolean {
  if (typeof value !== "object" || value === null) return value !== 0 && value !== "" && value !== false;
  const fields = Object.values(value);
  if (kind === "map" || Array.isArray(value)) return fields.length > 0;
  for (const field of fields) if (asks(field, "object")) return true;
  return false;
}
