/** What init really asks of the kernel, held against the plan: its calls in the plan's order, and no others. */

import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import * as assert from "uvu/assert";
import { readBundle } from "../src/container/create.ts";
import { probeHost } from "../src/container/probe.ts";
import { plan } from "../src/plan/plan.ts";
import { init } from "../src/plan/step.ts";
import type { Plan } from "../src/plan/step.ts";
import type { Bundle, BundleConfig } from "./bundle.ts";
import { needs, suite } from "./harness.ts";
import type { Ground } from "./harness.ts";
import { everything, withUserNamespace } from "./rich-configs.ts";
import { RUNTIME, runRuntime } from "./runtime.ts";
import type { Result } from "./runtime.ts";
import { callsOfInit, compareWithPlan } from "./trace.ts";

const test = suite("strace");

const OPTIONS = ["-f", "-s", "64", "-e", "signal=none"];

function planOf(t: Ground, bundle: Bundle, options: { id: string; waitForStart: boolean; noPivot?: boolean }): Plan {
  const { config } = readBundle(bundle.path);
  return plan(config, probeHost(t.stateRoot), { bundle: bundle.path, noPivot: false, noNewKeyring: false, environment: [], ...options });
}

/** The runtime's command line under strace, which ends when the container does. */
function traced(t: Ground, args: readonly string[]): Promise<Result> {
  const command = [...OPTIONS, "-o", join(t.folder, "trace"), RUNTIME, "--root", t.stateRoot, ...args];
  return runRuntime(command, { folder: t.folder, program: "strace", timeoutSeconds: 60 });
}

function compare(t: Ground, made: Plan): void {
  assert.is(compareWithPlan(callsOfInit(join(t.folder, "trace")), made), undefined);
}

async function run(t: Ground, bundle: Bundle, args: readonly string[] = []): Promise<void> {
  const id = t.id();
  const result = await traced(t, ["run", ...args, "--bundle", bundle.path, id]);
  assert.is(result.status, 0, result.stderr);
  compare(t, planOf(t, bundle, { id, waitForStart: false, noPivot: args.includes("--no-pivot") }));
}

async function createAndStart(t: Ground, bundle: Bundle): Promise<void> {
  const id = t.id();
  const created = traced(t, ["create", "--bundle", bundle.path, id]);
  while (!(await t.runtime(["state", id])).stdout.includes('"status": "created"')) await setTimeout(20);
  const started = await t.runtime(["start", id]);
  assert.is(started.status, 0, started.stderr);
  const result = await created;
  assert.is(result.status, 0, result.stderr);
  compare(t, planOf(t, bundle, { id, waitForStart: true }));
}

function withTimeOffsets(config: BundleConfig): void {
  config.linux.namespaces.push({ type: "time" });
  config.linux["timeOffsets"] = { monotonic: { secs: 1 }, boottime: { secs: 2 } };
}

/** What lies in the host's mount namespace would be the host's to see, so there is as little as can be. */
function withoutMounts(config: BundleConfig): void {
  config.mounts = [];
  config.linux.namespaces = [{ type: "pid" }, { type: "uts" }];
  config.root.readonly = false;
  delete config.linux.maskedPaths;
  delete config.linux.readonlyPaths;
}

for (const [name, bundle, args] of [
  ["the default config", (t) => t.bundle()],
  ["the default config with --no-pivot", (t) => t.bundle(), ["--no-pivot"]],
  ["a config with much in it", (t) => t.bundle(everything)],
  ["a user namespace, in two stages", (t) => withUserNamespace(t)],
  ["a user namespace and much else", (t) => withUserNamespace(t, everything)],
  ["a time namespace, in two stages", (t) => t.bundle(withTimeOffsets)],
  ["time offsets in a user namespace", (t) => withUserNamespace(t, withTimeOffsets)],
  ["no mount namespace", (t) => t.bundle(withoutMounts)],
] as [string, (t: Ground) => Bundle, string[]?][]) {
  test(`run of ${name} makes the plan's calls and no others`, async (t) => {
    needs("root", "strace");
    await run(t, bundle(t), args);
  });
}

for (const [name, bundle] of [
  ["the default config", (t) => t.bundle()],
  ["a user namespace", (t) => withUserNamespace(t)],
] as [string, (t: Ground) => Bundle][]) {
  test(`create and start of ${name} make the plan's calls and no others`, async (t) => {
    needs("root", "strace");
    await createAndStart(t, bundle(t));
  });
}

test("compareWithPlan() tells a call that is too many, one that is missing, and where", () => {
  const plan: Plan = { steps: init([{ op: "setsid" }, { op: "chdir", path: "/" }, { op: "execve", args: [], env: [] }]), warnings: [] };
  const prelude = ["statx", "mmap", "close_range", "prctl", "prctl", ...Array.from({ length: 55 }, () => "rt_sigaction"), "close"];
  assert.is(compareWithPlan([...prelude, "setsid", "chdir", "execve"], plan), undefined);
  assert.match(compareWithPlan([...prelude, "setsid", "open", "chdir", "execve"], plan) ?? "", "after step 0 setsid comes 1 chdir, but init called: open chdir");
  assert.match(compareWithPlan([...prelude, "setsid", "execve"], plan) ?? "", "comes 1 chdir, but init called: execve");
  assert.match(compareWithPlan([...prelude, "chdir", "setsid", "execve"], plan) ?? "", "after step prelude comes 0 setsid");
  assert.match(compareWithPlan(["setsid", "chdir", "execve"], plan) ?? "", "after step none comes prelude");
});

test.run();
