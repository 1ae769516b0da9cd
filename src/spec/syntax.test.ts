import { suite } from "uvu";
import * as assert from "uvu/assert";
import { syntaxProblem } from "./syntax.ts";

const test = suite("spec/syntax");

const bad: readonly (readonly [text: string, offset: number, message: string])[] = [
  ["", 0, "expected a value, but the text ends"],
  ["{]", 1, 'expected a key in double quotes or "}", got "]"'],
  ["[1 2]", 3, 'expected "," or "]", got "2"'],
  ["[1,]", 3, 'expected a value, got "]"'],
  ["[1}", 2, 'expected "," or "]", got "}"'],
  ['{"a" 1}', 5, 'expected ":" after the key, got "1"'],
  ['{"a":1,}', 7, 'expected a key in double quotes, got "}"'],
  ['{"a":1 "b":2}', 7, 'expected "," or "}", got "\\""'],
  ["{a:1}", 1, 'expected a key in double quotes or "}", got "a"'],
  ["[01]", 1, 'expected a value or "]", got "01"'],
  ["[+1]", 1, 'expected a value or "]", got "+1"'],
  ["[1.]", 1, 'expected a value or "]", got "1."'],
  ["[NaN]", 1, 'expected a value or "]", got "NaN"'],
  ["[1] x", 4, 'expected the end of the text, got "x"'],
  ['["a]', 1, "the string that begins here has no closing double quote"],
  ['["a\nb"]', 3, "a control character in a string must be escaped"],
  ['["a\\x"]', 3, 'unknown escape "\\\\x"'],
  ['["\\u12"]', 2, 'unknown escape "\\\\u"'],
  ["// c\n{}", 0, 'expected a value, got "/"'],
  ['{"a":[', 6, 'expected a value or "]", but the text ends'],
];
for (const [text, offset, message] of bad) {
  test(`syntaxProblem() finds what is wrong with ${JSON.stringify(text)}`, () => {
    assert.throws(() => JSON.parse(text));
    assert.equal(syntaxProblem(text), { offset, message });
  });
}

test("syntaxProblem() finds nothing in what JSON.parse accepts", () => {
  const good = ["0", "-0.5e+3", '"\\u00e9\\n\\/"', " [ ] ", '{"":{}}', '[[],{"a":[null,true,false]},1e9]', "\t[1 ,\r\n2]"];
  for (const text of good) {
    JSON.parse(text);
    assert.is(syntaxProblem(text), undefined, text);
  }
});

test("syntaxProblem() and JSON.parse agree on random texts", () => {
  let state = 7;
  const random = (below: number): number => {
    state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
    return (state >> 8) % below;
  };
  const tokens = ["{", "}", "[", "]", ",", ":", '"a"', "1", "-", "null", " ", '"', "\\", "e", "."];
  for (let round = 0; round < 50_000; round++) {
    const text = Array.from({ length: 1 + random(8) }, () => tokens[random(tokens.length)]).join("");
    assert.is(syntaxProblem(text) === undefined, isJson(text), text);
  }
});

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

test.run();
