/** `tsrun start`. */

import { start } from "../container/start.ts";
import { inheritance, notifySocket, onlyArgument } from "./invocation.ts";
import type { Invocation } from "./invocation.ts";

export async function startVerb(invocation: Invocation): Promise<number> {
  const { store, environment, warn } = invocation;
  await start({ store, id: onlyArgument(invocation, "start"), environment, inherited: inheritance(invocation), ...notifySocket(invocation), warn });
  return 0;
}
