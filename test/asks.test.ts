/** docs/asks.md answers with tests: each that it names must be there. */

import * as fs from "node:fs";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { PROJECT } from "./runtime.ts";

const test = suite("asks");

const PAGE = fs.readFileSync(join(PROJECT, "docs/asks.md"), "utf8");

/** `[name](path) "title", "title"` */
const NAMED = [...PAGE.matchAll(/\[[\w.-]+\]\(\.\.\/([\w./-]+\.test\.ts)\)((?:,? "[^"]+")*)/g)].map(([, path = "", titles = ""]) => {
  return { path, titles: [...titles.matchAll(/"([^"]+)"/g)].map(([, title = ""]) => title) };
});

test("docs/asks.md has 25 rows, in their order", () => {
  const numbers = [...PAGE.matchAll(/^\| (\d+) \|/gm)].map(([, number]) => Number(number));
  assert.equal(numbers, Array.from({ length: 25 }, (_, index) => index + 1));
});

test("docs/asks.md names tests that exist", () => {
  assert.ok(NAMED.filter(({ titles }) => titles.length > 0).length >= 20);
  for (const { path, titles } of NAMED) {
    const text = fs.readFileSync(join(PROJECT, path), "utf8");
    for (const title of titles) assert.ok(text.includes(title), `${path}: ${title}`);
  }
});

test.run();
