/** Runs all tests of conformance/ against a runtime, and collects how each ended. */

import { spawn, spawnSync } from "node:child_process";
import * as fs from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { TestResult } from "../../test/harness.ts";
import { PROJECT } from "../../test/runtime.ts";
import type { ProgramResult } from "../runtime-tools/run.ts";

/** A runtime and what its tests said. */
export interface Judgement {
  /** `runc 1.1.5`. */
  readonly name: string;
  /** What `--version` prints. */
  readonly version: string;
  readonly tests: readonly TestResult[];
  /** The programs of the validation suite; none where it cannot be had. */
  readonly programs: readonly ProgramResult[];
  /** What the validation suite was built from. */
  readonly suiteVersions: readonly string[];
  /** Whether every test passed or had a known reason. */
  readonly clean: boolean;
}

/** Judges a runtime by its path; its output goes to a file of the folder, a line for each test file to the terminal. */
export async function judgeRuntime(path: string, folder: string): Promise<Judgement> {
  const version = spawnSync(path, ["--version"], { encoding: "utf8" }).stdout;
  const name = (version.split("\n")[0] ?? "").replace(" version ", " ");
  const base = join(folder, name.replace(/\W+/g, "-"));
  const results = `${base}.results`;
  for (const file of [results, programsFile(results)]) fs.rmSync(file, { force: true });
  console.log(`\n${name}`);
  const clean = await runTests(path, name, { results, log: `${base}.log` });
  const programs = fs.existsSync(programsFile(results)) ? (JSON.parse(fs.readFileSync(programsFile(results), "utf8")) as Programs) : undefined;
  return {
    name,
    version,
    tests: readLines(results).map((line) => JSON.parse(line) as TestResult),
    programs: programs?.programs ?? [],
    suiteVersions: programs?.versions ?? [],
    clean,
  };
}

/** What runtime-tools.test.ts leaves beside the tests' results. */
export interface Programs {
  readonly versions: readonly string[];
  readonly programs: readonly ProgramResult[];
}

export function programsFile(results: string): string {
  return `${results}.programs`;
}

function readLines(file: string): string[] {
  return fs.existsSync(file) ? fs.readFileSync(file, "utf8").split("\n").filter((line) => line !== "") : [];
}

/** On a host with both versions of cgroups crun works only where all controllers are on v1. */
const AMONG_ALL = ["unshare", "--mount", "--propagation", "private", process.execPath, join(import.meta.dirname, "../with-all-controllers.js")];

async function runTests(path: string, name: string, files: { results: string; log: string }): Promise<boolean> {
  const test = [process.execPath, join(PROJECT, "scripts/test.mjs"), "--no-build", "--integration", "conformance/"];
  const [command = "", ...args] = name.startsWith("crun") ? [...AMONG_ALL, ...test] : test;
  const env = { ...process.env, RUNTIME: path, TSRUN_TEST_RESULTS: files.results };
  const child = spawn(command, args, { cwd: PROJECT, env, stdio: ["ignore", "pipe", "inherit"] });
  const log = fs.createWriteStream(files.log);
  for await (const line of createInterface(child.stdout)) {
    log.write(`${line}\n`);
    if (/^(ok {2}|FAIL) /.test(line)) console.log(line);
  }
  log.end();
  return child.exitCode === null ? new Promise((resolve) => child.on("exit", (status) => resolve(status === 0))) : child.exitCode === 0;
}
