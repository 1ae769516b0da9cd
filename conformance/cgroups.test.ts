/** `linux.cgroupsPath` and `linux.resources`, as the files of cgroup v1 show them (config-linux.md#control-groups). */

import * as fs from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import type { BundleConfig } from "../test/bundle.ts";
import { skip } from "../test/harness.ts";
import type { Ground } from "../test/harness.ts";
import { CGROUP_ROOT, cgroupOf, v1, value, withResources } from "./cgroup-files.ts";
import { cannotCreate, created, inside, read, run, running, script, silent } from "./containers.ts";
import type { Container } from "./containers.ts";
import { suite } from "./suite.ts";

const test = suite("cgroups");

const ROOT = CGROUP_ROOT;
const MEBIBYTE = 1 << 20;
const LIMIT = 64 * MEBIBYTE;

/** The hierarchies of v1 that are mounted, and where the container is in each; in another one nobody can be placed. */
async function paths(container: Container): Promise<[controllers: string, path: string][]> {
  const rows = (await container.proc("cgroup")).trim().split("\n").map((line) => line.split(":"));
  return rows.flatMap(([, controllers = "", path = ""]): [string, string][] => (isMounted(controllers) ? [[controllers, path]] : []));
}

/** The folder of a hierarchy is named like it, `name=systemd` like `systemd`. */
function folderOf(controllers: string): string {
  return join(ROOT, controllers.replace("name=", ""));
}

function isMounted(controllers: string): boolean {
  return controllers !== "" && fs.existsSync(join(folderOf(controllers), "cgroup.procs"));
}

function emptyFolders(name: string): string[] {
  return fs.readdirSync(ROOT).filter((controller) => fs.existsSync(join(ROOT, controller, name)));
}

test("CG-02 an absolute cgroupsPath is taken from the root of each hierarchy", async (t) => {
  v1("pids", "memory");
  const name = t.id();
  const container = await created(t, (config) => (config.linux.cgroupsPath = `/${name}/inner`));
  for (const [controllers, path] of await paths(container)) assert.is(path, `/${name}/inner`, controllers);
  silent(await container.verb("delete", "--force"));
  for (const controller of fs.readdirSync(ROOT)) {
    assert.not(fs.existsSync(join(ROOT, controller, name, "inner")), controller);
    if (fs.existsSync(join(ROOT, controller, name))) fs.rmdirSync(join(ROOT, controller, name));
  }
});

test("CG-02 a relative cgroupsPath is part of the path in each hierarchy, and always the same", async (t) => {
  v1("pids", "memory");
  const name = t.id();
  const change = (config: BundleConfig): void => void (config.linux.cgroupsPath = name);
  const first = await created(t, change);
  const before = await paths(first);
  for (const [controllers, path] of before) assert.ok(path.endsWith(`/${name}`), `${controllers} ${path}`);
  silent(await first.verb("delete", "--force"));
  assert.equal(await paths(await created(t, change)), before);
});

test("CG-02 without cgroupsPath each container has cgroups of its own", async (t) => {
  v1("pids");
  const [one, other] = [await created(t), await created(t)];
  for (const container of [one, other]) assert.ok((await cgroupOf(container, "pids")).includes(container.id));
});

test("CG-02 a cgroupsPath does not lead out of the hierarchy", async (t) => {
  v1("pids");
  const name = t.id();
  const bundle = t.bundle((config) => (config.linux.cgroupsPath = `/../../../${name}`));
  const id = t.id();
  const result = await t.runtime(["create", "--bundle", bundle.path, id]);
  if (result.status === 0) assert.ok(emptyFolders(name).includes("pids"));
  assert.not(fs.existsSync(`/${name}`));
  assert.not(fs.existsSync(`/sys/${name}`));
});

test("CG-04 the program is in every hierarchy that is mounted, and so is what it starts", async (t) => {
  v1("pids");
  const container = await running(t, (config) => script(config, "sleep 100 & exec sleep 100"));
  for (const [controllers, path] of await paths(container)) {
    assert.is(read(join(folderOf(controllers), path, "cgroup.procs")).trim().split("\n").length, 2, controllers);
  }
});

test("delete removes the cgroups", async (t) => {
  const container = await running(t);
  await container.end();
  silent(await container.verb("delete"));
  assert.equal(t.leftovers(container.id), []);
});

