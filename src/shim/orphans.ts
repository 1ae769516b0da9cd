/** Reaps the processes that come to the shim, a subreaper, when their parents end: nobody else waits for them. */

import { native } from "../native/native.ts";

/** The kernel shows the eldest of the children that have ended; one that somebody waits for is soon gone. */
const LOOK_AGAIN_MILLISECONDS = 500;

export class Orphans {
  readonly #isAwaited: (pid: number) => boolean;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** `isAwaited`: whether somebody waits for a child that this process did not spawn itself, or may come to. */
  constructor(isAwaited: (pid: number) => boolean) {
    this.#isAwaited = isAwaited;
  }

  /** To be called whenever a child has ended. */
  reap(): void {
    for (let child = native().endedChild(); child !== null; child = native().endedChild()) {
      if (child.spawned || this.#isAwaited(child.pid)) return this.#lookAgain();
      native().reap(child.pid);
    }
  }

  #lookAgain(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.reap();
    }, LOOK_AGAIN_MILLISECONDS);
  }
}
