/** judge() and compare(): what a program of the validation suite must print to have passed. */

import * as assert from "uvu/assert";
import { suite } from "../../test/harness.ts";
import type { Expected } from "./expected.ts";
import { compare, judge } from "./judge.ts";
import type { Verdict } from "./judge.ts";
import { lookAtMachine } from "./machine.ts";

const test = suite("validation suite");

const HEAD = "TAP version 13\n";
const THREE = `${HEAD}ok 1 - one\nok 2 # SKIP two\n  ---\n  error: "not here"\n  ...\nnot ok 3 # TODO three\n1..3\n`;

function failures(stdout: string, end: number | string = 0, program = "create", stderr = ""): readonly string[] {
  return judge(program, { stdout, stderr, end }).failures;
}

test("judge() counts points, and what is skipped apart", () => {
  assert.equal(judge("create", { stdout: THREE, stderr: "", end: 0 }), { passed: 1, skipped: 2, failures: [] });
});

test("judge() names the points that failed", () => {
  assert.equal(failures(`${HEAD}ok 1 - one\nnot ok 2 - two is two\n1..2\n`), ["two is two"]);
});

test("judge() reads one stream after another", () => {
  assert.equal(failures(`${HEAD}ok 1 - one\n1..1\n${HEAD}not ok 1 - other\n1..1\n`), ["other"]);
  assert.equal(failures(`${HEAD}ok 1 - one\n1..1\n${HEAD}ok 1 - other\n`), ["no plan after 1 points"]);
});

for (const [what, output, expected] of [
  ["nothing", "", "no TAP"],
  ["no plan", `${HEAD}ok 1 - one\n`, "no plan after 1 points"],
  ["fewer points than planned", `${HEAD}1..2\nok 1 - one\n`, "2 points planned, 1 there"],
  ["more points than planned", `${HEAD}1..0\nok 1 - one\n`, "0 points planned, 1 there"],
  ["a point twice", `${HEAD}ok 1 - one\nok 1 - one\n1..2\n`, "points that are not in order"],
  ["two plans", `${HEAD}ok 1 - one\n1..1\n1..1\n`, "more than one plan"],
  ["no points", `${HEAD}1..0\n`, "no points"],
  ["a block without end", `${HEAD}ok 1 - one\n  ---\n  error: "x"\n1..1\n`, "a block without end"],
  ["that it gives up", `${HEAD}1..1\nok 1 - one\nBail out! no more\n`, "Bail out! no more"],
] as const) {
  test(`judge() fails a program that prints ${what}`, () => {
    assert.equal(failures(output), [expected]);
  });
}

test("judge() fails a program that ends with a status or a signal, whatever it printed", () => {
  assert.equal(failures(THREE, 1, "create", "failed to create\nbecause\n"), ["exit status 1: because"]);
  assert.equal(failures(THREE, "ended by SIGSEGV"), ["ended by SIGSEGV"]);
});

test("judge() takes a program without points by its error", () => {
  assert.equal(failures(`${HEAD}1..0\n`, 0, "poststop"), []);
  assert.equal(failures(`${HEAD}  ---\n  error: "out of order\\nsee there"\n  ...\n1..0\n`, 0, "hooks"), ["error: out of order"]);
});

test("judge() takes a program that wants a refusal by the refusal", () => {
  assert.equal(failures("", 0, "process_rlimits_fail", "failed to create the container\nno such limit\n"), []);
  assert.equal(failures("", 0, "process_rlimits_fail", ""), ["create did not refuse"]);
  assert.equal(failures(THREE, 1, "process_rlimits_fail", "MUST\n"), ["exit status 1: MUST"]);
});

test("judge() looks whether the program in the container has finished", () => {
  const outer = (inner: string): string => `${HEAD}  ---\n  stderr: ""\n  stdout: ${JSON.stringify(inner)}\n  ...\nok 1 - seen\n1..1\n`;
  assert.equal(failures(outer(THREE)), []);
  for (const inner of ["", HEAD, THREE.replace("1..3\n", "")]) assert.equal(failures(outer(inner)), ["the program in the container did not finish"]);
});

const machine = lookAtMachine();
const entry: Expected = { program: "create", point: "two", reason: "no moon" };
const failing = (...points: readonly string[]): Verdict => ({ passed: 1, skipped: 0, failures: points });

test("compare() expects the failures of the list, each as often as it says", () => {
  assert.equal(compare("create", failing("two is two"), [entry], machine), { unexpected: [], missing: [], met: [entry] });
  assert.equal(compare("create", failing("two", "two", "one"), [entry], machine).unexpected, ["two", "one"]);
  assert.equal(compare("start", failing("two"), [entry], machine).unexpected, ["two"]);
});

test("compare() reports what passes in spite of the list, unless that depends on chance", () => {
  assert.equal(compare("create", failing(), [entry], machine).missing, [entry]);
  assert.equal(compare("create", failing("two"), [{ ...entry, times: 2 }], machine).missing.length, 1);
  assert.equal(compare("create", failing(), [{ ...entry, byChance: true }], machine).missing, []);
});

test("compare() passes over entries for other machines", () => {
  const elsewhere: Expected = { ...entry, where: () => false };
  assert.equal(compare("create", failing("two"), [elsewhere], machine), { unexpected: ["two"], missing: [], met: [] });
});

test.run();
