/** `tsrun resume`. */

import { resume } from "../container/resume.ts";
import { onlyArgument } from "./invocation.ts";
import type { Invocation } from "./invocation.ts";

export async function resumeVerb(invocation: Invocation): Promise<number> {
  await resume({ store: invocation.store, id: onlyArgument(invocation, "resume") });
  return 0;
}
