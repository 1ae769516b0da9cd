/** What becomes of pods when containerd, a shim, or the pod's own process ends without being asked to. */

import * as fs from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { until } from "../engine.ts";
import { skip } from "../harness.ts";
import { kubernetes } from "./kubernetes.ts";

const test = kubernetes("faults");

test("containerd is killed: the pod goes on, and the next containerd has it, with what has ended meanwhile", async ({ node, handler, pod }) => {
  const made = await pod();
  const going = await made.start(["/bin/sh", "-c", "i=0; while :; do i=$((i+1)); echo $i; sleep 0.02; done"]);
  const ending = await made.start(["/bin/sh", "-c", "until [ -e /dev/shm/end ]; do sleep 0.05; done; exit 9"]);
  const pid = await ending.pid();
  const shims = node.shims();
  await node.endContainerd("SIGKILL");
  fs.writeFileSync(`/proc/${pid}/root/dev/shm/end`, "");
  await until(() => !fs.existsSync(`/proc/${pid}`), () => "it goes on");
  assert.equal(node.shims(), shims);
  await node.startContainerd();
  assert.equal([(await made.status()).state, (await going.status()).state], ["SANDBOX_READY", "CONTAINER_RUNNING"]);
  const { exit_code } = await ending.ended();
  // containerd 2 with its own shim takes it for one that was lost.
  if (handler === "tsrun" || node.version < 2) assert.is(exit_code, 9);
  assert.is(await going.print("echo still"), "still");
  const count = going.log().length;
  await until(() => going.log().length > count, () => "it writes no more");
  const numbers = going.log().map(({ text }) => Number(text));
  // What containerd had read, and not yet written when it was killed, is lost with it.
  assert.ok((numbers.at(-1) ?? 0) - numbers.length <= 1, numbers.join(" "));
  assert.is(await (await made.start()).print("echo new"), "new");
});

test("a shim is killed: the pod and its containers count as ended, and are removed", async ({ node, handler, pod }) => {
  if (handler === "runc" && node.version >= 2) skip("containerd 2 forgets the containers of a pod whose shim is its own");
  const made = await pod();
  const container = await made.start();
  const [shim = 0] = node.shims();
  const pid = await container.pid();
  process.kill(shim, "SIGKILL");
  await until(async () => (await container.status()).state === "CONTAINER_EXITED", () => "it counts as running");
  await until(async () => (await made.status()).state === "SANDBOX_NOTREADY", () => "the pod counts as ready");
  await until(() => !fs.existsSync(join("/proc", String(pid))), () => "its process goes on");
  await container.remove();
  await made.remove();
  // And the next one works.
  assert.is((await (await pod()).script("echo next")).stdout, "next\n");
});

test("a pod's own process is killed: the pod is not ready, and its containers go on until it is stopped", async ({ node, handler, pod }) => {
  if (handler === "runc" && node.version >= 2) skip("containerd 2 forgets to end its own shim then");
  const made = await pod();
  const container = await made.start();
  const { info } = await node.call<{ info: { info: string } }>("PodSandboxStatus", { pod_sandbox_id: made.id, verbose: true });
  process.kill((JSON.parse(info.info) as { pid: number }).pid, "SIGKILL");
  await until(async () => (await made.status()).state === "SANDBOX_NOTREADY", () => "the pod counts as ready");
  assert.is(await container.print("echo on"), "on");
  await made.stop();
  assert.is((await container.status()).state, "CONTAINER_EXITED");
});

test.run();
