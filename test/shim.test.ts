/** The shim under containerd: its streams, loggers and groups, and what is left when it, or containerd, is killed. */

import * as fs from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { RUN_NAME, skip, suite } from "./harness.ts";
import type { Ground } from "./harness.ts";
import { begin, exec, left, remove, shims, statusOf, until, underShim } from "./shim.ts";

const shim = suite("shim");
const withShim = underShim(shim);

withShim("execs run side by side, with their own output and exit status", async (_t, task) => {
  await begin(task, ["/bin/sleep", "1000"]);
  const results = await Promise.all([1, 2, 3, 4, 5].map((n) => exec(task, `x${n}`, ["/bin/sh", "-c", `echo out ${n}; echo err ${n} >&2; exit ${n}`])));
  assert.equal(results.map(({ status, stdout, stderr }) => [status, stdout, stderr]), [1, 2, 3, 4, 5].map((n) => [n, `out ${n}\n`, `err ${n}\n`]));
  const missing = await exec(task, "none", ["/bin/none"]);
  assert.match(missing.stderr, /exec: "\/bin\/none": stat \/bin\/none: no such file or directory/);
  await remove(task);
});

withShim("a child that an exec leaves behind holds up nobody, and lives on", async (_t, task) => {
  await begin(task, ["/bin/sleep", "1000"]);
  const script = "(trap '' HUP; sleep 1; echo late; touch /wrote; sleep 1000) & echo early";
  const { status, stdout } = await exec(task, "x", ["/bin/sh", "-c", script]);
  assert.is(stdout, "early\n");
  assert.is(status, 0);
  await until(async () => (await exec(task, "look", ["/bin/ls", "/wrote"])).status === 0, () => "it died when it wrote");
  await remove(task);
});

withShim("a user who is not root can open /dev/stdout again, in the container and in an exec", async (t, task) => {
  const script = ["/bin/sh", "-c", "echo again > /dev/stdout"];
  const bundle = t.bundle((config) => {
    config.process.user = { uid: 1000, gid: 1000 };
    config.process.args = script;
  });
  bundle.config.root.path = bundle.rootfs;
  bundle.write();
  const { stdout, stderr } = await task.containerd.run(["--rm", "--config", join(bundle.path, "config.json"), task.id]);
  assert.is(stdout, "again\n", stderr);
  await begin(task, ["/bin/sleep", "1000"]);
  const second = await task.containerd.ctr(["tasks", "exec", "--user", "1000:1000", "--exec-id", "x", task.id, ...script]);
  assert.is(second.stdout, "again\n", second.stderr);
  await remove(task);
});

