import { suite } from "uvu";
import * as assert from "uvu/assert";
import { MAPS, configOf, namespaces, opsOf, planOf, shown, stepsAt, stepsOf, withoutClosing } from "../../test/plan-cases.ts";
import type { Planning } from "../../test/plan-cases.ts";
import { MNT_DETACH, MS_PRIVATE, MS_REC, MS_SHARED, MS_SLAVE, MS_UNBINDABLE } from "../linux/mount-flags.ts";
import type { Plan } from "./step.ts";

const test = suite("plan/rootfs");

function withPropagation(rootfsPropagation: string | undefined): Plan {
  return planOf(configOf({ linux: { ...(rootfsPropagation === undefined ? {} : { rootfsPropagation }) } }));
}

function enterSteps(options?: Planning, types = ["mount"]): string[] {
  const plan = planOf(configOf({ linux: { namespaces: namespaces(...types) } }), options);
  return withoutClosing(stepsAt(plan, "/root/path")).filter(({ what = "" }) => what.startsWith("enter")).map(shown);
}

for (const [name, inside, cutOff] of [
  ["private", MS_PRIVATE, MS_PRIVATE],
  ["rprivate", MS_PRIVATE | MS_REC, MS_PRIVATE],
  ["slave", MS_SLAVE, MS_SLAVE],
  ["rslave", MS_SLAVE | MS_REC, MS_SLAVE],
  ["shared", MS_SHARED, MS_SHARED],
  ["rshared", MS_SHARED | MS_REC, MS_SHARED],
  ["unbindable", MS_UNBINDABLE, MS_PRIVATE],
  ["runbindable", MS_UNBINDABLE | MS_REC, MS_PRIVATE],
] as const) {
  test(`plan() of rootfsPropagation "${name}" cuts off before the root is attached, and sets it on the entered root`, () => {
    const plan = withPropagation(name);
    const mounts = stepsOf(plan, "mount").filter(({ at }) => at === "/linux/rootfsPropagation");
    assert.is(shown(mounts[0]), `mount(source="", target="/", type="", flags=${cutOff | MS_REC}, data="")`);
    assert.is(shown(mounts.at(-1)), `mount(source="", target="/", type="", flags=${inside}, data="")`);
    assert.ok(plan.steps.findIndex((step) => step === mounts[0]) < plan.steps.findIndex(({ op }) => op === "open_tree"));
    assert.ok(plan.steps.findIndex((step) => step === mounts.at(-1)) > plan.steps.findIndex(({ op }) => op === "pivot_root"));
  });
}

test("cutOff() makes everything a slave by default, and the root is left alone afterwards", () => {
  const mounts = stepsOf(withPropagation(undefined), "mount").map(({ flags }) => flags);
  assert.equal(mounts, [MS_SLAVE | MS_REC]);
});

test("prepareRootfs() keeps a shared root's mounts from the host: its own and the one that it lies on are private", () => {
  const config = configOf({ linux: { rootfsPropagation: "shared" } });
  const plan = planOf(config, { host: { mountPointOf: (path) => (path === "/bundle/rootfs" ? "/mnt/x" : "wrong") } });
  assert.is(shown(stepsOf(plan, "mount")[1]), `mount(source="", target="/mnt/x", type="", flags=${MS_PRIVATE}, data="")`);
  assert.match(shown(stepsOf(plan, "mount_setattr")[0]), `fd="rootfs", flags=32768, set=0, clear=0, propagation=${MS_PRIVATE})`);
});

test("plan() asks for the mount table only where it must: it may be long", () => {
  const mountPointOf = (): string => {
    throw new Error("asked");
  };
  for (const propagation of ["private", "slave", undefined]) {
    const linux = propagation === undefined ? {} : { rootfsPropagation: propagation };
    assert.not.throws(() => planOf(configOf({ linux }), { host: { mountPointOf } }));
  }
});

test("enterRootfs() pivots onto itself and lets the old root go", () => {
  assert.equal(enterSteps(), [
    'fchdir(fd="rootfs")',
    'pivot_root(new_root=".", put_old=".")',
    `umount2(target=".", flags=${MNT_DETACH})`,
    'chdir(path="/")',
  ]);
});

test("enterRootfs() moves the root onto / with noPivot", () => {
  const steps = enterSteps({ noPivot: true });
  assert.equal(steps.map((step) => step.replace(/\(.*/, "")), ["fchdir", "mount", "mount", "mount", "mount", "openat2", "move_mount", "chroot", "chdir"]);
  assert.ok(steps.some((step) => step.includes('target="/sys"')));
});

test("enterRootfs() never moves the root of a mount namespace that is not new", () => {
  for (const options of [{}, { noPivot: true }]) {
    const ops = enterSteps(options, []).map((step) => step.replace(/\(.*/, ""));
    assert.equal(ops, ["fchdir", "chroot", "chdir"]);
  }
  const joined = planOf(configOf({ linux: { namespaces: namespaces(["mount", "/m"]), rootfsPropagation: "private" } }));
  assert.equal(opsOf(joined, "pivot_root", "umount2", "mount"), []);
});

test("prepareRootfs() enters the root with the host's privileges, where a stage has them", () => {
  const linux = { namespaces: namespaces("mount", "user"), ...MAPS };
  const order = (uid: number): string[] => opsOf(planOf(configOf({ linux }), { host: { uid } }), "unshare", "clone");
  const chdirFirst = (uid: number): boolean => {
    const { steps } = planOf(configOf({ linux }), { host: { uid } });
    return steps.findIndex((step) => step.op === "chdir" && step.path === "/bundle/rootfs") < steps.findIndex(({ op }) => op === "unshare");
  };
  assert.equal([chdirFirst(0), chdirFirst(1000)], [true, false]);
  assert.equal(order(0), ["unshare", "clone"]);
});

test("plan() takes a root path that is absolute as it is", () => {
  const plan = planOf(configOf({ root: { path: "/images/one" } }));
  assert.is(stepsOf(plan, "chdir")[0]?.path, "/images/one");
});

test("finishRootfs() makes the working directory before the root is read-only", () => {
  const plan = planOf(configOf({ root: { readonly: true }, process: { cwd: "/w" } }));
  const made = plan.steps.findIndex((step) => step.op === "open_target" && step.path === "/w");
  const readonly = plan.steps.findIndex(({ at }) => at === "/root/readonly");
  assert.ok(made > 0 && made < readonly);
});

test.run();
