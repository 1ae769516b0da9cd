/** `linux.memoryPolicy`, as /proc/PID/numa_maps shows it (config-linux.md#memory-policy). */

import * as fs from "node:fs";
import * as assert from "uvu/assert";
import { skip } from "../test/harness.ts";
import { cannotCreate, running } from "./containers.ts";
import type { Container } from "./containers.ts";
import { suite } from "./suite.ts";

const test = suite("memory policy", () => {
  if (!fs.existsSync("/proc/self/numa_maps")) skip("this kernel knows no memory nodes");
});

/** The policy of a process's mappings that have none of their own: `bind=static:0`. */
async function policyOf(container: Container): Promise<string> {
  return (await container.proc("numa_maps")).split("\n")[0]?.split(" ").slice(1).join(" ").split(/ (?:file|anon|heap|stack)/)[0] ?? "";
}

for (const [policy, shown] of [
  [{ mode: "MPOL_DEFAULT" }, "default"],
  [{ mode: "MPOL_BIND", nodes: "0" }, "bind:0"],
  [{ mode: "MPOL_INTERLEAVE", nodes: "0" }, "interleave:0"],
  [{ mode: "MPOL_PREFERRED", nodes: "0" }, "prefer:0"],
  [{ mode: "MPOL_PREFERRED_MANY", nodes: "0" }, "prefer (many):0"],
  [{ mode: "MPOL_WEIGHTED_INTERLEAVE", nodes: "0" }, "weighted interleave:0"],
  [{ mode: "MPOL_LOCAL" }, "local"],
] as const) {
  test(`MP-01 MP-02 ${policy.mode} is the policy of the program`, async (t) => {
    const container = await running(t, (config) => (config.linux["memoryPolicy"] = policy));
    assert.is(await policyOf(container), shown);
  });
}

test("MP-03 MPOL_PREFERRED without nodes is the local one", async (t) => {
  const container = await running(t, (config) => (config.linux["memoryPolicy"] = { mode: "MPOL_PREFERRED", nodes: "" }));
  assert.is(await policyOf(container), "local");
});

test("MP-03 the nodes are a list with ranges", async (t) => {
  const container = await running(t, (config) => (config.linux["memoryPolicy"] = { mode: "MPOL_BIND", nodes: "0-0,0" }));
  assert.is(await policyOf(container), "bind:0");
});

for (const [flag, shown] of [
  ["MPOL_F_STATIC_NODES", /^bind=static:0$/],
  ["MPOL_F_RELATIVE_NODES", /^bind=relative:0$/],
  ["MPOL_F_NUMA_BALANCING", /^bind(=balancing)?:0$/],
] as const) {
  test(`MP-04 ${flag} is in force`, async (t) => {
    const container = await running(t, (config) => (config.linux["memoryPolicy"] = { mode: "MPOL_BIND", nodes: "0", flags: [flag] }));
    assert.match(await policyOf(container), shown);
  });
}

for (const [why, policy] of [
  ["MP-02 an unknown mode", { mode: "MPOL_MOST" }],
  ["MP-02 a missing mode", { nodes: "0" }],
  ["MP-03 nodes where the mode has none", { mode: "MPOL_LOCAL", nodes: "0" }],
  ["MP-03 no nodes where the mode needs them", { mode: "MPOL_INTERLEAVE" }],
  ["MP-03 nodes that are no list", { mode: "MPOL_BIND", nodes: "a" }],
  ["MP-03 a node that the machine has not", { mode: "MPOL_BIND", nodes: "1023" }],
  ["MP-03 a node that no kernel has", { mode: "MPOL_BIND", nodes: "65535" }],
  ["MP-04 an unknown flag", { mode: "MPOL_BIND", nodes: "0", flags: ["MPOL_F_ALL_NODES"] }],
  ["MP-04 flags that exclude each other", { mode: "MPOL_BIND", nodes: "0", flags: ["MPOL_F_STATIC_NODES", "MPOL_F_RELATIVE_NODES"] }],
  ["MP-04 a flag of other modes", { mode: "MPOL_INTERLEAVE", nodes: "0", flags: ["MPOL_F_NUMA_BALANCING"] }],
] as const) {
  test(`${why} is an error`, async (t) => {
    await cannotCreate(t, (config) => (config.linux["memoryPolicy"] = policy), /./);
  });
}

test.run();
