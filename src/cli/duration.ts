/** Durations as Go's flags write them: `5s`, `1m30s`, `250ms`. */

import { UsageError } from "../errors.ts";

const MILLISECONDS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/** Milliseconds; more than none. */
export function parseDuration(option: string, given: string): number {
  let total = 0;
  let rest = given;
  while (rest !== "") {
    const [whole, number = "", unit = ""] = /^(\d+(?:\.\d+)?)(ms|s|m|h)/.exec(rest) ?? [];
    if (whole === undefined) throw new UsageError(`cannot use option "--${option}": ${JSON.stringify(given)} is no duration such as 5s or 500ms`);
    total += Number(number) * (MILLISECONDS[unit] ?? 0);
    rest = rest.slice(whole.length);
  }
  if (total < 1) throw new UsageError(`cannot use option "--${option}": the interval must be greater than 0`);
  return total;
}
