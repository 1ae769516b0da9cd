import { suite } from "uvu";
import * as assert from "uvu/assert";
import { HYBRID, LEGACY, MAPS, UNIFIED, configOf, namespaces, opsOf, planOf, shown, stepsOf, withoutClosing } from "../../test/plan-cases.ts";
import type { CgroupLayout } from "../resources/layout.ts";
import type { Plan } from "./step.ts";

const test = suite("plan/cgroup");

function planOn(layout: CgroupLayout, linux: object = {}): Plan {
  return planOf(configOf({ linux }), { host: { cgroups: () => layout } });
}

const TASKS = ["cpu,cpuacct tasks", "memory tasks", "devices tasks", "pids tasks", "freezer tasks", "systemd tasks"];

test("cgroupEntry() lets init move itself into each v1 hierarchy first of all", () => {
  const { steps } = planOn(LEGACY);
  const first = steps.findIndex(({ by }) => by === "init");
  const own = withoutClosing(steps.slice(first));
  assert.equal(own.slice(0, TASKS.length).map(shown), TASKS.map((fd) => `write(fd="${fd}", data="0")`));
});

for (const [name, layout, entries, into] of [["legacy", LEGACY, TASKS, false], ["hybrid", HYBRID, TASKS, true], ["unified", UNIFIED, [], true]] as const) {
  test(`cgroupMembership() on a ${name} host: ${entries.length} descriptors, ${into ? "and" : "not"} born in the cgroup`, () => {
    const [spawn] = stepsOf(planOn(layout), "spawn");
    assert.equal(spawn?.inherit, [...entries, "exec fifo"]);
    assert.is(spawn?.intoCgroup, into);
  });
}

test("cgroupMembership() sets the limits before there is a process", () => {
  const plan = planOn(UNIFIED, { resources: { pids: { limit: 5 }, memory: { limit: 4096 } }, cgroupsPath: "/a/b" });
  assert.equal(opsOf(plan).slice(0, 6), ["cgroup_create", "cgroup_write", "cgroup_write", "cgroup_devices", "exec_fifo", "spawn"]);
  assert.is(shown(plan.steps[0]), 'cgroup_create(path="/a/b", controllers=["memory","pids"])');
  assert.equal(stepsOf(plan, "cgroup_write").map(({ file, value, at }) => [file, value, at]), [
    ["memory.max", "4096", "/linux/resources/memory/limit"],
    ["pids.max", "5", "/linux/resources/pids/limit"],
  ]);
});

test("cgroupMembership() leaves a limit of one process to init where it has two stages, of which the second sets it", () => {
  const linux = { namespaces: namespaces("mount", "pid", "user"), ...MAPS };
  for (const [limit, layout, value] of [[1, LEGACY, "1"], [0, LEGACY, "0"], [0, UNIFIED, "1"]] as const) {
    const plan = planOn(layout, { ...linux, resources: { pids: { limit }, devices: [{ allow: true }] } });
    const version = layout === UNIFIED ? 2 : 1;
    assert.equal(stepsOf(plan, "cgroup_open").map(shown), [`cgroup_open(controller="pids", version=${version}, file="pids.max", to="pids.max")`]);
    assert.ok(stepsOf(plan, "spawn")[0]?.inherit.includes("pids.max"));
    const names = withoutClosing(plan.steps).map(shown);
    const write = names.indexOf(`write(fd="pids.max", data="${value}")`);
    assert.is(names.findIndex((name) => name.startsWith("clone(")), write - 1);
  }
  const more = planOn(LEGACY, { ...linux, resources: { pids: { limit: 2 }, devices: [{ allow: true }] } });
  assert.equal(stepsOf(more, "cgroup_write").map(({ file, value }) => `${file}=${value}`), ["pids.max=2", "devices.allow=a"]);
  const single = planOn(LEGACY, { resources: { pids: { limit: 1 }, devices: [{ allow: true }] } });
  assert.equal(opsOf(single, "cgroup_open"), []);
});

test("lastLimits() takes the OOM killer away when init is all but done, before it gives up what leads out of the container", () => {
  const plan = planOn(LEGACY, { resources: { memory: { limit: 4096, disableOOMKiller: true } } });
  assert.equal(stepsOf(plan, "cgroup_open").map(({ file, at }) => [file, at]), [["memory.oom_control", "/linux/resources/memory/disableOOMKiller"]]);
  assert.ok(stepsOf(plan, "spawn")[0]?.inherit.includes("memory.oom_control"));
  const names = plan.steps.map(shown);
  const write = names.indexOf('write(fd="memory.oom_control", data="1")');
  assert.is(names[write + 1], 'fchdir(fd="rootfs")');
  const left = planOn(LEGACY, { resources: { memory: { limit: 4096, disableOOMKiller: false } } });
  assert.equal(opsOf(left, "cgroup_open"), []);
});

test("cgroupMembership() writes device rules on v1, attaches a program on v2", () => {
  const resources = { devices: [{ allow: false, access: "rwm" }] };
  const controllers = stepsOf(planOn(LEGACY, { resources }), "cgroup_write").map(({ controller }) => controller);
  assert.ok(controllers.length > 0 && controllers.every((controller) => controller === "devices"));
  assert.equal(opsOf(planOn(LEGACY, { resources }), "cgroup_devices"), []);
  assert.equal(opsOf(planOn(UNIFIED, { resources }), "cgroup_write", "cgroup_devices"), ["cgroup_devices"]);
});

