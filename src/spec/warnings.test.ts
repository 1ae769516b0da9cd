import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { Config } from "./config.ts";
import { warnings } from "./warnings.ts";

const test = suite("spec/warnings");

function config(parts: object): Config {
  return { ociVersion: "1.3.0", root: { path: "rootfs" }, ...parts };
}

test("warnings() tells of unknown capabilities in every set, and what was meant", () => {
  const process = { cwd: "/", capabilities: { bounding: ["CAP_KILL", "CAP_FLY"], inheritable: ["CAP_NET_ADMN"] } };
  assert.equal(warnings(config({ process })), [
    { pointer: "/process/capabilities/bounding/1", message: 'unknown capability "CAP_FLY" is ignored' },
    {
      pointer: "/process/capabilities/inheritable/0",
      message: 'unknown capability "CAP_NET_ADMN" is ignored',
      hint: 'did you mean "CAP_NET_ADMIN"?',
    },
  ]);
});

test("warnings() tells of ambient capabilities that the kernel will refuse", () => {
  const capabilities = { ambient: ["CAP_KILL"], permitted: ["CAP_KILL"] };
  assert.equal(warnings(config({ process: { cwd: "/", capabilities } })), [
    {
      pointer: "/process/capabilities/ambient/0",
      message: 'the ambient capability "CAP_KILL" cannot be granted: it is not in "inheritable"',
    },
  ]);
});

test("warnings() tells of relative destinations", () => {
  assert.equal(warnings(config({ mounts: [{ destination: "/a" }, { destination: "b" }] })), [
    { pointer: "/mounts/1/destination", message: 'the relative path "b" is taken from "/", and such paths are deprecated' },
  ]);
});

test.run();
