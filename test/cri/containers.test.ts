/** Containers of a pod: how they begin, run further programs, write logs, use resources and end. */

import * as fs from "node:fs";
import * as assert from "uvu/assert";
import { until } from "../engine.ts";
import { skip } from "../harness.ts";
import { GrpcError } from "./grpc.ts";
import { kubernetes } from "./kubernetes.ts";
import type { Container } from "./pods.ts";

const test = kubernetes("containers");

const MEBIBYTE = 1024 * 1024;

async function failure(call: Promise<unknown>): Promise<string> {
  const error = await call.then(() => undefined, (reason: unknown) => reason);
  assert.instance(error, GrpcError);
  return (error as GrpcError).message;
}

/** A limit of the container, by its file's name in version 1 or 2, as it sees it itself. */
function limit(container: Container, v1: string, v2: string): Promise<string> {
  return container.print(`cat /sys/fs/cgroup/${v1} 2>/dev/null || cat /sys/fs/cgroup/${v2}`);
}

/** containerd's own shim, with any runtime, finds no cgroup of a container when a hierarchy exists that is mounted nowhere. */
function needsKnownHierarchies(handler: string): void {
  const mounted = fs.readFileSync("/proc/mounts", "utf8").split("\n").flatMap((line) => (line.split(" ")[2] === "cgroup" ? (line.split(" ")[3] ?? "").split(",") : []));
  const controllers = fs.readFileSync("/proc/self/cgroup", "utf8").split("\n").flatMap((line) => (line.split(":")[1] ?? "").split(","));
  const unknown = controllers.filter((name) => name !== "" && !mounted.includes(name));
  if (handler === "runc" && unknown.length > 0) skip(`the hierarchy of ${unknown.join(" and ")} is not mounted here`);
}

test("a container is created, runs, ends and is removed, and its status tells", async ({ node, pod }) => {
  const made = await pod();
  const container = await made.create(["/bin/sh", "-c", "exit 7"]);
  assert.equal([(await container.status()).state, (await container.status()).started_at], ["CONTAINER_CREATED", 0]);
  await container.start();
  const { exit_code, reason, created_at, finished_at } = await container.ended();
  assert.equal([exit_code, reason], [7, "Error"]);
  assert.ok(created_at < finished_at);
  await container.remove();
  const { containers } = await node.call<{ containers: unknown[] }>("ListContainers", { filter: { pod_sandbox_id: made.id } });
  assert.equal(containers, []);
  const good = await made.start(["/bin/true"]);
  assert.is((await good.ended()).reason, "Completed");
});

test("a container is removed while it is created, and while it runs", async ({ pod }) => {
  const made = await pod();
  const created = await made.create(["/bin/true"]);
  await created.remove();
  const running = await made.start();
  await running.remove();
  assert.match(await failure(running.status()), /not found/i);
});

test("the image's program and environment, and the container's own arguments, folder and variables", async ({ pod }) => {
  const made = await pod();
  const container = await made.start([], { config: { envs: [{ key: "GREETING", value: "hello" }], working_dir: "/tmp" } });
  assert.is(await container.print("tr '\\0' ' ' < /proc/1/cmdline; tr '\\0' '\\n' < /proc/1/environ | grep -E '^(PATH|GREETING)=' | sort; readlink /proc/1/cwd"), "/bin/sleep 1000000 GREETING=hello\nPATH=/bin\n/tmp");
});

test("programs that are missing are named", async ({ pod }) => {
  const made = await pod();
  const container = await made.create(["/bin/none"]);
  assert.match(await failure(container.start()), /exec: "\/bin\/none": stat \/bin\/none: no such file or directory/);
  const { state, exit_code, reason } = await container.status();
  assert.equal([state, exit_code, reason], ["CONTAINER_EXITED", 128, "StartError"]);
  const good = await made.start();
  assert.match(await failure(good.exec(["none"])), /exec: "none": executable file not found in \$PATH/);
});

