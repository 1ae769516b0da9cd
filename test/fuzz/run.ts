/** Runs the fuzzer from outside: opens sandboxes, counts what they report, and looks whether the machine is as it was. */

import * as fs from "node:fs";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import type { Report, Task } from "./driver.ts";
import { openSandbox } from "./sandbox.ts";
import type { Sandbox } from "./sandbox.ts";

export type Failure = Extract<Report, { kind: "failure" }>;
type Played = Extract<Report, { kind: "case" }>;

export interface Outcome {
  readonly failures: readonly Failure[];
  readonly cases: number;
  readonly created: number;
  readonly started: number;
}

export interface Run {
  readonly task: Task;
  /** What the sandbox's cgroup is called. */
  readonly name: string;
  /** An empty folder. */
  readonly folder: string;
  readonly onCase?: (report: Played) => void;
  readonly onFailure?: (failure: Failure) => void;
}

/** How long one case may take in a driver that says nothing: all commands at their limits, and a minimisation. */
const SILENCE_MILLIS = 300_000;

let open: Sandbox | undefined;

/** Ends what runs, for who is asked to end before the time is over. */
export async function abandon(): Promise<void> {
  await open?.end();
}

/** Plays cases until the time is over; a sandbox that a case has spoilt is replaced. */
export async function fuzz({ task, name, folder, onCase, onFailure }: Run): Promise<Outcome> {
  const failures: Failure[] = [];
  const count = { cases: 0, created: 0, started: 0 };
  const fail = (failure: Failure): void => {
    failures.push(failure);
    onFailure?.(failure);
  };
  const until = performance.now() + task.seconds * 1000;
  const before = machine();
  let from = task.from;
  for (let sandboxes = 0; performance.now() < until && sandboxes < 50; sandboxes++) {
    const end = await inSandbox({ ...task, from, seconds: Math.max(0, (until - performance.now()) / 1000) }, { name: `${name}-${sandboxes}`, folder }, (report) => {
      if (report.kind === "failure") fail(report);
      if (report.kind !== "case") return;
      count.cases++;
      if (report.created) count.created++;
      if (report.started) count.started++;
      onCase?.(report);
    });
    const changed = changes(before, machine());
    if (changed.length > 0) fail(strange(end.next - 1, changed.map((what) => `the machine changed: ${what}`)));
    if (end.problem !== undefined) fail(strange(end.next - 1, [end.problem]));
    // A driver that does not come to its first case will not do so in another sandbox either.
    if (!end.dirty || changed.length > 0 || end.next === from) break;
    from = end.next;
  }
  return { failures, ...count };
}

function strange(number: number, problems: readonly string[]): Failure {
  return { kind: "failure", number, problems, story: "", options: [], config: "", from: 0, documents: [] };
}

interface End {
  readonly next: number;
  readonly dirty: boolean;
  readonly problem?: string;
}

async function inSandbox(task: Task, place: { readonly name: string; readonly folder: string }, take: (report: Report) => void): Promise<End> {
  const sandbox = openSandbox(place.name, place.folder, [JSON.stringify(task)]);
  open = sandbox;
  let end: End | undefined;
  let next = task.from;
  let silence = setTimeout(() => undefined, 0);
  const errors = collect(sandbox.process.stderr);
  try {
    const lines = sandbox.process.stdout;
    if (lines === null) return { next, dirty: false, problem: "the sandbox has no output" };
    for await (const line of createInterface({ input: lines })) {
      clearTimeout(silence);
      silence = setTimeout(() => sandbox.process.kill("SIGKILL"), SILENCE_MILLIS);
      const report: Report = JSON.parse(line);
      if (report.kind === "begin") next = report.number + 1;
      if (report.kind === "end") end = report;
      take(report);
    }
  } finally {
    clearTimeout(silence);
    await sandbox.end();
  }
  return end ?? { next, dirty: true, problem: `the driver is gone: ${(await errors).slice(-2000)}` };
}

async function collect(stream: Readable | null): Promise<string> {
  let text = "";
  if (stream !== null) for await (const chunk of stream) text += String(chunk);
  return text;
}

/** What a container could reach only through a fault: the values below /proc/sys that are the machine's own. */
function machine(): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const folder of ["kernel", "vm", "fs", "abi", "debug", "dev", "user"]) readBelow(`/proc/sys/${folder}`, found);
  return found;
}

/** Those that change by themselves. */
const RESTLESS = /\/(random\/|ns_last_pid$|(inode|dentry|file|aio|quota|pty)\S*|epoll\/|pty\/nr$|tainted$|keys\/|sched_domain|panic_on|printk|perf_event_max_sample_rate$|hung_task_detect_count$)/;

function readBelow(folder: string, found: Map<string, string>): void {
  for (const entry of fs.readdirSync(folder, { withFileTypes: true })) {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory()) readBelow(path, found);
    else if (!RESTLESS.test(path)) found.set(path, tryRead(path));
  }
}

function tryRead(path: string): string {
  try {
    return fs.readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

function changes(before: ReadonlyMap<string, string>, now: ReadonlyMap<string, string>): string[] {
  return [...before].filter(([path, value]) => now.get(path) !== value).map(([path, value]) => `${path} from ${value.trim()} to ${now.get(path)?.trim()}`);
}
