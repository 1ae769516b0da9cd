/** What a config asks for and will not get, though it is no error (config.md#linux-process, "capabilities"). */

import type { Problem } from "../errors.ts";
import { CAPABILITIES } from "../linux/capabilities.ts";
import type { Capabilities, CapabilitySet, Config } from "./config.ts";
import { closest } from "./near-misses.ts";
import { type Path, pointerOf } from "./pointer.ts";

const SETS: readonly CapabilitySet[] = ["bounding", "effective", "inheritable", "permitted", "ambient"];

/** Returns what should be logged as a warning; places in the text are found with `placeOf`. */
export function warnings(config: Config): Problem[] {
  const problems: Problem[] = [];
  warnOfCapabilities(config.process?.capabilities, problems);
  const mounts = config.mounts ?? [];
  for (let i = 0; i < mounts.length; i++) {
    const destination = mounts[i]?.destination ?? "/";
    if (destination.startsWith("/")) continue;
    const message = `the relative path ${JSON.stringify(destination)} is taken from "/", and such paths are deprecated`;
    problems.push({ pointer: pointerOf(["mounts", i, "destination"]), message });
  }
  return problems;
}

/** Unknown ones cannot be granted; ambient ones must be both permitted and inheritable (capabilities(7)). */
function warnOfCapabilities(capabilities: Capabilities | undefined, problems: Problem[]): void {
  if (capabilities === undefined) return;
  for (const set of SETS) {
    const names = capabilities[set] ?? [];
    for (let i = 0; i < names.length; i++) {
      const name = names[i] ?? "";
      const path = ["process", "capabilities", set, i];
      if (!CAPABILITIES.includes(name)) problems.push(unknownCapability(name, path));
      else if (set === "ambient") warnOfAmbient(name, capabilities, path, problems);
    }
  }
}

function unknownCapability(name: string, path: Path): Problem {
  const pointer = pointerOf(path);
  const message = `unknown capability ${JSON.stringify(name)} is ignored`;
  const meant = closest(name, CAPABILITIES);
  return meant === undefined ? { pointer, message } : { pointer, message, hint: `did you mean "${meant}"?` };
}

function warnOfAmbient(name: string, capabilities: Capabilities, path: Path, problems: Problem[]): void {
  for (const set of ["permitted", "inheritable"] as const) {
    if (capabilities[set]?.includes(name)) continue;
    problems.push({ pointer: pointerOf(path), message: `the ambient capability "${name}" cannot be granted: it is not in "${set}"` });
  }
}
