/** `tsrun pause`. */

import { pause } from "../container/pause.ts";
import { onlyArgument } from "./invocation.ts";
import type { Invocation } from "./invocation.ts";

export async function pauseVerb(invocation: Invocation): Promise<number> {
  await pause({ store: invocation.store, id: onlyArgument(invocation, "pause") });
  return 0;
}
