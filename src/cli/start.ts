/** `tsrun start`. */

import { start } from "../container/start.ts";
import { inheritance, onlyArgument } from "./invocation.ts";
import type { Invocation } from "./invocation.ts";

export async function startVerb(invocation: Invocation): Promise<number> {
  const { store, environment, warn } = invocation;
  await start({ store, id: onlyArgument(invocation, "start"), environment, inherited: inheritance(invocation), warn });
  return 0;
}
