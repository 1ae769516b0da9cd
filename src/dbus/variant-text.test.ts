/** parseVariant(): what annotations say of a unit's properties. */

import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { Value } from "./marshal.ts";
import { parseVariant } from "./variant-text.ts";

const test = suite("variant-text");

const good: readonly (readonly [text: string, signature: string, value: Value])[] = [
  ["true", "b", true],
  ["-5", "i", -5],
  ["1.5", "d", 1.5],
  ["uint64 30000000", "t", 30_000_000n],
  ["uint64 0xff", "t", 255n],
  ["@t 7", "t", 7n],
  ["int32 15", "i", 15],
  ["byte 255", "y", 255],
  ["'inactive-or-failed'", "s", "inactive-or-failed"],
  [`"it's"`, "s", "it's"],
  ["'a\\'b'", "s", "a'b"],
  ["['a.service', 'b.service']", "as", ["a.service", "b.service"]],
  ["@as []", "as", []],
  ["[uint64 1, 2]", "at", [1n, 2n]],
  ["[byte 1, 2]", "ay", new Uint8Array([1, 2])],
];
for (const [text, signature, value] of good) {
  test(`parseVariant() reads ${text}`, () => {
    const variant = parseVariant(text);
    assert.equal([variant.signature, variant.value], [signature, value]);
  });
}

for (const bad of ["", "inactive", "'open", "[1, 'a']", "[]", "[1", "uint64 -1", "byte 256", "2147483648", "uint64 'a'", "1 2", "true x", "@zz 1", "uint64 1.5", "(1, 2)", "{'a': 1}"]) {
  test(`parseVariant() refuses ${JSON.stringify(bad)}`, () => {
    assert.throws(() => parseVariant(bad), /is no value in GVariant's text format|cannot read the signature/);
  });
}

test.run();