test("cgroupMembership() gives the cgroup to the container's user on v2 only, after the limits", () => {
  const changes = {
    process: { user: { uid: 7, gid: 0 } },
    mounts: [{ destination: "/sys/fs/cgroup", type: "cgroup", source: "cgroup", options: ["rw"] }],
    linux: { namespaces: namespaces("mount", "pid", "cgroup"), resources: { pids: { limit: 5 } } },
  };
  const plans = [UNIFIED, HYBRID, LEGACY].map((layout) => planOf(configOf(changes), { host: { cgroups: () => layout } }));
  assert.equal(plans.map((plan) => stepsOf(plan, "cgroup_chown").map(shown)), [["cgroup_chown(uid=7)"], [], []]);
  assert.equal(opsOf(plans[0] ?? planOn(UNIFIED)).slice(0, 4), ["cgroup_create", "cgroup_write", "cgroup_devices", "cgroup_chown"]);
});

test("cgroupMembership() has a path where the config has none: the container's id", () => {
  assert.match(shown(planOn(UNIFIED).steps[0]), 'path="/box"');
});

function planOfUnit(linux: object, host: object = {}): Plan {
  return planOf(configOf({ linux }), { host: { cgroups: () => UNIFIED, ...host }, systemdCgroup: true });
}

test("cgroupMembership() names the unit that systemd is to make, and the limits that it is to know", () => {
  const [create] = stepsOf(planOfUnit({ cgroupsPath: "a-b.slice:p:web", resources: { memory: { limit: 4096 }, pids: { limit: 5 } } }), "cgroup_create");
  assert.is(create?.path, "/a.slice/a-b.slice/p-web.scope");
  const { limits = [], annotations, ...unit } = create?.unit ?? {};
  assert.equal(unit, { name: "p-web.scope", slice: "a-b.slice", manager: "system" });
  assert.equal(limits.map(({ file, value }) => [file, value]), [["memory.max", "4096"], ["pids.max", "5"]]);
  assert.equal(annotations, {});
});

test("cgroupMembership() leaves a limit of one process to init where another keeps the unit until it is born", () => {
  for (const [limit, namespaced, late] of [[1, {}, true], [2, {}, false], [2, { namespaces: namespaces("mount", "pid", "user"), ...MAPS }, true], [3, { namespaces: namespaces("mount", "pid", "user"), ...MAPS }, false]] as const) {
    const plan = planOfUnit({ ...namespaced, resources: { pids: { limit } } });
    assert.is(stepsOf(plan, "cgroup_open").length, late ? 1 : 0);
    assert.is(stepsOf(plan, "cgroup_create")[0]?.unit?.limits.length, late ? 0 : 1);
    assert.is(plan.steps.some((step) => step.op === "write" && step.fd === "pids.max" && step.data === String(limit)), late);
  }
});

test("cgroupMembership() asks an ordinary user's own systemd, which has its place below the user's slice", () => {
  const linux = { namespaces: namespaces("mount", "pid", "user"), ...MAPS };
  const own = (path: string): object => ({ uid: 1000, mayMake: () => true, cgroups: () => ({ ...UNIFIED, hierarchies: UNIFIED.hierarchies.map((hierarchy) => ({ ...hierarchy, own: path })) }) });
  for (const [path, user] of [["/user.slice/user-1000.slice/session-1.scope", 1000], ["/user.slice/user-7.slice/user@7.service/app.slice/x.scope", 7], ["/", 1000]] as const) {
    const [create] = stepsOf(planOfUnit(linux, own(path)), "cgroup_create");
    assert.is(create?.unit?.manager, "user");
    assert.is(create?.path, `/user.slice/user-${user}.slice/user@${user}.service/user.slice/tsrun-box.scope`);
    const plan = planOfUnit(linux, own(path));
    // Who comes from elsewhere may not enter it by himself.
    assert.is(stepsOf(plan, "spawn")[0]?.intoCgroup, false);
    assert.equal(opsOf(plan).slice(opsOf(plan).indexOf("spawn"), opsOf(plan).indexOf("spawn") + 3), ["spawn", "gate", "cgroup_attach"]);
  }
});

test("cgroupMembership() refuses systemd's way where there is cgroup v1", () => {
  for (const layout of [LEGACY, HYBRID]) assert.throws(() => planOf(configOf({}), { host: { cgroups: () => layout }, systemdCgroup: true }), /cannot manage cgroups through systemd: this host has cgroup v1/);
});

test("cgroupMembership() finds out by the path's form where it is told to", () => {
  const made = (cgroupsPath: string): string | undefined => stepsOf(planOf(configOf({ linux: { cgroupsPath } }), { systemdCgroup: "auto" }), "cgroup_create")[0]?.path;
  assert.equal([made("a.slice:p:web"), made("/a/b"), made("")], ["/a.slice/p-web.scope", "/a/b", "/box"]);
});

test.run();
