/** The report: what tests say about rows and runtimes, and how it is written. */

import * as assert from "uvu/assert";
import { suite } from "../../test/harness.ts";
import type { TestResult } from "../../test/harness.ts";
import type { ProgramResult } from "../runtime-tools/run.ts";
import type { Judgement } from "./collect.ts";
import { html } from "./html.ts";
import { markdown } from "./markdown.ts";
import { makeReport } from "./report.ts";
import { hiddenRows, otherLines, programLines, rowLines } from "./table.ts";
import type { Line } from "./table.ts";
import { terminal } from "./terminal.ts";

const test = suite("report");

const PROGRAM: ProgramResult = { program: "create", passed: 4, skipped: 0, failures: [], unexpected: [], met: [], missing: [], runs: 1, seconds: 1, stderr: "" };

function judgement(name: string, tests: readonly TestResult[], programs: readonly ProgramResult[] = []): Judgement {
  return { name, version: `${name}\ncommit: 1`, tests, programs, suiteVersions: ["runtime-tools 0.9"], clean: true };
}

const ONE = judgement("one 1.0", [
  { test: "life: OP-01 state shows", outcome: "passed" },
  { test: "life: OP-01 state of nobody", outcome: "deviates", reason: "one 1.0 deviates: it <b>shrugs</b>" },
  { test: "life: OP-02 OP-03 create makes", outcome: "passed" },
  { test: "life: OP-04 to OP-06 all else", outcome: "skipped", reason: "no moon" },
  { test: "words: are kind", outcome: "failed", reason: "rude\nvery" },
]);
const TWO = judgement("two 2.0", [
  { test: "life: OP-01 state shows", outcome: "passed" },
  { test: "life: OP-02 OP-03 create makes", outcome: "skipped", reason: "no moon" },
  { test: "life: OP-02 create makes more", outcome: "passed" },
]);

function line(lines: readonly Line[], name: string): Line {
  const found = lines.find((each) => each.name === name);
  assert.ok(found, name);
  return found as Line;
}

test("a row fails when one of its tests does, and tells how many and why", () => {
  const { cells, why } = line(rowLines([ONE, TWO]), "OP-01");
  assert.equal(cells.map(({ standing, text }) => [standing, text]), [["fail", "fail 1/2"], ["pass", "pass"]]);
  assert.equal(why, ["one 1.0: it <b>shrugs</b>"]);
});

test("a row is skipped when all of its tests are, and passes when the others pass", () => {
  assert.equal(line(rowLines([ONE, TWO]), "OP-06").cells.map(({ text }) => text), ["skip", "no test"]);
  assert.equal(line(rowLines([ONE, TWO]), "OP-02").cells.map(({ text }) => text), ["pass", "pass"]);
  assert.equal(line(rowLines([ONE]), "OP-06").why, ["no moon"]);
});

test("rows that show nothing are not among the judged ones", () => {
  const hidden = hiddenRows().map(({ id }) => id);
  assert.ok(hidden.includes("G-01"));
  assert.equal(rowLines([ONE]).filter(({ name }) => hidden.includes(name)), []);
});

test("tests without a row are told by their suite", () => {
  const lines = otherLines([ONE, TWO]);
  assert.equal(lines.map(({ name, why }) => [name, why]), [["words", ["one 1.0: rude"]]]);
});

test("a program passes, passes but for listed points, fails, or is skipped", () => {
  const listed = { program: "create", point: "two", reason: "nobody can" };
  const failures = ["two"];
  const text = (result: Partial<ProgramResult>, tests: readonly TestResult[] = []): unknown => {
    const { cells, why } = line(programLines([judgement("one", tests, [{ ...PROGRAM, ...result }])]), "create");
    return [...cells.map((cell) => cell.text), ...why];
  };
  assert.equal(text({}), ["pass"]);
  assert.equal(text({ failures, met: [listed] }), ["listed 1/5", "nobody can"]);
  assert.equal(text({ failures, unexpected: failures }), ["fail 1/5", "two"]);
  const known: TestResult = { test: "runtime-tools: create", outcome: "deviates", reason: "one deviates: it will not" };
  assert.equal(text({ failures, unexpected: failures }, [known]), ["fail 1/5", "it will not"]);
  assert.equal(text({ obstacle: "no moon" }), ["skip", "no moon"]);
});

test("each form shows all runtimes, and no text as markup", () => {
  const report = makeReport([ONE, TWO], new Date(0));
  const forms = [markdown(report), html(report), terminal(report)];
  for (const form of forms) for (const { name } of [ONE, TWO]) assert.match(form, name);
  assert.match(forms[0] ?? "", "| OP-01 | state wants an id that exists, and returns the state. | fail 1/2 | pass | one 1.0: it &lt;b>shrugs&lt;/b> |");
  assert.match(forms[1] ?? "", "it &lt;b&gt;shrugs&lt;/b&gt;");
  assert.match(forms[1] ?? "", "1970-01-01");
});

test.run();
