/** Undo, declared where a thing is acquired, and dropped when all went well. */

export class Cleanup {
  readonly #undo: (() => void | Promise<void>)[] = [];

  /** Adds what takes the last acquisition back. */
  add(undo: () => void | Promise<void>): void {
    this.#undo.push(undo);
  }

  /** Nothing will be taken back any more. */
  release(): void {
    this.#undo.length = 0;
  }

  /** Takes all back, the last first. One that fails must not keep the others; the failures are returned. */
  async run(): Promise<unknown[]> {
    const failures: unknown[] = [];
    for (let undo = this.#undo.pop(); undo !== undefined; undo = this.#undo.pop()) {
      try {
        await undo();
      } catch (error) {
        failures.push(error);
      }
    }
    return failures;
  }
}
