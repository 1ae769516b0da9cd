/** Tests of the names that a signal may have. */

import { suite } from "uvu";
import * as assert from "uvu/assert";
import { UsageError } from "../errors.ts";
import { parseSignal, signalName, SIGNALS } from "./signals.ts";

const test = suite("linux/signals");

const NUMBERS: Readonly<Record<string, number>> = {
  "": 15,
  KILL: 9,
  SIGKILL: 9,
  kill: 9,
  sigKill: 9,
  "9": 9,
  "0": 0,
  "64": 64,
  HUP: 1,
  IOT: 6,
  SIGCLD: 17,
  poll: 29,
  RTMIN: 34,
  "SIGRTMIN+3": 37,
  "rtmin+30": 64,
  RTMAX: 64,
  "SIGRTMAX-1": 63,
};

for (const [text, number] of Object.entries(NUMBERS)) {
  test(`parseSignal() takes "${text}" for ${number}`, () => assert.is(parseSignal(text), number));
}

for (const text of ["FOO", "SIG", "SIGSIGKILL", "65", "-1", "9x", " 9", "1e1", "RTMIN+31", "RTMIN-1", "RTMAX+1", "constructor"]) {
  test(`parseSignal() refuses "${text}"`, () => {
    assert.throws(
      () => parseSignal(text),
      (error: unknown) => error instanceof UsageError && error.message.startsWith(`cannot use signal "${text}": unknown signal; `),
    );
  });
}

test("signalName() names what parseSignal() reads", () => {
  for (let number = 1; number <= 64; number += 1) assert.is(parseSignal(signalName(number)), number);
  assert.is(signalName(9), "SIGKILL");
  assert.is(signalName(34), "SIGRTMIN");
  assert.is(signalName(36), "SIGRTMIN+2");
  assert.is(signalName(32), "32");
  assert.is(signalName(0), "0");
});

test("SIGNALS has 31 names", () => assert.is(new Set(SIGNALS).size, 32));

test.run();
