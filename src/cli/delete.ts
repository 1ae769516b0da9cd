/** `tsrun delete`. */

import { deleteContainer } from "../container/delete.ts";
import { onlyArgument } from "./invocation.ts";
import type { Invocation } from "./invocation.ts";
import { flag } from "./parse.ts";

export async function deleteVerb(invocation: Invocation): Promise<number> {
  const { store, environment, warn, parsed } = invocation;
  await deleteContainer({ store, id: onlyArgument(invocation, "delete"), force: flag(parsed, "force"), environment, warn });
  return 0;
}
