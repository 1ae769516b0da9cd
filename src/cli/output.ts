/** Standard output: what a verb prints goes there whole, or the error says why it could not. */

import { inWords } from "../container/store.ts";
import { writeSync } from "../native/files.ts";
import { isNativeError } from "../native/native.ts";

/** A reader that has gone away is main.ts's business: it ends the program without a word. */
export function print(text: string): void {
  try {
    const bytes = new TextEncoder().encode(text);
    for (let at = 0; at < bytes.length; ) at += writeSync(1, bytes, at);
  } catch (error) {
    if (isNativeError(error) && error.code === "EPIPE") throw error;
    throw inWords("write to standard output", error);
  }
}
