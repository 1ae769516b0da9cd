/** `linux.cgroupsPath`, and what is in a container's cgroups (config-linux.md#control-groups). */

import * as fs from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import type { BundleConfig } from "../test/bundle.ts";
import type { Ground } from "../test/harness.ts";
import { CGROUPS, isV2, limit, needsControllers, placesOf, removeCgroups, resources } from "./cgroups.ts";
import { created, inside, read, running, script, silent } from "./containers.ts";
import { suite } from "./suite.ts";

const test = suite("cgroup paths");

test("CG-02 an absolute cgroupsPath is taken from the root of each hierarchy, and made", async (t) => {
  const name = t.id();
  const container = await created(t, (config) => (config.linux.cgroupsPath = `/${name}/inner`));
  const places = await placesOf(container);
  assert.ok(places.length > 0);
  for (const { controllers, path } of places) assert.is(path, `/${name}/inner`, controllers);
  assert.is((await container.verb("delete", "--force")).status, 0);
  for (const { folder } of places) assert.not(fs.existsSync(folder), folder);
  removeCgroups(name);
});

test("CG-02 a relative cgroupsPath is part of the path in each hierarchy, and always the same", async (t) => {
  const name = t.id();
  const change = (config: BundleConfig): void => void (config.linux.cgroupsPath = name);
  const first = await created(t, change);
  const before = await placesOf(first);
  assert.ok(before.length > 0);
  for (const { controllers, path } of before) assert.ok(path.endsWith(`/${name}`), `${controllers} ${path}`);
  assert.is((await first.verb("delete", "--force")).status, 0);
  assert.equal(await placesOf(await created(t, change)), before);
});

test("CG-02 without cgroupsPath each container has cgroups of its own", async (t) => {
  for (const container of [await created(t), await created(t)]) {
    for (const { controllers, path } of await placesOf(container)) assert.ok(path.includes(container.id), `${controllers} ${path}`);
  }
});

test("CG-02 a cgroupsPath does not lead out of the hierarchy", async (t) => {
  const name = t.id();
  const bundle = t.bundle((config) => (config.linux.cgroupsPath = `/../../../${name}`));
  const id = t.id();
  const result = await t.runtime(["create", "--bundle", bundle.path, id]);
  const hierarchy = isV2() ? CGROUPS : join(CGROUPS, "pids");
  if (result.status === 0) assert.ok(fs.existsSync(join(hierarchy, name)));
  for (const outside of ["/", "/sys", "/sys/fs"]) assert.not(fs.existsSync(join(outside, name)), outside);
});

test("CG-03 without resources nothing is limited", async (t) => {
  needsControllers("cpu", "pids");
  const container = await created(t, (config) => delete config.linux.resources);
  assert.is(await limit(container, "pids.max"), "max");
  assert.is(await limit(container, "cpu.shares", "cpu.weight"), isV2() ? "100" : "1024");
  assert.is(await limit(container, "cpu.cfs_quota_us", "cpu.max"), isV2() ? "max 100000" : "-1");
});

test("CG-03 zeros, as engines write them for what is not set, are not written", async (t) => {
  needsControllers("memory", "cpu");
  const container = await created(t, resources({ memory: { limit: 0, reservation: 0, swap: 0 }, cpu: { shares: 0, quota: 0, period: 0, cpus: "", mems: "" } }));
  assert.is(await limit(container, "cpu.shares", "cpu.weight"), isV2() ? "100" : "1024");
  assert.is(await limit(container, "cpu.cfs_quota_us", "cpu.max"), isV2() ? "max 100000" : "-1");
});

test("CG-04 the program is in every hierarchy that is mounted, and so is what it starts", async (t) => {
  const container = await running(t, (config) => script(config, "sleep 100 & exec sleep 100"));
  for (const { folder } of await placesOf(container)) {
    assert.is(read(join(folder, "cgroup.procs")).trim().split("\n").length, 2, folder);
  }
});

test("delete removes the cgroups", async (t) => {
  const container = await running(t);
  const places = await placesOf(container);
  await container.end();
  silent(await container.verb("delete"));
  for (const { folder } of places) assert.not(fs.existsSync(folder), folder);
  assert.equal(t.leftovers(container.id), []);
});

test("the limits hold before the program begins, also for what it may not undo", async (t) => {
  needsControllers("pids");
  const path = isV2() ? "/sys/fs/cgroup/pids.max" : "/sys/fs/cgroup/pids/pids.max";
  assert.is(await inside(t, `cat ${path}; echo max 2>&1 >${path} | grep -o 'Read-only'`, resources({ pids: { limit: 99 } })), "99\nRead-only\n");
});

test("two containers below one cgroup do not disturb each other", async (t: Ground) => {
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
  for (const folder of removeCgroups(parent)) assert.not(fs.existsSync(folder), folder);
});

test.run();
