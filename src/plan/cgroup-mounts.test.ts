import { suite } from "uvu";
import * as assert from "uvu/assert";
import { HYBRID, LEGACY, MAPS, UNIFIED, configOf, namespaces, planOf, shown, stepsAt, withoutClosing } from "../../test/plan-cases.ts";
import { MOUNT_ATTR_NOSUID, MOUNT_ATTR_RDONLY } from "../linux/mount-flags.ts";
import type { CgroupLayout } from "../resources/layout.ts";
import type { Step } from "./step.ts";

const test = suite("plan/cgroup-mounts");

function stepsOn(layout: CgroupLayout, { types = ["mount", "cgroup"], options = ["nosuid"] }: { types?: string[]; options?: string[] } = {}): Step[] {
  const maps = types.includes("user") ? MAPS : {};
  const mounts = [{ destination: "/sys/fs/cgroup", type: "cgroup", source: "cgroup", options }];
  const config = configOf({ mounts, linux: { namespaces: namespaces(...types), ...maps, cgroupsPath: "/a" } });
  return stepsAt(planOf(config, { host: { cgroups: () => layout } }), "/mounts/0");
}

/** What ends up where: a file system or a bind, and its destination. */
function attached(steps: readonly Step[]): string[] {
  let [what, where] = ["", ""];
  return steps.flatMap((step) => {
    if (step.op === "fsopen") what = step.type;
    if (step.op === "fsconfig_string" && step.key !== "source") what += ` ${step.key}=${step.value}`;
    if (step.op === "fsconfig_flag") what += ` ${step.key}`;
    if (step.op === "open_tree") what = `bind ${step.path}`;
    if (step.op === "open_target") where = step.path;
    // By mount(2), where an option's name holds what fsconfig(2) would split.
    if (step.op === "mount_at") return [`${where}: ${step.type} ${step.data}`];
    return step.op === "move_mount" ? [`${where}: ${what}`] : [];
  });
}

test("cgroupMount() mounts cgroup2 on a unified host, whatever the type says", () => {
  assert.equal(attached(stepsOn(UNIFIED)), ["/sys/fs/cgroup: cgroup2"]);
  assert.equal(attached(stepsOn(UNIFIED, { types: ["mount", "cgroup", "user"] })), ["/sys/fs/cgroup: cgroup2"]);
});

test("cgroupMount() binds the host's, read-only, for a user namespace without a cgroup namespace", () => {
  const steps = stepsOn(UNIFIED, { types: ["mount", "user"] });
  assert.equal(attached(steps), ["/sys/fs/cgroup: bind /sys/fs/cgroup"]);
  assert.match(shown(steps.find(({ op }) => op === "mount_setattr")), `flags=32768, set=${MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID},`);
});

const IN_NAMESPACE = [
  "/sys/fs/cgroup: tmpfs mode=755",
  "/sys/fs/cgroup/cpu,cpuacct: cgroup cpu,cpuacct",
  "/sys/fs/cgroup/memory: cgroup memory",
  "/sys/fs/cgroup/devices: cgroup devices",
  "/sys/fs/cgroup/pids: cgroup pids",
  "/sys/fs/cgroup/freezer: cgroup freezer",
  "/sys/fs/cgroup/systemd: cgroup name=systemd",
];

for (const [name, layout] of [["legacy", LEGACY], ["hybrid", HYBRID]] as const) {
  test(`cgroupMount() mounts each v1 hierarchy of a ${name} host in a cgroup namespace`, () => {
    assert.equal(attached(stepsOn(layout)), IN_NAMESPACE);
  });
}

test("cgroupMount() binds the container's own cgroups where it has no cgroup namespace", () => {
  const binds = attached(stepsOn(LEGACY, { types: ["mount"] })).slice(1);
  assert.is(binds[0], "/sys/fs/cgroup/cpu,cpuacct: bind /sys/fs/cgroup/cpu,cpuacct/a");
  assert.is(binds.length, 6);
});

test("cgroupMount() links the controllers that share a hierarchy to it", () => {
  const links = stepsOn(LEGACY).flatMap((step) => (step.op === "symlink" ? [`${step.path} ${step.target}`] : []));
  assert.equal(links, ["/sys/fs/cgroup/cpu cpu,cpuacct", "/sys/fs/cgroup/cpuacct cpu,cpuacct"]);
});

test("cgroupMount() makes the tmpfs read-only last, when the hierarchies are in it", () => {
  const last = (options: string[]): unknown => withoutClosing(stepsOn(LEGACY, { options })).at(-1)?.op;
  assert.equal([last(["ro"]), last([])], ["mount_setattr", "move_mount"]);
});

test.run();
