/**
 * How a check tells what it found, and the few judgements that checks of several facets make.
 *
 * The checks run for every container, in an engine without a JIT: they loop plainly, as each of `find`, `some`,
 * `forEach` and their kin is itself JavaScript that the engine compiles at its first use.
 */

import type { Linux, NamespaceType } from "../config.ts";
import { closest } from "../closest.ts";
import type { Path } from "../pointer.ts";

/** Notes one problem; `path` leads to the value in config.json. A hint that takes time to find is a function. */
export type Report = (path: Path, message: string, hint?: string | (() => string | undefined)) => void;

/** Checks one facet of a document. */
export type Check<T> = (value: T, report: Report) => void;

/** Returns true where the container gets or joins a namespace of the type. */
export function hasNamespace(linux: Linux | undefined, type: NamespaceType): boolean {
  const namespaces = linux?.namespaces ?? [];
  for (let i = 0; i < namespaces.length; i++) if (namespaces[i]?.type === type) return true;
  return false;
}

/** (uid_t)-1 and (gid_t)-1 mean "leave as it is" to the kernel, so they are nobody's ids (chown(2)). */
const NO_ID = 0xffff_ffff;

export function checkId(id: number | undefined, path: Path, report: Report): void {
  if (id === NO_ID) report(path, `must be below ${NO_ID}, which is not an id`);
}

/** Paths that the kernel would take relative to a directory nobody chose. */
export function checkAbsolute(value: string | undefined, path: Path, report: Report): void {
  if (value !== undefined && !value.startsWith("/")) report(path, `must be an absolute path, got ${quoted(value)}`);
}

/** Entries of environ(7): a name, an equals sign, a value. */
export function checkEnv(env: readonly string[] | undefined, path: Path, report: Report): void {
  for (let i = 0; i < (env?.length ?? 0); i++) {
    const entry = env?.[i];
    if (entry === undefined || entry.indexOf("=") > 0) continue;
    report([...path, i], `must be NAME=value, got ${quoted(entry)}`);
  }
}

const SHOWN_LENGTH = 60;

/** Returns the hint that names the candidate that was meant, if one is near. */
export function meant(value: string, candidates: readonly string[]): () => string | undefined {
  return () => {
    const candidate = closest(value, candidates);
    return candidate === undefined ? undefined : `did you mean "${candidate}"?`;
  };
}

/** A string in double quotes, cut short. */
export function quoted(value: string): string {
  return JSON.stringify(value.length <= SHOWN_LENGTH ? value : `${value.slice(0, SHOWN_LENGTH)}...`);
}
