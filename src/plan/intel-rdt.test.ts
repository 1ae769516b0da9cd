import { suite } from "uvu";
import * as assert from "uvu/assert";
import { configOf, fakeHost, planOf } from "../../test/plan-cases.ts";
import { ConfigError } from "../errors.ts";
import type { IntelRdt } from "../spec/config.ts";
import type { RuntimeOp, Step } from "./step.ts";

const test = suite("plan/intel-rdt");

type Resctrl = Extract<RuntimeOp, { op: `resctrl_${string}` }>;

function steps(intelRdt: IntelRdt): readonly Step[] {
  return planOf(configOf({ linux: { intelRdt } })).steps;
}

function resctrl(intelRdt: IntelRdt): Resctrl[] {
  return steps(intelRdt).filter((step): step is Extract<Step, Resctrl> => step.op.startsWith("resctrl_"));
}

const GROUP = { by: "runtime", op: "resctrl_group", compare: [], to: "resctrl group" } as const;

test("intelRdt() without closID makes a group of the container's name, which ends with it", () => {
  const [group, ...none] = resctrl({});
  assert.equal(none, []);
  const what = 'use the resctrl group "box"';
  assert.equal(group, { ...GROUP, path: "/sys/fs/resctrl/box", make: true, keep: false, at: "/linux/intelRdt", what });
});

test("intelRdt() uses a closID without schemata as it is", () => {
  const [group] = resctrl({ closID: "some" });
  const what = 'use the resctrl group "some"';
  assert.equal(group, { ...GROUP, path: "/sys/fs/resctrl/some", make: false, keep: true, at: "/linux/intelRdt/closID", what });
});

test("intelRdt() makes a closID with schemata, and compares L3 and MB with one that is there", () => {
  const [group, lines] = resctrl({ closID: "some", l3CacheSchema: "L3:0=f", schemata: ["L2:0=3"], memBwSchema: "MB:0=20" });
  assert.equal(group?.op === "resctrl_group" && [group.make, group.keep, group.compare], [true, true, ["L3:0=f", "MB:0=20"]]);
  assert.equal(lines?.op === "resctrl_schemata" && lines.lines, ["L3:0=f", "MB:0=20", "L2:0=3"]);
});

test('intelRdt() takes the file system\'s own directory for the closID "/"', () => {
  const [group, monitor] = resctrl({ closID: "/", enableMonitoring: true });
  assert.is(group?.path, "/sys/fs/resctrl");
  assert.is(monitor?.path, "/sys/fs/resctrl/mon_groups/box");
});

test("intelRdt() makes a monitoring group after its group", () => {
  const made = resctrl({ enableMonitoring: true, schemata: ["L3:0=f"] });
  assert.equal(made.map(({ op }) => op), ["resctrl_group", "resctrl_schemata", "resctrl_monitor"]);
  assert.is(made[2]?.path, "/sys/fs/resctrl/box/mon_groups/box");
});

test("enterIntelRdt() lets init enter the group, then its monitoring group, before it has children", () => {
  const all = steps({ enableMonitoring: true });
  const spawn = all.findIndex(({ op }) => op === "spawn");
  const [first, second] = all.slice(spawn + 1).filter((step) => step.op === "write");
  assert.equal([first?.op === "write" && first.fd, second?.op === "write" && second.fd], ["resctrl group", "resctrl monitoring group"]);
  assert.equal([first?.op === "write" && first.data, second?.op === "write" && second.data], ["0", "0"]);
  const made = all[spawn];
  assert.equal(made?.op === "spawn" && made.inherit.filter((fd) => fd.startsWith("resctrl")), ["resctrl group", "resctrl monitoring group"]);
});

test("intelRdt() is an error where resctrl is not mounted, and nothing where it is not asked for", () => {
  const asking = configOf({ linux: { intelRdt: {} } });
  assert.throws(() => planOf(asking, { host: fakeHost({ resctrl: () => undefined }) }), (error: unknown) => error instanceof ConfigError);
  const untouched = fakeHost({ resctrl: () => assert.unreachable("it was asked for") as never });
  planOf(configOf(), { host: untouched });
});

test.run();
