/** The pid file that callers ask for. */

import { basename, dirname, join } from "node:path";
import { renameSync, rmSync, writeFileSync } from "../native/files.ts";
import { inWords } from "./store.ts";

/**
 * In one step, so that a reader never finds half a number; without a newline, because some read the whole file as one.
 * The folder may be one where others may write, so no link of theirs is followed.
 */
export function writePidFile(path: string, pid: number): void {
  const temporary = join(dirname(path), `.${basename(path)}`);
  try {
    rmSync(temporary, { force: true });
    writeFileSync(temporary, `${pid}`, { mode: 0o644, flag: "wx" });
    renameSync(temporary, path);
  } catch (error) {
    throw inWords(`write the pid file "${path}"`, error);
  }
}
