/** events and stats: a container's counters move as its program works. */

import { spawn, spawnSync } from "node:child_process";
import * as fs from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { until } from "./engine.ts";
import { needs, suite } from "./harness.ts";
import type { Ground } from "./harness.ts";
import { RUNTIME } from "./runtime.ts";

const statistics = suite("statistics");

interface StatsEvent {
  type: string;
  id: string;
  data: { cpu: { usage: { total: number } }; memory: { usage: { usage: number; limit: number } }; pids: { current: number } };
}

/** A container that runs a script in the background. */
async function running(t: Ground, script: string, limit?: number): Promise<string> {
  needs("root");
  const id = t.id();
  const bundle = t.bundle((config) => {
    config.process.args = ["/bin/sh", "-c", script];
    if (limit !== undefined) config.linux.resources = { memory: { limit, swap: limit } };
  });
  const { status, stderr } = await t.runtime(["run", "--detach", "--bundle", bundle.path, id]);
  assert.is(status, 0, stderr);
  return id;
}

async function stats(t: Ground, id: string): Promise<StatsEvent> {
  const { status, stdout, stderr } = await t.runtime(["events", "--stats", id]);
  assert.is(status, 0, stderr);
  return JSON.parse(stdout) as StatsEvent;
}

statistics("events --stats prints one line, whose counters are the container's", async (t) => {
  const id = await running(t, "sleep 1000 & while :; do :; done", 64 * 1024 * 1024);
  let first = await stats(t, id);
  // The shell may not have come to its child yet.
  await until(async () => (first = await stats(t, id)).data.pids.current === 2, () => JSON.stringify(first.data.pids));
  assert.equal([first.type, first.id], ["stats", id]);
  assert.is(first.data.memory.usage.limit, 64 * 1024 * 1024);
  assert.ok(first.data.memory.usage.usage > 0);
  // Where cgroups are v1 it has the cpuset's switches, too.
  const flags = Object.keys((first.data as unknown as { cpuset: object }).cpuset);
  if (fs.existsSync("/sys/fs/cgroup/cpuset")) assert.ok(["cpus", "mems", "cpu_exclusive", "memory_migrate", "sched_relax_domain_level"].every((name) => flags.includes(name)), flags.join());
  // Nor may it have had its turn since.
  await until(async () => (await stats(t, id)).data.cpu.usage.total > first.data.cpu.usage.total, () => "the time that it has used does not grow");
});

statistics("events refuses a container that has stopped, and one that does not exist", async (t) => {
  const id = await running(t, "exit 0");
  while (JSON.parse((await t.runtime(["state", id])).stdout).status !== "stopped");
  assert.match((await t.runtime(["events", "--stats", id])).stderr, "is not running");
  assert.match((await t.runtime(["events", `${id}-none`])).stderr, "container does not exist");
});

statistics("events ends quietly when nobody reads on", async (t) => {
  const id = await running(t, "sleep 1000");
  const script = `"$0" --root "$1" events --interval 10ms "$2" | head -n 1 | wc -l; echo "\${PIPESTATUS[0]}"`;
  const { stdout, stderr } = spawnSync("/bin/bash", ["-c", script, RUNTIME, t.stateRoot, id], { encoding: "utf8", timeout: 60_000 });
  assert.equal([stdout, stderr], ["1\n141\n", ""]);
});

statistics("events refuses an interval that is none", async (t) => {
  for (const interval of ["0s", "5", "x", "-1s"]) {
    assert.match((await t.runtime(["events", `--interval=${interval}`, "none"])).stderr, 'cannot use option "--interval"');
  }
});

statistics("events goes on until the container ends, and tells of a kill for want of memory with the cgroup that it hit", async (t) => {
  const gate = join(t.folder, "gate");
  const id = t.id();
  const bundle = t.bundle((config) => {
    config.process.args = ["/bin/sh", "-c", "until [ -e /mnt/gate ]; do sleep 0.05; done; dd if=/dev/zero of=/dev/null bs=64M count=1"];
    config.mounts.push({ destination: "/mnt", type: "bind", source: t.folder, options: ["rbind", "ro"] });
    const limit = 32 * 1024 * 1024;
    config.linux.resources = { memory: { limit, swap: limit } };
  });
  needs("root");
  assert.is((await t.runtime(["run", "--detach", "--bundle", bundle.path, id])).status, 0);
  const path = join(t.folder, "events");
  const output = fs.openSync(path, "w");
  const child = spawn(RUNTIME, ["--root", t.stateRoot, "events", "--interval", "50ms", id], { stdio: ["ignore", output, output] });
  const ended = new Promise<number | null>((resolve) => child.on("exit", resolve));
  fs.closeSync(output);
  while (!fs.readFileSync(path, "utf8").includes('"type":"stats"')) await new Promise((resolve) => setTimeout(resolve, 10));
  fs.writeFileSync(gate, "");
  assert.is(await ended, 0);
  const lines = fs.readFileSync(path, "utf8").trim().split("\n").map((line) => JSON.parse(line) as { type: string; id: string; data?: { cgroup?: string } });
  const oom = lines.find(({ type }) => type === "oom");
  assert.is(oom?.id, id);
  assert.match(oom?.data?.cgroup ?? "", id);
});

statistics("stats --no-stream shows each running container once, in a table or as JSON", async (t) => {
  const busy = await running(t, "while :; do :; done");
  const idle = await running(t, "sleep 1000");
  const table = (await t.runtime(["stats", "--no-stream"])).stdout.trim().split("\n");
  assert.match(table[0] ?? "", /^ID +CPU % +MEM USAGE \/ LIMIT +MEM % +BLOCK I\/O +PIDS$/);
  assert.is(table.length, 3);
  const rows = JSON.parse((await t.runtime(["stats", "--no-stream", "--format", "json", busy, idle])).stdout) as { id: string; cpuPercent: number; pids: number }[];
  const percent = (id: string): number => rows.find((row) => row.id === id)?.cpuPercent ?? -1;
  assert.ok(percent(busy) > percent(idle), JSON.stringify(rows));
  assert.ok(percent(idle) >= 0);
});

statistics.run();
