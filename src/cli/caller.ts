/** What the launcher noted about the caller; a program on plain Node has no launcher, and no note. */

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

/** Where the caller stands: the engine itself stands in "/". */
export function callerDirectory(): string {
  return callerLaunch()?.cwd ?? process.cwd();
}
