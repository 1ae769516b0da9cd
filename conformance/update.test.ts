/** `update`: the limits of a container that is there, on either version of cgroups. */

import * as fs from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import type { BundleConfig } from "../test/bundle.ts";
import { skip } from "../test/harness.ts";
import type { Ground } from "../test/harness.ts";
import { hasLimit, isV2, limit, needsControllers, onlyOnV2, resources } from "./cgroups.ts";
import { created, file, read, refused, running, script, silent, waitFor } from "./containers.ts";
import type { Container } from "./containers.ts";
import { onlyOurs, suite } from "./suite.ts";

const test = suite("update");

const MEBIBYTE = 1 << 20;
const MEMORY = "memory.limit_in_bytes|memory.max";
const SWAP = "memory.memsw.limit_in_bytes|memory.swap.max";
const PIDS = "pids.max|pids.max";

/** What holds, by the file's name on v1 and, after a bar, on v2; "" where the kernel has no such file. */
async function limitOf(container: Container, names: string): Promise<string> {
  const [legacy = "", unified = ""] = names.split("|");
  return (await hasLimit(container, legacy, unified)) ? limit(container, legacy, unified) : "";
}

/** Updates by a document on standard input. */
async function withDocument(t: Ground, container: Container, resources: unknown): ReturnType<Ground["runtime"]> {
  return t.runtime(["update", "--resources=-", container.id], { input: JSON.stringify(resources) });
}

/** On v1 it is the sum of memory and swap that is limited, on v2 swap alone. */
function swapOf(limit: number, both: number): string {
  return `${isV2() ? both - limit : both}`;
}

/** The option, its value, the files, and what they hold then. */
const OPTIONS: readonly (readonly [option: string, value: string, files: string, legacy: string, unified: string])[] = [
  ["cpu-share", "512", "cpu.shares|cpu.weight", "512", "59"],
  ["cpu-quota", "30000", "cpu.cfs_quota_us|cpu.max", "30000", "30000 100000"],
  ["cpu-period", "50000", "cpu.cfs_period_us|cpu.max", "50000", "max 50000"],
  ["cpu-rt-period", "500000", "cpu.rt_period_us|", "500000", ""],
  ["cpu-rt-runtime", "1000", "cpu.rt_runtime_us|", "1000", ""],
  ["cpu-idle", "1", "cpu.idle|cpu.idle", "1", "1"],
  ["cpuset-cpus", "0", "cpuset.cpus|cpuset.cpus", "0", "0"],
  ["cpuset-mems", "0", "cpuset.mems|cpuset.mems", "0", "0"],
  ["memory", "64m", MEMORY, `${64 * MEBIBYTE}`, `${64 * MEBIBYTE}`],
  ["memory-reservation", "33554432", "memory.soft_limit_in_bytes|memory.low", `${32 * MEBIBYTE}`, `${32 * MEBIBYTE}`],
  ["pids-limit", "77", PIDS, "77", "77"],
];

for (const [option, given, files, legacy, unified] of OPTIONS) {
  test(`--${option} sets it`, async (t) => {
    const [controller = ""] = files.split(".");
    needsControllers(controller);
    if (isV2() && unified === "") skip("cgroup v2 has nothing for it");
    const container = await running(t);
    const before = await limitOf(container, files);
    if (before === "" && controller === "cpu") skip("this kernel does not have it");
    silent(await container.verb("update", `--${option}=${given}`));
    assert.is(await limitOf(container, files), isV2() ? unified : legacy);
    assert.is(await container.status(), "running");
  });
}

test("--cpu-burst sets it", async (t) => {
  needsControllers("cpu");
  const container = await running(t, resources({ cpu: { quota: 50_000, period: 100_000 } }));
  const files = "cpu.cfs_burst_us|cpu.max.burst";
  if ((await limitOf(container, files)) === "") skip("this kernel has no burst");
  silent(await container.verb("update", "--cpu-burst=10000"));
  assert.is(await limitOf(container, files), "10000");
});

test("--blkio-weight sets it, under the name that the kernel has for it", async (t) => {
  needsControllers("blkio");
  const container = await running(t);
  const files = ["blkio.weight|io.bfq.weight", "blkio.bfq.weight|io.weight"];
  const present = [];
  for (const names of files) if ((await limitOf(container, names)) !== "") present.push(names);
  const [names = skip("this kernel has no weights of block I/O")] = present;
  silent(await container.verb("update", "--blkio-weight=300"));
  assert.match(await limitOf(container, names), names.endsWith("|io.weight") && isV2() ? /^default 2930$/ : /^(default )?300$/);
});

test("--memory and --memory-swap together, up and down", async (t) => {
  needsControllers("memory");
  const container = await running(t, resources({ memory: { limit: 32 * MEBIBYTE, swap: 64 * MEBIBYTE } }));
  if ((await limitOf(container, SWAP)) === "") skip("this kernel does not limit swap");
  for (const size of [128, 16, 512]) {
    silent(await container.verb("update", `--memory=${size}m`, `--memory-swap=${2 * size}m`));
    assert.equal([await limitOf(container, MEMORY), await limitOf(container, SWAP)], [`${size * MEBIBYTE}`, swapOf(size * MEBIBYTE, 2 * size * MEBIBYTE)]);
  }
});

