/** `tsrun state`. */

import { describeContainer } from "../container/describe.ts";
import { writeSync } from "../native/files.ts";
import { onlyArgument } from "./invocation.ts";
import type { Invocation } from "./invocation.ts";

export function stateVerb(invocation: Invocation): number {
  const { store } = invocation;
  const state = store.load(onlyArgument(invocation, "state"), "show");
  writeSync(1, `${JSON.stringify(describeContainer(store, state), undefined, 2)}\n`);
  return 0;
}
