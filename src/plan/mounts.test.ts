import { suite } from "uvu";
import * as assert from "uvu/assert";
import { MAPS, configOf, namespaces, planOf, shown, stepsAt, stepsOf, withoutClosing } from "../../test/plan-cases.ts";
import type { Planning } from "../../test/plan-cases.ts";
import { MS_BIND, MS_NOEXEC, MS_PRIVATE, MS_REMOUNT, MS_SHARED, MS_SLAVE } from "../linux/mount-flags.ts";
import { AT_RECURSIVE, RESOLVE_NO_SYMLINKS } from "../linux/open-flags.ts";
import type { Step } from "./step.ts";

const test = suite("plan/mounts");

const USER = { namespaces: namespaces("mount", "user", "network"), ...MAPS };

function stepsOfMount(mount: object, { linux, ...options }: Planning & { linux?: object } = {}): readonly Step[] {
  const plan = planOf(configOf({ mounts: [mount], ...(linux === undefined ? {} : { linux }) }), options);
  return withoutClosing(stepsAt(plan, "/mounts/0"));
}

function ops(steps: readonly Step[]): string[] {
  return steps.map(({ op }) => op);
}

test("mounts() makes a file system with its options one by one, and attaches it by descriptors", () => {
  const steps = stepsOfMount({ destination: "/t", type: "tmpfs", source: "x", options: ["nosuid", "sync", "size=1k", "noswap"] });
  assert.equal(steps.map(shown), [
    'fsopen(type="tmpfs", to="file system")',
    'fsconfig_string(fd="file system", key="source", value="x")',
    'fsconfig_flag(fd="file system", key="sync")',
    'fsconfig_string(fd="file system", key="size", value="1k")',
    'fsconfig_flag(fd="file system", key="noswap")',
    'fsconfig_mode(fd="file system", root="rootfs", path="/t")',
    'fsconfig_create(fd="file system")',
    'fsmount(fd="file system", attributes=2, to="mount")',
    'open_target(root="rootfs", path="/t", kind=1, resolve=0, to="target")',
    'move_mount(from="mount", to="target", flags=68)',
  ]);
});

test("mounts() takes the mode of what a tmpfs covers, unless the config gives one or it is no tmpfs", () => {
  const asks = (type: string, ...options: string[]): boolean => ops(stepsOfMount({ destination: "/t", type, options })).includes("fsconfig_mode");
  assert.equal([asks("tmpfs"), asks("tmpfs", "ro", "tmpcopyup"), asks("tmpfs", "size=1k", "mode=755"), asks("ramfs")], [true, true, false, false]);
});

test("mounts() names a source where the config has none: the type", () => {
  const [, source] = stepsOfMount({ destination: "/t", type: "tmpfs" });
  assert.match(shown(source), 'value="tmpfs"');
});

test("mounts() keeps the order of the config", () => {
  const mounts = ["/b", "/a", "/a/c"].map((destination) => ({ destination, type: "tmpfs" }));
  const targets = stepsOf(planOf(configOf({ mounts })), "open_target").map(({ path }) => path);
  assert.equal(targets, ["/b", "/a", "/a/c"]);
});

for (const [type, resolve] of [["proc", RESOLVE_NO_SYMLINKS], ["sysfs", RESOLVE_NO_SYMLINKS], ["tmpfs", 0]] as const) {
  test(`mounts() ${resolve === 0 ? "follows" : "refuses"} links on the way to a ${type}`, () => {
    const target = stepsOfMount({ destination: "/x", type }).find(({ op }) => op === "open_target");
    assert.match(shown(target), `resolve=${resolve},`);
  });
}

test("mounts() copies what is hidden before it is hidden", () => {
  const steps = ops(stepsOfMount({ destination: "/t", type: "tmpfs", options: ["tmpcopyup"] }));
  assert.ok(steps.indexOf("tmpcopyup") > steps.indexOf("fsmount"));
  assert.ok(steps.indexOf("tmpcopyup") < steps.indexOf("move_mount"));
});

test("mounts() makes a mount read-only after what is hidden was copied into it", () => {
  for (const [option, flags] of [["ro", 0], ["rro", 32768]] as const) {
    const steps = stepsOfMount({ destination: "/t", type: "tmpfs", options: ["tmpcopyup", option] });
    assert.match(shown(steps.find(({ op }) => op === "fsmount")), "attributes=0,");
    assert.not(steps.some((step) => step.op === "fsconfig_flag"), "the file system itself stays writable");
    const [, after] = steps.slice(steps.findIndex(({ op }) => op === "tmpcopyup"));
    assert.is(shown(after), `mount_setattr(fd="mount", flags=${flags}, set=1, clear=0, propagation=0)`);
  }
});

test("finishDev() makes a read-only /dev so when devices and console are in it", () => {
  const mounts = [{ destination: "/dev", type: "tmpfs", options: ["ro", "mode=755"] }];
  const { steps } = planOf(configOf({ mounts, process: { terminal: true } }));
  assert.match(shown(steps.find((step) => step.op === "fsmount" && step.at === "/mounts/0")), "attributes=0,");
  const locked = steps.findIndex((step) => step.op === "mount_setattr" && step.at === "/mounts/0");
  assert.ok(locked > steps.findLastIndex(({ op }) => op === "symlink"));
  assert.ok(locked > steps.findIndex((step) => step.op === "open_target" && step.path === "/dev/console"));
  assert.ok(locked < steps.findIndex(({ op }) => op === "pivot_root"));
});

test("mounts() sets recursive attributes before, propagation after the mount is attached", () => {
  const steps = stepsOfMount({ destination: "/t", type: "tmpfs", options: ["rro", "rshared"] }).map(shown);
  assert.equal(steps.filter((step) => /^m/.test(step)), [
    'mount_setattr(fd="mount", flags=32768, set=1, clear=0, propagation=0)',
    'move_mount(from="mount", to="target", flags=68)',
    'mount_setattr(fd="mount", flags=32768, set=0, clear=0, propagation=1048576)',
  ]);
});

