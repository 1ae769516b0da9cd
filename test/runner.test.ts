/** scripts/test.mjs, on a small checkout of its own: what it counts, and what it does not let pass. */

import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import { dirname, join } from "node:path";
import * as assert from "uvu/assert";
import { suite } from "./harness.ts";
import type { Ground } from "./harness.ts";
import { PROJECT } from "./runtime.ts";

const runner = suite("scripts/test.mjs");

const PASSING = `import { suite } from "uvu"; const t = suite("s"); t("passes", () => {}); t.run();`;

/** Runs the script on test files, given as name -> JavaScript; returns its status and output. */
function runTests(ground: Ground, files: Record<string, string>, ...args: string[]): { status: number | null; output: string } {
  const checkout = join(ground.folder, "checkout");
  const write = (path: string, text: string): void => {
    fs.mkdirSync(dirname(join(checkout, path)), { recursive: true });
    fs.writeFileSync(join(checkout, path), text);
  };
  write("package.json", `{"type":"module"}`);
  write("scripts/test.mjs", fs.readFileSync(join(PROJECT, "scripts/test.mjs"), "utf8"));
  fs.mkdirSync(join(checkout, "node_modules"));
  for (const name of ["uvu", "kleur", "diff", "dequal", "mri"]) {
    fs.symlinkSync(join(PROJECT, "node_modules", name), join(checkout, "node_modules", name));
  }
  for (const [name, text] of Object.entries(files)) {
    write(`src/${name}.test.ts`, text);
    write(`dist/js/src/${name}.test.js`, text);
  }
  const result = spawnSync(process.execPath, [join(checkout, "scripts/test.mjs"), "--no-build", ...args], { encoding: "utf8" });
  return { status: result.status, output: result.stdout + result.stderr };
}

function lastLine(output: string): string | undefined {
  return output.trimEnd().split("\n").at(-1);
}

runner("counts what passed and what failed, of all files", (ground) => {
  const failing = `import { suite } from "uvu"; const t = suite("s"); t("a", () => {}); t("b", () => { throw new Error("because"); }); t.run();`;
  const { status, output } = runTests(ground, { passing: PASSING, failing });
  assert.is(lastLine(output), "2 passed, 1 failed, 0 skipped");
  assert.match(output, "because");
  assert.is(status, 1);
});

runner("exits with 0 when all passed", (ground) => {
  const { status, output } = runTests(ground, { passing: PASSING });
  assert.is(lastLine(output), "1 passed, 0 failed, 0 skipped");
  assert.is(status, 0);
});

runner("counts a skip with its reason, and not as passed", (ground) => {
  const skipping = `import { suite } from "uvu"; const t = suite("s"); t("a", () => { console.log("\\n# SKIP s: a: no moon"); }); t.run();`;
  const { status, output } = runTests(ground, { passing: PASSING, skipping });
  assert.is(lastLine(output), "1 passed, 0 failed, 1 skipped");
  assert.match(output, "no moon");
  assert.is(status, 0);
});

runner("counts uvu's skips, whose reason one line may tell", (ground) => {
  const skipping = `import { suite } from "uvu"; const t = suite("s"); console.log("skip: s: no moon"); t("a", () => {}); t.skip("b"); t.skip("c"); t.run();`;
  const { status, output } = runTests(ground, { skipping });
  assert.is(lastLine(output), "1 passed, 0 failed, 2 skipped");
  assert.match(output, "no moon");
  assert.is(status, 0);
});

runner("runs only files that the filter names, and fails when none is left", (ground) => {
  const { status, output } = runTests(ground, { passing: PASSING }, "nothing-like-it");
  assert.is(lastLine(output), "0 passed, 0 failed, 0 skipped");
  assert.match(output, "no test ran");
  assert.is(status, 1);
});

for (const [what, text, message] of [
  ["runs no test", `import { suite } from "uvu"; suite("s").run();`, "ran no test"],
  ["has no suite", ``, "before uvu's summary"],
  ["crashes", `throw new Error("at once");`, "before uvu's summary"],
  ["ends early", `import { suite } from "uvu"; const t = suite("s"); t("a", () => process.exit(0)); t.run();`, "before uvu's summary"],
  ["is killed", `process.kill(process.pid, "SIGSEGV"); setInterval(() => {}, 1000);`, "was ended by SIGSEGV"],
  ["takes too long", `// Time limit: 1 s\nsetInterval(() => {}, 1000);`, "did not end within 1 s"],
  ["skips without a reason", `import { suite } from "uvu"; const t = suite("s"); t("a", () => {}); t.skip("b"); t.run();`, "without a reason"],
  ["has an only()", `import { suite } from "uvu"; const t = suite("s"); t("b", () => {}); t.only("a", () => {}); t.run();`, "ran an only()"],
  ["fails before its first test", `import { suite } from "uvu"; const t = suite("s"); t.before(() => { throw new Error("no"); }); t("a", () => {}); t.run();`, ""],
] as const) {
  runner(`fails a file that ${what}`, (ground) => {
    const { status, output } = runTests(ground, { wrong: text });
    assert.match(lastLine(output) ?? "", /^[01] passed, 1 failed, 0 skipped$/);
    assert.match(output, message);
    assert.is(status, 1);
  });
}

runner.run();
