/** The list of rows and the tests of this folder name the same rules. */

import * as fs from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { suite } from "../test/harness.ts";
import { PROJECT } from "../test/runtime.ts";
import { ROWS, rowsOf } from "./rows.ts";

const test = suite("rows");

/** The rows that the tests' titles name, each with the file that does. */
function rowsOfTests(): Map<string, string> {
  const found = new Map<string, string>();
  const folder = join(PROJECT, "conformance");
  for (const file of fs.readdirSync(folder).filter((name) => name.endsWith(".test.ts") && name !== "rows.test.ts")) {
    const text = fs.readFileSync(join(folder, file), "utf8");
    // A title is written as a string that begins with a row.
    for (const [, title = ""] of text.matchAll(/["'`]([A-Z]{1,4}-\d\d\b[^"'`\n]*)/g)) {
      for (const id of rowsOf(title)) found.set(id, file);
    }
  }
  return found;
}

test("rowsOf() finds rows alone, side by side, and from first to last", () => {
  assert.equal(rowsOf("OP-01 RM-02 to RM-04 memory, PRC-07 CVE-2016-3697"), ["RM-02", "RM-03", "RM-04", "OP-01", "PRC-07"]);
});

test("no row is there twice", () => {
  const ids = ROWS.map(({ id }) => id);
  assert.equal(ids.filter((id, index) => ids.indexOf(id) !== index), []);
});

test("each row that a test names exists and can be observed", () => {
  const observable = new Set(ROWS.filter(({ unobservable }) => unobservable === undefined).map(({ id }) => id));
  const named = rowsOfTests();
  assert.ok(named.size > 100);
  assert.equal([...named].filter(([id]) => !observable.has(id)).map(([id, file]) => `${file}: ${id}`), []);
});

test("each row that can be observed has a test", () => {
  const named = rowsOfTests();
  const untested = ROWS.filter(({ id, unobservable }) => unobservable === undefined && !named.has(id)).map(({ id }) => id);
  assert.equal(untested, []);
});

test.run();
