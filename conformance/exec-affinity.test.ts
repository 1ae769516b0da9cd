/** `process.execCPUAffinity`: the processors of further processes in a container (config.md#linux-process, sched_setaffinity(2)). */

import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import * as assert from "uvu/assert";
import type { BundleConfig } from "../test/bundle.ts";
import { needs, skip } from "../test/harness.ts";
import type { Ground } from "../test/harness.ts";
import { RUNTIME } from "../test/runtime.ts";
import { file, output, refused, running } from "./containers.ts";
import type { Container } from "./containers.ts";
import { suite } from "./suite.ts";

const test = suite("exec affinity", () => {
  if (availableParallelism() < 2) skip("this machine has one processor");
});

interface Affinity {
  readonly initial?: string;
  readonly final?: string;
}

const ALLOWED = "Cpus_allowed_list:";

function allowed(status: string): string {
  return new RegExp(`^${ALLOWED}\\s+(\\S+)$`, "m").exec(status)?.[1] ?? "";
}

function withAffinity(t: Ground, affinity: Affinity | undefined): Promise<Container> {
  return running(t, (config) => (config.process["execCPUAffinity"] = affinity));
}

/** The processors on which a further process of the container may run. */
async function found(t: Ground, container: Container): Promise<string> {
  return allowed(output(await t.runtime(["exec", container.id, "/bin/grep", ALLOWED, "/proc/self/status"])));
}

test("PRC-41 PRC-43 final is where a further process runs, and not the first one", async (t) => {
  const usual = allowed(await (await withAffinity(t, undefined)).proc("status"));
  for (const final of ["0", "1", "0-1", "0,1"]) {
    const container = await withAffinity(t, { final });
    assert.is(allowed(await container.proc("status")), usual, final);
    assert.is(await found(t, container), final.replace(",", "-"), final);
  }
});

test("PRC-41 without it a further process runs wherever the first may", async (t) => {
  const container = await withAffinity(t, undefined);
  assert.is(await found(t, container), allowed(await container.proc("status")));
  const empty = await withAffinity(t, {});
  assert.is(await found(t, empty), allowed(await empty.proc("status")));
});

test("PRC-42 PRC-43 final counts in the end, whatever initial was", async (t) => {
  assert.is(await found(t, await withAffinity(t, { initial: "0", final: "1" })), "1");
  assert.is(await found(t, await withAffinity(t, { initial: "1", final: "0-1" })), "0-1");
});

test("what the caller is restricted to is not what the container is: neither the first process nor a further one", async (t) => {
  needs("taskset");
  const show = (config: BundleConfig): unknown => (config.process.args = ["/bin/grep", ALLOWED, "/proc/self/status"]);
  const from = (args: readonly string[]): string =>
    allowed(spawnSync("taskset", ["--cpu-list", "1", RUNTIME, "--root", t.stateRoot, ...args], { encoding: "utf8" }).stdout);
  const usual = allowed(output(await t.runtime(["run", "--bundle", t.bundle((config) => void show(config)).path, t.id()])));
  assert.is(from(["run", "--bundle", t.bundle((config) => void show(config)).path, t.id()]), usual);
  const container = await withAffinity(t, undefined);
  assert.is(from(["exec", container.id, "/bin/grep", ALLOWED, "/proc/self/status"]), usual);
});

test("PRC-42 PRC-43 with initial alone it is left to the kernel what becomes of it in the cgroup", async (t) => {
  needs("taskset");
  for (const final of [undefined, ""]) {
    const container = await withAffinity(t, { initial: "1", ...(final === undefined ? {} : { final }) });
    const cgroup = cpusetOf(await container.proc("cgroup"));
    // What the kernel makes of any process on that processor which enters the cgroup.
    const shell = `echo $$ >${join(cgroup, "cgroup.procs")} && grep ${ALLOWED} /proc/self/status`;
    const { stdout } = spawnSync("taskset", ["--cpu-list", "1", "sh", "-c", shell], { encoding: "utf8" });
    assert.is(await found(t, container), allowed(stdout));
  }
});

test("PRC-41 the process that exec is given says where it runs itself", async (t) => {
  const container = await withAffinity(t, { final: "0" });
  const path = file(t, "process.json");
  const process = { ...container.bundle.config.process, args: ["/bin/grep", ALLOWED, "/proc/self/status"], execCPUAffinity: { final: "1" } };
  fs.writeFileSync(path, JSON.stringify(process));
  assert.is(allowed(output(await t.runtime(["exec", "--process", path, container.id]))), "1");
});

for (const [row, moment] of [["PRC-42", "initial"], ["PRC-43", "final"]] as const) {
  test(`${row} processors that the machine does not have are an error of exec`, async (t) => {
    const container = await withAffinity(t, { [moment]: "900" });
    refused(await t.runtime(["exec", container.id, "/bin/true"]), /affinity|invalid argument/i, 255);
  });
}

/** The container's cgroup that has the cpuset controller. */
function cpusetOf(cgroups: string): string {
  const v1 = /^\d+:cpuset:(.*)$/m.exec(cgroups)?.[1];
  if (v1 !== undefined) return join("/sys/fs/cgroup/cpuset", v1);
  return join("/sys/fs/cgroup", /^0::(.*)$/m.exec(cgroups)?.[1] ?? "");
}

test("PRC-42 blanks around the list, and a list of nothing, are taken", async (t) => {
  const change = (config: BundleConfig): unknown => (config.process["execCPUAffinity"] = { initial: "", final: " 1 " });
  const container = await running(t, (config) => void change(config));
  assert.is(await found(t, container), "1");
});

test.run();
