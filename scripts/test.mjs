#!/usr/bin/env node
/**
 * Runs the tests and ends with one line: N passed, N failed, N skipped.
 *
 *   node scripts/test.mjs [--unit | --integration] [--no-build] [FILTER...]
 *
 * Each test file runs in a process of its own with a time limit: uvu has none, exits 0 when no test matches, and one
 * file's state must not reach another's. FILTER is a part of a file's path. A file asks for another limit with a line
 * `// Time limit: 1800 s`: many times what it takes, as a machine may be slow, and busy with other things.
 */

import { spawn, spawnSync } from "node:child_process";
import * as fs from "node:fs";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { fileURLToPath, pathToFileURL } from "node:url";
import { parseArgs } from "node:util";

const root = fileURLToPath(new URL("..", import.meta.url));

/** What changes no system and needs no root runs side by side, and under both engines; the rest one after another. */
const UNIT = { parallel: 2, limitSeconds: 300, isIn: (file) => file.startsWith("src/") && !file.endsWith(".root.test.ts") };
const INTEGRATION = { parallel: 1, limitSeconds: 900, isIn: (file) => !UNIT.isIn(file) };

const total = { passed: 0, failed: 0, skipped: 0 };
const failures = [];
const skips = [];

function main() {
  const { values, positionals } = parseArgs({
    options: { unit: { type: "boolean" }, integration: { type: "boolean" }, "no-build": { type: "boolean" } },
    allowPositionals: true,
  });
  if (values["no-build"] !== true && !build()) return finish();
  const files = ["src", "test", "conformance"].flatMap(testsBelow).sort();
  const wanted = files.filter((file) => positionals.every((filter) => file.includes(filter)));
  const unit = values.integration === true ? [] : wanted.filter(UNIT.isIn);
  const integration = values.unit === true ? [] : wanted.filter(INTEGRATION.isIn);
  return runAll(unit, integration).then(finish);
}

/** The type check is part of it: tsc writes the JavaScript that is tested. */
function build() {
  const { status } = spawnSync(process.execPath, ["scripts/build.mjs"], { stdio: "inherit" });
  if (status !== 0) failures.push({ name: "build", output: "see above\n" });
  if (status !== 0) total.failed++;
  return status === 0;
}

function testsBelow(folder) {
  if (!fs.existsSync(folder)) return [];
  return fs.readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return testsBelow(path);
    return path.endsWith(".test.ts") ? [path] : [];
  });
}

async function runAll(unit, integration) {
  const bun = findBun();
  const engines = [{ command: process.execPath, suffix: "" }];
  if (bun !== undefined) engines.push({ command: bun, suffix: " (bun)" });
  await runPool(UNIT, unit.flatMap((file) => engines.map((engine) => ({ file, engine }))));
  await runPool(INTEGRATION, integration.map((file) => ({ file, engine: engines[0] })));
}

function findBun() {
  return ["bun-linux-x64", "bun-linux-aarch64"]
    .map((name) => join(root, "node_modules/@oven", name, "bin/bun"))
    .find((file) => fs.existsSync(file) && spawnSync(file, ["--version"]).status === 0);
}

async function runPool(kind, jobs) {
  const queue = [...jobs];
  const worker = async () => {
    for (let job = queue.shift(); job !== undefined; job = queue.shift()) await runFile(kind, job);
  };
  await Promise.all(Array.from({ length: kind.parallel }, worker));
}

async function runFile(kind, { file, engine }) {
  const start = performance.now();
  const name = `${file}${engine.suffix}`;
  const limit = /^\/\/ Time limit: (\d+) s$/m.exec(fs.readFileSync(file, "utf8"))?.[1];
  // What a test makes on the system bears this name (test/harness.ts), so what it leaves behind can be told.
  const run = `tsrun-test-${process.pid}-${++runs}x`;
  const ended = await execute(engine.command, `dist/js/${file.replace(/\.ts$/, ".js")}`, run, Number(limit ?? kind.limitSeconds));
  const counts = judge(ended);
  if (kind === INTEGRATION) counts.problems.push(...(await removeStrays(run)));
  record(name, counts, ended.output);
  const state = counts.failed + counts.problems.length > 0 ? "FAIL" : "ok  ";
  const skipped = counts.reasons.length > 0 ? `, ${counts.reasons.length} skipped` : "";
  console.log(`${state} ${name} (${counts.passed}${skipped}) ${((performance.now() - start) / 1000).toFixed(2)} s`);
  // Where a log is cut short, or a run, the end tells nothing.
  if (state === "FAIL") tellBriefly(failures.at(-1));
}

let runs = 0;

const DYING_MILLIS = 10_000;

