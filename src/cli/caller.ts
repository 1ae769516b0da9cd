/** What the launcher noted about the caller; a program on plain Node has no launcher, and no note. */

import { resolve } from "node:path";
import { UsageError } from "../errors.ts";
import { LAUNCH_VARIABLE, parseLaunch } from "../linux/launch.ts";
import type { Launch } from "../linux/launch.ts";

let known: { readonly launch: Launch | undefined } | undefined;

/** What the launcher noted; read once, and only when somebody asks. */
export function callerLaunch(): Launch | undefined {
  known ??= { launch: readLaunch() };
  return known.launch;
}

function readLaunch(): Launch | undefined {
  const note = process.env[LAUNCH_VARIABLE];
  return note === undefined ? undefined : parseLaunch(note);
}

/** A path as the caller means it: the engine itself stands in "/". */
export function callerPath(path: string): string {
  return path.startsWith("/") ? resolve(path) : resolve(callerDirectory(), path);
}

function callerDirectory(): string {
  const launch = callerLaunch();
  if (launch === undefined) return process.cwd();
  if (launch.cwd === undefined) throw new UsageError("cannot use a relative path: the current directory has no path; was it removed?");
  return launch.cwd;
}
