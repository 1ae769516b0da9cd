import { suite } from "uvu";
import * as assert from "uvu/assert";
import { MAPS, configOf, namespaces, planOf, shown, stepsAt } from "../../test/plan-cases.ts";
import type { Plan } from "./step.ts";

const test = suite("plan/time-offsets");

function planWith(timeOffsets: object, ...types: string[]): Plan {
  return planOf(configOf({ linux: { namespaces: namespaces("mount", "time", ...types), timeOffsets, ...(types.includes("user") ? MAPS : {}) } }));
}

test("writeTimeOffsets() writes a line for each clock at once", () => {
  const steps = stepsAt(planWith({ monotonic: { secs: -5 }, boottime: { secs: 7, nanosecs: 8 } }), "/linux/timeOffsets");
  assert.equal(steps.map(shown), [
    'openat2(path="/proc/self/timens_offsets", flags=1, mode=0, resolve=0, to="time offsets")',
    'write(fd="time offsets", data="monotonic -5 0\\nboottime 7 8\\n")',
  ]);
});

test("writeTimeOffsets() keeps seconds beyond 2^53", () => {
  const config = configOf({ linux: { namespaces: namespaces("mount", "time") } });
  const linux = { ...config.linux, timeOffsets: { monotonic: { secs: 2n ** 53n + 1n } } };
  const [, write] = stepsAt(planOf({ ...config, linux }), "/linux/timeOffsets");
  assert.is(shown(write), 'write(fd="time offsets", data="monotonic 9007199254740993 0\\n")');
});

test("openTimeOffsets() comes before the user namespace, writeTimeOffsets() between the time namespace and the clone", () => {
  const { steps } = planWith({ boottime: { secs: 1 } }, "user");
  const order = steps.flatMap((step) => {
    if (step.op === "unshare" || step.op === "clone") return [step.what];
    return step.at === "/linux/timeOffsets" ? [step.op] : [];
  });
  const clone = "clone init into the container's namespaces";
  assert.equal(order, ["openat2", "make the user namespace", "make the time namespace", "write", clone]);
});

test("no clock, no step", () => {
  assert.equal(stepsAt(planWith({}), "/linux/timeOffsets"), []);
});

test.run();