test("--memory-swap alone goes by the limit of memory that an earlier update has set", async (t) => {
  needsControllers("memory");
  const container = await running(t);
  silent(await container.verb("update", "--memory=64m", "--memory-swap=96m"));
  silent(await container.verb("update", "--memory-swap=128m"));
  if ((await limitOf(container, SWAP)) === "") skip("this kernel does not limit swap");
  assert.is(await limitOf(container, SWAP), swapOf(64 * MEBIBYTE, 128 * MEBIBYTE));
});

test("--memory=-1 lifts the limits of memory and of swap", async (t) => {
  needsControllers("memory");
  const free = await limitOf(await created(t), MEMORY);
  const container = await running(t, resources({ memory: { limit: 32 * MEBIBYTE, swap: 64 * MEBIBYTE } }));
  silent(await container.verb("update", "--memory=-1"));
  assert.is(await limitOf(container, MEMORY), free);
  assert.ok(["", free].includes(await limitOf(container, SWAP)));
});

test("--cpu-period keeps the quota, --cpu-quota the period", async (t) => {
  needsControllers("cpu");
  const container = await running(t, resources({ cpu: { quota: 20_000, period: 50_000 } }));
  const both = async (): Promise<string> =>
    isV2() ? limitOf(container, "|cpu.max") : `${await limitOf(container, "cpu.cfs_quota_us|")} ${await limitOf(container, "cpu.cfs_period_us|")}`;
  silent(await container.verb("update", "--cpu-period=60000"));
  assert.is(await both(), "20000 60000");
  silent(await container.verb("update", "--cpu-quota=30000"));
  assert.is(await both(), "30000 60000");
});

test("a document of limits, from standard input or a file, leaves alone what it does not name or sets to 0", async (t) => {
  needsControllers("pids");
  const container = await running(t, resources({ pids: { limit: 50 }, cpu: { shares: 2 } }));
  silent(await withDocument(t, container, { pids: { limit: 60 }, cpu: { shares: 0, quota: 0, cpus: "" }, memory: { limit: 0 }, blockIO: { weight: 0 } }));
  assert.equal([await limitOf(container, PIDS), await limitOf(container, "cpu.shares|cpu.weight")], ["60", isV2() ? "1" : "2"]);
  const path = file(t, "limits.json");
  fs.writeFileSync(path, JSON.stringify({ pids: { limit: 70 } }));
  silent(await container.verb("update", `--resources=${path}`));
  assert.is(await limitOf(container, PIDS), "70");
  silent(await t.runtime(["update", "-r", path, container.id]));
});

test("a document goes before the other options", async (t) => {
  needsControllers("pids");
  const container = await running(t);
  silent(await t.runtime(["update", "--pids-limit=5", "--resources", "-", container.id], { input: '{"pids": {"limit": 60}}' }));
  assert.is(await limitOf(container, PIDS), "60");
});

test("a created container and a paused one can be updated", async (t) => {
  needsControllers("pids");
  const container = await created(t);
  silent(await container.verb("update", "--pids-limit=60"));
  assert.is(await limitOf(container, PIDS), "60");
  await container.start();
  silent(await container.verb("pause"));
  silent(await container.verb("update", "--pids-limit=70"));
  assert.is(await limitOf(container, PIDS), "70");
  assert.is(await container.status(), "paused");
});

test("without options nothing changes", async (t) => {
  needsControllers("pids");
  const container = await running(t, resources({ pids: { limit: 50 } }));
  silent(await container.verb("update"));
  assert.is(await limitOf(container, PIDS), "50");
});

test("a container that has stopped, or is not there, cannot be updated", async (t) => {
  const container = await running(t);
  await container.end();
  refused(await container.verb("update", "--pids-limit=60"), /container not running/);
  refused(await t.runtime(["update", "--pids-limit=60", t.id()]), /does not exist/);
  assert.is((await t.runtime(["update", "--pids-limit=60"])).status, 1);
});

test("values that are none are errors, and change nothing", async (t) => {
  needsControllers("pids");
  const container = await running(t, resources({ pids: { limit: 50 } }));
  for (const option of ["--memory=many", "--cpu-period=-1", "--cpu-share=half", "--pids-limit=few", "--no-such=5", "--resources=/no/such/file"]) {
    assert.is((await container.verb("update", option)).status, 1, option);
  }
  for (const document of ["", "{", "[]", '{"pids": {"limit": "x"}}']) {
    assert.is((await t.runtime(["update", "-r", "-", container.id], { input: document })).status, 1, document);
  }
  refused(await container.verb("update", "--cpuset-cpus=4000"), /./);
  assert.is(await limitOf(container, PIDS), "50");
});

