/** `pause` and `resume`: what they do to a container's processes, and what the other verbs do then. */

import * as assert from "uvu/assert";
import { created, file, read, refused, running, script, silent, waitFor } from "./containers.ts";
import type { Container } from "./containers.ts";
import { suite } from "./suite.ts";

const test = suite("pause");

/** Bit 14 is SIGTERM's (proc_pid_status(5)). */
async function hasPendingTerm(container: Container): Promise<boolean> {
  const [, pending = "0"] = /^ShdPnd:\t([0-9a-f]+)$/m.exec(await container.proc("status")) ?? [];
  return ((BigInt(`0x${pending}`) >> 14n) & 1n) === 1n;
}

test("pause stops the program, which takes its signals only after resume", async (t) => {
  const told = file(t, "told");
  const container = await running(t, (config) => {
    config.mounts.push({ destination: "/tell", type: "bind", source: t.folder, options: ["bind", "rw"] });
    script(config, "trap 'echo term > /tell/told' TERM; echo ready > /tell/told; while :; do sleep 1000 & wait $!; done");
  });
  await waitFor("the program is ready", () => read(told) === "ready\n");
  silent(await container.verb("pause"));
  assert.is(await container.status(), "paused");
  silent(await container.verb("kill", "TERM"));
  assert.ok(await hasPendingTerm(container));
  assert.is(read(told), "ready\n");
  assert.is(await container.status(), "paused");
  silent(await container.verb("resume"));
  assert.is(await container.status(), "running");
  await waitFor("the program has its signal", () => read(told) === "term\n");
});

test("pause stops every process of the container", async (t) => {
  const container = await running(t, (config) => script(config, "sleep 100 & (sleep 100 & exec sleep 100) & exec sleep 100"));
  const pids = JSON.parse((await container.verb("ps", "--format=json")).stdout) as number[];
  silent(await container.verb("pause"));
  for (const pid of pids) assert.match(read(`/proc/${pid}/status`), /^State:\t[DS]/m);
  assert.is(await container.status(), "paused");
  silent(await container.verb("resume"));
});

test("a created container can be paused, does not start then, and does after resume", async (t) => {
  const container = await created(t);
  silent(await container.verb("pause"));
  assert.is(await container.status(), "paused");
  refused(await container.verb("start"), /paused/);
  silent(await container.verb("resume"));
  assert.is(await container.status(), "created");
  await container.start();
  assert.is(await container.status(), "running");
});

test("pause of a paused container and resume of one that is not paused are errors", async (t) => {
  const container = await running(t);
  refused(await container.verb("resume"), /container not paused/);
  silent(await container.verb("pause"));
  refused(await container.verb("pause"), /container not running/);
  assert.is(await container.status(), "paused");
});

test("pause and resume of a stopped container are errors", async (t) => {
  const container = await running(t);
  await container.end();
  refused(await container.verb("pause"), /container not running/);
  refused(await container.verb("resume"), /container not paused/);
  assert.is(await container.status(), "stopped");
});

test("pause and resume of a container that does not exist are errors", async (t) => {
  for (const verb of ["pause", "resume"]) refused(await t.runtime([verb, t.id()]), /does not exist/);
  for (const verb of ["pause", "resume"]) assert.is((await t.runtime([verb])).status, 1);
});

test("SIGKILL ends a paused container", async (t) => {
  const container = await running(t, (config) => script(config, "sleep 100 & exec sleep 100"));
  silent(await container.verb("pause"));
  silent(await container.verb("kill", "KILL"));
  await container.stopped();
  silent(await container.verb("delete"));
  assert.equal(t.leftovers(container.id), []);
});

test("delete of a paused container is an error, delete --force removes it", async (t) => {
  const container = await running(t);
  silent(await container.verb("pause"));
  refused(await container.verb("delete"), /not stopped: paused/);
  assert.is(await container.status(), "paused");
  silent(await container.verb("delete", "--force"));
  assert.equal(t.leftovers(container.id), []);
});

test("delete --force removes a paused container that was never started", async (t) => {
  const container = await created(t);
  silent(await container.verb("pause"));
  silent(await container.verb("delete", "--force"));
  assert.equal(t.leftovers(container.id), []);
});

test.run();
