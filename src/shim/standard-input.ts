/** What containerd writes to a command's standard input. */

import { readSync } from "../native/files.ts";

const STDIN = 0;
const MOST_BYTES = 1024 * 1024;

/** All of it; nothing where there is none, or it cannot be read. */
export function readStandardInput(): Uint8Array {
  const buffer = new Uint8Array(MOST_BYTES);
  let size = 0;
  try {
    for (let got = readSync(STDIN, buffer); got > 0; got = readSync(STDIN, buffer.subarray(size))) size += got;
  } catch {
    return new Uint8Array();
  }
  return buffer.subarray(0, size);
}
