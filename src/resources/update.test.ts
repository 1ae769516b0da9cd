import { suite } from "uvu";
import * as assert from "uvu/assert";
import { ALL_LEGACY, ALL_UNIFIED } from "../../test/plan-cases.ts";
import { ConfigError } from "../errors.ts";
import type { DeviceRule, Resources } from "../spec/config.ts";
import type { CgroupLayout } from "./layout.ts";
import { planUpdate } from "./update.ts";

const test = suite("resources/update");

function lines(old: Resources, change: Resources, layout: CgroupLayout): string[] {
  return planUpdate(old, change, { layout, file: "resources" }).writes.map(({ file, value }) => `${file}=${value}`);
}

const OLD: Resources = {
  memory: { limit: 1000, swap: 3000, reservation: 500 },
  cpu: { shares: 512, quota: 20000, period: 50000 },
  pids: { limit: 10 },
};

test("planUpdate() writes what is asked for, even if it seems to hold, and nothing else", () => {
  assert.equal(lines(OLD, { pids: { limit: 20 } }, ALL_LEGACY), ["pids.max=20"]);
  assert.equal(lines(OLD, { pids: { limit: 10 } }, ALL_LEGACY), ["pids.max=10"]);
  assert.equal(lines(OLD, {}, ALL_UNIFIED), []);
  assert.equal(lines({}, { cpu: { shares: 1024 } }, ALL_UNIFIED), ["cpu.weight=100"]);
});

test("planUpdate() writes what follows from a change by what holds already", () => {
  assert.equal(lines(OLD, { memory: { limit: 2000 } }, ALL_UNIFIED), ["memory.max=2000", "memory.swap.max=1000"]);
  assert.equal(lines(OLD, { memory: { swap: 4000 } }, ALL_UNIFIED), ["memory.swap.max=3000"]);
  assert.equal(lines(OLD, { cpu: { period: 60000 } }, ALL_UNIFIED), ["cpu.max=20000 60000"]);
  assert.equal(lines(OLD, { cpu: { period: 60000 } }, ALL_LEGACY), ["cpu.cfs_period_us=60000"]);
  assert.equal(lines(OLD, { memory: { limit: -1 } }, ALL_LEGACY), ["memory.memsw.limit_in_bytes=-1", "memory.limit_in_bytes=-1"]);
});

test("planUpdate() lets the OOM killer work again", () => {
  const change = { memory: { disableOOMKiller: false } };
  assert.equal(lines({ memory: { disableOOMKiller: true } }, change, ALL_LEGACY), ["memory.oom_control=0"]);
  assert.equal(lines({}, change, ALL_UNIFIED), []);
});

test("planUpdate() drops a file that was given by its name where a field sets it now", () => {
  const old = { unified: { "memory.max": "5", "memory.high": "4" }, memory: { limit: 6 } };
  const { writes, resources } = planUpdate(old, { memory: { limit: 7 } }, { layout: ALL_UNIFIED, file: "resources" });
  assert.equal(writes.map(({ file, value }) => `${file}=${value}`), ["memory.max=7"]);
  assert.equal(resources, { memory: { limit: 7 }, unified: { "memory.high": "4" } });
  assert.equal(lines(old, { unified: { "memory.max": "8" } }, ALL_UNIFIED), ["memory.max=6", "memory.max=8"]);
});

test("planUpdate() reports problems with their places in the document of limits", () => {
  try {
    planUpdate(OLD, { memory: { swap: 500 }, network: { classID: 1 } }, { layout: ALL_UNIFIED, file: "limits.json" });
    assert.unreachable();
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    assert.equal([error.file, error.problems.map(({ pointer }) => pointer)], ["limits.json", ["/memory/swap", "/network/classID"]]);
  }
});

const FUSE: DeviceRule = { allow: true, type: "c", major: 10, minor: 229, access: "rwm" };
const DENY: DeviceRule = { allow: false, access: "rwm" };

function devices(from: readonly DeviceRule[] | undefined, to: readonly DeviceRule[], layout: CgroupLayout): unknown {
  const old = from === undefined ? {} : { devices: from };
  const update = planUpdate(old, { devices: to }, { layout, file: "resources" }).devices;
  if (update?.version !== 1) return update;
  const shown = (writes: typeof update.writes): string[] => writes.map(({ file, value }) => `${file.slice(8)} ${value}`);
  return { writes: shown(update.writes), undo: shown(update.undo), gap: update.gap };
}

test("planUpdate() on v1 adds what rules allow now before it takes what they allow no more", () => {
  const loop: DeviceRule = { allow: true, type: "b", major: 7, access: "r" };
  assert.equal(devices([DENY, FUSE], [DENY, { ...FUSE, access: "r" }, loop], ALL_LEGACY), {
    writes: ["allow b 7:* r", "deny c 10:229 wm"],
    undo: ["allow c 10:229 wm", "deny b 7:* r"],
    gap: false,
  });
  assert.equal(devices(undefined, [DENY, FUSE], ALL_LEGACY), { writes: ["allow c 10:229 rwm"], undo: ["deny c 10:229 rwm"], gap: false });
  assert.equal(devices([{ allow: true }, { ...FUSE, allow: false }], [{ allow: true }, { ...loop, allow: false }], ALL_LEGACY), {
    writes: ["deny b 7:* r", "allow c 10:229 rwm"],
    undo: ["deny c 10:229 rwm", "allow b 7:* r"],
    gap: false,
  });
});

test("planUpdate() on v1 begins anew where the rules allow otherwise what they do not name", () => {
  const update = devices([{ allow: true }], [DENY, FUSE], ALL_LEGACY) as { writes: string[]; undo: string[]; gap: boolean };
  assert.equal([update.writes.slice(0, 2), update.undo, update.gap], [["deny a", "allow c 10:229 rwm"], ["allow a"], true]);
});

test("planUpdate() on v2 has a program, or none where everything is allowed", () => {
  const update = planUpdate({}, { devices: [DENY, FUSE] }, { layout: ALL_UNIFIED, file: "" }).devices;
  assert.ok(update?.version === 2 && (update.program?.length ?? 0) > 0);
  assert.equal(devices([DENY], [{ allow: true }], ALL_UNIFIED), { version: 2, program: undefined });
});

test("planUpdate() leaves devices alone that are not given, or as they are", () => {
  assert.is(devices([DENY, FUSE], [DENY, FUSE], ALL_LEGACY), undefined);
  assert.is(devices([DENY, FUSE], [], ALL_UNIFIED), undefined);
});

test.run();
