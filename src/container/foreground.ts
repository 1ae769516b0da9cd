/** What the verbs that wait for their program tell to who stands between it and the caller. */

import { native } from "../native/native.ts";

/** Is told of each turn of a run, or an exec. */
export interface Foreground {
  /** All is set up, and the program about to begin. */
  starting(): void;
  running(program: Program): void;
  /** The program has ended; resolves when all it had to say is shown. */
  ended(): Promise<void>;
}

/** A running program. */
export interface Program {
  signal(number: number): void;
  /** Stops it where it is: of a run, all processes of the container. */
  stop(): Promise<void>;
  continue(): void;
}

/** Passes a signal on to a program. */
export function forward(pidfd: number, signal: number): void {
  try {
    native().pidfdSendSignal(pidfd, signal);
  } catch {
    // It has ended, and the signal has nobody left to reach.
  }
}
