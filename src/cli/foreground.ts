/** The foreground of `run`: signals that reach the runtime are meant for the container. */

import { SIGCHLD, SIGKILL, SIGSTOP, SIGURG, SIGWINCH } from "../linux/signals.ts";
import { onSignals } from "../native/waiter.ts";

const HIGHEST_SIGNAL = 64;
/** SIGCHLD is the runtime's own, SIGURG the engine's, SIGWINCH the terminal's; the synchronous ones are its own defects. */
const NOT_FORWARDED: ReadonlySet<number> = new Set([SIGKILL, SIGSTOP, SIGCHLD, SIGURG, SIGWINCH, 4, 5, 7, 8, 11, 13]);

/** Forwards every signal that can be. Those of job control stop and continue the container, not the runtime. */
export function forwardSignals(send: (signal: number) => void): void {
  const signals = Array.from({ length: HIGHEST_SIGNAL }, (_, index) => index + 1).filter((signal) => !NOT_FORWARDED.has(signal));
  onSignals(signals, send);
}
