import { suite } from "uvu";
import * as assert from "uvu/assert";
import { tellWarnings } from "./warnings.ts";

const test = suite("container/warnings");

const TEXT = '{\n  "mounts": [\n    { "destination": "a" }\n  ]\n}';

function told(...warnings: Parameters<typeof tellWarnings>[0]): string[] {
  const messages: string[] = [];
  tellWarnings(warnings, new TextEncoder().encode(TEXT), (message) => void messages.push(message));
  return messages;
}

test("tellWarnings() names line, column and what was meant", () => {
  const warning = { pointer: "/mounts/0/destination", message: "no good", hint: "try /a" };
  assert.equal(told(warning, { pointer: "/mounts", message: "many" }), [
    "no good; try /a (config.json:3:22 /mounts/0/destination)",
    "many (config.json:2:13 /mounts)",
  ]);
});

test("tellWarnings() says nothing when there is nothing to say", () => {
  assert.equal(told(), []);
});

test("tellWarnings() ends when nobody would read on", () => {
  const messages = told(...Array.from({ length: 130 }, () => ({ pointer: "/mounts", message: "again" })));
  assert.is(messages.length, 101);
  assert.is(messages.at(-1), "30 further warnings are not told");
});

test.run();