withShim("pause stops the container, resume lets it go on, and metrics tell what it uses", async (_t, task) => {
  await begin(task, ["/bin/sh", "-c", "while :; do :; done"]);
  assert.is((await task.containerd.ctr(["tasks", "pause", task.id])).status, 0);
  assert.is(await statusOf(task), "PAUSED");
  assert.match((await exec(task, "x", ["/bin/true"])).stderr, "cannot exec in a paused");
  assert.is((await task.containerd.ctr(["tasks", "resume", task.id])).status, 0);
  assert.is(await statusOf(task), "RUNNING");
  const metrics = (await task.containerd.ctr(["tasks", "metrics", "--format", "json", task.id])).stdout;
  assert.match(metrics, /"memory"/);
  assert.match(metrics, /"pids": \{\s*"current": 1/);
  await remove(task);
});

withShim("events come in the order that containerd requires, an oom event before the exit", async (_t, task) => {
  const events = task.containerd.follow(["events"]);
  await events.until(/./, async () => void (await task.containerd.ctr(["namespaces", "label", RUN_NAME, "a=b"])));
  const limit = ["--memory-limit", `${32 * 1024 * 1024}`];
  const dd = ["/bin/dd", "if=/dev/zero", "of=/dev/null", "bs=64M", "count=1"];
  assert.is((await task.containerd.run(["--rm", ...limit, ...task.rootfs, task.id, ...dd])).status, 137);
  await events.until(/\/tasks\/delete/);
  const topics = [...events.text().matchAll(/ \/tasks\/(\S+)/g)].map(([, topic]) => topic);
  assert.equal(topics, ["create", "start", "oom", "exit", "delete"]);
  await events.end();
});

withShim("a log file and a logger of one's own get all output", async (t, task) => {
  const log = join(t.folder, "logs/out");
  const script = ["/bin/sh", "-c", "echo one; echo two >&2; echo three"];
  const file = await task.containerd.run(["--rm", "--log-uri", `file://${log}`, ...task.rootfs, task.id, ...script]);
  assert.is(file.status, 0, file.stderr);
  assert.is(fs.readFileSync(log, "utf8"), "one\ntwo\nthree\n");
  const logger = join(t.folder, "logger");
  const got = join(t.folder, "got");
  fs.writeFileSync(logger, `#!/bin/sh\nexec 5>&-\n{ echo "$CONTAINER_ID $CONTAINER_NAMESPACE $*"; cat <&3; cat <&4; } > ${got}.new; mv ${got}.new ${got}\n`, { mode: 0o755 });
  const second = await task.containerd.run(["--rm", "--log-uri", `binary://${logger}?key=value`, ...task.rootfs, task.id, ...script]);
  assert.is(second.status, 0, second.stderr);
  await until(() => fs.existsSync(got), () => "the logger did not end");
  assert.is(fs.readFileSync(got, "utf8"), `${task.id} ${RUN_NAME} key value\none\nthree\ntwo\n`);
});

withShim("when the shim is killed, containerd finds the container ended and nothing of it stays", async (_t, task) => {
  await begin(task, ["/bin/sh", "-c", "sleep 1000 & sleep 1001"]);
  const [pid, ...more] = shims(task.id);
  assert.ok(pid !== undefined && more.length === 0);
  process.kill(pid, "SIGKILL");
  await until(() => left({ folder: "" } as Ground).every((what) => !what.startsWith("process") || !what.includes("sleep")), () => "a process stays");
  await until(async () => (await statusOf(task)) !== "RUNNING", () => "it counts as running");
  await task.containerd.ctr(["tasks", "delete", "--force", task.id]);
  assert.is((await task.containerd.ctr(["containers", "rm", task.id])).status, 0);
});

withShim("when containerd is killed, the container runs on, and the next containerd finds it", async (_t, task) => {
  await begin(task, ["/bin/sh", "-c", "trap 'exit 7' TERM; while :; do sleep 0.1; done"]);
  await task.containerd.end("SIGKILL");
  assert.is(shims(task.id).length, 1);
  await task.containerd.start();
  assert.is(await statusOf(task), "RUNNING");
  const { stdout } = await exec(task, "after", ["/bin/echo", "still here"]);
  assert.is(stdout, "still here\n");
  await task.containerd.ctr(["tasks", "kill", "--signal", "TERM", task.id]);
  await until(async () => (await statusOf(task)) === "STOPPED", () => "it does not stop");
  assert.match((await task.containerd.ctr(["tasks", "delete", task.id])).stderr, "non-zero exit code 7");
  await task.containerd.ctr(["containers", "rm", task.id]);
});

withShim("a container that ends while containerd is away is found stopped, with its status", async (t, task) => {
  const gate = join(t.folder, "gate");
  const mount = ["--mount", `type=bind,src=${t.folder},dst=/mnt,options=rbind:ro`];
  await begin(task, ["/bin/sh", "-c", "until [ -e /mnt/gate ]; do sleep 0.05; done; exit 9"], mount);
  await task.containerd.end("SIGKILL");
  fs.writeFileSync(gate, "");
  await until(() => !left(t).some((what) => what.includes("until [")), () => "it runs on");
  await task.containerd.start();
  assert.is(await statusOf(task), "STOPPED");
  assert.match((await task.containerd.ctr(["tasks", "delete", task.id])).stderr, "non-zero exit code 9");
  await task.containerd.ctr(["containers", "rm", task.id]);
});

withShim("containers of one group share a shim, which ends with the last of them", async (t, task) => {
  const second = { ...task, id: t.id() };
  const group = ["--annotation", `io.kubernetes.cri.sandbox-id=${RUN_NAME}-pod`];
  if (!(await task.containerd.ctr(["run", "--help"])).stdout.includes("--annotation")) skip("this ctr sets no annotations");
  await begin(task, ["/bin/sleep", "1000"], group);
  await begin(second, ["/bin/sleep", "1000"], group);
  assert.is(shims(second.id).length, 0);
  await remove(task);
  assert.is(await statusOf(second), "RUNNING");
  await remove(second);
  await until(() => shims(task.id).length === 0, () => "the shim does not end");
});

shim.run();
