/**
 * A minute of the fuzzer (test/fuzz/): configs as engines write them, mutated, must neither crash nor hang the runtime,
 * nor leave anything behind. `npm run fuzz` goes on for longer, and with other cases each day: here they are always the
 * same, so that what fails is due to what was changed. A failure says how it can be had again.
 */

import * as fs from "node:fs";
import * as assert from "uvu/assert";
import { Cases, finish } from "./fuzz/cases.ts";
import { crashIn } from "./fuzz/crash.ts";
import type { Task } from "./fuzz/driver.ts";
import { guard } from "./fuzz/guard.ts";
import { fuzz } from "./fuzz/run.ts";
import type { Outcome } from "./fuzz/run.ts";
import { tellFailure } from "./fuzz/tell.ts";
import { needs, suite } from "./harness.ts";
import type { Ground } from "./harness.ts";

const test = suite("fuzz");

const CONFIGS = "src/spec/testdata/engine-configs";

function play(t: Ground, task: Partial<Task>): Promise<Outcome> {
  needs("root", "unshare", "setpriv", "ldd");
  return fuzz({ task: { seed: 1, from: 0, seconds: 600, ...task }, name: t.id(), folder: t.folder });
}

function assertNone({ failures }: Outcome, seed: number): void {
  assert.ok(failures.length === 0, failures.map((failure) => tellFailure(failure, seed)).join("\n"));
}

test("every config as engines write it becomes a running container in the sandbox", async (t) => {
  const outcome = await play(t, { untouched: true });
  assertNone(outcome, 0);
  assert.is(outcome.started, outcome.cases);
  assert.ok(outcome.cases > 20);
});

for (const [seed, end] of [[1, 250], [2, 500]] as const) {
  test(`seed ${seed}: what is made of them in ${end} cases leaves nothing behind and gets an answer`, async (t) => {
    const outcome = await play(t, { seed, end });
    assertNone(outcome, seed);
    // Else it is the fuzzer that does not work.
    assert.ok(outcome.cases >= end && outcome.created > 10, JSON.stringify(outcome));
  });
}

/** What the fuzzer would miss, it must be seen to find. */
test("a file that a hook leaves behind is found, and the config that leaves it made small", async (t) => {
  const hooks = { createRuntime: [{ path: "/hooks/touch", args: ["touch", "/tmp/left"] }] };
  const config = { ...JSON.parse(fs.readFileSync(`${CONFIGS}/containerd-3.json`, "utf8")), root: { path: "rootfs" }, hooks };
  const outcome = await play(t, { config: Buffer.from(JSON.stringify(config)).toString("base64") });
  const [failure] = outcome.failures;
  assert.is(failure?.problems[0], "left files: /tmp/left 0");
  const small = JSON.parse(Buffer.from(failure?.config ?? "", "base64").toString());
  assert.equal(Object.keys(small).sort(), ["hooks", "ociVersion", "root"]);
});

test("crashIn() finds what a program that went wrong says", () => {
  for (const said of ["TypeError: x", "tsrun: cannot read undefined", "limit NaN", "a\n    at open (main.js:1:2)", "tsrun: internal error: x"]) {
    assert.ok(crashIn(`first\n${said}`, ["{}"])?.includes(said), said);
  }
});

test("crashIn() takes words that an error repeats from the documents for no crash, but any others beside them", () => {
  const said = 'tsrun: cannot use config.json: expected ":" after the key, got "NaN" (config.json:1:294 /)';
  assert.is(crashIn(said, ["{}", '{"a"NaN: 1}']), undefined);
  assert.is(crashIn(`${said}\nTypeError: x`, ['{"a"NaN: 1}']), `${said}\nTypeError: x`);
  assert.is(crashIn(said, ["{}"]), said);
});

test("guard() lets hooks be programs of its own set only, by their own names", () => {
  const config = { hooks: { poststop: [{ path: "/bin/sh", args: ["sh", "-c", "x"] }, { path: "/hooks/sleep" }, { path: "/hooks/false", args: ["reboot", "-f"] }] } };
  assert.ok(guard(config));
  assert.equal(config.hooks.poststop, [
    { path: "/hooks/true", args: ["true", "-c", "x"] },
    { path: "/hooks/sleep", args: ["sleep", "30"], timeout: 1 },
    { path: "/hooks/false", args: ["false", "-f"] },
  ]);
});

test("guard() gives a sysctl of the machine the value that it has, however its name is written", () => {
  const current = fs.readFileSync("/proc/sys/kernel/panic", "utf8").trim();
  for (const key of ["kernel.panic", "kernel/panic", "net/../kernel/panic"]) {
    const config = { linux: { sysctl: { [key]: "17", "net.ipv4.ip_forward": "1", "kernel.shmmax": "5" } } };
    guard(config);
    assert.equal(config.linux.sysctl, { [key]: current, "net.ipv4.ip_forward": "1", "kernel.shmmax": "5" }, key);
  }
});

test("guard() replaces file systems that the kernel has once", () => {
  const types = (list: readonly string[]): unknown => {
    const config = { mounts: list.map((type) => ({ type })) };
    guard(config);
    return config.mounts.map(({ type }) => type);
  };
  assert.equal(types(["proc", "none", "devtmpfs", "devtmpfs.x", "sysfs"]), ["proc", "none", "tmpfs", "tmpfs", "sysfs"]);
});

test("Cases.case() is the same again for the same seed and number, and another for another", () => {
  const cases = [1, 2].map(() => new Cases("schemas", CONFIGS));
  const [one, again] = cases.map((made) => Array.from({ length: 50 }, (_, number) => made.case(7, number)));
  assert.equal(one, again);
  const others = Array.from({ length: 50 }, (_, number) => cases[0]?.case(8, number).story);
  assert.ok(others.filter((story, number) => story === one?.[number]?.story).length < 3);
});

test("Cases.case() makes documents for exec and update, some as they were and some changed", () => {
  const [one, again] = [1, 2].map(() => new Cases("schemas", CONFIGS)).map((made) => Array.from({ length: 50 }, (_, number) => made.case(7, number).documents));
  assert.equal(one, again);
  for (const name of ["process", "resources"] as const) {
    assert.ok(new Set(one?.map((documents) => documents[name].toString())).size > 20, name);
    assert.ok(one?.some((documents) => !finish(documents[name]).isJson), name);
  }
  const untouched = new Cases("schemas", CONFIGS).untouched().map(({ documents }) => JSON.parse(documents.process.toString()));
  for (const { args } of untouched) assert.equal(args, ["/bin/true"]);
});

test("finish() knows what is no JSON", () => {
  assert.is(finish(Buffer.from("{")).isJson, false);
  assert.is(finish(Buffer.from("{}")).isJson, true);
});

test.run();
