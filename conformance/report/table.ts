/** What many tests say about one row, and one row about many runtimes. */

import type { TestResult } from "../../test/harness.ts";
import { PROJECT } from "../../test/runtime.ts";
import type { Row } from "../rows.ts";
import { ROWS, rowsOf } from "../rows.ts";
import type { ProgramResult } from "../runtime-tools/run.ts";
import type { Judgement } from "./collect.ts";

/** Where a runtime stands; `none` is a row that no test is about. */
export type Standing = "pass" | "listed" | "fail" | "skip" | "none";

export interface Cell {
  readonly standing: Standing;
  /** What is shown: the standing, with numbers where it is not whole. */
  readonly text: string;
  /** Why it is not a pass. */
  readonly reasons: readonly string[];
}

export interface Line {
  readonly name: string;
  readonly meaning: string;
  readonly cells: readonly Cell[];
  /** The reasons of all cells, each after the runtimes that it is about. */
  readonly why: readonly string[];
}

/** A line for each row of which something can be seen. */
export function rowLines(judgements: readonly Judgement[]): Line[] {
  const byRow = judgements.map(({ tests }) => groupByRow(tests));
  const observable = ROWS.filter(({ unobservable }) => unobservable === undefined);
  return observable.map(({ id, meaning }) => lineOf(id, meaning, judgements, byRow.map((group) => standingOf(group.get(id) ?? []))));
}

/** The rows of which nothing can be seen, with the reason. */
export function hiddenRows(): readonly Row[] {
  return ROWS.filter(({ unobservable }) => unobservable !== undefined);
}

/** A line for each suite, with what of its tests names no row. */
export function otherLines(judgements: readonly Judgement[]): Line[] {
  const others = judgements.map(({ tests }) => tests.filter(({ test }) => rowsOf(test).length === 0 && !test.startsWith(VALIDATION)));
  const suites = [...new Set(others.flat().map(({ test }) => suiteOf(test)))].sort();
  return suites.map((suite) =>
    lineOf(suite, "", judgements, others.map((tests) => standingOf(tests.filter(({ test }) => suiteOf(test) === suite)))),
  );
}

const VALIDATION = "runtime-tools: ";

function suiteOf(test: string): string {
  return test.replace(/: .*/s, "");
}

/** A line for each program of the validation suite. */
export function programLines(judgements: readonly Judgement[]): Line[] {
  const names = [...new Set(judgements.flatMap(({ programs }) => programs.map(({ program }) => program)))].sort();
  return names.map((name) =>
    lineOf(name, "", judgements, judgements.map((judgement) => programCell(judgement, judgement.programs.find(({ program }) => program === name)))),
  );
}

function groupByRow(tests: readonly TestResult[]): Map<string, TestResult[]> {
  const groups = new Map<string, TestResult[]>();
  for (const test of tests) {
    for (const id of rowsOf(test.test)) groups.set(id, [...(groups.get(id) ?? []), test]);
  }
  return groups;
}

function standingOf(tests: readonly TestResult[]): Cell {
  if (tests.length === 0) return { standing: "none", text: "no test", reasons: [] };
  const failed = tests.filter(({ outcome }) => outcome === "failed" || outcome === "deviates");
  const reasons = (some: readonly TestResult[]): string[] => [...new Set(some.map(({ reason = "" }) => firstLine(reason)))];
  if (failed.length > 0) return { standing: "fail", text: partOf("fail", failed.length, tests.length), reasons: reasons(failed) };
  if (tests.every(({ outcome }) => outcome === "skipped")) return { standing: "skip", text: "skip", reasons: reasons(tests) };
  return { standing: "pass", text: "pass", reasons: [] };
}

function partOf(word: string, part: number, whole: number): string {
  return whole === 1 ? word : `${word} ${part}/${whole}`;
}

/** The reason as it is told in deviations.ts, or the first line of an error. */
function firstLine(reason: string): string {
  const line = reason.split("\n").find((text) => text.trim() !== "") ?? "";
  return tidy(line.replace(/^\w+( [\d.]+)? deviates: /, "").trim());
}

const MAX_REASON = 160;

/** Without the names and paths of this run, so that two reports can be compared. */
function tidy(text: string): string {
  const named = text.replace(/(^|["'])\/\S+\/(\w+: )/, "$1$2");
  const short = named.replace(/[^\s"']*tsrun-test-[\w-]+/g, "…").replaceAll(PROJECT, ".").replace(/time="[^"]*" /g, "");
  return short.length > MAX_REASON ? `${short.slice(0, MAX_REASON)}…` : short;
}

function programCell({ tests }: Judgement, result: ProgramResult | undefined): Cell {
  if (result === undefined) return { standing: "none", text: "not run", reasons: [] };
  const { program, obstacle, unexpected, met, passed, failures } = result;
  if (obstacle !== undefined) return { standing: "skip", text: "skip", reasons: [obstacle] };
  const listed = [...new Set(met.map(({ reason }) => reason))];
  if (unexpected.length > 0) {
    const known = tests.find(({ test, outcome }) => test === `${VALIDATION}${program}` && outcome === "deviates");
    const reason = known?.reason === undefined ? unexpected.map(firstLine) : [firstLine(known.reason)];
    return { standing: "fail", text: partOf("fail", failures.length, passed + failures.length), reasons: [...reason, ...listed] };
  }
  if (failures.length > 0) return { standing: "listed", text: `listed ${failures.length}/${passed + failures.length}`, reasons: listed };
  return { standing: "pass", text: "pass", reasons: [] };
}

function lineOf(name: string, meaning: string, judgements: readonly Judgement[], cells: readonly Cell[]): Line {
  const about = new Map<string, string[]>();
  cells.forEach(({ reasons }, index) => {
    for (const reason of reasons) about.set(reason, [...(about.get(reason) ?? []), judgements[index]?.name ?? ""]);
  });
  const why = [...about].map(([reason, names]) => (judgements.length === 1 || names.length === judgements.length ? reason : `${names.join(", ")}: ${reason}`));
  return { name, meaning, cells, why };
}

/** How many lines a runtime has of each standing. */
export function count(lines: readonly Line[], index: number): Record<Standing, number> {
  const counts = { pass: 0, listed: 0, fail: 0, skip: 0, none: 0 };
  for (const { cells } of lines) counts[cells[index]?.standing ?? "none"]++;
  return counts;
}
