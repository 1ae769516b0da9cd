/** `tsrun mounts`. */

import { addMounts, removeMounts } from "../container/mounts.ts";
import { inWords } from "../container/store.ts";
import { UsageError } from "../errors.ts";
import { readFileSync } from "../native/files.ts";
import { readToEnd } from "../native/stream.ts";
import { inheritance } from "./invocation.ts";
import type { Invocation } from "./invocation.ts";

const ACTIONS = { add: addMounts, remove: removeMounts } as const;

export async function mountsVerb(invocation: Invocation): Promise<number> {
  const { parsed, store, warn } = invocation;
  const [action = "", id, file, ...more] = parsed.args;
  if (action !== "add" && action !== "remove") throw new UsageError(`cannot change mounts: ${JSON.stringify(action)} is neither add nor remove (tsrun mounts --help)`);
  if (id === undefined || file === undefined) throw new UsageError("cannot change mounts: it needs a container id and a file (tsrun mounts --help)");
  if (more.length > 0) throw new UsageError(`cannot change mounts: too many arguments: ${more.join(" ")}`);
  const name = file === "-" ? "standard input" : file;
  const text = file === "-" ? await readToEnd(0) : readMounts(invocation, file);
  await ACTIONS[action]({ store, id, text, file: name, inheritance: inheritance(invocation), warn });
  return 0;
}

function readMounts({ path }: Invocation, file: string): string {
  try {
    return readFileSync(path(file), "utf8");
  } catch (error) {
    throw inWords(`read "${file}"`, error);
  }
}
