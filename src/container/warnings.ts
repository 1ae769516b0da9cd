/** Tells what a plan leaves out, with the places in config.json that ask for it. */

import { formatProblem } from "../errors.ts";
import type { Problem } from "../errors.ts";
import { placesOf } from "../spec/positions.ts";

/** A hostile config can have millions; each further one would tell nothing new. */
const MOST = 100;

/** Warns of each; line and column are looked for only now, in one walk over the text. */
export function tellWarnings(warnings: readonly Problem[], bytes: Uint8Array, warn: (message: string) => void): void {
  if (warnings.length === 0) return;
  const told = warnings.slice(0, MOST);
  const places = placesOf(new TextDecoder().decode(bytes), told.map(({ pointer }) => pointer));
  told.forEach((warning, at) => warn(formatProblem("config.json", { ...places[at], ...warning })));
  if (warnings.length > MOST) warn(`${warnings.length - MOST} further warnings are not told`);
}
