/** Runs the whole validation suite against a runtime, in a mount namespace of its own. */

import { spawn } from "node:child_process";
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ValidationSuite } from "./build.ts";
import type { Expected } from "./expected.ts";

/** What became of one program. */
export interface ProgramResult {
  readonly program: string;
  /** Why it was not run. */
  readonly obstacle?: string;
  readonly passed: number;
  readonly skipped: number;
  readonly failures: readonly string[];
  /** The failures that no entry of the list tells of. */
  readonly unexpected: readonly string[];
  /** The entries of the list that were met. */
  readonly met: readonly Expected[];
  /** The entries of the list whose failure is not there. */
  readonly missing: readonly Expected[];
  /** How often it was run: more than once when two of its processes race. */
  readonly runs: number;
  readonly seconds: number;
  readonly stderr: string;
}

/** What inside.ts is told. */
export interface Job {
  readonly runtime: string;
  readonly suite: string;
  /** Where everything is made; nothing of it is left. */
  readonly work: string;
  /** Where the results are written, as JSON. */
  readonly results: string;
}

/** Two runs at a time would meet in the cgroups, whose names the suite has written in it. */
const LOCK = join(tmpdir(), "tsrun-validation-suite.lock");

/** Runs all programs; the name is that of the folder of what they make. Throws when they cannot be run at all. */
export async function runValidationSuite(runtime: string, { folder: suite }: ValidationSuite, name: string): Promise<ProgramResult[]> {
  const work = fs.mkdtempSync(join(tmpdir(), `${name}-`));
  // User namespaces find their way through it.
  fs.chmodSync(work, 0o755);
  const job: Job = { runtime, suite, work, results: join(work, "results.json") };
  const inside = join(import.meta.dirname, "inside.js");
  const command = ["--exclusive", LOCK, "unshare", "--mount", "--propagation", "private", process.execPath, inside, JSON.stringify(job)];
  try {
    const child = spawn("flock", command, { stdio: ["ignore", "inherit", "inherit"] });
    const [status, signal] = await new Promise<[number | null, string | null]>((resolve, reject) => {
      child.on("error", reject);
      child.on("exit", (...end) => resolve(end));
    });
    if (status !== 0) throw new Error(`the validation suite ended with ${signal ?? `status ${status}`}`);
    return JSON.parse(fs.readFileSync(job.results, "utf8")) as ProgramResult[];
  } finally {
    fs.rmSync(work, { recursive: true, force: true });
  }
}
