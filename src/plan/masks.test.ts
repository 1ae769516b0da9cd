import { suite } from "uvu";
import * as assert from "uvu/assert";
import { configOf, opsOf, planOf, shown, stepsOf } from "../../test/plan-cases.ts";

const test = suite("plan/masks");

test("maskedPaths() prepares one cover of each kind for all paths", () => {
  const plan = planOf(configOf({ linux: { maskedPaths: ["/a", "/b", "/c"] } }));
  assert.equal(opsOf(plan, "fsmount", "mask"), ["fsmount", "fsmount", "mask", "mask", "mask"]);
  assert.equal(stepsOf(plan, "mask").map(shown), ["/a", "/b", "/c"].map((path) => `mask(root="rootfs", path="${path}", null="null", empty="empty")`));
  assert.equal(stepsOf(plan, "mask").map(({ at }) => at), [0, 1, 2].map((index) => `/linux/maskedPaths/${index}`));
});

test("maskedPaths() takes the null device of the host, before the root is switched", () => {
  const { steps } = planOf(configOf({ linux: { maskedPaths: ["/a"] } }));
  const opened = steps.findIndex((step) => step.op === "openat2" && step.path === "/dev/null");
  assert.ok(opened > 0 && opened < steps.findIndex(({ op }) => op === "pivot_root"));
});

test("maskedPaths() and readonlyPaths() do nothing for none", () => {
  assert.equal(opsOf(planOf(configOf({ linux: { maskedPaths: [], readonlyPaths: [] } })), "mask", "readonly_path"), []);
});

test("plan() makes paths read-only before it masks, for a mount above a mask would undo it", () => {
  const plan = planOf(configOf({ linux: { maskedPaths: ["/a/b"], readonlyPaths: ["/a"] }, mounts: [{ destination: "/a", type: "tmpfs" }] }));
  const ops = opsOf(plan, "readonly_path", "mask", "pivot_root");
  assert.equal(ops, ["readonly_path", "mask", "pivot_root"]);
});

test.run();