test("RM-02 to RM-04 memory: limit, reservation, and swap on top", async (t) => {
  v1("memory");
  const container = await created(t, withResources({ memory: { limit: LIMIT, reservation: LIMIT / 2, swap: 2 * LIMIT } }));
  assert.is(await value(container, "memory.limit_in_bytes"), `${LIMIT}`);
  assert.is(await value(container, "memory.soft_limit_in_bytes"), `${LIMIT / 2}`);
  const swap = await value(container, "memory.memsw.limit_in_bytes");
  if (swap !== "") assert.is(swap, `${2 * LIMIT}`);
});

test("RM-02 a memory limit of -1 is none", async (t) => {
  v1("memory");
  const unlimited = await value(await created(t), "memory.limit_in_bytes");
  assert.is(await value(await created(t, withResources({ memory: { limit: -1 } })), "memory.limit_in_bytes"), unlimited);
});

test("RM-07 RM-08 memory: swappiness and disableOOMKiller", async (t) => {
  v1("memory");
  const container = await created(t, withResources({ memory: { limit: LIMIT, swappiness: 33, disableOOMKiller: true } }));
  assert.is(await value(container, "memory.swappiness"), "33");
  assert.match(await value(container, "memory.oom_control"), /^oom_kill_disable 1$/m);
});

test("RM-07 a swappiness above 100 is an error", async (t) => {
  await cannotCreate(t, withResources({ memory: { swappiness: 101 } }), /./);
});

test("RM-02 a program that takes more memory than it may is killed", async (t) => {
  v1("memory");
  const result = await run(t, "", (config) => {
    config.linux.resources = { memory: { limit: 16 * MEBIBYTE, swap: 16 * MEBIBYTE } };
    config.process.args = ["/bin/dd", "if=/dev/zero", "of=/dev/null", "bs=64M", "count=1"];
  });
  assert.is(result.status, 128 + 9, result.stderr);
});

test("RC-02 to RC-05 cpu: shares, quota and period", async (t) => {
  v1("cpu");
  const container = await created(t, withResources({ cpu: { shares: 512, quota: 20_000, period: 50_000 } }));
  assert.is(await value(container, "cpu.shares"), "512");
  assert.is(await value(container, "cpu.cfs_quota_us"), "20000");
  assert.is(await value(container, "cpu.cfs_period_us"), "50000");
});

test("RC-03 RC-05 a quota without a period, a period without a quota, and a quota of -1", async (t) => {
  v1("cpu");
  const quota = await created(t, withResources({ cpu: { quota: 30_000 } }));
  assert.equal([await value(quota, "cpu.cfs_quota_us"), await value(quota, "cpu.cfs_period_us")], ["30000", "100000"]);
  const period = await created(t, withResources({ cpu: { period: 60_000 } }));
  assert.equal([await value(period, "cpu.cfs_quota_us"), await value(period, "cpu.cfs_period_us")], ["-1", "60000"]);
  assert.is(await value(await created(t, withResources({ cpu: { quota: -1 } })), "cpu.cfs_quota_us"), "-1");
});

test("RC-04 cpu: burst", async (t) => {
  v1("cpu");
  const container = await created(t, withResources({ cpu: { quota: 50_000, period: 100_000, burst: 10_000 } }));
  const found = await value(container, "cpu.cfs_burst_us");
  if (found === "") skip("this kernel has no cpu.cfs_burst_us");
  assert.is(found, "10000");
});

test("RC-10 cpu: idle", async (t) => {
  v1("cpu");
  const container = await created(t, withResources({ cpu: { idle: 1 } }));
  if ((await value(container, "cpu.idle")) === "") skip("this kernel has no cpu.idle");
  assert.is(await value(container, "cpu.idle"), "1");
});

test("RC-08 RC-09 cpuset: cpus and mems", async (t) => {
  v1("cpuset");
  const container = await created(t, withResources({ cpu: { cpus: "0", mems: "0" } }));
  assert.is(await value(container, "cpuset.cpus"), "0");
  assert.is(await value(container, "cpuset.mems"), "0");
  assert.match(await container.proc("status"), /^Cpus_allowed_list:\t0$/m);
});

test("RC-08 RC-09 without them the container has the parent's cpus and mems", async (t) => {
  v1("cpuset");
  const container = await created(t);
  assert.is(await value(container, "cpuset.cpus"), read(`${ROOT}/cpuset/cpuset.cpus`).trim());
  assert.is(await value(container, "cpuset.mems"), read(`${ROOT}/cpuset/cpuset.mems`).trim());
});

test("RC-08 a list of cpus that is none, or names one that is missing, is an error", async (t) => {
  v1("cpuset");
  for (const cpus of ["zero", "0-", "4000"]) await cannotCreate(t, withResources({ cpu: { cpus } }), /./);
});

