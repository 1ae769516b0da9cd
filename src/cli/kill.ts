/** `tsrun kill`. */

import { kill } from "../container/kill.ts";
import { UsageError } from "../errors.ts";
import { parseSignal } from "../linux/signals.ts";
import type { Invocation } from "./invocation.ts";
import { flag } from "./parse.ts";

export function killVerb({ parsed, store }: Invocation): number {
  const [id, signal = "", ...more] = parsed.args;
  if (id === undefined) throw new UsageError("cannot kill: it needs a container id (tsrun kill --help)");
  if (more.length > 0) throw new UsageError(`cannot kill: too many arguments: ${more.join(" ")}`);
  kill({ store, id, ...(signal === "" ? {} : { signal: parseSignal(signal) }), all: flag(parsed, "all") });
  return 0;
}
