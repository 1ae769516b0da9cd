/** What a failed call on a cgroup file becomes: an error that says what was attempted, with errno, system call and path as its cause. */

import { SystemError } from "../errors.ts";

/** The errno's name of an error from node:fs, for example `ENOENT`; undefined for any other error. */
export function errnoOf(error: unknown): string | undefined {
  if (!(error instanceof Error) || !("code" in error) || !("syscall" in error)) return undefined;
  return typeof error.code === "string" ? error.code : undefined;
}

/** `action` is the `verb object` of `cannot <verb> <object>`; what is no system call's error is passed on as it is. */
export function systemError(action: string, cause: unknown): unknown {
  const errno = errnoOf(cause);
  if (errno === undefined || !(cause instanceof Error)) return cause;
  // node:fs ends its messages with `, open '/the/path'`: the action says that better.
  const [reason = errno] = cause.message.split(", ");
  return new SystemError(action, errno, reason, { cause });
}
