import { suite } from "uvu";
import * as assert from "uvu/assert";
import { HYBRID, MAPS, configOf, namespaces, opsOf, planOf, shown, stepsOf } from "../../test/plan-cases.ts";
import type { NamespaceEntry, Planning } from "../../test/plan-cases.ts";
import {
  CLONE_NEWCGROUP,
  CLONE_NEWIPC,
  CLONE_NEWNET,
  CLONE_NEWNS,
  CLONE_NEWPID,
  CLONE_NEWTIME,
  CLONE_NEWUSER,
  CLONE_NEWUTS,
} from "../linux/clone-flags.ts";
import type { Plan } from "./step.ts";

const test = suite("plan/namespaces");

function planWith(types: NamespaceEntry[], options?: Planning & { linux?: Record<string, unknown> }): Plan {
  return planOf(configOf({ linux: { namespaces: namespaces(...types), ...options?.linux } }), options);
}

function cloned(plan: Plan): number {
  return [...stepsOf(plan, "spawn"), ...stepsOf(plan, "clone")].reduce((sum, { flags }) => sum | Number(flags), 0);
}

const ALL = ["pid", "network", "mount", "ipc", "uts", "cgroup", "user", "time"];

test("spawnInit() clones all but cgroup, time and user in one stage", () => {
  const plan = planWith(["mount", "pid", "network", "ipc", "uts", "cgroup"]);
  assert.is(stepsOf(plan, "spawn")[0]?.flags, CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS);
  assert.equal(opsOf(plan, "clone"), []);
});

for (const [why, types] of [
  ["a new user namespace", ["mount", "user"]],
  ["a joined user namespace", ["mount", ["user", "/u"]]],
  ["a time namespace", ["mount", "time"]],
  ["a pid namespace by path", ["mount", ["pid", "/p"]]],
] as const) {
  test(`enterNamespaces() has a second stage for ${why}, and the first is born in none`, () => {
    const plan = planWith([...types], { linux: why.startsWith("a new") ? MAPS : {} });
    assert.is(stepsOf(plan, "spawn")[0]?.flags, 0);
    assert.is(stepsOf(plan, "clone").length, 1);
    assert.is(Number(stepsOf(plan, "clone")[0]?.flags) & CLONE_NEWNS, CLONE_NEWNS);
  });
}

test("no clone makes a user, time or cgroup namespace, whatever else there is", () => {
  for (let mask = 0; mask < 2 ** ALL.length; mask++) {
    const types = ALL.filter((_, index) => (mask >> index) % 2 === 1);
    const plan = planWith(types, { linux: types.includes("user") ? MAPS : {} });
    assert.is(cloned(plan) & (CLONE_NEWUSER | CLONE_NEWTIME | CLONE_NEWCGROUP), 0);
    const unshared = stepsOf(plan, "unshare").reduce((sum, { flags }) => sum + Number(flags), 0);
    const made = (types.includes("user") ? CLONE_NEWUSER : 0) + (types.includes("time") ? CLONE_NEWTIME : 0);
    assert.is(unshared, made + (types.includes("cgroup") ? CLONE_NEWCGROUP : 0), types.join());
  }
});

test("finishNamespaces() makes the cgroup namespace after the last way into a cgroup", () => {
  const plan = planWith(["mount", "cgroup", "time"], { host: { cgroups: () => HYBRID } });
  const last = plan.steps.findLastIndex((step) => step.op === "write" && step.fd?.endsWith(" tasks"));
  const made = plan.steps.findIndex((step) => step.op === "unshare" && step.flags === CLONE_NEWCGROUP);
  assert.ok(last > 0 && made > last, `${last} ${made}`);
});

test("enterNamespaces() makes the time namespace before the last clone, which freezes its offsets", () => {
  const ops = opsOf(planWith(["mount", "time"]), "unshare", "clone");
  assert.equal(ops, ["unshare", "clone"]);
});

test("finishNamespaces() brings lo up in a new network namespace only", () => {
  assert.equal(opsOf(planWith(["mount", "network"]), "lo_up"), ["lo_up"]);
  assert.equal(opsOf(planWith(["mount", ["network", "/n"]]), "lo_up"), []);
  assert.equal(opsOf(planWith(["mount"]), "lo_up"), []);
});

test("enterNamespaces() joins the mount namespace last", () => {
  const plan = planWith([["mount", "/m"], ["network", "/n"], ["ipc", "/i"], ["uts", "/u"]]);
  const joined = stepsOf(plan, "setns").map(({ fd }) => fd);
  assert.is(joined.at(-1), "mount namespace");
  assert.is(joined.length, 4);
  assert.equal(stepsOf(plan, "spawn")[0]?.inherit.slice(0, 4), ["mount namespace", "network namespace", "ipc namespace", "uts namespace"]);
});

test("enterNamespaces() tries to join with the host's privileges, then with those of the user namespace", () => {
  const plan = planWith(["mount", ["user", "/u"], ["network", "/n"]]);
  const joins = stepsOf(plan, "setns").map(({ fd, attempt }) => `${fd} ${String(attempt)}`);
  assert.equal(joins, ["network namespace true", "user namespace false", "network namespace false"]);
});

test("openNamespaces() takes an empty path for none", () => {
  const plan = planWith(["mount", ["network", ""]]);
  assert.equal(opsOf(plan, "open_namespace", "setns"), []);
  assert.is(Number(stepsOf(plan, "spawn")[0]?.flags) & CLONE_NEWNET, CLONE_NEWNET);
});

test("openNamespaces() opens before anything exists, each with its place in the config", () => {
  const plan = planWith(["mount", ["network", "/n"]]);
  assert.is(shown(plan.steps[0]), 'open_namespace(path="/n", type="network", to="network namespace")');
  assert.is(plan.steps[0]?.at, "/linux/namespaces/1/path");
});

test("enterNamespaces() writes the maps while init waits between unshare and the rest", () => {
  const { uidMappings } = MAPS as { uidMappings: object[] };
  const linux = { uidMappings: [...uidMappings, { containerID: 65536, hostID: 5, size: 1 }], gidMappings: uidMappings };
  const plan = planWith(["mount", "user"], { linux });
  const at = plan.steps.findIndex(({ op }) => op === "unshare");
  assert.equal(plan.steps.slice(at, at + 5).map(shown), [
    `unshare(flags=${CLONE_NEWUSER})`,
    'gate(name="idmap", count=0)',
    'write_idmap(uid="0 100000 65536\\n65536 5 1\\n", gid="0 100000 65536\\n", writer="root")',
    "setresgid(gid=0)",
    "setresuid(uid=0)",
  ]);
});

test("enterNamespaces() becomes root only where the namespace has one", () => {
  const linux = { uidMappings: [{ containerID: 1, hostID: 1000, size: 5 }], gidMappings: [{ containerID: 0, hostID: 1000, size: 5 }] };
  const plan = planOf(configOf({ process: { user: { uid: 1, gid: 1 } }, linux: { namespaces: namespaces("mount", "user"), ...linux } }));
  const clone = plan.steps.findIndex(({ op }) => op === "clone");
  assert.equal(opsOf({ ...plan, steps: plan.steps.slice(0, clone) }, "setresgid", "setresuid"), ["setresgid"]);
});

test("finishNamespaces() sets no empty names", () => {
  const config = configOf({ hostname: "", domainname: "", linux: { namespaces: namespaces("mount", "uts") } });
  assert.equal(opsOf(planOf(config), "sethostname", "setdomainname"), []);
});

test.run();
