import { suite } from "uvu";
import * as assert from "uvu/assert";
import { AbortController as Ours } from "./abort.ts";

const abort = suite("abort");

for (const [name, Controller] of [["the small engine's", Ours], ["the host's", AbortController]] as const) {
  abort(`${name} tells each listener once, with the reason`, () => {
    const { signal, ...rest } = make();
    const told: unknown[] = [];
    const listener = (): void => void told.push(signal.reason);
    signal.addEventListener("abort", listener);
    signal.addEventListener("abort", listener);
    assert.is(signal.aborted, false);
    rest.abort("enough");
    rest.abort("again");
    assert.equal(told, ["enough"]);
    assert.is(signal.aborted, true);
    assert.throws(
      () => signal.throwIfAborted(),
      (error: unknown) => error === "enough",
    );
  });

  abort(`${name} does not tell who left, and who came too late`, () => {
    const { signal, ...rest } = make();
    let told = 0;
    const listener = (): void => void told++;
    signal.addEventListener("abort", listener);
    signal.removeEventListener("abort", listener);
    rest.abort();
    signal.addEventListener("abort", listener);
    assert.is(told, 0);
    assert.is((signal.reason as Error).name, "AbortError");
  });

  function make(): { signal: InstanceType<typeof Ours>["signal"] | AbortSignal; abort(reason?: unknown): void } {
    const controller = new Controller();
    return { signal: controller.signal, abort: (reason) => controller.abort(reason) };
  }
}

abort.run();
