/** Standard output: what a verb prints goes there whole, or the error says why it could not. */

import { inWords } from "../container/store.ts";
import { O_WRONLY } from "../linux/open-flags.ts";
import { closeSync, openSync, writeSync } from "../native/files.ts";
import { isNativeError } from "../native/native.ts";

/** A reader that has gone away is main.ts's business: it ends the program without a word. */
export function print(text: string): void {
  try {
    const bytes = new TextEncoder().encode(text);
    let at = 0;
    try {
      while (at < bytes.length) at += writeSync(1, bytes, at);
    } catch (error) {
      if (!isNativeError(error) || error.code !== "EAGAIN") throw error;
      writeWaiting(bytes, at);
    }
  } catch (error) {
    if (isNativeError(error) && error.code === "EPIPE") throw error;
    throw inWords("write to standard output", error);
  }
}

/** Standard output is full, and whoever shares it wants no waiting (O_NONBLOCK): opened a second time, it lets us wait. */
function writeWaiting(bytes: Uint8Array, from: number): void {
  const fd = openSync("/proc/self/fd/1", O_WRONLY);
  try {
    for (let at = from; at < bytes.length; ) at += writeSync(fd, bytes, at);
  } finally {
    closeSync(fd);
  }
}
