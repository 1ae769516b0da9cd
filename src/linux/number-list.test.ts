import { suite } from "uvu";
import * as assert from "uvu/assert";
import { numberListMask } from "./number-list.ts";

const test = suite("linux/number-list");

for (const [text, words] of [
  ["", []],
  ["  ", []],
  ["0", [1, 0]],
  ["0-3,7", [0x8f, 0]],
  [" 1 , 3 - 4 ", [0x1a, 0]],
  ["31,32", [0x8000_0000, 1]],
  ["0-63", [0xffff_ffff, 0xffff_ffff]],
  ["5,64", [0x20, 0, 1, 0]],
  ["96", [0, 0, 0, 1]],
] as const) {
  test(`numberListMask() of "${text}" has whole longs, the lowest word first`, () => {
    assert.equal(numberListMask(text), words);
  });
}

test.run();
