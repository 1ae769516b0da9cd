/** `tsrun ps`. */

import { processTable, processesOf } from "../container/ps.ts";
import { UsageError } from "../errors.ts";
import { inheritance } from "./invocation.ts";
import type { Invocation } from "./invocation.ts";
import { text } from "./parse.ts";
import { print } from "./output.ts";

export async function psVerb(invocation: Invocation): Promise<number> {
  const { parsed, store, environment } = invocation;
  const [id, ...psArgs] = parsed.args;
  if (id === undefined) throw new UsageError("cannot ps: it needs a container id (tsrun ps --help)");
  const format = text(parsed, "format") ?? "table";
  if (format !== "table" && format !== "json") throw new UsageError(`cannot list processes: invalid format option: ${format}`);
  const pids = processesOf(store, id);
  // As runc: an empty list is null.
  if (format === "json") print(`${pids.length === 0 ? "null" : JSON.stringify(pids)}\n`);
  else print(await processTable(pids, psArgs, { environment, inherited: inheritance(invocation) }));
  return 0;
}
