/** Tests of the message to the seccomp listener. */

import { suite } from "uvu";
import * as assert from "uvu/assert";
import { stateDocument } from "../spec/state.ts";
import { containerProcessState, listenerMessage } from "./listener.ts";

const test = suite("seccomp/listener");

const state = stateDocument({ id: "c1", status: "creating", pid: 4242, bundle: "/b" });

test("containerProcessState() has the specification's five keys", () => {
  assert.equal(containerProcessState({ pid: 4242, state, metadata: "m" }), {
    ociVersion: "1.3.0",
    fds: ["seccompFd"],
    pid: 4242,
    metadata: "m",
    state: { ociVersion: "1.3.0", id: "c1", status: "creating", pid: 4242, bundle: "/b" },
  });
});

test("containerProcessState() leaves out metadata that is not there", () => {
  assert.not("metadata" in containerProcessState({ pid: 1, state }));
  assert.not("metadata" in containerProcessState({ pid: 1, state, metadata: "" }));
});

test("listenerMessage() is JSON in UTF-8, without a newline", () => {
  const text = new TextDecoder().decode(listenerMessage({ pid: 1, state, metadata: 'ä"\n' }));
  assert.equal(JSON.parse(text), containerProcessState({ pid: 1, state, metadata: 'ä"\n' }));
  assert.not(text.includes("\n"));
});

test.run();
