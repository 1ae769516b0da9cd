/** Reads config.json: text in, a valid `Config` out, or one `ConfigError` with everything that is wrong. */

import { ConfigError, type Problem, UsageError } from "../errors.ts";
import { checkConfig, checkProcess, MAX_PROBLEMS } from "./checks.ts";
import type { Config, Process } from "./config.ts";
import { type Document, decodeDocument, readDocument, scanProblems } from "./document.ts";
import { isPlainConfig } from "./generated/config.ts";
import { schemaErrorsOfConfig } from "./generated/config-errors.ts";
import { isPlainProcess } from "./generated/process.ts";
import { schemaErrorsOfProcess } from "./generated/process-errors.ts";
import { restoreIntegers } from "./integers.ts";
import { nearMisses, nearMissesOfProcess } from "./near-misses.ts";
import type { Path } from "./pointer.ts";
import { placesOf } from "./positions.ts";
import { prune } from "./prune.ts";
import type { SchemaError } from "./schema-error.ts";
import { schemaProblems } from "./schema-problems.ts";

/** How one kind of document is judged. */
interface Kind<T> {
  /** The document's own place in config.json. */
  readonly base: Path;
  readonly isPlain: (tree: unknown) => boolean;
  readonly schemaErrors: (tree: unknown) => readonly SchemaError[];
  readonly check: (value: T) => Problem[];
  readonly nearMisses: (tree: unknown) => Problem[];
}

const CONFIG: Kind<Config> = {
  base: [],
  isPlain: isPlainConfig,
  schemaErrors: schemaErrorsOfConfig,
  check: checkConfig,
  nearMisses,
};

const PROCESS: Kind<Process> = {
  base: ["process"],
  isPlain: isPlainProcess,
  schemaErrors: schemaErrorsOfProcess,
  check: checkProcess,
  nearMisses: nearMissesOfProcess,
};

/** Parses and validates the text of a config.json; throws ConfigError with all problems (config.md). */
export function parseConfig(text: string, file = "config.json"): Config {
  if (typeof text !== "string") throw new UsageError(`cannot read ${file}: it is not a string; bytes are for parseConfigBytes()`);
  return judge(readDocument(text, file, false), CONFIG);
}

/** As `parseConfig`, from the file's bytes, which must be UTF-8. */
export function parseConfigBytes(bytes: Uint8Array, file = "config.json"): Config {
  if (!ArrayBuffer.isView(bytes)) throw new UsageError(`cannot read ${file}: it is not an array of bytes; a string is for parseConfig()`);
  return judge(readDocument(decodeDocument(bytes, file), file, true), CONFIG);
}

/** Parses and validates a document that holds only what config.json has under `process`, as for `exec`. */
export function parseProcess(text: string, file = "process.json"): Process {
  return judge(readDocument(text, file, false), PROCESS);
}

/** As `parseProcess`, from the file's bytes, which must be UTF-8. */
export function parseProcessBytes(bytes: Uint8Array, file = "process.json"): Process {
  return judge(readDocument(decodeDocument(bytes, file), file, true), PROCESS);
}

const MAX_LISTED = 100;

/** The casts are sound: the schema has been asked. */
function judge<T>(document: Document, kind: Kind<T>): T {
  const { tree } = document;
  if (document.isPlain && kind.isPlain(tree)) {
    const problems = kind.check(tree as T);
    if (problems.length === 0) return tree as T;
    throw failure(document, [...problems, ...kind.nearMisses(tree)]);
  }
  const errors = kind.schemaErrors(tree);
  const problems = [...scanProblems(document), ...schemaProblems(tree, errors.slice(0, MAX_PROBLEMS))];
  const isObject = typeof tree === "object" && tree !== null && !Array.isArray(tree);
  if (isObject && errors.length < MAX_PROBLEMS) {
    const slips = kind.nearMisses(tree);
    problems.push(...restoreIntegers(tree, document.scan().integers, kind.base));
    prune(tree, errors, kind.schemaErrors);
    problems.push(...kind.check(tree as T).filter(isNoConsequence(errors)));
    if (problems.length > 0) problems.push(...slips);
  }
  if (problems.length === 0) return tree as T;
  throw failure(document, problems);
}

/** What the schema refused was pruned: that it is missing in its object now is no news. */
function isNoConsequence(errors: readonly SchemaError[]): (problem: Problem) => boolean {
  const objects = new Set(errors.map(({ instancePath }) => instancePath.slice(0, Math.max(0, instancePath.lastIndexOf("/")))));
  return ({ pointer }) => !objects.has(pointer);
}

function failure({ file, text }: Document, problems: readonly Problem[]): ConfigError {
  const places = placesOf(text, problems.map((problem) => problem.pointer));
  const placed = problems.map((problem, index) => ({ ...places[index], ...problem }));
  const compare = (a: Problem, b: Problem): number =>
    (a.line ?? 0) - (b.line ?? 0) || (a.column ?? 0) - (b.column ?? 0);
  placed.sort(compare);
  if (placed.length <= MAX_LISTED) return new ConfigError(file, placed);
  return new ConfigError(file, [...placed.slice(0, MAX_LISTED), { pointer: "", message: "further problems are not listed" }]);
}
