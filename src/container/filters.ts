/** Compiled seccomp filters, kept under the state root: libseccomp needs 10 ms and more for a profile like Docker's. */

import { ConfigError } from "../errors.ts";
import { mkdirSync, readFileSync, renameSync, writeFileSync } from "../native/files.ts";
import { isNativeError, native } from "../native/native.ts";
import { prependEnosys } from "../seccomp/enosys.ts";
import { cacheKey } from "../seccomp/rules.ts";
import type { SeccompRules } from "../seccomp/rules.ts";
import { inWords } from "./store.ts";

/** "@" is in no container's id. */
export const FILTERS_DIRECTORY = "@seccomp";

/**
 * The filter of these rules, from an earlier run where there is one. The root is 0700, so nobody else wrote it; without a
 * root nothing is looked for, and nothing is kept.
 */
export function compiledFilter(rules: SeccompRules, root?: string): Uint8Array {
  if (root === undefined) return compile(rules);
  const digest = native().sha256(cacheKey(rules, native().seccompLibrary()));
  const directory = `${root}/${FILTERS_DIRECTORY}`;
  const path = `${directory}/${digest}`;
  const kept = tryRead(path);
  if (kept !== undefined) return kept;
  const filter = compile(rules);
  keep(filter, { directory, path });
  return filter;
}

function compile(rules: SeccompRules): Uint8Array {
  try {
    const { bpf, highest } = native().seccompCompile(rules);
    return rules.enosys ? prependEnosys(bpf, highest) : bpf;
  } catch (error) {
    throw refusal(error);
  }
}

/** Mostly the first rule for a call is the one that counts; where a call has two numbers (sendto on i386) two are refused. */
function refusal(error: unknown): unknown {
  if (!isNativeError(error) || error.code !== "EEXIST" || error.syscall !== "seccomp_rule_add") return inWords("compile the seccomp filter", error);
  const message = `must not have rules for "${error.path}" that contradict each other: libseccomp cannot have both on all of these architectures`;
  return new ConfigError("config.json", [{ pointer: "/linux/seccomp/syscalls", message }]);
}

function tryRead(path: string): Uint8Array | undefined {
  try {
    const bytes = readFileSync(path);
    return bytes.length > 0 && bytes.length % 8 === 0 ? bytes : undefined;
  } catch {
    return undefined;
  }
}

/** In one step, for another run may be at it; and where it cannot be kept, it is compiled again. */
function keep(filter: Uint8Array, { directory, path }: { readonly directory: string; readonly path: string }): void {
  const temporary = `${path}.${process.pid}`;
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    writeFileSync(temporary, filter, { mode: 0o600 });
    renameSync(temporary, path);
  } catch {
    // A full or read-only disk must not keep a container from starting.
  }
}