test("sizes have units", async (t) => {
  needsControllers("memory");
  const container = await running(t);
  for (const [size, bytes] of [["40M", 40 * MEBIBYTE], ["41mb", 41 * MEBIBYTE], ["0.5GiB", 512 * MEBIBYTE], ["43008k", 42 * MEBIBYTE], ["45088768b", 43 * MEBIBYTE]] as const) {
    silent(await container.verb("update", `--memory=${size}`));
    assert.is(await limitOf(container, MEMORY), `${bytes}`, size);
  }
});

/** A program that holds memory that cannot be freed, and says when it does. */
function holding(t: Ground): (config: BundleConfig) => void {
  return (config) => {
    config.mounts.push({ destination: "/tell", type: "bind", source: t.folder, options: ["bind", "rw"] });
    config.linux.resources = { memory: { limit: 128 * MEBIBYTE, swap: 128 * MEBIBYTE } };
    script(config, "dd if=/dev/zero of=/dev/shm/held bs=1M count=40 2>/dev/null; echo held > /tell/told; exec sleep 100");
  };
}

test("a limit of memory below what is in use is refused with the reason, and the container runs on", async (t) => {
  if (isV2()) onlyOurs("runc leaves it to the kernel, which kills on cgroup v2");
  needsControllers("memory");
  const container = await running(t, holding(t));
  await waitFor("the memory is in use", () => read(file(t, "told")) === "held\n");
  refused(await container.verb("update", "--memory=20m", "--memory-swap=20m"), /usage|uses/);
  assert.is(await container.status(), "running");
  assert.is(await limitOf(container, MEMORY), `${128 * MEBIBYTE}`);
});

test("RM-10 with checkBeforeUpdate a limit of memory below the usage is refused", async (t) => {
  onlyOnV2();
  needsControllers("memory");
  const container = await running(t, holding(t));
  await waitFor("the memory is in use", () => read(file(t, "told")) === "held\n");
  refused(await withDocument(t, container, { memory: { limit: 20 * MEBIBYTE, swap: 20 * MEBIBYTE, checkBeforeUpdate: true } }), /usage|uses/);
  assert.is(await container.status(), "running");
  assert.is(await limitOf(container, MEMORY), `${128 * MEBIBYTE}`);
});

test("an update that fails takes back what it had done", async (t) => {
  if (isV2()) onlyOurs("runc leaves it on cgroup v2");
  needsControllers("cpuset");
  const container = await running(t, resources({ pids: { limit: 50 }, cpu: { shares: 2, cpus: "0" } }));
  refused(await withDocument(t, container, { pids: { limit: 60 }, cpu: { shares: 1024, cpus: "4000" } }), /./);
  const files = [PIDS, "cpu.shares|cpu.weight", "cpuset.cpus|cpuset.cpus"];
  assert.equal(await Promise.all(files.map((names) => limitOf(container, names))), ["50", isV2() ? "1" : "2", "0"]);
});

const FORBIDDEN = "not permitted";

test("devices are replaced for the program that runs", async (t) => {
  onlyOurs("runc ignores them");
  if (!isV2()) needsControllers("devices");
  const told = file(t, "told");
  const deny = { allow: false, access: "rwm" };
  const rule = { allow: true, type: "c", major: 10, minor: 251, access: "rw" };
  const container = await running(t, (config) => {
    config.mounts.push({ destination: "/tell", type: "bind", source: t.folder, options: ["bind", "rw"] });
    config.linux["devices"] = [{ path: "/dev/other", type: "c", major: 10, minor: 251, fileMode: 0o666 }];
    config.linux.resources = { devices: [deny] };
    // Where it may, there is no such device.
    script(config, `while :; do (: < /dev/other) 2>&1 | sed 's/.*: //' > /tell/new; (: < /dev/null) || echo null >> /tell/new; mv /tell/new /tell/told; sleep 0.05; done`);
  });
  const says = (may: boolean) => (): boolean => read(told).trim() !== "" && read(told).includes(FORBIDDEN) !== may && !read(told).includes("null");
  await waitFor("it may not use the device", says(false));
  silent(await withDocument(t, container, { devices: [deny, rule] }));
  await waitFor("it may use the device", says(true));
  silent(await withDocument(t, container, { pids: { limit: 60 } }));
  silent(await withDocument(t, container, { devices: [deny, { ...rule, access: "w" }] }));
  await waitFor("it may not read the device any more", says(false));
  silent(await withDocument(t, container, { devices: [{ allow: true, access: "rwm" }] }));
  await waitFor("it may use all devices", says(true));
  silent(await withDocument(t, container, { devices: [deny] }));
  await waitFor("it may not use the device again", says(false));
  assert.is(await container.status(), "running");
});

test("what was updated is kept for the next update, not in the bundle", async (t) => {
  onlyOurs("where runc keeps it is its own matter");
  needsControllers("memory");
  const container = await running(t, resources({ memory: { limit: 64 * MEBIBYTE, swap: 96 * MEBIBYTE } }));
  const config = fs.readFileSync(join(container.bundle.path, "config.json"), "utf8");
  silent(await container.verb("update", "--memory=32m"));
  refused(await container.verb("update", "--memory-swap=16m"), 'must not be less than the memory limit 33554432');
  assert.is(fs.readFileSync(join(container.bundle.path, "config.json"), "utf8"), config);
});

test.run();
