/** What programs give to the library, held against what it must be: no compiler looks at JavaScript. */

import { UsageError } from "../errors.ts";

/** The last id is nobody's (chown(2)). */
const HIGHEST_ID = 0xffff_fffe;
const HIGHEST_DESCRIPTOR = 0x7fff_ffff;
const STREAMS = 3;

interface Rule {
  readonly must: string;
  readonly holds: (value: unknown) => boolean;
}

const KINDS = {
  text: { must: "a string", holds: isText },
  texts: { must: "an array of strings", holds: (value) => isArray(value, isText) },
  flag: { must: "true or false", holds: (value) => typeof value === "boolean" },
  id: { must: `an integer from 0 to ${HIGHEST_ID}`, holds: isId },
  ids: { must: `an array of integers from 0 to ${HIGHEST_ID}`, holds: (value) => isArray(value, isId) },
  descriptor: { must: "a file descriptor", holds: isDescriptor },
  streams: { must: "an array of three file descriptors", holds: (value) => isArray(value, isDescriptor) && value.length === STREAMS },
  signal: { must: "a string or a number", holds: (value) => isText(value) || typeof value === "number" },
  action: { must: "a function", holds: (value) => typeof value === "function" },
  object: { must: "an object", holds: isObject },
} as const satisfies Readonly<Record<string, Rule>>;

export type Kind = keyof typeof KINDS;

/** The kind of each property that an object may have. */
export type Kinds<Given> = Readonly<Record<keyof Given & string, Kind>>;

/** Throws UsageError unless `given` is an object whose properties, where they are known and not undefined, are of these kinds. */
export function checkProperties(call: string, given: unknown, kinds: Readonly<Record<string, Kind>>, required: readonly string[] = []): void {
  if (!isObject(given)) throw new UsageError(`cannot call ${call}: it needs an object, got ${show(given)}`);
  const values = new Map(Object.entries(given));
  for (const [name, kind] of Object.entries(kinds)) {
    if (values.get(name) !== undefined || required.includes(name)) checkArgument(call, name, values.get(name), kind);
  }
}

/** Throws UsageError unless the value is of this kind. */
export function checkArgument(call: string, name: string, value: unknown, kind: Kind): void {
  const { must, holds } = KINDS[kind];
  if (!holds(value)) throw new UsageError(`cannot call ${call}: "${name}" must be ${must}, got ${show(value)}`);
}

function isText(value: unknown): value is string {
  return typeof value === "string";
}

function isId(value: unknown): boolean {
  return isInteger(value, HIGHEST_ID);
}

function isDescriptor(value: unknown): boolean {
  return isInteger(value, HIGHEST_DESCRIPTOR);
}

function isInteger(value: unknown, highest: number): boolean {
  return typeof value === "number" && Number.isInteger(value) && value >= 0 && value <= highest;
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isArray(value: unknown, holds: (entry: unknown) => boolean): value is readonly unknown[] {
  // Unlike every(), which passes over holes.
  return Array.isArray(value) && Array.from(value).every(holds);
}

function show(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(show).join(", ")}]`;
  if (typeof value === "function") return "a function";
  return isObject(value) ? "an object" : String(value);
}