test("RP-02 pids: a limit, and none", async (t) => {
  v1("pids");
  assert.is(await value(await created(t, withResources({ pids: { limit: 123 } })), "pids.max"), "123");
  assert.is(await value(await created(t, withResources({ pids: { limit: -1 } })), "pids.max"), "max");
  assert.is(await value(await created(t), "pids.max"), "max");
});

test("RP-02 a program cannot have more processes than the limit says", async (t) => {
  v1("pids");
  const result = await run(t, "for i in $(seq 30); do sleep 1 & done; wait", withResources({ pids: { limit: 20 } }));
  assert.match(result.stderr, "can't fork");
});

test("RP-02 a limit of 0 is a limit", async (t) => {
  v1("pids");
  const container = await created(t, withResources({ pids: { limit: 0 } }));
  assert.is(await value(container, "pids.max"), "0");
});

test("RD-01 devices: the rules in the order of the list", async (t) => {
  v1("devices");
  const container = await created(t, (config) => {
    config.linux.resources = {
      devices: [
        { allow: false, access: "rwm" },
        { allow: true, type: "c", major: 10, minor: 229, access: "rw" },
        { allow: true, type: "b", major: 8, minor: 20, access: "rwm" },
        { allow: true, type: "c", major: 11, access: "r" },
        { allow: false, type: "b", major: 8, minor: 20, access: "m" },
      ],
    };
  });
  const list = (await value(container, "devices.list")).split("\n");
  for (const rule of ["c 10:229 rw", "b 8:20 rw", "c 11:* r"]) assert.ok(list.includes(rule), `${rule} in ${list.join()}`);
  assert.not(list.includes("a *:* rwm"));
});

test("RD-01 the default devices may be used whatever the rules say, others not", async (t) => {
  v1("devices");
  const container = await created(t, withResources({ devices: [{ allow: false, access: "rwm" }] }));
  const list = await value(container, "devices.list");
  for (const rule of ["c 1:3 rwm", "c 1:5 rwm", "c 1:7 rwm", "c 1:8 rwm", "c 1:9 rwm", "c 5:0 rwm", "c 5:2 rwm", "c 136:* rwm"]) {
    assert.ok(list.split("\n").includes(rule), `${rule} in ${list}`);
  }
  assert.not.match(list, "a *:*");
});

test("RD-03 RD-06 an unknown type or access of a device rule is an error", async (t) => {
  await cannotCreate(t, withResources({ devices: [{ allow: true, type: "x", access: "rwm" }] }), /./);
  await cannotCreate(t, withResources({ devices: [{ allow: true, type: "c", major: 1, minor: 1, access: "rwx" }] }), /./);
});

test("CG-03 without resources nothing is limited", async (t) => {
  v1("memory", "cpu", "pids");
  const container = await created(t, (config) => delete config.linux.resources);
  assert.equal([await value(container, "cpu.shares"), await value(container, "pids.max"), await value(container, "cpu.cfs_quota_us")], ["1024", "max", "-1"]);
});

test("zeros, as engines write them for what is not set, are not written", async (t) => {
  v1("memory", "cpu");
  const container = await created(t, withResources({ memory: { limit: 0, reservation: 0, swap: 0 }, cpu: { shares: 0, quota: 0, period: 0, cpus: "", mems: "" } }));
  assert.equal([await value(container, "cpu.shares"), await value(container, "cpu.cfs_quota_us")], ["1024", "-1"]);
});

test("the limits hold before the program begins, also for what it may not undo", async (t) => {
  v1("pids");
  assert.is(await inside(t, "cat /sys/fs/cgroup/pids/pids.max; echo max 2>&1 >/sys/fs/cgroup/pids/pids.max | grep -o 'Read-only'", withResources({ pids: { limit: 99 } })), "99\nRead-only\n");
});

test("two containers below one cgroup do not disturb each other", async (t: Ground) => {
  v1("pids");
  const parent = t.id();
  const containers = [];
  for (const name of ["one", "other"]) {
    containers.push(await running(t, (config) => {
      config.linux.cgroupsPath = `/${parent}/${name}`;
      config.linux.resources = { pids: { limit: 10 } };
    }));
  }
  for (const container of containers) {
    await container.end();
    silent(await container.verb("delete"));
  }
  for (const controller of emptyFolders(parent)) {
    assert.equal(fs.readdirSync(join(ROOT, controller, parent)).filter((name) => ["one", "other"].includes(name)), [], controller);
    fs.rmdirSync(join(ROOT, controller, parent));
  }
});

test.run();