test("exec gives output and status, also many at once", async ({ pod }) => {
  const container = await (await pod()).start();
  const one = await container.exec(["/bin/sh", "-c", "echo out; echo err >&2; exit 7"]);
  assert.equal(one, { stdout: "out\n", stderr: "err\n", status: 7 });
  const large = await container.exec(["/bin/sh", "-c", "head -c 300000 /dev/zero | tr '\\0' x"]);
  assert.is(large.stdout.length, 300_000);
  const many = await Promise.all(Array.from({ length: 12 }, (_, n) => container.exec(["/bin/sh", "-c", `echo ${n}; exit ${n}`])));
  assert.equal(many.map(({ stdout, status }) => [stdout, status]), many.map((_, n) => [`${n}\n`, n]));
});

test("an exec that takes longer than it may, as a probe, is ended", async ({ pod }) => {
  const container = await (await pod()).start();
  assert.match(await failure(container.exec(["/bin/sleep", "2000004"], 1)), /timeout 1s exceeded/);
  await until(async () => (await container.exec(["/bin/sh", "-c", "grep -l 200000[4] /proc/*/cmdline"])).stdout === "", () => "it goes on");
  assert.is((await container.exec(["/bin/sleep", "0.1"], 20)).status, 0);
});

test("an exec is over when its program is, though a child goes on", async ({ pod, node }) => {
  const container = await (await pod()).start();
  const begun = performance.now();
  const { stdout } = await container.exec(["/bin/sh", "-c", "sleep 1000 >/dev/null 2>&1 & echo done"]);
  assert.is(stdout, "done\n");
  assert.ok(performance.now() - begun < 50_000, node.log());
});

test("the log has a line for each line, its time and its stream, and marks lines that are cut", async ({ pod }) => {
  const container = await (await pod()).start(["/bin/sh", "-c", "echo one; echo two >&2; head -c 20000 /dev/zero | tr '\\0' x; echo; printf end"]);
  await container.ended();
  await until(() => container.log().length >= 5, () => "its log does not come");
  const log = container.log();
  for (const { time } of log) assert.match(time, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+(Z|[+-]\d\d:\d\d)$/);
  const seen = log.map(({ stream, tag, text }) => [stream, tag, text.length > 5 ? text.length : text]);
  // The two streams have no order among each other.
  assert.equal(seen.filter(([stream]) => stream === "stderr"), [["stderr", "F", "two"]]);
  const lines = [["stdout", "F", "one"], ["stdout", "P", 16_384], ["stdout", "F", 3616], ["stdout", "P", "end"]];
  assert.equal(seen.filter(([stream]) => stream === "stdout").slice(0, lines.length), lines);
});

test("a log that was moved away is begun anew when that is asked for", async ({ node, pod }) => {
  const container = await (await pod()).start(["/bin/sh", "-c", "while :; do echo tick; sleep 0.05; done"]);
  await until(() => container.log().length > 0, () => "no output");
  fs.renameSync(container.logPath, `${container.logPath}.1`);
  await node.call("ReopenContainerLog", { container_id: container.id });
  await until(() => fs.existsSync(container.logPath) && container.log().length > 0, () => "no new log");
  assert.is(container.log()[0]?.text, "tick");
});

test("stop sends SIGTERM and waits, then SIGKILL", async ({ pod }) => {
  const made = await pod();
  const polite = await made.start(["/bin/sh", "-c", "trap 'echo bye; exit 7' TERM; echo ready; while :; do sleep 0.05; done"]);
  await until(() => polite.output().stdout === "ready\n", () => "it does not start");
  await polite.stop(10);
  assert.is((await polite.status()).exit_code, 7);
  await until(() => polite.output().stdout === "ready\nbye\n", () => "its last words do not come");
  const deaf = await made.start();
  const begun = performance.now();
  await deaf.stop(1);
  assert.ok(performance.now() - begun >= 1000);
  assert.is((await deaf.status()).exit_code, 137);
});

test("a container that ended is followed by another one in the same pod", async ({ node, pod }) => {
  const made = await pod();
  const first = await made.start(["/bin/sh", "-c", "exit 3"], { config: { metadata: { name: "again", attempt: 0 } } });
  await first.ended();
  const [shim] = node.shims();
  const second = await made.start(["/bin/sleep", "1000000"], { config: { metadata: { name: "again", attempt: 1 } } });
  assert.equal([(await first.status()).exit_code, (await second.status()).state], [3, "CONTAINER_RUNNING"]);
  await first.remove();
  assert.is(await second.print("echo on"), "on");
  assert.equal(node.shims(), [shim]);
});

