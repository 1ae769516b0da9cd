/** AbortController for the small engine, which has none: what this program uses of it (DOM Standard, section 3). */

type Listener = () => void;

/** What a controller that is given no reason aborts for. */
class AbortError extends Error {
  override readonly name = "AbortError";
}

class Signal {
  aborted = false;
  reason: unknown = undefined;
  readonly #listeners = new Set<Listener>();

  addEventListener(_: "abort", listener: Listener): void {
    if (!this.aborted) this.#listeners.add(listener);
  }

  removeEventListener(_: "abort", listener: Listener): void {
    this.#listeners.delete(listener);
  }

  throwIfAborted(): void {
    if (this.aborted) throw this.reason;
  }

  /** The controller's: tells the listeners, once. */
  end(reason: unknown): void {
    if (this.aborted) return;
    this.aborted = true;
    this.reason = reason;
    const told = [...this.#listeners];
    this.#listeners.clear();
    for (const listener of told) listener();
  }
}

export class AbortController {
  readonly signal = new Signal();

  abort(reason?: unknown): void {
    this.signal.end(reason ?? new AbortError("This operation was aborted"));
  }
}
