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

test.run();
