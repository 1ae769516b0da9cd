/** `tsrun spec`. */

import { join } from "node:path";
import fs from "fs-extra";
import { inWords } from "../container/store.ts";
import { UsageError } from "../errors.ts";
import { isNativeError } from "../native/native.ts";
import { defaultConfig } from "../spec/default-config.ts";
import type { Invocation } from "./invocation.ts";
import { flag, text } from "./parse.ts";

export function specVerb({ parsed, path }: Invocation): number {
  if (parsed.args.length > 0) throw new UsageError(`cannot write a spec: too many arguments: ${parsed.args.join(" ")}`);
  const file = join(path(text(parsed, "bundle") ?? "."), "config.json");
  const ids = { uid: process.geteuid?.() ?? 0, gid: process.getegid?.() ?? 0 };
  const config = defaultConfig(flag(parsed, "rootless") ? { rootless: ids } : {});
  try {
    // A bundle often begins with this command: its folder is made, too.
    fs.outputFileSync(file, `${JSON.stringify(config, undefined, "\t")}\n`, { flag: "wx", mode: 0o666 });
  } catch (error) {
    if (isNativeError(error) && error.code === "EEXIST") {
      throw new UsageError(`cannot write "${file}": File config.json exists. Remove it first`, { cause: error });
    }
    throw inWords(`write "${file}"`, error);
  }
  return 0;
}