test("a container that takes more memory than it may is told to be out of memory", async ({ pod, handler }) => {
  needsKnownHierarchies(handler);
  const made = await pod();
  // The shell outlives it for a moment: on version 1 whoever waits for the event has to find the cgroup.
  const script = "dd if=/dev/zero of=/dev/null bs=100M count=1; status=$?; sleep 2; exit $status";
  const container = await made.start(["/bin/sh", "-c", script], { resources: { memory_limit_in_bytes: 32 * MEBIBYTE } });
  const { exit_code, reason } = await container.ended();
  assert.equal([exit_code, reason], [137, "OOMKilled"]);
});

test("statistics tell what containers and their pod use", async ({ node, pod, handler }) => {
  needsKnownHierarchies(handler);
  const made = await pod();
  const busy = await made.start(["/bin/sh", "-c", "head -c 8000000 /dev/zero > /dev/shm/file; i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done; echo ready; exec sleep 1000000"]);
  await made.start();
  await until(() => busy.output().stdout === "ready\n", () => "it does not start");
  interface Stats {
    readonly attributes: { readonly id: string };
    readonly cpu: { readonly usage_core_nano_seconds: { readonly value: number } };
    readonly memory: { readonly working_set_bytes: { readonly value: number } };
  }
  const { stats } = await node.call<{ stats: Stats }>("ContainerStats", { container_id: busy.id });
  assert.is(stats.attributes.id, busy.id);
  assert.ok(stats.cpu.usage_core_nano_seconds.value > 1_000_000, JSON.stringify(stats));
  assert.ok(stats.memory.working_set_bytes.value > 8_000_000, JSON.stringify(stats));
  const list = await node.call<{ stats: Stats[] }>("ListContainerStats", { filter: { pod_sandbox_id: made.id } });
  assert.is(list.stats.length, 2);
  const ofPod = await node.call<{ stats: { linux: { process: { process_count: { value: number } } | null; containers: Stats[] } } }>("PodSandboxStats", { pod_sandbox_id: made.id });
  assert.is(ofPod.stats.linux.containers.length, 2);
});

test("resources are limited from the start, and changed while it runs", async ({ node, pod }) => {
  const resources = { memory_limit_in_bytes: 64 * MEBIBYTE, cpu_period: 100_000, cpu_quota: 50_000, cpu_shares: 512 };
  const container = await (await pod()).start(["/bin/sleep", "1000000"], { resources });
  const memory = (): Promise<string> => limit(container, "memory/memory.limit_in_bytes", "memory.max");
  const cpu = (): Promise<string> => limit(container, "cpu/cpu.cfs_quota_us", "cpu.max");
  assert.is(await memory(), String(64 * MEBIBYTE));
  assert.match(await cpu(), /^50000( 100000)?$/);
  assert.match(await limit(container, "cpu/cpu.shares", "cpu.weight"), /^(512|20|59)$/);
  const linux = { ...resources, memory_limit_in_bytes: 96 * MEBIBYTE, cpu_quota: 80_000, cpu_shares: 1024 };
  await node.call("UpdateContainerResources", { container_id: container.id, linux });
  assert.is(await memory(), String(96 * MEBIBYTE));
  assert.match(await cpu(), /^80000( 100000)?$/);
});

test("huge pages are limited", async ({ pod }) => {
  if (!/ hugetlb\b|\bhugetlb,/.test(fs.readFileSync("/proc/mounts", "utf8")) && !fs.existsSync("/sys/fs/cgroup/hugetlb.2MB.max")) skip("the hugetlb controller is not mounted");
  const container = await (await pod()).start(["/bin/sleep", "1000000"], { resources: { hugepage_limits: [{ page_size: "2MB", limit: 4 * MEBIBYTE }] } });
  assert.is(await limit(container, "hugetlb/hugetlb.2MB.limit_in_bytes", "hugetlb.2MB.max"), String(4 * MEBIBYTE));
});

test.run();
