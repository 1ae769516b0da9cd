/** One process of a task, init or exec: its streams, its start and its end. */

import { closeSync } from "../native/files.ts";
import { native } from "../native/native.ts";
import type { Spawned } from "../native/native.ts";
import { EPOLLIN, forget, ready } from "../native/waiter.ts";
import type { Timestamp } from "./generated/types.ts";
import { RpcError } from "./rpc-error.ts";
import type { Stdio } from "./stdio.ts";
import { now } from "./time.ts";

/** How a process ended: its exit status, or 128 and the signal's number. */
export interface Ending {
  readonly status: number;
  readonly at: Timestamp;
}

const SIGNALLED = 128;

export class Process {
  /** The exec's; init has the container's. */
  readonly id: string;
  readonly stdio: Stdio;
  readonly pid: number;
  /** Resolves when it has ended, and was reaped. */
  readonly ended: Promise<Ending>;
  #ending: Ending | undefined;
  #started = false;
  #startSettled: Promise<unknown> = Promise.resolve();

  constructor({ id, stdio, child }: { readonly id: string; readonly stdio: Stdio; readonly child: Spawned }) {
    this.id = id;
    this.stdio = stdio;
    this.pid = child.pid;
    this.ended = this.#wait(child.pidfd);
  }

  get hasEnded(): boolean {
    return this.#ending !== undefined;
  }

  get hasStarted(): boolean {
    return this.#started;
  }

  get ending(): Ending | undefined {
    return this.#ending;
  }

  /** Resolves when no start is under way, and the answer to the last one is on its way. */
  get startSettled(): Promise<unknown> {
    return this.#startSettled;
  }

  /** Runs the start of this process, once. */
  starting(start: () => Promise<number>): Promise<number> {
    if (this.#started) return Promise.reject(new RpcError("UNKNOWN", "cannot start a running process"));
    const result = start().then((pid) => {
      this.#started = true;
      return pid;
    });
    // A macrotask later the answer has been written.
    this.#startSettled = result.catch(() => undefined).then(() => new Promise((resolve) => setTimeout(resolve, 0)));
    return result;
  }

  async #wait(pidfd: number): Promise<Ending> {
    await ready(pidfd, EPOLLIN);
    const at = now();
    const { code, signal } = native().waitPidfd(pidfd) ?? { code: 0, signal: 0 };
    forget(pidfd);
    closeSync(pidfd);
    this.#ending = { status: signal === 0 ? code : SIGNALLED + signal, at };
    return this.#ending;
  }
}