test("mounts() binds a file or a directory as its source is one, relative to the bundle", () => {
  const steps = stepsOfMount({ destination: "/d", source: "data", options: ["bind", "ro"] });
  assert.equal(steps.map(shown), [
    'open_tree(path="/bundle/data", flags=524289, to="mount")',
    'mount_setattr(fd="mount", flags=0, set=1, clear=0, propagation=0)',
    'open_target(root="rootfs", path="/d", kind=0, resolve=0, like="mount", to="target")',
    'move_mount(from="mount", to="target", flags=68)',
  ]);
});

test("mounts() takes what lies below along for rbind only", () => {
  const recursive = (kind: string): boolean => /flags=557057/.test(shown(stepsOfMount({ destination: "/d", source: "/d", options: [kind] })[0]));
  assert.equal([recursive("bind"), recursive("rbind")], [false, true]);
});

test("bindSources() opens with the host's privileges, where a stage has them", () => {
  const mount = { destination: "/d", source: "/data", options: ["bind"] };
  const early = (options: Planning & { linux?: object }): boolean => {
    const config = configOf({ mounts: [mount], ...(options.linux === undefined ? {} : { linux: options.linux }) });
    const { steps } = planOf(config, options);
    const source = steps.findIndex((step) => step.op === "open_tree" && step.path === "/data");
    const unshare = steps.findIndex(({ op }) => op === "unshare");
    assert.is(steps.filter((step) => step.op === "open_tree" && step.path === "/data").length, 1);
    return source < unshare;
  };
  assert.is(early({ linux: USER }), true);
  assert.is(early({ linux: USER, host: { uid: 1000 } }), false);
  assert.is(early({}), false);
});

test("bindSources() cuts off from the host's mounts what it opens among them", () => {
  const mount = { destination: "/d", source: "/data", options: ["rbind"] };
  const flags = (rootfsPropagation: string, namespaceTypes: readonly string[]): unknown[] => {
    const asked = rootfsPropagation === "" ? {} : { rootfsPropagation };
    const linux = { namespaces: namespaces(...namespaceTypes), ...(namespaceTypes.includes("user") ? MAPS : {}), ...asked };
    const { steps } = planOf(configOf({ mounts: [mount], linux }));
    const source = steps.findIndex((step) => step.op === "open_tree" && step.path === "/data");
    const found: unknown[] = [];
    for (const step of steps.slice(source + 1)) {
      if (step.op !== "mount_setattr" || step.fd !== "mount 0") break;
      found.push([step.flags, step.propagation]);
    }
    return found;
  };
  const USER_TYPES = ["mount", "user", "network"];
  assert.equal(flags("", USER_TYPES), [[AT_RECURSIVE, MS_SLAVE]]);
  assert.equal(flags("private", USER_TYPES), [[AT_RECURSIVE, MS_PRIVATE]]);
  assert.equal(flags("unbindable", USER_TYPES), [[AT_RECURSIVE, MS_PRIVATE]]);
  // Shared it may be, but not with the host.
  assert.equal(flags("rshared", USER_TYPES), [[AT_RECURSIVE, MS_SLAVE], [AT_RECURSIVE, MS_SHARED]]);
  assert.equal(flags("rshared", ["mount", "time"]), [[AT_RECURSIVE, MS_SHARED]]);
});

test("mounts() remounts through the destination's descriptor", () => {
  const steps = stepsOfMount({ destination: "/d", source: "/d", options: ["bind", "remount", "noexec"] });
  assert.equal(steps.map(shown), [
    'open_target(root="rootfs", path="/d", kind=0, resolve=0, to="target")',
    `mount_at(fd="target", source="", type="", flags=${MS_REMOUNT | MS_BIND | MS_NOEXEC}, data="")`,
  ]);
});

test("mounts() changes a remounted mount's propagation through a second look at its path", () => {
  const steps = stepsOfMount({ destination: "/d", source: "/d", options: ["remount", "bind", "private"] });
  assert.equal(ops(steps), ["open_target", "mount_at", "open_target", "mount_setattr"]);
});

test("mounts() uses mount(2) for a value that fsconfig(2) cannot take", () => {
  const long = `context=${"x".repeat(300)}`;
  const steps = stepsOfMount({ destination: "/t", type: "tmpfs", options: ["size=1k", long] });
  assert.equal(ops(steps), ["open_target", "mount_at"]);
  assert.match(shown(steps[1]), `data="size=1k,${long}"`);
});

test("mounts() binds the host's /sys for a user namespace on a network that is not its own", () => {
  const mount = { destination: "/sys", type: "sysfs", options: ["ro"] };
  const kinds = [
    stepsOfMount(mount, { linux: { namespaces: namespaces("mount", "user"), ...MAPS } }),
    stepsOfMount(mount, { linux: { namespaces: namespaces("mount", "user", ["network", "/n"]), ...MAPS } }),
    stepsOfMount(mount, { linux: USER }),
    stepsOfMount(mount),
  ].map((steps) => steps[0]?.op);
  assert.equal(kinds, ["open_tree", "open_tree", "fsopen", "fsopen"]);
});

test("relativeDestinations() tells of those that are not absolute", () => {
  const mounts = [{ destination: "/a", type: "tmpfs" }, { destination: "b", type: "tmpfs" }];
  assert.equal(planOf(configOf({ mounts })).warnings, [
    { pointer: "/mounts/1/destination", message: 'the relative path "b" is taken from "/", and such paths are deprecated' },
  ]);
});

test.run();
