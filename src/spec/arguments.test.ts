/** What a JavaScript program gives wrong is told by name. */

import { suite } from "uvu";
import * as assert from "uvu/assert";
import { checkArgument, checkProperties } from "./arguments.ts";
import type { Kind } from "./arguments.ts";
import { UsageError } from "../errors.ts";

const test = suite("spec/arguments");

const RIGHT: readonly (readonly [Kind, ...unknown[]])[] = [
  ["text", "", "a"],
  ["texts", [], ["a"]],
  ["flag", true, false],
  ["id", 0, 0xffff_fffe],
  ["ids", [], [0, 5]],
  ["descriptor", 0, 0x7fff_ffff],
  ["streams", [0, 1, 2], [0, 0, 0]],
  ["signal", "TERM", 9],
  ["action", () => {}],
  ["object", {}],
];

const WRONG: readonly (readonly [Kind, ...unknown[]])[] = [
  ["text", undefined, null, 5, ["a"]],
  ["texts", "a", [5], { 0: "a" }],
  ["flag", 1, "true", null],
  ["id", -1, 0.5, "7", 0xffff_ffff, 7n],
  ["ids", 7, ["7"]],
  ["descriptor", -1, 0x8000_0000],
  // A stream of Node.js is no descriptor, and a hole is not one either.
  ["streams", "pipe", [0, 1], [0, 1, 2, 3], [{ fd: 0 }, 1, 2], new Array<number>(3)],
  ["signal", null, {}],
  ["action", "warn"],
  ["object", null, [], "a"],
];

for (const [kind, ...values] of RIGHT) {
  test(`${kind} takes what it is`, () => {
    for (const value of values) checkArgument("a()", "b", value, kind);
  });
}

for (const [kind, ...values] of WRONG) {
  test(`${kind} refuses what it is not`, () => {
    for (const value of values) {
      assert.throws(() => checkArgument("a()", "b", value, kind), (error: unknown) => error instanceof UsageError && /^cannot call a\(\): "b" must be /.test(error.message));
    }
  });
}

test("a message names call, property and value", () => {
  const message = (given: unknown): string => {
    try {
      checkProperties("Container.create()", given, { id: "text", root: "text" }, ["id"]);
      return "";
    } catch (error) {
      return error instanceof UsageError ? error.message : String(error);
    }
  };
  assert.is(message({ id: "a", root: undefined, more: 5 }), "");
  assert.is(message({ id: 5 }), 'cannot call Container.create(): "id" must be a string, got 5');
  assert.is(message({}), 'cannot call Container.create(): "id" must be a string, got undefined');
  assert.is(message({ id: "a", root: ["b", 5] }), 'cannot call Container.create(): "root" must be a string, got ["b", 5]');
  assert.is(message(undefined), "cannot call Container.create(): it needs an object, got undefined");
});

test.run();
