/** Options of bind mounts that nobody can obey: told, and passed over (config.md#mounts). */

import type { Problem } from "../errors.ts";
import { MOUNT_OPTIONS } from "../linux/mount-options.ts";
import { closest } from "../spec/closest.ts";
import type { PlanContext } from "./context.ts";

/** To look for what was meant takes time, and nobody reads on for ever. */
const MOST_HINTS = 100;

/**
 * A bind mount shows a file system that is mounted already. To give it options would be to change it for all, the host
 * too, which no runtime does; engines write them all the same.
 */
export function ignoredOptions({ config }: PlanContext): Problem[] {
  const warnings: Problem[] = [];
  const mounts = config.mounts ?? [];
  for (let index = 0; index < mounts.length; index++) {
    const options = mounts[index]?.options ?? [];
    if (options.indexOf("bind") < 0 && options.indexOf("rbind") < 0) continue;
    for (let at = 0; at < options.length; at++) {
      const option = options[at] ?? "";
      if (option === "" || Object.hasOwn(MOUNT_OPTIONS, option)) continue;
      const ignored = `the option ${JSON.stringify(option)} is ignored: it is for a file system, and a bind mount shows one that is mounted already`;
      const meant = warnings.length < MOST_HINTS ? closest(option, Object.keys(MOUNT_OPTIONS)) : undefined;
      const hint = meant === undefined ? {} : { hint: `did you mean "${meant}"?` };
      warnings.push({ pointer: `/mounts/${index}/options/${at}`, message: ignored, ...hint });
    }
  }
  return warnings;
}
