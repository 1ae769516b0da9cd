/** Says what a program of the validation suite found, and what of that is new. */

import type { Expected } from "./expected.ts";
import type { Machine } from "./machine.ts";
import { parseTap } from "./tap.ts";
import type { Inner } from "./tap.ts";

/** How a program ended. */
export interface Run {
  readonly stdout: string;
  readonly stderr: string;
  /** The exit status, or what ended it: a signal's name, `time limit`. */
  readonly end: number | string;
}

export interface Verdict {
  readonly passed: number;
  readonly skipped: number;
  /** The text of each point that failed, and what else was wrong. */
  readonly failures: readonly string[];
}

/** Programs that have no points: they tell of an error in a block. */
const POINTLESS = new Set(["hooks", "prestart", "prestart_fail", "poststart", "poststart_fail", "poststop", "poststop_fail"]);

/** Programs that have no TAP either when all is well: the runtime has to refuse their config. */
const REFUSED = new Set(["process_rlimits_fail", "process_capabilities_fail"]);

/** Judges a program by its output: one that crashed, or has fewer points than it planned, has not passed. */
export function judge(program: string, { stdout, stderr, end }: Run): Verdict {
  const ended = end === 0 ? [] : [typeof end === "number" ? `exit status ${end}: ${firstLine(stderr)}` : end];
  if (REFUSED.has(program)) {
    const refused = stderr.startsWith("failed to create the container\n");
    return { passed: end === 0 && refused ? 1 : 0, skipped: 0, failures: end === 0 && !refused ? ["create did not refuse"] : ended };
  }
  const { points, problems, errors, inner } = parseTap(stdout);
  const failed = points.filter((point) => !point.passed && !point.skipped).map(({ text }) => text);
  const none = points.length === 0 && problems.length === 0 && ended.length === 0;
  const empty = none && !POINTLESS.has(program) ? ["no points"] : [];
  const told = points.length === 0 ? errors.map((error) => `error: ${firstLine(error)}`) : [];
  const unfinished = inner.filter((output) => !hasFinished(program, output)).map(() => "the program in the container did not finish");
  return {
    passed: points.filter((point) => point.passed && !point.skipped).length,
    skipped: points.filter(({ skipped }) => skipped).length,
    failures: [...failed, ...ended, ...(ended.length > 0 ? [] : problems), ...empty, ...told, ...unfinished],
  };
}

/** A point about the program in a container passes, too, when that printed nothing. */
function hasFinished(program: string, { stdout, stderr }: Inner): boolean {
  // The call that the filter forbids is one that it makes.
  if (program === "linux_seccomp" && stderr.includes("getwd: operation not permitted")) return true;
  const { points, problems } = parseTap(stdout);
  return problems.length === 0 && points.length > 0;
}

function firstLine(text: string): string {
  return text.split("\n").find((line) => line !== "" && !line.startsWith("failed to ")) ?? "";
}

/** What is not as expected: failures that no entry tells of, and entries whose failure is not there. */
export interface Surprise {
  readonly unexpected: readonly string[];
  readonly missing: readonly Expected[];
  /** The entries that were met. */
  readonly met: readonly Expected[];
}

export function compare(program: string, { failures }: Verdict, list: readonly Expected[], machine: Machine): Surprise {
  const entries = list.filter((entry) => entry.program === program && (entry.where?.(machine) ?? true));
  const left = [...failures];
  const missing: Expected[] = [];
  const met: Expected[] = [];
  for (const entry of entries) {
    const wanted = entry.times ?? 1;
    const found = left.filter((failure) => failure.startsWith(entry.point));
    for (const failure of found.slice(0, wanted)) left.splice(left.indexOf(failure), 1);
    if (found.length > 0) met.push(entry);
    if (found.length < wanted && entry.byChance !== true) missing.push(entry);
  }
  return { unexpected: left, missing, met };
}
