/** A JSON document as something to take apart. */

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

/** One value in a document: where it hangs, and by which key. */
export interface Spot {
  readonly parent: Json[] | { [key: string]: Json };
  readonly key: string | number;
  /** From the root: `["linux", "namespaces", 0]`. */
  readonly path: readonly (string | number)[];
}

/** Every value of a document but the document itself, parents before their children. */
export function spots(tree: Json, path: readonly (string | number)[] = [], found: Spot[] = []): Spot[] {
  if (typeof tree !== "object" || tree === null) return found;
  const keys: (string | number)[] = Array.isArray(tree) ? [...tree.keys()] : Object.keys(tree);
  for (const key of keys) {
    const below = [...path, key];
    found.push({ parent: tree, key, path: below });
    spots(valueAt({ parent: tree, key, path: below }), below, found);
  }
  return found;
}

export function valueAt({ parent, key }: Spot): Json {
  return (parent as Record<string | number, Json>)[key] ?? null;
}

export function setAt({ parent, key }: Spot, value: Json): void {
  // Not by assignment, as a key may be "__proto__".
  Object.defineProperty(parent, key, { value, writable: true, enumerable: true, configurable: true });
}

export function removeAt({ parent, key }: Spot): void {
  if (Array.isArray(parent)) parent.splice(Number(key), 1);
  else delete parent[key];
}

export function isObject(value: Json | undefined): value is { [key: string]: Json } {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The list at a key, its entries that are objects; none where there is no such list. */
export function objectsIn(value: Json | undefined, key: string): { [key: string]: Json }[] {
  const list = isObject(value) ? value[key] : undefined;
  return Array.isArray(list) ? list.filter(isObject) : [];
}

const MOST_OPENINGS = 5000;
const MOST_INDENTED = 64 * 1024;

/** Whether to list the paths of all its parts, as a mutation does, would take more memory than the sandbox has. */
export function isVast(tree: Json): boolean {
  return JSON.stringify(tree).split(/[[{]/).length > MOST_OPENINGS;
}

/** What is large may be deep, too, and its indentation would be a thousand times what is there. */
export function toBytes(tree: Json, indent = 2): Buffer {
  const compact = JSON.stringify(tree);
  return Buffer.from(indent === 0 || compact.length > MOST_INDENTED ? compact : JSON.stringify(tree, undefined, indent));
}

export function copy<T extends Json>(value: T): T {
  return structuredClone(value);
}
