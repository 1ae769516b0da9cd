/** Members: who keeps a shim from ending, and how many it takes. */

import { suite } from "uvu";
import * as assert from "uvu/assert";
import { Members } from "./members.ts";
import { RpcError } from "./rpc-error.ts";

const test = suite("members");

function refusal(act: () => void): number | undefined {
  try {
    act();
    return undefined;
  } catch (error) {
    if (error instanceof RpcError) return error.status;
    throw error;
  }
}

test("expectsOthers() tells of those that were promised a place and have not come", () => {
  const members = new Members(() => 0);
  members.promise("a", 0);
  assert.is(members.expectsOthers("a"), false);
  members.promise("b", 0);
  assert.is(members.expectsOthers("a"), true);
  members.settle("b");
  assert.is(members.expectsOthers("a"), false);
});

test("promise() keeps the shim until the container is there or will not come", () => {
  const tasks = new Set<string>();
  const members = new Members(() => tasks.size);
  assert.is(members.isEmpty, true);
  members.promise("a", 0);
  assert.is(members.isEmpty, false);
  members.settle("a");
  assert.is(members.isEmpty, true);
  tasks.add("a");
  assert.is(members.isEmpty, false);
});

test("promise() takes no more than `most`, tasks and promises together, and the same one again", () => {
  const tasks = new Set(["a"]);
  const members = new Members(() => tasks.size);
  members.promise("b", 2);
  assert.is(refusal(() => members.promise("c", 2)), 8);
  assert.is(refusal(() => members.promise("b", 2)), undefined);
  assert.is(refusal(() => members.promise("c", 0)), undefined);
});

test("promise() after end() is refused, so that another shim is begun", () => {
  const members = new Members(() => 0);
  members.promise("a", 0);
  members.end();
  assert.is(members.isEmpty, true);
  assert.is(refusal(() => members.promise("b", 0)), 9);
});

test.run();
