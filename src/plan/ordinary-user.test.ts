/** Plans for a user who is not root: who writes the maps, where a cgroup can be, and what only root may ask for. */

import { suite } from "uvu";
import * as assert from "uvu/assert";
import { LEGACY, UNIFIED, configOf, namespaces, planOf, shown, stepsOf } from "../../test/plan-cases.ts";
import type { Host } from "../host.ts";
import type { CgroupLayout } from "../resources/layout.ts";
import type { Plan } from "./step.ts";

const test = suite("plan/ordinary-user");

const USER = 1000;
const OWN = [{ containerID: 0, hostID: USER, size: 1 }];
const MORE = [...OWN, { containerID: 1, hostID: 100_000, size: 10 }];

function planFor({ linux = {}, host = {}, process = {} }: { readonly linux?: object; readonly host?: Partial<Host>; readonly process?: object }): Plan {
  const all = { namespaces: namespaces("mount", "pid", "user"), uidMappings: OWN, gidMappings: OWN, ...linux };
  return planOf(configOf({ linux: all, process: { cwd: "/", args: ["sh"], user: { uid: 0, gid: 0, ...process } } }), {
    host: { uid: USER, gid: USER, mayMake: () => false, ...host },
  });
}

function writer(linux: object): unknown {
  return stepsOf(planFor({ linux }), "write_idmap")[0]?.writer;
}

test("idmapWriter() is the user for his own ids alone, else the helpers, which also write one foreign id", () => {
  assert.is(writer({}), "user");
  assert.is(writer({ uidMappings: MORE, gidMappings: MORE }), "newuidmap");
  assert.is(writer({ gidMappings: MORE }), "newuidmap");
  assert.is(writer({ uidMappings: [{ containerID: 0, hostID: 0, size: 1 }] }), "newuidmap");
});

test("enterNamespaces() lets the runtime write the maps, and only for that time", () => {
  const steps = planFor({}).steps.map(shown);
  const write = steps.findIndex((step) => step.startsWith("write_idmap"));
  assert.match(steps[write - 2] ?? "", /^prctl\(option=4, arg2=1/);
  assert.match(steps[write + 1] ?? "", /^prctl\(option=4, arg2=0/);
});

test("usableLayout() leaves out the hierarchies in which he may make nothing", () => {
  const own = (directory: string): boolean => directory.startsWith("/sys/fs/cgroup/memory/");
  const spawn = stepsOf(planFor({ host: { cgroups: () => LEGACY, mayMake: own } }), "spawn")[0];
  assert.equal(spawn?.inherit.filter((name) => name.endsWith("tasks")), ["memory tasks"]);
});

test("without a cgroupsPath his cgroup is below the one that he is in, where that is v2's", () => {
  const [hierarchy, ...none] = UNIFIED.hierarchies;
  assert.is(none.length, 0);
  const layout: CgroupLayout = { ...UNIFIED, hierarchies: hierarchy === undefined ? [] : [{ ...hierarchy, own: "/user.slice/app" }] };
  const path = (linux: object): unknown => stepsOf(planFor({ linux, host: { cgroups: () => layout, mayMake: () => true } }), "cgroup_create")[0]?.path;
  assert.match(String(path({})), /^\/user\.slice\/app\/[^/]+$/);
  assert.is(path({ cgroupsPath: "/given" }), "/given");
});

test("cgroupMembership() has no device program for him: he could not load it", () => {
  const host = { cgroups: () => UNIFIED, mayMake: () => true };
  assert.is(stepsOf(planFor({ linux: { resources: { devices: [{ allow: false, access: "rwm" }] } }, host }), "cgroup_devices").length, 0);
});

test("a limit where he may make no cgroup is an error that says what to do", () => {
  const limits = { resources: { memory: { limit: 4096 } } };
  assert.throws(() => planFor({ linux: limits, host: { cgroups: () => UNIFIED } }), /"memory\.max".*only root may use here.*Delegate=yes.*\/linux\/resources\/memory\/limit/);
  assert.throws(() => planFor({ linux: limits, host: { cgroups: () => LEGACY } }), /"memory\.limit_in_bytes".*only root may use here.*cgroupsPath/);
});

test("planContext() refuses a config without a user namespace, and groups that he cannot have", () => {
  assert.throws(() => planFor({ linux: { namespaces: namespaces("mount", "pid"), uidMappings: [], gidMappings: [] } }), /namespace of the type "user".*spec --rootless.*\/linux\/namespaces/);
  assert.throws(() => planFor({ process: { additionalGids: [5] } }), /additionalGids/);
  assert.not.throws(() => planFor({ process: { additionalGids: [5] }, linux: { uidMappings: MORE, gidMappings: MORE } }));
});

test("root of a user namespace that the runtime is in does without cgroups, and binds devices, though he makes no namespace of his own", () => {
  const linux = { namespaces: namespaces("mount", "pid"), resources: { devices: [{ allow: false, access: "rwm" }] } };
  const config = configOf({ linux, process: { cwd: "/", args: ["sh"], user: { uid: 0, gid: 0 } } });
  const opsOf = (host: Partial<Host>): string[] => planOf(config, { host: { mayMake: () => false, ...host } }).steps.map(({ op }) => op);
  const [root, nested] = [opsOf({}), opsOf({ inUserNamespace: () => true })];
  assert.ok(root.includes("mknod") && root.includes("cgroup_devices"));
  assert.not.ok(nested.includes("mknod") || nested.includes("cgroup_devices"));
  const entries = stepsOf(planOf(config, { host: { mayMake: () => false, inUserNamespace: () => true, cgroups: () => LEGACY } }), "spawn")[0]?.inherit;
  assert.equal(entries?.filter((name) => name.endsWith("tasks")), []);
});

test.run();
