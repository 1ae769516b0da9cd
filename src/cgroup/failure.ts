/** What a failed call on a cgroup file becomes: an error that says what was attempted, with the call as its cause. */

import { SystemError } from "../errors.ts";
import { formatErrno } from "../linux/errno.ts";

interface SystemCallError extends Error {
  readonly code: string;
  readonly errno: number;
}

/** The errno's name of an error from node:fs or the addon, for example `ENOENT`; undefined for any other error. */
export function errnoOf(error: unknown): string | undefined {
  return isSystemCallError(error) ? error.code : undefined;
}

/** `action` is the `verb object` of `cannot <verb> <object>`; what is no system call's error is passed on as it is. */
export function systemError(action: string, cause: unknown): unknown {
  if (!isSystemCallError(cause)) return cause;
  // node:fs has negative numbers, the addon positive ones.
  return new SystemError(action, cause.code, formatErrno(Math.abs(cause.errno)), { cause });
}

function isSystemCallError(error: unknown): error is SystemCallError {
  return (
    error instanceof Error &&
    "syscall" in error &&
    "code" in error &&
    typeof error.code === "string" &&
    "errno" in error &&
    typeof error.errno === "number"
  );
}
