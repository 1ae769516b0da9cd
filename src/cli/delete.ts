/** `tsrun delete`. */

import { deleteContainer } from "../container/delete.ts";
import { inheritance, onlyArgument } from "./invocation.ts";
import type { Invocation } from "./invocation.ts";
import { flag } from "./parse.ts";

export async function deleteVerb(invocation: Invocation): Promise<number> {
  const { store, environment, warn, parsed } = invocation;
  const id = onlyArgument(invocation, "delete");
  const inherited = inheritance(invocation);
  await deleteContainer({ store, id, force: flag(parsed, "force"), environment, inherited, warn });
  return 0;
}
