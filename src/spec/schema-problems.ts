/** Turns the validators' errors into problems: one sentence for each rule of JSON Schema that the schemas use. */

import type { Problem } from "../errors.ts";
import { closest } from "./closest.ts";
import { partsOf } from "./pointer.ts";
import type { SchemaError } from "./schema-error.ts";

/** Returns one problem for each error, without its place in the text; what two parts of a schema demand is one. */
export function schemaProblems(tree: unknown, errors: readonly SchemaError[]): Problem[] {
  const problems = new Map<string, Problem>();
  for (const error of errors) {
    const value = valueAt(tree, error.instancePath);
    const hint = error.keyword === "enum" ? enumHint(error.params["allowedValues"], value) : undefined;
    const problem = { pointer: error.instancePath, message: messageOf(error, value) };
    problems.set(`${problem.pointer}\n${problem.message}`, hint === undefined ? problem : { ...problem, hint });
  }
  return [...problems.values()];
}

/** Returns the value that a pointer names, undefined where there is none. */
export function valueAt(tree: unknown, pointer: string): unknown {
  let value = tree;
  for (const part of partsOf(pointer)) {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, part)) return undefined;
    value = (value as Record<string, unknown>)[part];
  }
  return value;
}

const ARTICLES: Readonly<Record<string, string>> = {
  object: "an object",
  array: "an array",
  string: "a string",
  integer: "an integer",
  boolean: "true or false",
};

function messageOf({ keyword, params }: SchemaError, value: unknown): string {
  switch (keyword) {
    case "type":
      return `must be ${ARTICLES[String(params["type"])] ?? params["type"]}, got ${show(value)}`;
    case "required":
      return `"${params["missingProperty"]}" is required`;
    case "enum":
      return `must be one of ${listOf(params["allowedValues"])}, got ${show(value)}`;
    case "pattern":
      return `must match ${params["pattern"]}, got ${show(value)}`;
    case "minimum":
      return `must be at least ${integerText(params["limit"])}, got ${show(value)}`;
    case "maximum":
      return `must be at most ${integerText(params["limit"])}, got ${show(value)}`;
    case "minItems":
      return `must have at least ${params["limit"]} ${params["limit"] === 1 ? "entry" : "entries"}`;
    default:
      return `breaks the rule "${keyword}" of the schema, got ${show(value)}`;
  }
}

function listOf(values: unknown): string {
  return Array.isArray(values) ? values.map((value) => JSON.stringify(value)).join(", ") : String(values);
}

/** The limits of 64-bit integers are not exact as numbers: 2^64 stands for 2^64 - 1. */
function integerText(limit: unknown): string {
  if (typeof limit !== "number" || Number.isSafeInteger(limit)) return String(limit);
  return String(limit > 0 ? BigInt(limit) - 1n : BigInt(limit));
}

const SHOWN_LENGTH = 60;

/** A value as JSON, cut short; objects and arrays by their kind alone. */
export function show(value: unknown): string {
  if (Array.isArray(value)) return "an array";
  if (typeof value === "object" && value !== null) return "an object";
  const text = typeof value === "string" ? JSON.stringify(value) : String(value);
  return text.length <= SHOWN_LENGTH ? text : `${text.slice(0, SHOWN_LENGTH)}...`;
}

function enumHint(allowed: unknown, value: unknown): string | undefined {
  if (typeof value !== "string" || !Array.isArray(allowed)) return undefined;
  const meant = closest(value, allowed.map(String));
  return meant === undefined ? undefined : `did you mean "${meant}"?`;
}
