/** `linux.resources.pids`, as the container's cgroup shows it (config-linux.md#pids). */

import * as assert from "uvu/assert";
import { isV2, limit, needsControllers, resources } from "./cgroups.ts";
import { created, run } from "./containers.ts";
import { suite } from "./suite.ts";

const test = suite("pids", () => needsControllers("pids"));

test("RP-01 without pids, and with an empty object, there is no limit", async (t) => {
  assert.is(await limit(await created(t), "pids.max"), "max");
  assert.is(await limit(await created(t, resources({ pids: {} })), "pids.max"), "max");
});

test("RP-02 limit", async (t) => {
  assert.is(await limit(await created(t, resources({ pids: { limit: 123 } })), "pids.max"), "123");
});

test("RP-02 a limit of -1 is none", async (t) => {
  assert.is(await limit(await created(t, resources({ pids: { limit: -1 } })), "pids.max"), "max");
});

test("RP-02 a limit of 0 is a limit", async (t) => {
  // With one process inside 1 says the same, and lets that be born in the cgroup, as is usual on v2.
  const same = isV2() ? ["0", "1"] : ["0"];
  assert.ok(same.includes(await limit(await created(t, resources({ pids: { limit: 0 } })), "pids.max")));
});

test("RP-02 a program cannot have more processes than the limit says", async (t) => {
  const result = await run(t, "for i in $(seq 30); do sleep 1 & done; wait", resources({ pids: { limit: 20 } }));
  assert.match(result.stderr, "can't fork");
});

test.run();
