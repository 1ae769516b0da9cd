/** Takes the values that the schema refused out of a tree, so that the checks see only what the types promise. */

import { partsOf } from "./pointer.ts";
import type { SchemaError } from "./schema-error.ts";

/** Objects that the checks look into although something required is missing: nearly everything is inside them. */
const KEPT: ReadonlySet<string> = new Set(["", "/process", "/root", "/linux/seccomp"]);

/**
 * Changes `tree`: a bad property is deleted, a bad item becomes undefined, so that the others keep their index. An object
 * that loses a required property goes with it, which the validator is asked about until nothing more is missing.
 */
export function prune(
  tree: object,
  errors: readonly SchemaError[],
  validate: (tree: unknown) => readonly SchemaError[],
): void {
  let bad = errors.filter(isPruned);
  while (bad.length > 0) {
    for (const { instancePath } of bad) remove(tree, instancePath);
    bad = validate(tree).filter((error) => error.keyword === "required" && isPruned(error));
  }
}

function isPruned({ instancePath, keyword }: SchemaError): boolean {
  return keyword !== "required" || !KEPT.has(instancePath);
}

function remove(tree: object, pointer: string): void {
  const parts = partsOf(pointer);
  const last = parts.pop();
  const parent = last === undefined ? undefined : descend(tree, parts);
  if (parent === undefined || last === undefined) return;
  if (Array.isArray(parent)) parent[Number(last)] = undefined;
  else delete parent[last];
}

function descend(tree: object, parts: readonly string[]): Record<string, unknown> | undefined {
  let node: unknown = tree;
  for (const part of parts) {
    if (typeof node !== "object" || node === null) return undefined;
    node = (node as Record<string, unknown>)[part];
  }
  return typeof node === "object" && node !== null ? (node as Record<string, unknown>) : undefined;
}
