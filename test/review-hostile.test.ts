/** What the programs of a container do against the runtime: by their names, their hooks, and the cgroups that they make. */

import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import * as assert from "uvu/assert";
import { needs, suite } from "./harness.ts";

const test = suite("review/hostile");

test("start and exec do not take a program for init because it has init's name", async (t) => {
  needs("root");
  const id = t.id();
  const bundle = t.bundle(({ process }) => (process.args = ["/bin/tsrun-init"]));
  fs.writeFileSync(join(bundle.rootfs, "bin/tsrun-init"), "#!/bin/sh\nread x < /tmp/fifo\n", { mode: 0o755 });
  execFileSync("mkfifo", [join(bundle.rootfs, "tmp/fifo")]);
  const began = Date.now();
  assert.is((await t.runtime(["create", "--bundle", bundle.path, id])).status, 0);
  assert.is((await t.runtime(["start", id], { timeoutSeconds: 10 })).status, 0);
  assert.is((await t.runtime(["exec", "--detach", id, "/bin/tsrun-init"], { timeoutSeconds: 10 })).status, 0);
  assert.is((await t.runtime(["delete", "--force", id], { timeoutSeconds: 10 })).status, 0);
  // Each wait for an execve(2) that is never seen to end would be two seconds.
  assert.ok(Date.now() - began < 4000, "start or exec waited for the end of an execve(2)");
});

test("delete --force does not wait for a hook in the container for which a start waits", async (t) => {
  needs("root");
  const id = t.id();
  const bundle = t.bundle((config) => {
    config.process.args = ["/bin/sleep", "100"];
    config.hooks = { startContainer: [{ path: "/bin/sh", args: ["sh", "-c", "read x < /tmp/fifo"] }] };
  });
  execFileSync("mkfifo", [join(bundle.rootfs, "tmp/fifo")]);
  assert.is((await t.runtime(["create", "--bundle", bundle.path, id])).status, 0);
  const start = t.runtime(["start", id]);
  const { pid } = JSON.parse((await t.runtime(["state", id])).stdout) as { pid: number };
  while (fs.readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8") === "") await setTimeout(5);
  const { status, stderr } = await t.runtime(["delete", "--force", id], { timeoutSeconds: 10 });
  assert.equal([status, stderr], [0, ""]);
  await start;
  assert.equal(t.leftovers(id), []);
});

test.run();
