/** `tsrun features`. */

import { features } from "../container/features.ts";
import { UsageError } from "../errors.ts";
import type { Invocation } from "./invocation.ts";
import { VERBS } from "./options.ts";
import { print } from "./output.ts";
import { PROGRAM } from "./program.ts";

export function featuresVerb({ parsed }: Invocation): number {
  if (parsed.args.length > 0) throw new UsageError(`cannot print the features: too many arguments: ${parsed.args.join(" ")}`);
  const hasCheckpoint = VERBS.some(({ name }) => name === "checkpoint");
  print(`${JSON.stringify(features({ ...PROGRAM, hasCheckpoint }), undefined, 4)}\n`);
  return 0;
}
