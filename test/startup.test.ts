/** How long the executable needs to start, beside the least that its engine can need. */

import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { skip, suite } from "./harness.ts";
import { PROJECT, RUNTIME } from "./runtime.ts";

const startup = suite("start-up");

const MOST = 1.5;
/** Others may use the machine: the least of many says what a start costs, and more are made while it does not convince. */
const ROUNDS = 15;
const MOST_ROUNDS = 300;

interface Compiler {
  findBun(): string | undefined;
  compileArguments(source: string, executable: string): string[];
}

async function compileHello(folder: string): Promise<string> {
  const { findBun, compileArguments } = (await import(join(PROJECT, "scripts/bun.mjs"))) as Compiler;
  const bun = findBun();
  if (bun === undefined) skip("no Bun runs on this machine");
  const source = join(folder, "hello.ts");
  fs.writeFileSync(source, 'console.log("hello");\n');
  const result = spawnSync(bun, compileArguments(source, join(folder, "hello")), { cwd: folder, encoding: "utf8" });
  assert.is(result.status, 0, result.stderr);
  return join(folder, "hello");
}

function timeOf(program: string): number {
  const start = performance.now();
  const { status } = spawnSync(program, ["--version"], { cwd: "/", stdio: "ignore" });
  const time = performance.now() - start;
  assert.is(status, 0, program);
  return time;
}

startup(`takes at most ${MOST} times as long as a compiled program of one line`, async ({ folder }) => {
  const hello = await compileHello(folder);
  let [ours, bare] = [Infinity, Infinity];
  for (let round = 0; round < ROUNDS || (ours > MOST * bare && round < MOST_ROUNDS); round++) {
    bare = Math.min(bare, timeOf(hello));
    ours = Math.min(ours, timeOf(RUNTIME));
  }
  assert.ok(ours <= MOST * bare, `${(ours / bare).toFixed(2)} times: ${ours.toFixed(2)} ms beside ${bare.toFixed(2)}`);
});

startup.run();
