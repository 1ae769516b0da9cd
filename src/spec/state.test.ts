import { suite } from "uvu";
import * as assert from "uvu/assert";
import { schemaErrorsOfState } from "./generated/state-errors.ts";
import { stateDocument, type Status } from "./state.ts";

const test = suite("spec/state");

test("stateDocument() has the keys of the specification, in its order", () => {
  const state = stateDocument({ id: "box", status: "running", pid: 7, bundle: "/b", annotations: { a: "b" } });
  const written = '{"ociVersion":"1.3.0","id":"box","status":"running","pid":7,"bundle":"/b","annotations":{"a":"b"}}';
  assert.is(JSON.stringify(state), written);
});

test("stateDocument() leaves out a pid and annotations that are none", () => {
  const state = stateDocument({ id: "box", status: "stopped", pid: 0, bundle: "/b", annotations: {} });
  assert.is(JSON.stringify(state), '{"ociVersion":"1.3.0","id":"box","status":"stopped","bundle":"/b"}');
});

test("stateDocument() is valid in every status", () => {
  const statuses: readonly Status[] = ["creating", "created", "running", "paused", "stopped"];
  for (const status of statuses) assert.equal(schemaErrorsOfState(stateDocument({ id: "a", status, bundle: "/b" })), []);
  assert.equal(schemaErrorsOfState({ ociVersion: "1", id: "a", status: "gone", bundle: "/b" }).length, 1);
});

test.run();
