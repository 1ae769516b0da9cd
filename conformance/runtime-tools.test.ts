/** The specification's own validation suite: each of its programs is a test, and passes when all its points do, but for the listed ones. */
// Time limit: 1800 s

import * as fs from "node:fs";
import * as assert from "uvu/assert";
import { RUN_NAME, skip } from "../test/harness.ts";
import { RUNTIME } from "../test/runtime.ts";
import { programsFile } from "./report/collect.ts";
import type { Programs } from "./report/collect.ts";
import { validationSuite } from "./runtime-tools/build.ts";
import { EXPECTED } from "./runtime-tools/expected.ts";
import { runValidationSuite } from "./runtime-tools/run.ts";
import type { ProgramResult } from "./runtime-tools/run.ts";
import { suite } from "./suite.ts";

const test = suite("runtime-tools");

/** The suite of 2023 has as many programs; a newer one may have more. */
const PROGRAMS = 58;

const built = process.geteuid?.() === 0 ? validationSuite() : "it needs root";
const results = typeof built === "string" ? [] : await runValidationSuite(RUNTIME, built, RUN_NAME);

const record = process.env["TSRUN_TEST_RESULTS"];
if (record !== undefined && typeof built !== "string") {
  const programs: Programs = { versions: built.versions, programs: results };
  fs.writeFileSync(programsFile(record), JSON.stringify(programs));
}

test("all programs of the suite are there", () => {
  if (typeof built === "string") skip(built);
  assert.ok(results.length >= PROGRAMS, `${results.length} programs`);
  const listed = new Set(EXPECTED.map(({ program }) => program));
  assert.equal([...listed].filter((name) => !results.some(({ program }) => program === name)), []);
});

for (const result of results) {
  test(result.program, () => {
    if (result.obstacle !== undefined) skip(result.obstacle);
    assert.equal(result.unexpected, [], describe(result));
    assert.equal(result.missing.map(({ point }) => point), [], "it passes what expected.ts says that no runtime can pass");
  });
}

function describe({ unexpected, stderr }: ProgramResult): string {
  return `${unexpected.join("\n")}\n${stderr}`;
}

test.run();
