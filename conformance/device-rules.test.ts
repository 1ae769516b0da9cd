/** `linux.resources.devices`: which devices a program may read, write and make (config-linux.md#allowed-device-list). */

import { execFileSync } from "node:child_process";
import { join } from "node:path";
import * as assert from "uvu/assert";
import type { BundleConfig } from "../test/bundle.ts";
import type { Ground } from "../test/harness.ts";
import { isV2, limit, needsControllers, onlyOnV1 } from "./cgroups.ts";
import { created, output, runBundle, script } from "./containers.ts";
import { suite } from "./suite.ts";

const test = suite("device rules", () => {
  if (!isV2()) needsControllers("devices");
});

interface Rule {
  readonly allow?: boolean;
  readonly type?: string;
  readonly major?: number;
  readonly minor?: number;
  readonly access?: string;
}

const NOTHING: Rule = { allow: false, access: "rwm" };

/**
 * Nodes that only an explicit rule allows: the kernel's log, its neighbour, and block devices that are not there. Nobody
 * needs a driver: the question is whether the kernel refuses for lack of a rule, or says something else.
 */
const NODES = { kmsg: "c 1 11", mem: "c 1 1", port: "c 1 4", misc: "c 10 250", block: "b 259 777", other: "b 259 778" } as const;

function withRules(config: BundleConfig, rules: readonly Rule[]): void {
  config.linux.resources = { devices: rules };
  config.root.readonly = false;
  const names = ["CAP_MKNOD", "CAP_SYSLOG", "CAP_SYS_RAWIO", "CAP_DAC_OVERRIDE"];
  config.process["capabilities"] = { bounding: names, effective: names, permitted: names };
}

/** What a program may do to each node, of "r", "w" and "m"; the nodes are there before the container is. */
async function allowed(t: Ground, rules: readonly Rule[], ...nodes: readonly (keyof typeof NODES)[]): Promise<string[]> {
  const text = nodes
    .map((name) => {
      const path = `/tmp/${name}`;
      const tries = [
        `{ true <${path}; } 2>&1 | grep -q 'not permitted' || echo -n r`,
        `{ true >>${path}; } 2>&1 | grep -q 'not permitted' || echo -n w`,
        `mknod ${path}.made ${NODES[name]} 2>&1 | grep -q 'not permitted' || echo -n m`,
      ];
      return `${tries.join("; ")}; echo`;
    })
    .join("\n");
  const bundle = t.bundle((config) => {
    script(config, text);
    withRules(config, rules);
  });
  for (const name of nodes) execFileSync("mknod", ["-m", "666", join(bundle.rootfs, "tmp", name), ...NODES[name].split(" ")]);
  return output(await runBundle(t, bundle)).slice(0, -1).split("\n");
}

test("RD-01 the last rule that fits counts", async (t) => {
  const rules = [NOTHING, { allow: true, type: "c", major: 1, minor: 11, access: "rwm" }, { allow: false, type: "c", major: 1, minor: 11, access: "w" }];
  assert.equal(await allowed(t, rules, "kmsg"), ["rm"]);
});

test("RD-01 a rule that allows again what the one before it denies", async (t) => {
  const rules = [{ allow: false, type: "c", major: 1, minor: 11, access: "rwm" }, NOTHING, { allow: true, type: "c", major: 1, minor: 11, access: "r" }];
  // Everybody may make nodes, as the default rules of all runtimes say.
  assert.equal(await allowed(t, rules, "kmsg"), ["rm"]);
});

test("RD-01 the rules are in devices.list in the order of the config's", async (t) => {
  onlyOnV1("devices.list");
  const container = await created(t, (config) =>
    withRules(config, [
      NOTHING,
      { allow: true, type: "c", major: 10, minor: 229, access: "rw" },
      { allow: true, type: "b", major: 8, minor: 20, access: "rwm" },
      { allow: true, type: "c", major: 11, access: "r" },
      { allow: false, type: "b", major: 8, minor: 20, access: "m" },
    ]),
  );
  const list = (await limit(container, "devices.list")).split("\n");
  for (const rule of ["c 10:229 rw", "b 8:20 rw", "c 11:* r"]) assert.ok(list.includes(rule), `${rule} in ${list.join()}`);
  assert.not(list.includes("a *:* rwm"));
});

test("RD-01 the default devices may be used whatever the rules say, others not", async (t) => {
  onlyOnV1("devices.list");
  const list = await limit(await created(t, (config) => withRules(config, [NOTHING])), "devices.list");
  for (const rule of ["c 1:3 rwm", "c 1:5 rwm", "c 1:7 rwm", "c 1:8 rwm", "c 1:9 rwm", "c 5:0 rwm", "c 5:2 rwm", "c 136:* rwm"]) {
    assert.ok(list.split("\n").includes(rule), `${rule} in ${list}`);
  }
  assert.not.match(list, "a *:*");
});

test("RD-02 allow says which way a rule is", async (t) => {
  const kmsg = { type: "c", major: 1, minor: 11, access: "rwm" };
  assert.equal(await allowed(t, [NOTHING, { ...kmsg, allow: true }], "kmsg"), ["rwm"]);
  assert.equal(await allowed(t, [{ allow: true, access: "rwm" }, { ...kmsg, allow: false }], "kmsg", "mem"), ["", "rwm"]);
});

test("RD-03 a rule without a type, or of type a, is for all devices", async (t) => {
  assert.equal(await allowed(t, [NOTHING, { allow: true, access: "rwm" }], "kmsg", "block"), ["rwm", "rwm"]);
  assert.equal(await allowed(t, [NOTHING, { allow: true, type: "a", access: "rwm" }], "kmsg", "block"), ["rwm", "rwm"]);
});

test("RD-03 a rule of type c is for no block device, and the other way round", async (t) => {
  assert.equal(await allowed(t, [NOTHING, { allow: true, type: "c", access: "rw" }], "kmsg", "block"), ["rwm", "m"]);
  assert.equal(await allowed(t, [NOTHING, { allow: true, type: "b", access: "rw" }], "kmsg", "block"), ["m", "rwm"]);
});

test("RD-04 major", async (t) => {
  assert.equal(await allowed(t, [NOTHING, { allow: true, type: "c", major: 1, access: "rw" }], "kmsg", "mem", "misc"), ["rwm", "rwm", "m"]);
});

test("RD-04 a rule without a major is for all", async (t) => {
  assert.equal(await allowed(t, [NOTHING, { allow: true, type: "c", minor: 11, access: "rw" }], "kmsg", "mem"), ["rwm", "m"]);
});

test("RD-05 minor", async (t) => {
  assert.equal(await allowed(t, [NOTHING, { allow: true, type: "b", major: 259, minor: 777, access: "r" }], "block", "other"), ["rm", "m"]);
});

test("RD-05 a rule without a minor is for all", async (t) => {
  assert.equal(await allowed(t, [NOTHING, { allow: true, type: "b", major: 259, access: "w" }], "block", "other"), ["wm", "wm"]);
});

for (const access of ["r", "w", "rw"]) {
  test(`RD-06 access ${access}`, async (t) => {
    assert.equal(await allowed(t, [NOTHING, { allow: true, type: "c", major: 1, minor: 11, access }], "kmsg"), [`${access}m`]);
  });
}

test("RD-06 access m can be taken away", async (t) => {
  const rules = [{ allow: true, access: "rwm" }, { allow: false, type: "c", major: 1, minor: 11, access: "m" }];
  assert.equal(await allowed(t, rules, "kmsg", "mem"), ["rw", "rwm"]);
});

test.run();
