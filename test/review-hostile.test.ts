/** What the programs of a container do against the runtime: by their names, their hooks, and the cgroups that they make. */

import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import { join } from "node:path";
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

test.run();
