/** The harness itself: that it skips aloud, cleans up, and does not let a test leave something behind. */

import { spawn, spawnSync } from "node:child_process";
import * as fs from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { Ground, needs, RUN_NAME, skip, suite } from "./harness.ts";
import { runRuntime } from "./runtime.ts";
import { findStrays } from "./strays.ts";
import { differences, telling } from "./telling.ts";

const harness = suite("harness");

async function rejection(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => "no error",
    (error: unknown) => (error instanceof Error ? error.message : String(error)),
  );
}

harness("skip() and needs() end the test with their reason", () => {
  assert.throws(() => skip("no moon"), "no moon");
  assert.throws(() => needs("no-such-program"), "no-such-program is not installed");
  assert.not.throws(() => needs("sh"));
});

harness("a ground's folder may be entered by anyone and ends with the test", async () => {
  const ground = new Ground();
  assert.is(fs.statSync(ground.folder).mode & 0o777, 0o755);
  await ground.end();
  assert.not(fs.existsSync(ground.folder));
});

harness("ids are unique and bear the run's name", (t) => {
  const ids = [t.id(), t.id()];
  assert.is(new Set(ids).size, 2);
  assert.ok(ids.every((id) => id.startsWith(RUN_NAME)));
});

harness("a ground's end tells which process the test left behind, and ends it", async () => {
  const ground = new Ground();
  const left = spawn("sleep", ["60"], { env: { ...process.env, OF: ground.id() }, stdio: "ignore" });
  const ended = new Promise<string | null>((resolve) => left.on("exit", (_, signal) => resolve(signal)));
  assert.match(await rejection(ground.end(100)), `left behind process ${left.pid} sleep 60`);
  assert.is(await ended, "SIGKILL");
});

harness("findStrays() finds mounts, cgroups and files by name", (t) => {
  needs("root");
  const name = t.id();
  const mountPoint = join(t.folder, name);
  const cgroup = `/sys/fs/cgroup/${fs.existsSync("/sys/fs/cgroup/cgroup.procs") ? "" : "pids/"}${name}`;
  const file = `/run/${name}`;
  fs.mkdirSync(mountPoint);
  fs.mkdirSync(cgroup);
  fs.writeFileSync(file, "");
  assert.is(spawnSync("mount", ["-t", "tmpfs", "none", mountPoint]).status, 0);
  const found = findStrays(name).map(({ kind, what }) => `${kind} ${what}`);
  spawnSync("umount", [mountPoint]);
  fs.rmdirSync(cgroup);
  fs.rmSync(file);
  assert.equal(found, [`mount ${mountPoint}`, `cgroup ${cgroup}`, `file ${file}`]);
  assert.equal(findStrays(name), []);
});

harness("bundle() makes a root file system that works, and writes the changed config", (t) => {
  const bundle = t.bundle((config) => {
    config.hostname = "other";
  });
  const config = JSON.parse(fs.readFileSync(join(bundle.path, "config.json"), "utf8")) as { hostname: string };
  assert.is(config.hostname, "other");
  assert.is(spawnSync(join(bundle.rootfs, "bin/sh"), ["-c", "echo hi"], { encoding: "utf8" }).stdout, "hi\n");
});

harness("runRuntime() tells status, output and input", async (t) => {
  const options = { folder: t.folder, program: "/bin/sh", input: "given\n", env: { HERE: "there" } };
  const result = await runRuntime(["-c", 'read line; echo "$line $HERE"; echo wrong >&2; exit 3'], options);
  assert.is(result.status, 3);
  assert.is(result.stdout, "given there\n");
  assert.is(result.stderr, "wrong\n");
});

harness("runRuntime() does not wait for a child that keeps the output open", async (t) => {
  const start = performance.now();
  const result = await runRuntime(["-c", "sleep 100 & echo $!"], { folder: t.folder, program: "/bin/sh" });
  assert.ok(performance.now() - start < 50_000);
  process.kill(Number(result.stdout), "SIGKILL");
});

harness("runRuntime() kills what takes longer than its time", async (t) => {
  const result = await runRuntime(["10"], { folder: t.folder, program: "/bin/sleep", timeoutSeconds: 0.2 });
  assert.is(result.status, undefined);
  assert.is(result.signal, "SIGKILL");
});

harness("a test that fails tells what its assertion has seen, and where it is not what was wanted", () => {
  const words = (action: () => void): string => {
    try {
      action();
    } catch (error) {
      return (telling(error) as Error).message;
    }
    return "nothing failed";
  };
  assert.is(words(() => assert.match("seen", /wanted/)), 'Expected value to match `/wanted/` pattern, got "seen"');
  const results = Array.from({ length: 50 }, (_, n) => ({ status: 0, stdout: `${n}` }));
  const seen = results.map((result, n) => (n === 7 ? { ...result, status: 1 } : result));
  assert.is(words(() => assert.equal(seen, results, "fifty")), "fifty: [7].status is 1, not 0");
  assert.equal(differences([[1, "a"]], [[2, "a"], []]), ["[0][0] is 1, not 2", "[1] is undefined, not []"]);
  const long = "x".repeat(500);
  assert.equal(differences(`${long}a`, `${long}b`), [`…"${"x".repeat(40)}a", not …"${"x".repeat(40)}b"`]);
});

harness.run();
