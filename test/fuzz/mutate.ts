/** Changes a config, once in one way: by its structure, or by what the schema says. */

import type { Field, Grammar } from "./grammar.ts";
import { pick } from "./random.ts";
import type { Random } from "./random.ts";
import { TEXTS, WORDS } from "./words.ts";
import { copy, isObject, removeAt, setAt, spots, valueAt } from "./tree.ts";
import type { Json, Spot } from "./tree.ts";

/** What a mutator may use besides the document. */
export interface Material {
  readonly grammar: Grammar;
  /** Other configs, to take parts from. */
  readonly others: readonly Json[];
  readonly random: Random;
}

/** Changes the document in place, and says what it did. */
type Mutator = (tree: Json, material: Material) => string;

const ODD: readonly Json[] = [null, true, false, 0, -1, 1.5, 1e300, -0, 9007199254740993, 18446744073709551615, "", "x", "\0", "\ud800", "9".repeat(50), [], [null], [[]], {}, { "": {} }];

const MUTATORS: readonly (readonly [weight: number, mutator: Mutator])[] = [
  [12, setField],
  [6, changeKnown],
  [4, dropOne],
  [3, addToList],
  [2, makeOdd],
  [2, duplicate],
  [2, swap],
  [2, transplant],
  [1, rename],
  [1, nest],
  [1, lengthen],
  [1, multiply],
];

const BY_WEIGHT: readonly Mutator[] = MUTATORS.flatMap(([weight, mutator]) => Array.from({ length: weight }, () => mutator));

export function mutate(tree: Json, material: Material): string {
  return pick(material.random, BY_WEIGHT)(tree, material);
}

function anySpot(tree: Json, random: Random): Spot {
  const all = spots(tree);
  if (all.length === 0) return { parent: {}, key: "", path: [] };
  // Half of a docker config is its seccomp profile, and a tenth is enough for that.
  const fair = all.filter(({ path }) => path[1] !== "seccomp");
  return pick(random, random(10) === 0 || fair.length === 0 ? all : fair);
}

function named(path: readonly (string | number)[]): string {
  const name = `/${path.join("/")}`;
  return name.length > 200 ? `${name.slice(0, 200)}...` : name;
}

/** A field that the schema knows, whether the config has it or not. */
function setField(tree: Json, { grammar, random }: Material): string {
  const field = pick(random, grammar.fields);
  const value = grammar.valueOf(field, random);
  return place(tree, field, value) ? `set ${named(field.path)}` : `no place for ${named(field.path)}`;
}

function place(tree: Json, { path }: Field, value: Json): boolean {
  let node: Json = tree;
  for (const key of path.slice(0, -1)) {
    if (!isObject(node)) return false;
    if (!Object.hasOwn(node, key)) setAt({ parent: node, key, path: [] }, {});
    node = node[key] ?? null;
  }
  if (!isObject(node)) return false;
  setAt({ parent: node, key: path.at(-1) ?? "", path: [] }, value);
  return true;
}

/** A value that is there is changed into another one that may stand there. */
function changeKnown(tree: Json, { random }: Material): string {
  const known = spots(tree).filter(({ parent, key, path }) => {
    const name = Array.isArray(parent) ? path.at(-2) : key;
    return typeof name === "string" && Object.hasOwn(WORDS, name) && path[1] !== "seccomp" && !isObject(valueAt({ parent, key, path }));
  });
  if (known.length === 0) return makeOdd(tree, { random });
  const spot = pick(random, known);
  const name = String(Array.isArray(spot.parent) ? spot.path.at(-2) : spot.key);
  const value = pick(random, WORDS[name] ?? TEXTS);
  if (Array.isArray(valueAt(spot))) return `left ${named(spot.path)}`;
  setAt(spot, value);
  return `changed ${named(spot.path)}`;
}

function dropOne(tree: Json, { random }: Material): string {
  const spot = anySpot(tree, random);
  removeAt(spot);
  return `dropped ${named(spot.path)}`;
}

/** One more entry of a list, as the schema has it where it knows the list. */
function addToList(tree: Json, { grammar, random }: Material): string {
  const lists = grammar.fields.filter(({ schema }) => schema["type"] === "array");
  const field = pick(random, lists);
  const value = grammar.valueOf(field, random);
  let node: Json | undefined = tree;
  for (const key of field.path) node = isObject(node) ? node[key] : undefined;
  if (!Array.isArray(node) || !Array.isArray(value)) return place(tree, field, value) ? `set ${named(field.path)}` : "nothing";
  node.splice(random(node.length + 1), 0, ...value);
  return `added to ${named(field.path)}`;
}

