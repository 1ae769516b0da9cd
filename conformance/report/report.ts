/** The report as data: what the terminal, the Markdown and the HTML show. */

import * as fs from "node:fs";
import * as os from "node:os";
import type { Judgement } from "./collect.ts";
import { count, hiddenRows, otherLines, programLines, rowLines } from "./table.ts";
import type { Line } from "./table.ts";

export interface Report {
  /** What was judged, where, and with what. */
  readonly facts: readonly (readonly [name: string, value: string])[];
  readonly runtimes: readonly string[];
  /** How many lines of a section stand where, per runtime. */
  readonly summary: readonly (readonly [what: string, ...numbers: string[]])[];
  readonly sections: readonly Section[];
}

export interface Section {
  readonly title: string;
  readonly text: string;
  readonly lines: readonly Line[];
}

/** Puts together what the judgements say. */
export function makeReport(judgements: readonly Judgement[], date: Date): Report {
  const programs = programLines(judgements);
  const rows = rowLines(judgements);
  const others = otherLines(judgements);
  return {
    facts: facts(judgements, date),
    runtimes: judgements.map(({ name }) => name),
    summary: [
      ...summarise("validation suite", judgements, programs),
      ...summarise("rules", judgements, rows),
      ...summarise("other matters", judgements, others),
    ],
    sections: [
      { title: "Validation suite", text: SUITE, lines: programs },
      { title: "Rules of the specification", text: RULES, lines: rows },
      { title: "Other matters", text: OTHERS, lines: others },
      { title: "Rules that show nothing to the outside", text: HIDDEN, lines: hiddenRows().map(hiddenLine) },
    ],
  };
}

const SUITE =
  "The programs of runtime-tools. “Listed” points are those that no runtime can pass on this machine, " +
  "as the specification says otherwise by now or the kernel has not what they ask for.";
const RULES =
  "Each rule is a row of conformance/rows.ts. “Fail” means that a test that names the row does not pass; " +
  "what is then different is not always against the specification: the reason says what it is.";
const OTHERS = "Tests that are about no rule of the specification: the command line that engines rely on, messages, attacks.";
const HIDDEN = "No test can show from outside whether a runtime keeps them.";

function hiddenLine({ id, meaning, unobservable = "" }: { id: string; meaning: string; unobservable?: string }): Line {
  return { name: id, meaning, cells: [], why: [unobservable] };
}

const STANDINGS = { pass: "pass", listed: "pass but for listed points", fail: "fail", skip: "skip", none: "no test" } as const;

function summarise(what: string, judgements: readonly Judgement[], lines: readonly Line[]): [string, ...string[]][] {
  const counts = judgements.map((_, index) => count(lines, index));
  const keys = Object.keys(STANDINGS) as (keyof typeof STANDINGS)[];
  const used = keys.filter((key) => key === "pass" || counts.some((each) => each[key] > 0));
  return used.map((key) => [`${what}: ${STANDINGS[key]}`, ...counts.map((each) => `${each[key]}`)]);
}

function facts(judgements: readonly Judgement[], date: Date): (readonly [string, string])[] {
  const suite = [...new Set(judgements.flatMap(({ suiteVersions }) => suiteVersions.filter((text) => /^runtime-tools |^golang-[\d.]+-go /.test(text))))];
  return [
    ["date", date.toISOString().slice(0, 10)],
    ...judgements.map(({ name, version }) => [name, version.trim().split("\n").slice(1).join(", ")] as const),
    ["kernel", `${os.release()} (${os.arch()})`],
    ["cgroups", cgroupVersions()],
    ["validation suite", suite.length > 0 ? suite.join(", built with ") : "not run"],
  ];
}

function cgroupVersions(): string {
  if (fs.existsSync("/sys/fs/cgroup/cgroup.controllers")) return "v2";
  return fs.existsSync("/sys/fs/cgroup/unified/cgroup.controllers") ? "v1 and v2 side by side" : "v1";
}
