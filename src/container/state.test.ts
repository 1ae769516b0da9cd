import { suite } from "uvu";
import * as assert from "uvu/assert";
import { hasFreezerOfV1, parseState, parseSummary } from "./state.ts";

const state = suite("state");

/** As `create` writes it. */
const STORED = {
  version: 1,
  id: "one",
  ociVersion: "1.3.0",
  phase: "created",
  bundle: '/a "bundle",\\"ownPidNamespace":',
  rootfs: "/a/rootfs",
  annotations: { ',"ownPidNamespace":': "true" },
  created: "2026-01-02T03:04:05.678Z",
  owner: "0",
  bootId: "boot",
  pid: 7,
  startTime: 70,
  ownPidNamespace: true,
  hasProcess: true,
  hooks: {},
  lastSteps: [],
  cgroup: { path: "/one", directories: [{ version: 1, controllers: ["freezer"], path: "/sys/fs/cgroup/freezer/one", created: true }], parents: [] },
};

state("parseSummary() reads what parseState() reads, up to the pid namespace", () => {
  const text = JSON.stringify(STORED);
  const { ownPidNamespace, hasProcess, hooks, lastSteps, cgroup, ...summary } = STORED;
  assert.equal(parseSummary(text, "one"), summary);
  assert.equal(parseSummary(`${text}\n`, "one"), summary);
  assert.equal(parseState(text, "one"), STORED);
  assert.ok(ownPidNamespace && hasProcess && hooks && lastSteps && cgroup);
});

state("parseSummary() leaves to parseState() what create() did not write so", () => {
  const text = JSON.stringify(STORED);
  const { pid, ...withoutPid } = STORED;
  const others = ["", "{", text.slice(0, -2), text.slice(0, 40), JSON.stringify({ ...STORED, version: 2 }), JSON.stringify(withoutPid)];
  for (const other of [...others, JSON.stringify({ ...STORED, pid: `${pid}` }), JSON.stringify(STORED, null, 1)]) {
    assert.is(parseSummary(other, "one"), undefined, other);
  }
  assert.is(parseSummary(text, "two"), undefined);
});

state("hasFreezerOfV1() tells v1 from v2", () => {
  assert.is(hasFreezerOfV1(JSON.stringify(STORED)), true);
  const unified = [{ version: 2, controllers: ["freezer"], path: "/", created: true }];
  assert.is(hasFreezerOfV1(JSON.stringify({ ...STORED, cgroup: { ...STORED.cgroup, directories: unified } })), false);
});

state.run();
