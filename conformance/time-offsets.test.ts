/** `linux.timeOffsets`: the clocks of a time namespace (config-linux.md#offset-for-time-namespace). */

import * as fs from "node:fs";
import * as assert from "uvu/assert";
import type { BundleConfig } from "../test/bundle.ts";
import { skip } from "../test/harness.ts";
import { withUserNamespace } from "../test/rich-configs.ts";
import { cannotCreate, inside, output, runBundle, script } from "./containers.ts";
import { suite } from "./suite.ts";

const test = suite("time offsets", () => {
  if (!fs.existsSync("/proc/self/ns/time")) skip("this kernel has no time namespaces");
});

const SHOW = "cat /proc/self/timens_offsets";

function withOffsets(timeOffsets: object): (config: BundleConfig) => void {
  return (config) => {
    config.linux.namespaces.push({ type: "time" });
    config.linux["timeOffsets"] = timeOffsets;
  };
}

/** Words of the kernel's table, which is padded with blanks. */
function words(text: string): string[] {
  return text.trim().split("\n").map((line) => line.trim().split(/ +/).join(" "));
}

test("TO-01 TO-02 TO-03 the clocks are off by seconds and nanoseconds", async (t) => {
  const text = await inside(t, SHOW, withOffsets({ monotonic: { secs: 1000, nanosecs: 7 }, boottime: { secs: 2000 } }));
  assert.equal(words(text), ["monotonic 1000 7", "boottime 2000 0"]);
});

test("TO-01 a clock that is not named is not off", async (t) => {
  const text = await inside(t, SHOW, withOffsets({ boottime: { nanosecs: 5 } }));
  assert.equal(words(text), ["monotonic 0 0", "boottime 0 5"]);
});

test("TO-02 a clock can be behind", async (t) => {
  assert.equal(words(await inside(t, SHOW, withOffsets({ monotonic: { secs: -1 } })))[0], "monotonic -1 0");
});

test("TO-01 the program sees the clock", async (t) => {
  const secs = 1_000_000;
  const before = uptime(fs.readFileSync("/proc/uptime", "latin1"));
  const there = uptime(await inside(t, "cat /proc/uptime", withOffsets({ boottime: { secs } }))) - secs * 100;
  const after = uptime(fs.readFileSync("/proc/uptime", "latin1"));
  assert.ok(there >= before && there <= after, `${before} ${there} ${after}`);
});

test("TO-01 the clocks are off in a user namespace, too", async (t) => {
  const bundle = withUserNamespace(t, (config) => {
    script(config, SHOW);
    withOffsets({ monotonic: { secs: 1 }, boottime: { secs: 2 } })(config);
  });
  assert.equal(words(output(await runBundle(t, bundle))), ["monotonic 1 0", "boottime 2 0"]);
});

test("TO-01 offsets without a time namespace are an error", async (t) => {
  await cannotCreate(t, (config) => (config.linux["timeOffsets"] = { monotonic: { secs: 1 } }), /./);
});

test("TO-01 offsets of a time namespace that is there already are an error", async (t) => {
  const change = (config: BundleConfig): void => {
    config.linux.namespaces.push({ type: "time", path: "/proc/self/ns/time" });
    config.linux["timeOffsets"] = { monotonic: { secs: 1 } };
  };
  await cannotCreate(t, change, /./);
});

for (const [why, offsets] of [
  ["TO-01 an unknown clock", { realtime: { secs: 1 } }],
  ["TO-02 an offset that makes a clock negative", { boottime: { secs: -1_000_000_000 } }],
  ["TO-02 an offset beyond the kernel's range", { monotonic: { secs: 9_000_000_000_000_000 } }],
  ["TO-02 a fraction of a second", { monotonic: { secs: 0.5 } }],
  ["TO-03 a billion nanoseconds", { monotonic: { nanosecs: 1_000_000_000 } }],
  ["TO-03 nanoseconds below 0", { monotonic: { nanosecs: -1 } }],
] as const) {
  test(`${why} is an error`, async (t) => {
    await cannotCreate(t, withOffsets(offsets), /./);
  });
}

/** In hundredths of a second. */
function uptime(text: string): number {
  return Number(text.split(" ")[0]?.replace(".", ""));
}

test.run();
