/** One shim for many containers: who shares it, for how many, and how far the end of one reaches. */

import * as fs from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { suite } from "./harness.ts";
import type { Ground } from "./harness.ts";
import { begin, exec, left, pidOf, remove, shims, statusOf, underShim, until } from "./shim.ts";
import type { Task } from "./shim.ts";

const shared = suite("shim-shared");
const withShim = underShim(shared);

const ANNOTATION = ["--annotation", "io.containerd.tsrun.v1.shared=true"];

function optionsFile(t: Ground, toml: string): string[] {
  const path = join(t.folder, "options.toml");
  fs.writeFileSync(path, toml);
  return ["--runtime-config-path", path];
}

/** So many containers that sleep, one after the other. */
async function beginMany(t: Ground, task: Task, { count, options }: { readonly count: number; readonly options: readonly string[] }): Promise<Task[]> {
  const tasks = Array.from({ length: count }, () => ({ ...task, id: t.id() }));
  for (const one of tasks) await begin(one, ["/bin/sleep", "1000"], options);
  return tasks;
}

function shimsOf(tasks: readonly Task[]): number[] {
  return tasks.flatMap(({ id }) => shims(id));
}

withShim("containers with the annotation share a shim, and the others have their own", async (t, task) => {
  const tasks = await beginMany(t, task, { count: 3, options: ANNOTATION });
  await begin(task, ["/bin/sleep", "1000"]);
  assert.is(shimsOf(tasks).length, 1);
  assert.is(shims(task.id).length, 1);
  for (const [n, one] of tasks.entries()) assert.is((await exec(one, "x", ["/bin/sh", "-c", `exit ${n + 5}`])).status, n + 5);
  for (const one of [...tasks, task]) await remove(one);
  await until(() => shimsOf([...tasks, task]).length === 0, () => "a shim does not end");
});

withShim("the option Shared does it without an annotation, and SharedLimit is how many share one", async (t, task) => {
  const options = optionsFile(t, "Shared = true\nSharedLimit = 2\n");
  const tasks = await beginMany(t, task, { count: 5, options });
  assert.is(shimsOf(tasks).length, 3);
  assert.equal(tasks.map(({ id }) => shims(id).length), [1, 0, 1, 0, 1]);
  const [first, ...others] = tasks;
  assert.ok(first !== undefined);
  await remove(first);
  // There is room again.
  const next = { ...task, id: t.id() };
  await begin(next, ["/bin/sleep", "1000"], options);
  assert.is(shims(next.id).length, 0);
  for (const one of [...others, next]) await remove(one);
});

withShim("a shim that is killed takes down only those that share it, and nothing of them stays", async (t, task) => {
  const options = optionsFile(t, "Shared = true\nSharedLimit = 5\n");
  const tasks = await beginMany(t, task, { count: 6, options });
  // containerd has each of them deleted, all at the same time.
  const [doomed, alive] = [tasks.slice(0, 5), tasks.slice(5)];
  const pids = await Promise.all(doomed.map(pidOf));
  for (const pid of shimsOf(doomed)) process.kill(pid, "SIGKILL");
  await until(() => pids.every((pid) => !fs.existsSync(`/proc/${pid}`)), () => `left: ${left(t).join(", ")}`);
  for (const one of alive) {
    assert.is(await statusOf(one), "RUNNING");
    const { status, stdout, stderr } = await exec(one, "x", ["/bin/echo", "alive"]);
    assert.equal([status, stdout, stderr], [0, "alive\n", ""]);
  }
  for (const one of doomed) {
    await until(async () => (await statusOf(one)) !== "RUNNING", () => `${one.id} counts as running`);
    await task.containerd.ctr(["tasks", "delete", "--force", one.id]);
    await task.containerd.ctr(["containers", "rm", one.id]);
  }
  for (const one of alive) await remove(one);
});

withShim("a container that fails to be created, or floods its output, harms nobody in its shim", async (t, task) => {
  const [one, other] = await beginMany(t, task, { count: 2, options: ANNOTATION });
  assert.ok(one !== undefined && other !== undefined);
  const failed = await task.containerd.run(["--rm", ...ANNOTATION, ...task.rootfs, task.id, "/bin/none"]);
  assert.match(failed.stderr, /no such file or directory/);
  await exec(one, "flood", ["/bin/sh", "-c", "head -c 50000000 /dev/zero"]);
  assert.is((await exec(other, "x", ["/bin/echo", "well"])).stdout, "well\n");
  for (const each of [one, other]) await remove(each);
});

withShim("containers that come while a shared shim ends find another", async (t, task) => {
  for (let round = 0; round < 8; round++) {
    const ids = Array.from({ length: 8 }, () => t.id());
    // Those that go end the shim while others come.
    const results = await Promise.all(ids.map((id) => task.containerd.run(["--rm", ...ANNOTATION, ...task.rootfs, id, "/bin/echo", id])));
    const failed = results.filter(({ status, stdout, stderr }, n) => status !== 0 || stdout !== `${ids[n]}\n` || stderr !== "");
    assert.equal(failed, []);
  }
});

withShim("when containerd is killed, all that share a shim are found again", async (t, task) => {
  const tasks = await beginMany(t, task, { count: 3, options: ANNOTATION });
  await task.containerd.end("SIGKILL");
  await task.containerd.start();
  for (const one of tasks) {
    assert.is(await statusOf(one), "RUNNING");
    assert.is((await exec(one, "x", ["/bin/echo", one.id])).stdout, `${one.id}\n`);
  }
  for (const one of tasks) await remove(one);
});

shared.run();
