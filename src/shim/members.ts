/** For whom a shim is there: its tasks, and the containers that were promised a place in it. */

import { RpcError } from "./rpc-error.ts";

export class Members {
  readonly #promised = new Set<string>();
  readonly #countTasks: () => number;
  #haveEnded = false;

  /** `countTasks` tells how many tasks there are, those that are being made among them. */
  constructor(countTasks: () => number) {
    this.#countTasks = countTasks;
  }

  /** Keeps the shim for a container that is to be created; `most`: with how many it may share the shim, 0 for any. */
  promise(id: string, most: number): void {
    if (this.#haveEnded) throw new RpcError("FAILED_PRECONDITION", "the shim is about to end");
    if (most > 0 && !this.#promised.has(id) && this.#countTasks() + this.#promised.size >= most) {
      throw new RpcError("RESOURCE_EXHAUSTED", `the shim has ${most} containers already`);
    }
    this.#promised.add(id);
  }

  /** The container is there, or will not come. */
  settle(id: string): void {
    this.#promised.delete(id);
  }

  /** Whether another one than this is still to come. */
  expectsOthers(than: string): boolean {
    return this.#promised.size > (this.#promised.has(than) ? 1 : 0);
  }

  get isEmpty(): boolean {
    return this.#countTasks() === 0 && this.#promised.size === 0;
  }

  get haveEnded(): boolean {
    return this.#haveEnded;
  }

  /** From now on nobody is taken in, and whoever was promised a place has not come. */
  end(): void {
    this.#haveEnded = true;
    this.#promised.clear();
  }
}
