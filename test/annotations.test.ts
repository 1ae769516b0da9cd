/** Annotations that engines set for other runtimes (docs/annotations.md). */

import * as fs from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { FOREIGN, HOOKS_STDERR, HOOKS_STDOUT, KEEP_GROUPS } from "../src/spec/annotations.ts";
import { needs, suite } from "./harness.ts";
import type { Ground } from "./harness.ts";
import { PROJECT, RUNTIME, runRuntime } from "./runtime.ts";

const test = suite("annotations");

/** What a program prints whose caller is in the groups 11 and 12. */
async function inGroups(t: Ground, args: readonly string[]): Promise<string> {
  needs("root", "setpriv");
  const { stdout, stderr } = await runRuntime(["--groups", "11,12", RUNTIME, "--root", t.stateRoot, ...args], { folder: t.folder, program: "setpriv" });
  assert.is(stderr, "");
  return stdout;
}

test("run.oci.keep_original_groups lets the container have the caller's groups, in further processes, too", async (t) => {
  const bundle = t.bundle((config) => {
    config.process.args = ["/bin/sleep", "100"];
    config.process.user = { uid: 0, gid: 0, additionalGids: [5] };
    config.annotations = { [KEEP_GROUPS]: "1" };
  });
  const id = t.id();
  await inGroups(t, ["run", "--detach", "--bundle", bundle.path, id]);
  const { pid } = JSON.parse((await t.runtime(["state", id])).stdout) as { pid: number };
  assert.match(fs.readFileSync(`/proc/${pid}/status`, "utf8"), /^Groups:\t11 12 $/m);
  assert.is(await inGroups(t, ["exec", id, "id", "-G"]), "0 11 12\n");
});

test("without it the groups are the config's", async (t) => {
  const bundle = t.bundle((config) => {
    config.process.args = ["/bin/id", "-G"];
    config.process.user = { uid: 0, gid: 0, additionalGids: [5] };
  });
  assert.is(await inGroups(t, ["run", "--bundle", bundle.path, t.id()]), "0 5\n");
});

test("run.oci.hooks.stdout and stderr get what hooks write, from create to delete", async (t) => {
  needs("root");
  const bundle = t.bundle((config) => {
    config.process.args = ["/bin/true"];
    const hook = (word: string): { path: string; args: string[] } => ({ path: "/bin/sh", args: ["sh", "-c", `echo ${word}; echo not ${word} >&2`] });
    config.hooks = { createRuntime: [hook("create")], poststart: [hook("start")], poststop: [hook("stop")] };
    config.annotations = { [HOOKS_STDOUT]: join(t.folder, "out"), [HOOKS_STDERR]: "err" };
  });
  assert.is((await t.runtime(["run", "--bundle", bundle.path, t.id()])).status, 0);
  assert.is(fs.readFileSync(join(t.folder, "out"), "utf8"), "create\nstart\nstop\n");
  assert.is(fs.readFileSync(join(bundle.path, "err"), "utf8"), "not create\nnot start\nnot stop\n");
});

test("an annotation that cannot be obeyed is an error, or a warning, with its place", async (t) => {
  needs("root");
  const run = (annotations: Record<string, string>): ReturnType<Ground["runtime"]> => {
    const bundle = t.bundle((config) => {
      config.process.args = ["/bin/true"];
      config.annotations = annotations;
    });
    return t.runtime(["run", "--bundle", bundle.path, t.id()]);
  };
  const refused = await run({ "run.oci.handler": "krun" });
  assert.is(refused.status, 1);
  assert.match(refused.stderr, /"run\.oci\.handler" cannot be obeyed: .* \(config\.json:\d+:\d+ \/annotations\/run\.oci\.handler\)/);
  const warned = await run({ "run.oci.delegate-cgroup": "init" });
  assert.is(warned.status, 0);
  assert.match(warned.stderr, /^tsrun: warning: .*"run\.oci\.delegate-cgroup" is ignored/);
});

test("docs/annotations.md has a row for each", () => {
  const page = fs.readFileSync(join(PROJECT, "docs/annotations.md"), "utf8");
  for (const key of [KEEP_GROUPS, HOOKS_STDOUT, HOOKS_STDERR, ...Object.keys(FOREIGN)]) assert.match(page, `\`${key}\``);
});

test.run();