/** The output goes to one file, so that a process that a test left behind cannot keep a pipe open. */
function execute(command, script, run, limitSeconds) {
  fs.mkdirSync("build/test", { recursive: true });
  const log = `build/test/${run}.log`;
  const fd = fs.openSync(log, "w");
  const env = { ...process.env, TSRUN_TEST: run };
  // In a group of its own, so that all of it can be ended.
  const child = spawn(command, [script], { cwd: root, env, stdio: ["ignore", fd, fd], detached: true });
  fs.closeSync(fd);
  return new Promise((resolve) => {
    let timedOut = false;
    const timer = globalThis.setTimeout(() => {
      timedOut = true;
      killGroup(child.pid);
    }, limitSeconds * 1000);
    child.on("error", (error) => resolve({ output: `${error.message}\n`, problem: "did not start" }));
    child.on("exit", (status, signal) => {
      clearTimeout(timer);
      killGroup(child.pid);
      const output = fs.readFileSync(log, "utf8");
      fs.rmSync(log);
      const problem = timedOut ? `did not end within ${limitSeconds} s` : signal !== null ? `was ended by ${signal}` : undefined;
      resolve({ output, status, problem });
    });
  });
}

function killGroup(pid) {
  try {
    process.kill(-pid, "SIGKILL");
  } catch (error) {
    if (error.code !== "ESRCH") throw error;
  }
}

/**
 * Reads uvu's summary. A skip is either one of test/harness.ts ("# SKIP name: reason", which uvu counts as passed) or
 * uvu's own, which needs a line "skip: reason"; one line may stand for several tests.
 */
function judge({ output, status, problem }) {
  const text = output.replace(/\x1b\[[0-9;]*m/g, "");
  const [, all, done, uvuSkips] = /^ {2}Total: +(\d+)\n {2}Passed: +(\d+)\n {2}Skipped: +(\d+)$/m.exec(text) ?? [];
  const problems = problem === undefined ? [] : [problem];
  if (all === undefined) {
    if (problem === undefined) problems.push(`ended with status ${status} before uvu's summary`);
    return { passed: 0, failed: 0, reasons: [], problems };
  }
  const ours = [...text.matchAll(/^# SKIP (.*)$/gm)].map((match) => match[1]);
  const told = [...text.matchAll(/^skip(?:ped)?: (.*)$/gm)].map((match) => match[1]);
  const others = Array.from({ length: told.length > 0 ? Number(uvuSkips) : 0 }, (_, i) => told[Math.min(i, told.length - 1)]);
  const failed = Number(all) - Number(done);
  if (Number(uvuSkips) > others.length) problems.push("skipped a test without a reason, or ran an only()");
  if (Number(all) + Number(uvuSkips) === 0) problems.push("ran no test");
  if (failed === 0 && status !== 0 && problem === undefined) problems.push(`ended with status ${status} though no test failed`);
  return { passed: Number(done) - ours.length, failed, reasons: [...ours, ...others], problems };
}

/** What the run left on the system; it is removed, so that the next file starts clean. */
async function removeStrays(run) {
  const { findStrays, removeStray } = await import(pathToFileURL(join(root, "dist/js/test/strays.js")).href);
  let strays = findStrays(run);
  // What is just ending is no stray.
  for (const deadline = performance.now() + DYING_MILLIS; strays.some(mayEnd) && performance.now() < deadline; strays = findStrays(run)) await setTimeout(100);
  for (const stray of strays) {
    removeStray(stray);
    if (stray.kind === "process") await setTimeout(50);
  }
  return strays.map((stray) => `left behind ${stray.kind} ${stray.what}`);
}

/** A process, and what it holds; a file that was left stays. */
function mayEnd({ kind }) {
  return kind !== "file";
}

function record(name, counts, output) {
  total.passed += counts.passed;
  total.failed += counts.failed + counts.problems.length;
  total.skipped += counts.reasons.length;
  skips.push(...counts.reasons.map((reason) => `${name}: ${reason}`));
  if (counts.failed + counts.problems.length === 0) return;
  failures.push({ name, output: `${output}${counts.problems.map((problem) => `${name} ${problem}\n`).join("")}` });
}

function tell({ name, output }) {
  console.log(`--- ${name}\n${output.trimEnd()}\n---`);
}

/** Of a long log some see only a few lines after the name, so skips, most of a comparison and of a stack are left out. */
function tellBriefly({ name, output }) {
  const idle = /^$|^# SKIP |^[•✘ ]*$|^ +··|^ +at (?!.*\.test\.js)|^ {2}(Total|Passed|Skipped|Duration): /;
  const lines = output.replace(/\x1b\[[0-9;]*m/g, "").split("\n").map((line) => line.trimEnd());
  let compared = 0;
  const isTold = (line) => {
    compared = line.startsWith("        ") ? compared + 1 : 0;
    return compared <= MOST_COMPARED;
  };
  tell({ name, output: lines.filter((line) => !idle.test(line)).filter(isTold).join("\n") });
}

const MOST_COMPARED = 6;

function finish() {
  if (failures.length > 0 && runs > 0) {
    console.log("\nfailed, once more:");
    for (const failure of failures) tell(failure);
  }
  if (skips.length > 0) console.log(`\nskipped:\n${skips.map((skip) => `  ${skip}`).join("\n")}`);
  if (total.passed + total.failed === 0) console.log("\nno test ran");
  console.log(`\n${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`);
  process.exitCode = total.failed > 0 || total.passed === 0 ? 1 : 0;
}

process.chdir(root);
await main();
