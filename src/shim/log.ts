/** The shim's log: lines in the form that containerd's own log has, into the fifo that containerd reads. */

import { O_NONBLOCK, O_RDWR } from "../linux/open-flags.ts";
import { closeSync, openSync, writeSync } from "../native/files.ts";

const STDERR = 2;

/** From now on standard error is the bundle's "log", also for what the engine itself may say. */
export function openLog(path: string): void {
  closeSync(STDERR);
  try {
    // Both ways: it can be opened without a reader, and outlives one.
    openSync(path, O_RDWR | O_NONBLOCK);
  } catch {
    openSync("/dev/null", O_RDWR);
  }
}

export function log(level: "info" | "warning" | "error", message: string): void {
  const line = `time=${JSON.stringify(new Date().toISOString())} level=${level} msg=${JSON.stringify(message)} runtime=io.containerd.tsrun.v1\n`;
  try {
    writeSync(STDERR, line);
  } catch {
    // Nobody reads it any more; a shim does not end for that, nor wait.
  }
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
