/** Finds the first error in the syntax of a JSON text, in words that do not depend on the engine (RFC 8259). */

import { COMMA, endOfNumber, endOfString, OPEN_ARRAY, OPEN_OBJECT, QUOTE } from "./tokens.ts";

export interface SyntaxProblem {
  readonly offset: number;
  readonly message: string;
}

type Expected = "value" | "value or ]" | "key" | "key or }" | ":" | ", or ]" | ", or }" | "end";

const WORDS: Readonly<Record<Expected, string>> = {
  value: "expected a value",
  "value or ]": 'expected a value or "]"',
  key: "expected a key in double quotes",
  "key or }": 'expected a key in double quotes or "}"',
  ":": 'expected ":" after the key',
  ", or ]": 'expected "," or "]"',
  ", or }": 'expected "," or "}"',
  end: "expected the end of the text",
};

const SPACE = /[ \t\r\n]*/y;
const NUMBER = /^-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?$/;
const LITERALS = ["true", "false", "null"];
const ESCAPE = /\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})?/y;
const CONTROL = /[\u0000-\u001f]/;

/** Returns what is wrong first, or undefined for a text that is valid JSON. */
export function syntaxProblem(text: string): SyntaxProblem | undefined {
  const open: ("]" | "}")[] = [];
  let expected: Expected = "value";
  let at = 0;
  for (;;) {
    SPACE.lastIndex = at;
    SPACE.test(text);
    at = SPACE.lastIndex;
    if (at >= text.length) {
      if (expected === "end") return undefined;
      return { offset: text.length, message: `${WORDS[expected]}, but the text ends` };
    }
    const character = text[at] ?? "";
    const token = readToken(text, at, expected, open);
    if (token === undefined) return { offset: at, message: `${WORDS[expected]}, got ${quote(text, at)}` };
    if ("message" in token) return token;
    expected = next(expected, character, open);
    at = token.end;
  }
}

/** Reads the token at `at` if it is one that is expected there, and keeps `open` up to date. */
function readToken(text: string, at: number, expected: Expected, open: ("]" | "}")[]): { end: number } | SyntaxProblem | undefined {
  const code = text.charCodeAt(at);
  const character = text[at] ?? "";
  if (expected === ":") return character === ":" ? { end: at + 1 } : undefined;
  if (expected === "end") return undefined;
  if ((character === "]" || character === "}") && expected.endsWith(character)) {
    open.pop();
    return { end: at + 1 };
  }
  if (expected === ", or ]" || expected === ", or }") return code === COMMA ? { end: at + 1 } : undefined;
  if (code === QUOTE) return readString(text, at);
  if (expected.startsWith("key")) return undefined;
  if (code === OPEN_OBJECT || code === OPEN_ARRAY) {
    open.push(code === OPEN_OBJECT ? "}" : "]");
    return { end: at + 1 };
  }
  return readScalar(text, at);
}

function next(expected: Expected, character: string, open: readonly ("]" | "}")[]): Expected {
  const closer = open.at(-1);
  if (character === "{" && expected.startsWith("value")) return "key or }";
  if (character === "[" && expected.startsWith("value")) return "value or ]";
  if (expected.startsWith("key") && character === '"') return ":";
  if (expected === ":") return "value";
  if (expected.startsWith(",") && character === ",") return closer === "}" ? "key" : "value";
  if (closer === undefined) return "end";
  return closer === "}" ? ", or }" : ", or ]";
}

function readScalar(text: string, at: number): { end: number } | undefined {
  const literal = LITERALS.find((word) => text.startsWith(word, at));
  if (literal !== undefined) return { end: at + literal.length };
  const end = endOfNumber(text, at);
  return end > at && NUMBER.test(text.slice(at, end)) ? { end } : undefined;
}

function readString(text: string, start: number): { end: number } | SyntaxProblem {
  const end = endOfString(text, start);
  if (end === -1) return { offset: start, message: "the string that begins here has no closing double quote" };
  const body = text.slice(start, end);
  const control = body.search(CONTROL);
  if (control !== -1) return { offset: start + control, message: "a control character in a string must be escaped" };
  for (let escape = body.indexOf("\\"); escape !== -1; escape = body.indexOf("\\", ESCAPE.lastIndex)) {
    ESCAPE.lastIndex = escape;
    ESCAPE.test(body);
    if (ESCAPE.lastIndex === escape + 1) {
      return { offset: start + escape, message: `unknown escape ${quote(text, start + escape)}` };
    }
  }
  return { end: end + 1 };
}

const SHOWN_LENGTH = 12;

/** The text at an offset, as far as it helps to recognise it. */
function quote(text: string, at: number): string {
  const [word = ""] = /^[\w.+-]+|^\\?./su.exec(text.slice(at, at + SHOWN_LENGTH)) ?? [];
  return JSON.stringify(word);
}
