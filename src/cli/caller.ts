/** What the launcher noted about the caller; a program on plain Node has no launcher, and no note. */

import { LAUNCH_VARIABLE, parseLaunch } from "../linux/launch.ts";
import type { Launch } from "../linux/launch.ts";

export function callerLaunch(): Launch | undefined {
  const note = process.env[LAUNCH_VARIABLE];
  return note === undefined ? undefined : parseLaunch(note);
}

/** Where the caller stands: the engine itself stands in "/". */
export function callerDirectory(): string {
  return callerLaunch()?.cwd ?? process.cwd();
}
