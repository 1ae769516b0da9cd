import { suite } from "uvu";
import * as assert from "uvu/assert";
import { configOf, planOf, stepsOf } from "../../test/plan-cases.ts";
import { ConfigError } from "../errors.ts";
import { FOREIGN } from "../spec/annotations.ts";
import { parseConfig } from "../spec/parse.ts";

const test = suite("plan/annotations");

function warnings(annotations: Record<string, string>, more: object = {}): string[] {
  return planOf(configOf({ annotations, ...more })).warnings.map(({ message }) => message);
}

test("ignoredAnnotations() tells what others would obey, and nothing of the rest", () => {
  assert.equal(warnings({ "org.example": "1", "run.oci.unheard.of": "1", "run.oci.systemd.subgroup": "" }), []);
  const told = warnings({ "run.oci.systemd.subgroup": "init", "run.oci.delegate-cgroup": "x", "run.oci.pidfd_receiver": "/x" });
  assert.is(told.length, 3);
  for (const message of told) assert.match(message, /^the annotation "run\.oci\.[\w.-]+" is ignored: \w/);
});

test("ignoredAnnotations() tells that hooks of the container's side write nowhere", () => {
  const annotations = { "run.oci.hooks.stdout": "/x" };
  assert.equal(warnings(annotations, { hooks: { createRuntime: [{ path: "/h" }] } }), []);
  for (const point of ["createContainer", "startContainer"]) assert.is(warnings(annotations, { hooks: { [point]: [{ path: "/h" }] } }).length, 1, point);
});

test("parseConfig() refuses annotations that it would be unsafe to pass over", () => {
  for (const [key, { treatment }] of Object.entries(FOREIGN)) {
    const text = JSON.stringify({ ociVersion: "1.3.0", root: { path: "rootfs" }, annotations: { [key]: "something" } });
    let found: unknown;
    try {
      parseConfig(text);
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      found = error.problems[0]?.pointer;
    }
    assert.is(found, treatment === "refused" ? `/annotations/${key}` : undefined, key);
  }
  parseConfig('{"ociVersion":"1.3.0","root":{"path":"rootfs"},"annotations":{"run.oci.seccomp_fail_unknown_syscall":"0"}}');
});

test("setgroups is left out where the caller's groups are to stay", () => {
  const groups = (annotations: object): number => stepsOf(planOf(configOf({ annotations })), "setgroups").length;
  assert.equal([groups({}), groups({ "run.oci.keep_original_groups": "0" }), groups({ "run.oci.keep_original_groups": "1" })], [1, 1, 0]);
});

test.run();
