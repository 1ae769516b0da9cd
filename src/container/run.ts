/** `run`: create and start in one, and in the foreground the end of it, too. */

import { closeSync } from "node:fs";
import { native } from "../native/native.ts";
import { forget, ready } from "../native/waiter.ts";
import { prepare } from "./create.ts";
import type { CreateOptions } from "./create.ts";
import { destroy, endProcesses } from "./delete.ts";
import { runPoststart } from "./start.ts";
import type { StoredState } from "./state.ts";

export interface RunOptions extends CreateOptions {
  /** Return when the program runs. */
  readonly detach?: boolean;
  /** Leave the container as it is when its process has ended. */
  readonly keep?: boolean;
  /** Called when the program runs; `signal` sends one to it. */
  readonly onRunning?: (signal: (number: number) => void) => void;
}

/** How the container's process ended; undefined when it was left running. */
export type Ending = { readonly code: number; readonly signal: number } | undefined;

export async function run(options: RunOptions): Promise<Ending> {
  const { execution, state, lock } = await prepare(options, { waitForStart: false });
  const { pidfd } = execution.init;
  execution.cleanup.release();
  try {
    execution.go();
    await execution.untilExecuted();
    execution.close();
    await runPoststart(options, state);
  } catch (error) {
    execution.close();
    await abandon(state, options);
    lock.release();
    throw error;
  }
  lock.release();
  if (options.detach === true) {
    closeSync(pidfd);
    return undefined;
  }
  options.onRunning?.((signal) => sendSignal(pidfd, signal));
  await ready(pidfd);
  const ending = native().waitPidfd(pidfd) ?? { code: 0, signal: 0 };
  forget(pidfd);
  closeSync(pidfd);
  if (options.keep !== true) await remove(state, options);
  return ending;
}

/** A container that never ran its program leaves nothing behind. */
async function abandon(state: StoredState, options: RunOptions): Promise<void> {
  await endProcesses(state);
  if (options.store.exists(state.id)) await destroy(state, options);
}

async function remove(state: StoredState, options: RunOptions): Promise<void> {
  // Somebody else's `delete` may have been quicker.
  if (!options.store.exists(state.id)) return;
  const lock = options.store.lock(state.id, "delete");
  try {
    await destroy(state, options);
  } finally {
    lock.release();
  }
}

function sendSignal(pidfd: number, signal: number): void {
  try {
    native().pidfdSendSignal(pidfd, signal);
  } catch {
    // It has ended, and the signal has nobody left to reach.
  }
}
