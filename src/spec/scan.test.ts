import { suite } from "uvu";
import * as assert from "uvu/assert";
import { MAX_DEPTH, scan } from "./scan.ts";

const test = suite("spec/scan");

test("scan() finds keys given twice at every level, with their path and offset", () => {
  const text = '{"a":{"b":[{"c":1,"c":2}],"b":3}}';
  assert.equal(scan(text).duplicates, [
    { path: ["a", "b", 0, "c"], offset: text.lastIndexOf('"c"') },
    { path: ["a", "b"], offset: text.lastIndexOf('"b"') },
  ]);
});

test("scan() takes a key and its escaped form for the same", () => {
  assert.is(scan('{"a":1,"\\u0061":2}').duplicates.length, 1);
  assert.is(scan('{"a\\\\":1,"a\\"":2}').duplicates.length, 0);
});

test("scan() takes equal keys of different objects for different", () => {
  assert.equal(scan('[{"a":"a","b":"a"},{"a":{"a":{}}}]').duplicates, []);
});

test("scan() finds integers that a number cannot hold, exactly", () => {
  const text = '{"a":[9007199254740991,9007199254740993,-9007199254740993],"b":18446744073709551615}';
  assert.equal(scan(text).integers, [
    { path: ["a", 1], value: 9007199254740993n },
    { path: ["a", 2], value: -9007199254740993n },
    { path: ["b"], value: 18446744073709551615n },
  ]);
});

test("scan() leaves fractions, exponents, text and endless digits alone", () => {
  assert.equal(scan(`[9007199254740993.0,9007199254740993e1,"9007199254740993",${"9".repeat(100_000)}]`).integers, []);
});

test("scan() finds strings that the kernel cannot take", () => {
  assert.equal(scan('{"a\\u0000":"b"}').strings, [{ path: ["a\0"], offset: 1, reason: "must not contain a NUL character" }]);
  const half = "must not contain half of a surrogate pair, which is not a character";
  assert.equal(scan('["\\ud800"]').strings, [{ path: [0], offset: 1, reason: half }]);
  assert.equal(scan('["\ud800"]').strings, [{ path: [0], offset: 1, reason: half }]);
  assert.equal(scan('["\\ud83d\\ude00", "\u{1f600}", "\\u00e9"]').strings, []);
});

test("scan() ends at the first level that is too deep", () => {
  assert.is(scan("[".repeat(MAX_DEPTH) + "]".repeat(MAX_DEPTH)).tooDeep, undefined);
  assert.is(scan("[".repeat(MAX_DEPTH + 1)).tooDeep?.offset, MAX_DEPTH);
  assert.is(scan(`"${"[".repeat(MAX_DEPTH + 1)}"`).tooDeep, undefined);
});

test("scan() needs time in proportion to the text, whatever is in it", () => {
  const length = 4_000_000;
  const hostile = {
    "open strings": '"'.repeat(length),
    "escaped quotes": `"${'\\"'.repeat(length / 2)}`,
    "backslashes": `"${"\\".repeat(length)}"`,
    "escapes in keys": `{${'"\\u0061":1,'.repeat(length / 11)}}`,
    "digits": "9".repeat(length),
    "closing brackets": "]".repeat(length),
    "big integers": `[${"9007199254740993,".repeat(length / 17)}0]`,
  };
  for (const [name, text] of Object.entries(hostile)) {
    const start = performance.now();
    scan(text);
    const seconds = (performance.now() - start) / 1000;
    assert.ok(seconds < 10, `${name}: ${seconds} s`);
  }
});

test("scan() keeps no more findings than anyone reads", () => {
  assert.is(scan(`{${'"a":0,'.repeat(1000)}"a":0}`).duplicates.length, 100);
});

test.run();
