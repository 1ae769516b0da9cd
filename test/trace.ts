/** Reads what strace wrote, and takes out of it what tsrun-init asked of the kernel. */

import * as fs from "node:fs";
import { OPS } from "../src/plan/ops.ts";
import type { Plan } from "../src/plan/step.ts";

interface Call {
  readonly pid: number;
  readonly name: string;
  /** What follows the opening parenthesis; without the result where another process's call came between. */
  readonly rest: string;
}

/** From the exec of init to the first step: the plan is read, descriptors and signals are put in order. */
const PRELUDE = "statx mmap close_range prctl prctl (rt_sigaction ){55,110}close ";

/** The end of a first stage that has cloned the second. */
const FIRST_STAGE_ENDS = ["sendmsg", "write", "exit_group"];

function readCalls(path: string): Call[] {
  const lines = fs.readFileSync(path, "utf8").split("\n");
  return lines.flatMap((line) => {
    // Also "PID name(... <unfinished ...>"; the line that resumes it begins with "<...".
    const [, pid, name, rest] = /^(\d+) +(\w+)\((.*)$/.exec(line) ?? [];
    return pid === undefined || name === undefined || rest === undefined ? [] : [{ pid: Number(pid), name, rest }];
  });
}

/** The names of the calls that init made, in both of its stages, from its own exec (without it) to the program's (with it). */
export function callsOfInit(path: string): string[] {
  const calls = readCalls(path);
  const born = calls.findIndex(({ name, rest }) => name === "execveat" && rest.includes('["tsrun-init"'));
  if (born < 0) throw new Error(`no process became tsrun-init in ${path}`);
  const first = untilProgram(calls.slice(born + 1).filter(({ pid }) => pid === calls[born]?.pid));
  if (first.at(-1)?.name !== "exit_group") return first.map(({ name }) => name);
  const second = secondStage(calls, born);
  const names = first.map(({ name }) => name);
  const end = names.splice(-FIRST_STAGE_ENDS.length);
  if (end.join() !== FIRST_STAGE_ENDS.join()) throw new Error(`the first stage ended with ${end.join(", ")}`);
  return [...names, ...untilProgram(calls.filter(({ pid }) => pid === second)).map(({ name }) => name)];
}

function untilProgram(calls: readonly Call[]): Call[] {
  const end = calls.findIndex(({ name }) => name === "execve");
  return end < 0 ? [...calls] : calls.slice(0, end + 1);
}

/** How a second stage begins: it waits until the first has reported it. A thread of the engine begins otherwise. */
const SECOND_STAGE_BEGINS = "close read";

/** The process that came after the clone, and begins as a second stage does. */
function secondStage(calls: readonly Call[], born: number): number | undefined {
  const first = calls[born]?.pid;
  const clone = calls.findIndex(({ pid, name }, index) => index > born && pid === first && name === "clone3");
  const before = new Set(calls.slice(0, clone).map(({ pid }) => pid));
  const after = calls.slice(clone);
  const begins = (wanted: number): string => after.filter(({ pid }) => pid === wanted).slice(0, 2).map(({ name }) => name).join(" ");
  return after.find(({ pid }) => !before.has(pid) && begins(pid) === SECOND_STAGE_BEGINS)?.pid;
}

/** Undefined where the calls are those of the plan, else what is wrong. */
export function compareWithPlan(names: readonly string[], { steps }: Plan): string | undefined {
  const text = names.map((name) => `${name} `).join("");
  const parts = [PRELUDE, ...steps.flatMap((step) => (step.by === "init" ? [OPS[step.op].calls] : []))].map((part) => `(?:${part})`);
  if (new RegExp(`^${parts.join("")}$`).test(text)) return undefined;
  const labels = ["prelude", ...steps.flatMap((step, index) => (step.by === "init" ? [`${index} ${step.op}`] : []))];
  for (let count = parts.length; count >= 0; count--) {
    const [done] = new RegExp(`^${parts.slice(0, count).join("")}`).exec(text) ?? [];
    if (done === undefined) continue;
    const next = text.slice(done.length).split(" ").slice(0, 8).join(" ");
    return `after step ${labels[count - 1] ?? "none"} comes ${labels[count] ?? "nothing"}, but init called: ${next}`;
  }
  return "nothing fits";
}
