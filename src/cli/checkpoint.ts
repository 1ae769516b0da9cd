/** `tsrun checkpoint`. */

import { checkpoint } from "../criu/checkpoint.ts";
import { checkpointChoices } from "./criu-choices.ts";
import { inheritance, onlyArgument } from "./invocation.ts";
import type { Invocation } from "./invocation.ts";

export async function checkpointVerb(invocation: Invocation): Promise<number> {
  const id = onlyArgument(invocation, "checkpoint");
  const { store, environment, warn } = invocation;
  await checkpoint({ store, id, choices: checkpointChoices(invocation), environment, inherited: inheritance(invocation), remove: true, warn });
  return 0;
}
