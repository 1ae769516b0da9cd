/** What comes before criu at a restore, as `explain` would print it, against testdata/restore/, and what is mounted from outside. */

import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { HYBRID, MAPS, UNIFIED, configOf, fakeHost, namespaces, opsOf } from "../../test/plan-cases.ts";
import { PROJECT } from "../../test/runtime.ts";
import type { CgroupLayout } from "../resources/layout.ts";
import type { Config } from "../spec/config.ts";
import { explainText } from "./explain.ts";
import { planRestore } from "./restore.ts";
import type { RestorePlan } from "./restore.ts";

const test = suite("plan/restore");
const TESTDATA = join(PROJECT, "src/plan/testdata/restore");
const OPTIONS = { id: "box", bundle: "/bundle", waitForStart: false, noPivot: false, noNewKeyring: false, environment: ["PATH=/usr/sbin"], criu: "/usr/sbin/criu", socket: 3, place: "/run/tsrun/box/criu-root" };
const MOUNTS = [
  { destination: "/proc", type: "proc", source: "proc" },
  { destination: "/dev", type: "tmpfs", source: "tmpfs" },
  { destination: "/dev/shm", type: "tmpfs", source: "shm" },
  { destination: "/sys/fs/cgroup", type: "cgroup", source: "cgroup" },
  { destination: "/data", type: "bind", source: "/srv/data", options: ["rbind"] },
  { destination: "/data/file", type: "bind", source: "file", options: ["bind", "ro"] },
  { destination: "/data", options: ["remount", "ro"] },
];

interface Case {
  readonly config: Config;
  readonly layout?: CgroupLayout;
}

function planned({ config, layout = HYBRID }: Case): RestorePlan {
  return planRestore(config, fakeHost({ cgroups: () => layout }), OPTIONS);
}

const CASES: Readonly<Record<string, Case>> = {
  hybrid: { config: configOf({ mounts: MOUNTS, linux: { namespaces: namespaces("pid", "mount"), resources: { pids: { limit: 5 } } } }) },
  unified: { config: configOf({ mounts: MOUNTS, linux: { namespaces: namespaces("pid", "mount", "cgroup") } }), layout: UNIFIED },
  "no-mounts": { config: configOf({ mounts: [], linux: { namespaces: namespaces("pid", "mount") } }), layout: UNIFIED },
};

for (const [name, one] of Object.entries(CASES)) {
  test(`planRestore() of ${name} is testdata/restore/${name}.plan`, () => {
    const path = join(TESTDATA, `${name}.plan`);
    const text = explainText(planned(one));
    if (process.env["UPDATE_PLANS"] === "1") mkdirSync(TESTDATA, { recursive: true });
    if (process.env["UPDATE_PLANS"] === "1") writeFileSync(path, text);
    assert.ok(existsSync(path), `${path} is missing: UPDATE_PLANS=1 writes it`);
    assert.is(text, readFileSync(path, "utf8"));
  });
}

test("criu is in the cgroup before anything else, and all that is mounted is mounted where only criu sees it", () => {
  const ops = opsOf(planned(CASES["hybrid"] ?? { config: configOf() }));
  assert.ok(ops.indexOf("spawn") < ops.indexOf("write") && ops.lastIndexOf("write") < ops.indexOf("mount"));
  assert.ok(ops.indexOf("mount") < ops.indexOf("move_mount"));
  assert.is(ops.at(-1), "execve");
});

function namesOf(one: Case): string[] {
  return planned(one).external.map(({ destination, name, source }) => `${destination} ${name} ${source}`);
}

test("binds are external, by their destination, and masks by what covers them", () => {
  const config = configOf({ mounts: MOUNTS, linux: { namespaces: namespaces("pid", "mount", "cgroup"), maskedPaths: ["/proc/kcore"] } });
  assert.equal(namesOf({ config }), ["/data /data /srv/data", "/data/file /data/file /bundle/file", "/proc/kcore /dev/null /dev/null"]);
  assert.equal(planned({ config }).external.map(({ recursive = false }) => recursive), [true, false, false]);
});

test("hierarchies of cgroup v1 are external where they are bound: without a cgroup namespace", () => {
  const mounts = [{ destination: "/sys/fs/cgroup", type: "cgroup", source: "cgroup" }];
  const without = namesOf({ config: configOf({ mounts, linux: { namespaces: namespaces("pid", "mount") } }) });
  assert.ok(without.length > 0);
  for (const name of without) assert.match(name, /^\/sys\/fs\/cgroup\/([\w,]+) \/sys\/fs\/cgroup\/\1 \/sys\/fs\/cgroup\/\1\/box$/);
  assert.equal(namesOf({ config: configOf({ mounts, linux: { namespaces: namespaces("pid", "mount", "cgroup") } }) }), []);
  assert.equal(namesOf({ config: configOf({ mounts, linux: { namespaces: namespaces("pid", "mount") } }), layout: UNIFIED }), []);
});

test("in a user namespace devices are external, and cgroup v2 without a namespace of its own", () => {
  const mounts = [{ destination: "/sys/fs/cgroup", type: "cgroup", source: "cgroup" }];
  const devices = [{ path: "/dev/fuse", type: "c", major: 10, minor: 229 }, { path: "/dev/fifo", type: "p" }];
  const names = namesOf({ config: configOf({ mounts, linux: { namespaces: namespaces("user", "mount", "pid"), ...MAPS, devices } }), layout: UNIFIED });
  assert.is(names[0], "/sys/fs/cgroup /sys/fs/cgroup /sys/fs/cgroup");
  for (const path of ["/dev/null", "/dev/fuse"]) assert.ok(names.includes(`${path} ${path} ${path}`), names.join());
  assert.not(names.some((name) => name.startsWith("/dev/fifo")));
});

test.run();
