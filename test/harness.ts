/** The integration tests' ground: tests that can be skipped with a reason, and that clean up after themselves. */

import { accessSync, appendFileSync, chmodSync, constants, mkdtempSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inspect } from "node:util";
import { setTimeout } from "node:timers/promises";
import { suite as uvuSuite } from "uvu";
import { makeBundle } from "./bundle.ts";
import type { Bundle, BundleConfig } from "./bundle.ts";
import { runRuntime } from "./runtime.ts";
import type { Result, RunOptions } from "./runtime.ts";
import { findStrays, removeStray } from "./strays.ts";
import type { Stray } from "./strays.ts";
import { telling } from "./telling.ts";

/** The name that everything bears which this test file makes; scripts/test.mjs looks for it afterwards. */
export const RUN_NAME: string = process.env["TSRUN_TEST"] || `tsrun-test-${process.pid}-0x`;

/** What skip() throws. */
export class Skip extends Error {
  readonly outcome: Outcome = "skipped";
}

/** How a test ended; `deviates` is said of another runtime, which fails it for a known reason. */
export type Outcome = "passed" | "failed" | "skipped" | "deviates";

/** A test and how it ended, as a line of the file that TSRUN_TEST_RESULTS names. */
export interface TestResult {
  readonly test: string;
  readonly outcome: Outcome;
  /** Why it did not pass. */
  readonly reason?: string;
}

/** Ends the test that calls it; the reason is printed and counted. */
export function skip(reason: string): never {
  throw new Skip(reason);
}

/** Skips unless this process is root, and each program is in the PATH: `needs("root", "strace")`. */
export function needs(...what: readonly string[]): void {
  for (const need of what) {
    if (need === "root" && process.geteuid?.() !== 0) skip("it needs root");
    if (need !== "root" && !isInPath(need)) skip(`${need} is not installed`);
  }
}

function isInPath(program: string): boolean {
  return [...(process.env["PATH"] ?? "").split(":"), "/usr/sbin", "/sbin"].some((folder) => {
    try {
      accessSync(join(folder, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** What a test is given: a folder, bundles, ids and the runtime, all of which end with the test. */
export class Ground {
  /** A folder of the test's own. */
  readonly folder: string = mkdtempSync(join(tmpdir(), `${RUN_NAME}-`));
  /** The state root that runtime() names. */
  readonly stateRoot: string = join(this.folder, "state");
  readonly #ids: string[] = [];
  #bundles = 0;

  constructor() {
    // A container's root that is mapped to another user must be able to come this way.
    chmodSync(this.folder, 0o755);
  }

  /** A container id that is unique on this machine; the container is deleted when the test ends. */
  id(): string {
    const id = `${RUN_NAME}-${counter++}`;
    this.#ids.push(id);
    return id;
  }

  /** A bundle with a busybox root file system, whose config `change` may alter: `(config) => { config.hostname = "x" }`. */
  bundle(change?: (config: BundleConfig) => void): Bundle {
    return makeBundle(join(this.folder, `bundle-${this.#bundles++}`), change);
  }

  /** Runs the runtime under test (RUNTIME, else dist/tsrun) with the test's own state root. */
  runtime(args: readonly string[], options: RunOptions = {}): Promise<Result> {
    return runRuntime(["--root", this.stateRoot, ...args], { folder: this.folder, ...options });
  }

  /** What bears the id on this system, the test's own folder aside: after a failure or a delete it should be nothing. */
  leftovers(id: string): Stray[] {
    return findStrays(id).filter((stray) => stray.kind !== "file" || !stray.what.startsWith(this.folder));
  }

  /** Deletes the containers and the folder; what then still bears one of the ids is an error, for processes after a while. */
  async end(patienceMillis = 10_000): Promise<void> {
    for (const id of this.#ids) await this.runtime(["delete", "--force", id]);
    const look = (): Stray[] => this.#ids.flatMap((id) => this.leftovers(id));
    let strays = look();
    // Who ran a container in the foreground learns of its end now, and has his own way to go.
    for (const deadline = performance.now() + patienceMillis; strays.some(({ kind }) => kind === "process") && performance.now() < deadline; strays = look()) await setTimeout(20);
    for (const stray of [...strays, ...findStrays(this.folder).filter(({ kind }) => kind === "mount")]) removeStray(stray);
    // A cgroup can be removed only when its last process is gone.
    if (strays.length > 0) await setTimeout(100);
    for (const stray of strays.filter(({ kind }) => kind === "cgroup")) removeStray(stray);
    rmSync(this.folder, { recursive: true, force: true });
    if (strays.length === 0) return;
    throw new Leftover(`the test left behind ${strays.map(({ kind, what }) => `${kind} ${what}`).join(", ")}`);
  }
}

class Leftover extends Error {}

let counter = 0;

/** A suite whose tests are given a Ground and may be skipped. */
export interface Suite {
  (title: string, body: (ground: Ground) => Promise<void> | void): void;
  run(): void;
}

/** A uvu suite of tests that get a Ground of their own: `const test = suite("run"); test("...", async (t) => ...); test.run()`. */
export function suite(name: string): Suite {
  const inner = uvuSuite(name);
  const add = (title: string, body: (ground: Ground) => Promise<void> | void): void => {
    inner(title, () => runTest(`${name}: ${title}`, body));
  };
  return Object.assign(add, { run: () => inner.run() });
}

async function runTest(name: string, body: (ground: Ground) => Promise<void> | void): Promise<void> {
  const ground = new Ground();
  try {
    await body(ground);
  } catch (error) {
    // What it has seen may be read from files of the ground.
    if (!(error instanceof Skip)) telling(error);
    // The test's own error is the one to tell; what it left is removed all the same.
    await ground.end().catch(() => undefined);
    if (!(error instanceof Skip)) record({ test: name, outcome: "failed", reason: reasonOf(error) });
    if (!(error instanceof Skip)) throw error;
    const { message } = error;
    // scripts/test.mjs counts these lines.
    writeSync(1, `\n# SKIP ${name}: ${message}\n`);
    record({ test: name, outcome: error.outcome, reason: message });
    return;
  }
  await endOf(ground, name);
  record({ test: name, outcome: "passed" });
}

async function endOf(ground: Ground, name: string): Promise<void> {
  try {
    await ground.end();
  } catch (error) {
    record({ test: name, outcome: "failed", reason: reasonOf(error) });
    throw error;
  }
}

const MAX_REASON = 300;

/** In one line: an assertion tells what it has seen, its message mostly not. */
function reasonOf(error: unknown): string {
  const { message, expects, actual, generated } = error as Error & { expects?: unknown; actual?: unknown; generated?: boolean };
  if (generated !== true) return message;
  const [seen, wanted] = [actual, expects].map((value) => inspect(value, { breakLength: Infinity, compact: true }));
  return `${seen} instead of ${wanted}`.replaceAll("\n", " ").slice(0, MAX_REASON);
}

function record(result: TestResult): void {
  const file = process.env["TSRUN_TEST_RESULTS"];
  if (file !== undefined) appendFileSync(file, `${JSON.stringify(result)}\n`);
}
