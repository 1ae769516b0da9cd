/** `explain` from outside: the plan as text and as JSON, and nothing else happens. */

import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { readBundle } from "../src/container/create.ts";
import { probeHost } from "../src/container/probe.ts";
import { explainText } from "../src/plan/explain.ts";
import { plan } from "../src/plan/plan.ts";
import { needs, suite } from "./harness.ts";
import { everything } from "./rich-configs.ts";
import { RUNTIME } from "./runtime.ts";

const test = suite("explain");

test("explain prints the plan that create would run", async (t) => {
  const bundle = t.bundle(everything);
  const result = await t.runtime(["explain", "--bundle", bundle.path, "box"], { env: { ONLY: "1" } });
  assert.is(result.status, 0, result.stderr);
  const { config } = readBundle(bundle.path);
  const options = { id: "box", bundle: bundle.path, waitForStart: true, noPivot: false, noNewKeyring: false, environment: [] };
  const { steps } = plan(config, probeHost(t.stateRoot), options);
  const lines = (text: string): string[] => text.split("\n").filter((line) => !line.includes("hook("));
  assert.equal(lines(result.stdout), lines(explainText({ steps, warnings: [] })));
});

test("explain --format json prints the same steps for programs", async (t) => {
  const bundle = t.bundle(everything);
  const json = await t.runtime(["explain", "--bundle", bundle.path, "--format", "json"]);
  const text = await t.runtime(["explain", "--bundle", bundle.path]);
  const { steps, warnings } = JSON.parse(json.stdout) as { steps: { by: string; op: string }[]; warnings: unknown[] };
  const printed = [...text.stdout.matchAll(/^ *\d+ (\w+) +(\w+)\(/gm)].map(([, by, op]) => `${by} ${op}`);
  assert.equal(steps.map(({ by, op }) => `${by} ${op}`), printed);
  assert.ok(Array.isArray(warnings) && printed.length > 50);
});

test("explain takes the bundle's name for an id, and the options of create", async (t) => {
  const bundle = t.bundle();
  const result = await t.runtime(["explain", "--no-pivot", "--no-new-keyring"], { cwd: bundle.path });
  assert.match(result.stdout, 'cgroup_create(path="/bundle-0"');
  assert.not.match(result.stdout, /pivot_root|session_keyring/);
});

test("explain does nothing: no state, no cgroup, no file in the bundle", async (t) => {
  const bundle = t.bundle();
  const before = fs.readdirSync(bundle.path);
  const id = t.id();
  assert.is((await t.runtime(["explain", "--bundle", bundle.path, id])).status, 0);
  assert.equal(fs.readdirSync(bundle.path), before);
  assert.not(fs.existsSync(join(t.stateRoot, id)));
  assert.equal(t.leftovers(id), []);
});

test("explain needs no root", (t) => {
  needs("root");
  const bundle = t.bundle();
  const args = ["--root", "/nowhere", "explain", "--bundle", bundle.path];
  const result = spawnSync(RUNTIME, args, { cwd: "/", uid: 65_534, gid: 65_534, encoding: "utf8", env: {} });
  assert.is(result.status, 0, result.stderr);
  assert.match(result.stdout, "pivot_root");
});

test("explain tells all problems of a config, with their places", async (t) => {
  const bundle = t.bundle((config) => {
    config.process.cwd = "relative";
    config.linux.namespaces.push({ type: "nonsense" });
  });
  const result = await t.runtime(["explain", "--bundle", bundle.path]);
  assert.is(result.status, 1);
  assert.is(result.stdout, "");
  assert.match(result.stderr, /^tsrun: cannot use config\.json: 2 problems:\n.*\(config\.json:\d+:\d+ \/process\/cwd\)\n.*\(config\.json:\d+:\d+ \/linux\/namespaces\/6\/type\)\n$/);
});

test("explain refuses a format that it does not know", async (t) => {
  const result = await t.runtime(["explain", "--bundle", t.bundle().path, "--format", "xml"]);
  assert.equal([result.status, result.stderr], [1, "tsrun: cannot explain: invalid format option: xml\n"]);
});

test("explain ends quietly when nobody reads on", (t) => {
  const bundle = t.bundle();
  const script = `"$0" explain --format json --bundle "$1" | true; echo "\${PIPESTATUS[0]}"`;
  const result = spawnSync("/bin/bash", ["-c", script, RUNTIME, bundle.path], { encoding: "utf8" });
  assert.is(result.stderr, "");
  // As the shell tells of a program that SIGPIPE ended; or with success, where all of it went into the pipe before.
  assert.match(result.stdout, /^(141|0)\n$/);
});

test.run();
