/** `linux.resources.memory`, as the container's cgroup shows it (config-linux.md#memory). */

import * as fs from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import type { Ground } from "../test/harness.ts";
import { CGROUPS, isV2, limit, needsControllers, onlyOnV1, removeCgroups, resources } from "./cgroups.ts";
import { cannotCreate, created, fromShell, inside, output, read, refused, run } from "./containers.ts";
import type { Change } from "./containers.ts";
import { suite } from "./suite.ts";

const test = suite("memory", () => needsControllers("memory"));

const MEBIBYTE = 1 << 20;
const LIMIT = 64 * MEBIBYTE;

/** Takes as much memory at once. */
function take(mebibytes: number, memory: Readonly<Record<string, unknown>>): Change {
  return (config) => {
    config.linux.resources = { memory };
    config.process.args = ["/bin/dd", "if=/dev/zero", "of=/dev/null", `bs=${mebibytes}M`, "count=1"];
  };
}

function memory(values: Readonly<Record<string, unknown>>): Change {
  return resources({ memory: values });
}

/** Each limit of memory, as a container without limits has it. */
async function unlimited(t: Ground, v1: string, v2: string): Promise<string> {
  return limit(await created(t), v1, v2);
}

test("RM-01 an empty object limits nothing", async (t) => {
  const names = ["memory.limit_in_bytes", "memory.max"] as const;
  assert.is(await limit(await created(t, memory({})), ...names), await unlimited(t, ...names));
});

test("RM-02 limit", async (t) => {
  assert.is(await limit(await created(t, memory({ limit: LIMIT })), "memory.limit_in_bytes", "memory.max"), `${LIMIT}`);
});

test("RM-02 a limit of -1 is none", async (t) => {
  const names = ["memory.limit_in_bytes", "memory.max"] as const;
  assert.is(await limit(await created(t, memory({ limit: -1 })), ...names), await unlimited(t, ...names));
});

test("RM-02 a program that takes more memory than it may is killed", async (t) => {
  const result = await run(t, "", take(64, { limit: 16 * MEBIBYTE, swap: 16 * MEBIBYTE }));
  assert.is(result.status, 128 + 9, result.stderr);
});

test("RM-02 a program that takes less than it may is not", async (t) => {
  const result = await run(t, "", take(8, { limit: LIMIT, swap: LIMIT }));
  assert.is(result.status, 0, result.stderr);
});

test("RM-03 reservation", async (t) => {
  const container = await created(t, memory({ limit: LIMIT, reservation: LIMIT / 2 }));
  assert.is(await limit(container, "memory.soft_limit_in_bytes", "memory.low"), `${LIMIT / 2}`);
});

test("RM-03 a reservation without a limit", async (t) => {
  const container = await created(t, memory({ reservation: LIMIT }));
  assert.is(await limit(container, "memory.soft_limit_in_bytes", "memory.low"), `${LIMIT}`);
});

test("RM-04 swap is the limit of memory and swap together", async (t) => {
  const container = await created(t, memory({ limit: LIMIT, swap: 3 * LIMIT }));
  assert.is(await limit(container, "memory.memsw.limit_in_bytes", "memory.swap.max"), `${isV2() ? 2 * LIMIT : 3 * LIMIT}`);
});

test("RM-04 a swap of -1 is no limit", async (t) => {
  const names = ["memory.memsw.limit_in_bytes", "memory.swap.max"] as const;
  assert.is(await limit(await created(t, memory({ limit: LIMIT, swap: -1 })), ...names), await unlimited(t, ...names));
});

test("RM-04 a swap below the limit of memory is an error", async (t) => {
  await cannotCreate(t, memory({ limit: LIMIT, swap: LIMIT / 2 }), /memory|swap|invalid argument/i, "/linux/resources/memory");
});

for (const [row, field] of [["RM-05", "kernel"], ["RM-06", "kernelTCP"]] as const) {
  test(`${row} ${field}, which is not recommended any more, keeps no container from running`, async (t) => {
    // What cannot be converted is refused there (RU-05).
    if (field === "kernelTCP") onlyOnV1("memory.kernelTCP");
    const result = await run(t, "echo up", memory({ [field]: LIMIT }));
    assert.equal([result.status, result.stdout], [0, "up\n"], result.stderr);
  });
}

test("RM-07 swappiness", async (t) => {
  onlyOnV1("memory.swappiness");
  assert.is(await limit(await created(t, memory({ swappiness: 33 })), "memory.swappiness"), "33");
});

test("RM-07 a swappiness of 0 is written, too", async (t) => {
  onlyOnV1("memory.swappiness");
  assert.is(await limit(await created(t, memory({ swappiness: 0 })), "memory.swappiness"), "0");
});

test("RM-08 disableOOMKiller", async (t) => {
  onlyOnV1("memory.disableOOMKiller");
  assert.match(await limit(await created(t, memory({ limit: LIMIT, disableOOMKiller: true })), "memory.oom_control"), /^oom_kill_disable 1$/m);
  assert.match(await limit(await created(t, memory({ limit: LIMIT, disableOOMKiller: false })), "memory.oom_control"), /^oom_kill_disable 0$/m);
});

test("RM-09 useHierarchy", async (t) => {
  onlyOnV1("memory.useHierarchy");
  assert.is(await limit(await created(t, memory({ useHierarchy: true })), "memory.use_hierarchy"), "1");
});

/** A cgroup without processes in which memory is in use all the same: that of a file that somebody in it has written. */
async function usedCgroup(t: Ground, name: string, mebibytes: number): Promise<void> {
  const folder = isV2() ? join(CGROUPS, name) : join(CGROUPS, "memory", name);
  fs.mkdirSync(folder);
  output(await fromShell(t, `echo 0 >${folder}/cgroup.procs; dd if=/dev/zero of=/dev/shm/${name} bs=1M count=${mebibytes} 2>/dev/null; exit`, []));
  const usage = Number(read(join(folder, isV2() ? "memory.current" : "memory.usage_in_bytes")));
  assert.ok(usage >= mebibytes * MEBIBYTE, `${usage} bytes are in use`);
}

test("RM-10 with checkBeforeUpdate a limit below what is in use is an error", async (t) => {
  const name = t.id();
  try {
    await usedCgroup(t, name, 32);
    const bundle = t.bundle((config) => {
      config.linux.cgroupsPath = `/${name}`;
      config.linux.resources = { memory: { limit: 16 * MEBIBYTE, swap: 16 * MEBIBYTE, checkBeforeUpdate: true } };
      config.process.args = ["/bin/true"];
    });
    const result = await t.runtime(["create", "--bundle", bundle.path, t.id()]);
    refused(result, /memory|busy/i);
  } finally {
    fs.rmSync(`/dev/shm/${name}`, { force: true });
    removeCgroups(name);
  }
});

test("RM-10 with checkBeforeUpdate a limit above what is in use is taken", async (t) => {
  const container = await created(t, memory({ limit: LIMIT, checkBeforeUpdate: true }));
  assert.is(await limit(container, "memory.limit_in_bytes", "memory.max"), `${LIMIT}`);
});

test("the program sees its limit where cgroups are mounted", async (t) => {
  const path = isV2() ? "memory.max" : "memory/memory.limit_in_bytes";
  assert.is(await inside(t, `cat /sys/fs/cgroup/${path}`, memory({ limit: LIMIT })), `${LIMIT}\n`);
});

test.run();
