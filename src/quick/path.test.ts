import * as theirs from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import * as ours from "./path.ts";

const path = suite("path");

/** All texts of up to `length` of these parts. */
function texts(parts: readonly string[], length: number): string[] {
  if (length === 0) return [""];
  const shorter = texts(parts, length - 1);
  return [...new Set(shorter.flatMap((text) => ["", ...parts].map((part) => text + part)))];
}

const PATHS = texts(["/", ".", "..", "a", "b.c"], 5);

for (const name of ["normalize", "dirname", "basename", "resolve"] as const) {
  path(`${name} says of every path what node:path says`, () => {
    for (const given of PATHS) assert.is(ours[name](given), theirs.posix[name](given), JSON.stringify(given));
  });
}

for (const name of ["join", "resolve"] as const) {
  path(`${name} says of two paths what node:path says`, () => {
    const some = texts(["/", "..", "a"], 3);
    for (const left of some) {
      for (const right of some) assert.is(ours[name](left, right), theirs.posix[name](left, right), JSON.stringify([left, right]));
    }
  });
}

path.run();