function makeOdd(tree: Json, { random }: Pick<Material, "random">): string {
  const spot = anySpot(tree, random);
  setAt(spot, copy(pick(random, ODD)));
  return `made ${named(spot.path)} odd`;
}

function duplicate(tree: Json, { random }: Material): string {
  const spot = anySpot(tree, random);
  const value = copy(valueAt(spot));
  if (Array.isArray(spot.parent)) spot.parent.push(value);
  else setAt({ ...spot, key: pick(random, [`${spot.key}X`, String(spot.key).toUpperCase(), ` ${spot.key}`, "__proto__"]) }, value);
  return `doubled ${named(spot.path)}`;
}

function swap(tree: Json, { random }: Material): string {
  const [one, other] = [anySpot(tree, random), anySpot(tree, random)];
  const [first, second] = [copy(valueAt(one)), copy(valueAt(other))];
  setAt(one, second);
  setAt(other, first);
  return `swapped ${named(one.path)} and ${named(other.path)}`;
}

/** A part of another config in the place of this one's. */
function transplant(tree: Json, { others, random }: Material): string {
  const donor = pick(random, others);
  const spot = anySpot(donor, random);
  const target = random(3) === 0 ? anySpot(tree, random) : findSame(tree, spot);
  if (target === undefined) return "nothing";
  setAt(target, copy(valueAt(spot)));
  return `${named(spot.path)} of another config at ${named(target.path)}`;
}

function findSame(tree: Json, { path }: Spot): Spot | undefined {
  let node: Json | undefined = tree;
  for (const key of path.slice(0, -1)) node = typeof node === "object" && node !== null ? (node as Record<string | number, Json>)[key] : undefined;
  const key = path.at(-1);
  if (typeof node !== "object" || node === null || key === undefined) return undefined;
  if (Array.isArray(node) && typeof key !== "number") return undefined;
  return { parent: node, key, path };
}

function rename(tree: Json, { random }: Material): string {
  const spot = anySpot(tree, random);
  if (Array.isArray(spot.parent)) return "nothing";
  const value = valueAt(spot);
  removeAt(spot);
  const key = pick(random, [String(spot.key).toLowerCase(), `${spot.key}s`, String(spot.key).slice(1), "", "\0", "\ud800", "constructor", "x".repeat(5000)]);
  setAt({ ...spot, key }, value);
  return `renamed ${named(spot.path)}`;
}

function nest(tree: Json, { random }: Material): string {
  const spot = anySpot(tree, random);
  let value = copy(valueAt(spot));
  const depth = pick(random, [1, 2, 50, 255, 256, 2000]);
  for (let i = 0; i < depth; i++) value = i % 2 === 0 ? [value] : { x: value };
  setAt(spot, value);
  return `nested ${named(spot.path)} ${depth} deep`;
}

function lengthen(tree: Json, { random }: Material): string {
  const texts = spots(tree).filter((spot) => typeof valueAt(spot) === "string" && spot.path[1] !== "seccomp");
  if (texts.length === 0) return "nothing";
  const spot = pick(random, texts);
  const length = pick(random, [64, 255, 256, 4095, 4096, 65536, 131072, 1048576]);
  const filler = pick(random, ["x", "/x", "\u00fc", "\n", "\u{1f600}"]);
  setAt(spot, String(valueAt(spot)) + filler.repeat(Math.ceil(length / filler.length)));
  return `lengthened ${named(spot.path)} by ${length}`;
}

/** The same entry again and again. */
function multiply(tree: Json, { random }: Material): string {
  const lists = spots(tree).filter((spot) => {
    const value = valueAt(spot);
    return Array.isArray(value) && value.length > 0;
  });
  if (lists.length === 0) return "nothing";
  const spot = pick(random, lists);
  const list = valueAt(spot);
  if (!Array.isArray(list)) return "nothing";
  const count = pick(random, [2, 10, 100, 1000]);
  const entry = pick(random, list);
  setAt(spot, [...list, ...Array.from({ length: count }, () => copy(entry))]);
  return `${count} more of ${named(spot.path)}`;
}
