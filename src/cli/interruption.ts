/** Signals that end the making of a container: what was made is undone, and the exit status tells the signal. */

import { InterruptedError } from "../errors.ts";
import { SIGHUP, SIGINT, SIGQUIT, SIGTERM, signalName } from "../linux/signals.ts";
import { onSignals } from "../native/waiter.ts";

export const ENDING: ReadonlySet<number> = new Set([SIGHUP, SIGINT, SIGQUIT, SIGTERM]);

/** Who does something that can be given up, and what: `create container "web"`. */
export interface Maker {
  readonly action: string;
  /** Signals that the caller ignores: bit n - 1 for signal n. */
  readonly ignored?: bigint | undefined;
}

/** An AbortSignal for a signal that ends what is under way; such as the caller ignores do nothing. */
export function interruption({ action, ignored }: Maker): AbortSignal {
  const abort = new AbortController();
  const signals = [...ENDING].filter((signal) => !isIn(ignored, signal));
  onSignals(signals, (signal) => abort.abort(interrupted(action, signal)));
  return abort.signal;
}

/** The reason of an abort. */
export function interrupted(action: string, signal: number): InterruptedError {
  return new InterruptedError(action, { number: signal, name: signalName(signal) });
}

/** Whether a set as in proc_pid_status(5) holds the signal. */
export function isIn(set: bigint | undefined, signal: number): boolean {
  return set !== undefined && ((set >> BigInt(signal - 1)) & 1n) === 1n;
}
