import { suite } from "uvu";
import * as assert from "uvu/assert";
import { SIGKILL, SIGQUIT, SIGTERM } from "../linux/signals.ts";
import { STOP_SIGNAL, stopSignal } from "./stop-signal.ts";

const test = suite("spec/stop-signal");

test("stopSignal() takes what an image's config may say: a name, one in real time, a number", () => {
  assert.is(stopSignal({ [STOP_SIGNAL]: "SIGQUIT" }), SIGQUIT);
  assert.is(stopSignal({ [STOP_SIGNAL]: "SIGRTMIN+3" }), 37);
  assert.is(stopSignal({ [STOP_SIGNAL]: "9" }), SIGKILL);
});

test("stopSignal() is SIGTERM where there is none, or none that exists", () => {
  for (const annotations of [undefined, {}, { other: "SIGQUIT" }]) assert.is(stopSignal(annotations), SIGTERM);
  for (const name of ["", "0", "SIGNONE", "99", "-1"]) assert.is(stopSignal({ [STOP_SIGNAL]: name }), SIGTERM, name);
});

test.run();
