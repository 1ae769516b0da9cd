/** `tsrun ps`. */

import { processesOf } from "../container/ps.ts";
import { UsageError } from "../errors.ts";
import { onlyArgument } from "./invocation.ts";
import type { Invocation } from "./invocation.ts";
import { text } from "./parse.ts";
import { print } from "./output.ts";

export function psVerb(invocation: Invocation): number {
  const { parsed, store } = invocation;
  const format = text(parsed, "format") ?? "table";
  if (format !== "table" && format !== "json") throw new UsageError(`cannot list processes: invalid format option: ${format}`);
  const pids = processesOf(store, onlyArgument(invocation, "ps"));
  print(format === "json" ? `${JSON.stringify(pids)}\n` : ["PID", ...pids, ""].join("\n"));
  return 0;
}
