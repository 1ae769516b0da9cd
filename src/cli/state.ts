/** `tsrun state`. */

import { describeContainer } from "../container/describe.ts";
import { onlyArgument } from "./invocation.ts";
import type { Invocation } from "./invocation.ts";
import { print } from "./output.ts";

export function stateVerb(invocation: Invocation): number {
  const { store } = invocation;
  const state = store.load(onlyArgument(invocation, "state"), "show");
  print(`${JSON.stringify(describeContainer(store, state), undefined, 2)}\n`);
  return 0;
}
