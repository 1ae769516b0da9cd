/** `process.capabilities`: the five sets, as the program finds them (config.md#linux-process, capabilities(7)). */

import * as assert from "uvu/assert";
import { skip } from "../test/harness.ts";
import type { Ground } from "../test/harness.ts";
import { inside, read, run } from "./containers.ts";
import { suite } from "./suite.ts";

const test = suite("capabilities");

const NUMBERS = { CAP_CHOWN: 0, CAP_KILL: 5, CAP_NET_BIND_SERVICE: 10, CAP_SYS_ADMIN: 21, CAP_SYS_RESOURCE: 24, CAP_AUDIT_WRITE: 29 } as const;
type Name = keyof typeof NUMBERS;

interface Sets {
  readonly bounding?: readonly string[];
  readonly effective?: readonly string[];
  readonly inheritable?: readonly string[];
  readonly permitted?: readonly string[];
  readonly ambient?: readonly string[];
}

const LINES = { inheritable: "CapInh", permitted: "CapPrm", effective: "CapEff", bounding: "CapBnd", ambient: "CapAmb" } as const;

function mask(names: readonly string[]): string {
  const bits = names.reduce((sum, name) => sum | (1n << BigInt(NUMBERS[name as Name])), 0n);
  return bits.toString(16).padStart(16, "0");
}

/** The sets that a program of this user finds, by their names in the config. */
async function found(t: Ground, capabilities: Sets | undefined, uid = 0, noNewPrivileges = true): Promise<Readonly<Record<keyof Sets, string>>> {
  const text = await inside(t, "", (config) => {
    config.process.args = ["/bin/grep", "^Cap", "/proc/self/status"];
    config.process.user = { uid, gid: uid };
    config.process["capabilities"] = capabilities;
    config.process["noNewPrivileges"] = noNewPrivileges;
  });
  const entries = Object.entries(LINES).map(([set, line]) => [set, new RegExp(`^${line}:\t(\\w+)$`, "m").exec(text)?.[1] ?? ""]);
  return Object.fromEntries(entries) as Record<keyof Sets, string>;
}

test("PRC-22 to PRC-26 all five sets alike are found so by root, and by another user", async (t) => {
  const names = ["CAP_CHOWN", "CAP_KILL", "CAP_SYS_ADMIN"];
  const all = { bounding: names, effective: names, inheritable: names, permitted: names, ambient: names };
  const expected = { bounding: mask(names), effective: mask(names), inheritable: mask(names), permitted: mask(names), ambient: mask(names) };
  assert.equal(await found(t, all, 1000), expected);
  // For root the kernel computes the ambient set in as well.
  assert.equal({ ...(await found(t, all)), ambient: mask(names) }, expected);
});

test("PRC-23 the bounding set limits what root gains by the execution", async (t) => {
  const sets = await found(t, { bounding: ["CAP_KILL", "CAP_CHOWN"], effective: ["CAP_KILL"], permitted: ["CAP_KILL"] }, 0, false);
  assert.is(sets.bounding, mask(["CAP_KILL", "CAP_CHOWN"]));
  assert.is(sets.permitted, mask(["CAP_KILL", "CAP_CHOWN"]));
});

test("PRC-26 another user keeps only what is ambient", async (t) => {
  const some = ["CAP_KILL", "CAP_NET_BIND_SERVICE"];
  const sets = await found(t, { bounding: [...some, "CAP_CHOWN"], effective: some, inheritable: some, permitted: some, ambient: ["CAP_KILL"] }, 1000);
  assert.equal(sets, {
    bounding: mask([...some, "CAP_CHOWN"]),
    inheritable: mask(some),
    permitted: mask(["CAP_KILL"]),
    effective: mask(["CAP_KILL"]),
    ambient: mask(["CAP_KILL"]),
  });
});

test("PRC-24 the inheritable set is empty unless the config names it (CVE-2022-29162)", async (t) => {
  const names = ["CAP_CHOWN", "CAP_KILL"];
  assert.is((await found(t, { bounding: names, effective: names, permitted: names })).inheritable, mask([]));
});

test("PRC-22 to PRC-26 empty sets, and no sets at all, leave nothing", async (t) => {
  const nothing = { bounding: mask([]), effective: mask([]), inheritable: mask([]), permitted: mask([]), ambient: mask([]) };
  assert.equal(await found(t, {}), nothing);
  assert.equal(await found(t, undefined), nothing);
});

test("PRC-21 another user without ambient capabilities has none, but for the bounding set", async (t) => {
  const names = ["CAP_KILL"];
  const sets = await found(t, { bounding: names, effective: names, permitted: names, inheritable: names }, 1000);
  assert.equal([sets.permitted, sets.effective, sets.ambient], [mask([]), mask([]), mask([])]);
});

test("PRC-21 an unknown capability is a warning", async (t) => {
  const result = await run(t, "echo up", (config) => {
    config.process["capabilities"] = { bounding: ["CAP_KILL", "CAP_TEST"], effective: ["CAP_KILL"], permitted: ["CAP_KILL"] };
  });
  assert.is(result.status, 0);
  assert.is(result.stdout, "up\n");
  assert.match(result.stderr, /warning.*CAP_TEST/);
});

test("PRC-21 a capability that the caller does not have is a warning, and the others are given", async (t) => {
  const own = BigInt(`0x${/^CapBnd:\t(\w+)$/m.exec(read("/proc/self/status"))?.[1] ?? "0"}`);
  if ((own & (1n << BigInt(NUMBERS.CAP_SYS_RESOURCE))) !== 0n) skip("the caller has all capabilities");
  const names = ["CAP_KILL", "CAP_SYS_RESOURCE"];
  const result = await run(t, "grep CapEff /proc/self/status", (config) => {
    config.process["capabilities"] = { bounding: names, effective: names, permitted: names };
  });
  assert.is(result.status, 0);
  assert.is(result.stdout, `CapEff:\t${mask(["CAP_KILL"])}\n`);
  assert.match(result.stderr, /warning.*CAP_SYS_RESOURCE/);
});

test("PRC-21 names in lower case or without CAP_ are unknown", async (t) => {
  const result = await run(t, "grep CapBnd /proc/self/status", (config) => {
    config.process["capabilities"] = { bounding: ["KILL", "CAP_CHOWN"] };
  });
  assert.is(result.status, 0);
  assert.is(result.stdout, `CapBnd:\t${mask(["CAP_CHOWN"])}\n`);
});

test.run();
