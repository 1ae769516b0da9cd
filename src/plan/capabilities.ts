/** The capability sets that the program gets: what the config lists, less what this host cannot grant. */

import type { Problem } from "../errors.ts";
import { CAPABILITIES, capabilityNumber } from "../linux/capabilities.ts";
import type { CapabilitySet } from "../spec/config.ts";
import { closest } from "../spec/closest.ts";
import type { ProcessContext } from "./context.ts";

export type CapabilityPlan = { readonly [set in CapabilitySet]: bigint } & { readonly warnings: readonly Problem[] };

const ALL = (1n << 64n) - 1n;

/** A capability that cannot be granted is a warning, never an error (config.md#linux-process). */
export function planCapabilities({ config, host, hasUserNamespace }: ProcessContext): CapabilityPlan {
  const sets = config.process?.capabilities ?? {};
  // A user namespace begins with all there are; without one nobody can give more than he has.
  const available = hasUserNamespace ? ALL : host.capabilities();
  const warnings: Problem[] = [];
  const take = (set: CapabilitySet, limit: bigint, why: string): bigint => {
    const names = sets[set] ?? [];
    const pointer = `/process/capabilities/${set}`;
    const refused: string[] = [];
    let mask = 0n;
    for (let at = 0; at < names.length; at++) {
      const name = names[at] ?? "";
      const number = capabilityNumber(name);
      if (number === undefined) warnings.push(unknown(name, `${pointer}/${at}`));
      else if (((limit >> BigInt(number)) & 1n) === 0n) refused.push(name);
      else mask |= 1n << BigInt(number);
    }
    if (refused.length > 0) warnings.push({ pointer, message: `cannot grant ${refused.join(", ")}: ${why}` });
    return mask;
  };
  const bounding = take("bounding", available, "the runtime does not have it");
  const permitted = take("permitted", available, "the runtime does not have it");
  const effective = take("effective", permitted, "it is not permitted");
  const inheritable = take("inheritable", bounding, "it is not in the bounding set");
  const ambient = take("ambient", permitted & inheritable, "it is not both permitted and inheritable");
  return { bounding, permitted, effective, inheritable, ambient, warnings };
}

function unknown(name: string, pointer: string): Problem {
  const message = `unknown capability ${JSON.stringify(name)} is ignored`;
  const meant = closest(name, CAPABILITIES);
  return meant === undefined ? { pointer, message } : { pointer, message, hint: `did you mean "${meant}"?` };
}
