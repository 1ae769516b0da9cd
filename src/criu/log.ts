/** criu's own reasons, which it writes to a log and not into its answer. */

import { CriuError } from "../errors.ts";
import { describeErrno } from "../linux/errno.ts";
import { readFileSync } from "../native/files.ts";
import type { Response } from "./generated/rpc.ts";

const MOST_REASONS = 3;
/** That it failed is told anyway; and to raise a limit is what criu can do without. */
const SAYING_NOTHING = /^(Dumping FAILED\.|Pre-dumping FAILED\.|Restoring FAILED\.|rlimit: Can't setup .*)$/;

/** What helps, where criu's words do not say it. */
const HINTS: readonly (readonly [reason: RegExp, hint: string])[] = [
  [/^mnt: Can't create a temporary directory: Read-only file system$/, 'a root that is read-only needs a folder "tmp", which criu uses for a moment'],
];

/** The last errors that a log tells, in their order. Pure. */
export function reasonsIn(log: string): string[] {
  const reasons: string[] = [];
  for (const line of log.split("\n")) {
    // "(00.075983) Error (criu/files-reg.c:1790): Can't lookup mount=27 for fd=1 path=/tmp/out", with a pid before "Error" or not
    const reason = /^\([\d.]+\)\s+(?:\d+:\s*)?Error \([^)]*\): (.*)$/.exec(line)?.[1]?.trim() ?? "";
    if (reason !== "" && !SAYING_NOTHING.test(reason)) reasons.push(reason);
  }
  return reasons.slice(-MOST_REASONS);
}

/** The error of a request that criu refused. */
export function refusal(purpose: string, { cr_errno: errno = 0, cr_errmsg: message = "" }: Response, log: string): CriuError {
  const reasons = reasonsIn(readLog(log));
  if (reasons.length === 0 && message !== "") reasons.push(message);
  if (reasons.length === 0) reasons.push(errno === 0 ? "it failed" : formatErrno(errno));
  return new CriuError(`cannot ${purpose}: criu: ${reasons.join("; ")} (${log})${hintOf(reasons)}`);
}

function hintOf(reasons: readonly string[]): string {
  const known = HINTS.find(([reason]) => reasons.some((told) => reason.test(told)));
  return known === undefined ? "" : `; ${known[1]}`;
}

function formatErrno(errno: number): string {
  const { name, text } = describeErrno(errno);
  return `${name}: ${text}`;
}

function readLog(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
