/** The plans of mounts that come or go later: against testdata/mounts/, and what their order promises. */

import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { MAPS, configOf, fakeHost, namespaces } from "../../test/plan-cases.ts";
import { PROJECT } from "../../test/runtime.ts";
import { UsageError } from "../errors.ts";
import type { Mount } from "../spec/config.ts";
import { explainText } from "./explain.ts";
import { planAddedMounts, planRemovedMounts } from "./later-mounts.ts";
import type { Changed } from "./later-mounts.ts";
import type { Plan } from "./step.ts";

const test = suite("plan/later-mounts");
const TESTDATA = join(PROJECT, "src/plan/testdata/mounts");

const BIND: Mount = { destination: "/data", source: "data", options: ["rbind", "ro"] };
const TMPFS: Mount = { destination: "/t", type: "tmpfs", source: "tmpfs", options: ["size=1k"] };
const OLD: Mount = { destination: "/o", type: "tmpfs", source: "tmpfs", options: ["silent"] };

function changed(types: readonly string[] = ["mount", "pid", "network"], uid = 0): Changed {
  const linux = { namespaces: namespaces(...types), ...(types.includes("user") ? MAPS : {}) };
  return { id: "box", bundle: "/bundle", config: configOf({ linux }), host: fakeHost({ uid }) };
}

const CASES: Readonly<Record<string, () => Plan>> = {
  add: () => planAddedMounts([BIND, TMPFS, OLD], changed()),
  "add-user-namespace": () => planAddedMounts([BIND, TMPFS], changed(["mount", "user", "pid"])),
  remove: () => planRemovedMounts(["/data", "/t"], changed()),
};

for (const [name, make] of Object.entries(CASES)) {
  test(`later mounts: ${name} is testdata/mounts/${name}.plan`, () => {
    const path = join(TESTDATA, `${name}.plan`);
    const text = explainText(make());
    if (process.env["UPDATE_PLANS"] === "1") mkdirSync(TESTDATA, { recursive: true });
    if (process.env["UPDATE_PLANS"] === "1") writeFileSync(path, text);
    assert.ok(existsSync(path), `${path} is missing: UPDATE_PLANS=1 writes it`);
    assert.is(text, readFileSync(path, "utf8"));
  });
}

test("planAddedMounts() opens sources before it enters the container, and reaches all else by descriptors", () => {
  const { steps } = planAddedMounts([BIND, TMPFS, OLD], changed());
  const entered = steps.findIndex(({ op }) => op === "setns");
  const rooted = steps.findIndex(({ op }) => op === "chroot");
  for (const [index, step] of steps.entries()) {
    // A path without a descriptor is one of the process's own root, which is the host's but for these few steps.
    if (step.op === "open_tree") assert.ok(index < entered, `step ${index}`);
    if (index > entered && index < rooted) assert.is(step.op, "fchdir");
    if (step.op === "openat2" && index > entered) assert.is(step.dir, "rootfs");
    if (step.op === "open_target") assert.is(step.root, "rootfs");
  }
});

test("later mounts join no pid namespace, and no cgroup", () => {
  const plan = planAddedMounts([TMPFS], changed(["mount", "pid", "user"]));
  const CLONE_NEWPID = 0x20000000;
  for (const step of plan.steps) {
    if (step.op === "setns") assert.is(Number(step.type) & CLONE_NEWPID, 0);
    if (step.op === "spawn") assert.equal([step.flags, step.intoCgroup], [0, false]);
    assert.is.not(step.op, "clone");
  }
});

test("later mounts need a mount namespace, and of the host's files only root has some to give", () => {
  assert.throws(() => planAddedMounts([TMPFS], changed(["pid"])), (error: unknown) => error instanceof UsageError);
  assert.throws(() => planRemovedMounts(["/t"], changed(["pid"])), (error: unknown) => error instanceof UsageError);
  assert.throws(() => planAddedMounts([BIND], changed(["mount", "user"], 1000)), (error: unknown) => error instanceof UsageError);
  assert.ok(planAddedMounts([TMPFS], changed(["mount", "user"], 1000)));
});

test("planRemovedMounts() follows no link that a program of the container may have put there", () => {
  const { steps } = planRemovedMounts(["/data"], changed());
  const RESOLVE_IN_ROOT_WITHOUT_SYMLINKS = 0x10 | 0x04;
  assert.equal(steps.flatMap((step) => (step.op === "openat2" && step.path === "/data" ? [step.resolve] : [])), [RESOLVE_IN_ROOT_WITHOUT_SYMLINKS]);
});

test.run();
