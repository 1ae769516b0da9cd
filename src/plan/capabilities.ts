/** The capability sets that the program gets: what the config lists, less what this host cannot grant. */

import { capabilityNumber } from "../linux/capabilities.ts";
import type { CapabilitySet } from "../spec/config.ts";
import type { PlanContext } from "./context.ts";

export type CapabilityPlan = { readonly [set in CapabilitySet]: bigint } & { readonly warnings: readonly string[] };

const ALL = (1n << 64n) - 1n;

/** A capability that cannot be granted is a warning, never an error (config.md#linux-process). */
export function planCapabilities({ config, host, hasUserNamespace }: PlanContext): CapabilityPlan {
  const sets = config.process?.capabilities ?? {};
  // A user namespace begins with all there are; without one nobody can give more than he has.
  const available = hasUserNamespace ? ALL : host.capabilities();
  const warnings: string[] = [];
  const take = (set: CapabilitySet, limit: bigint, why: string): bigint => {
    const unknown: string[] = [];
    const refused: string[] = [];
    let mask = 0n;
    for (const name of sets[set] ?? []) {
      const number = capabilityNumber(name);
      if (number === undefined) unknown.push(name);
      else if (((limit >> BigInt(number)) & 1n) === 0n) refused.push(name);
      else mask |= 1n << BigInt(number);
    }
    if (unknown.length > 0) warnings.push(`ignoring unknown or unavailable capabilities: [${unknown.join(" ")}] (${set})`);
    if (refused.length > 0) warnings.push(`cannot grant ${refused.join(", ")} (${set}): ${why}`);
    return mask;
  };
  const bounding = take("bounding", available, "the runtime does not have it");
  const permitted = take("permitted", available, "the runtime does not have it");
  const effective = take("effective", permitted, "it is not permitted");
  const inheritable = take("inheritable", bounding, "it is not in the bounding set");
  const ambient = take("ambient", permitted & inheritable, "it is not both permitted and inheritable");
  return { bounding, permitted, effective, inheritable, ambient, warnings };
}
