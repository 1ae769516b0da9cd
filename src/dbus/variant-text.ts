/** Values as GVariant's text has them, which annotations use: `true`, `-5`, `uint64 30`, `'text'`, `['a', 'b']`, `@as []`. */

import { ProtocolError } from "../errors.ts";
import { Variant, typesOf } from "./marshal.ts";
import type { Value } from "./marshal.ts";

/** The words that say of what type the number or text after them is. */
const TYPES: Readonly<Record<string, string>> = { boolean: "b", byte: "y", int16: "n", uint16: "q", int32: "i", uint32: "u", handle: "h", int64: "x", uint64: "t", double: "d", string: "s", objectpath: "o", signature: "g" };
const RANGES: Readonly<Record<string, readonly [least: bigint, most: bigint]>> = {
  y: [0n, 255n],
  n: [-32_768n, 32_767n],
  q: [0n, 65_535n],
  i: [-2_147_483_648n, 2_147_483_647n],
  u: [0n, 4_294_967_295n],
  h: [0n, 4_294_967_295n],
  x: [-9_223_372_036_854_775_808n, 9_223_372_036_854_775_807n],
  t: [0n, 18_446_744_073_709_551_615n],
};
const BIG = "xt";
/** A text, a number, a word, a type, or one of the signs. */
const TOKEN = /\s*(?:('(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")|([-+]?(?:0x[0-9a-fA-F]+|\d+(?:\.\d+)?(?:e[-+]?\d+)?))|([a-z]\w*)|@(\S+)|([[\],()]))/y;

/** The value that a text stands for, with its type; fails where it is none, or of a kind that no unit's property has. */
export function parseVariant(text: string): Variant {
  const parser = new Parser(text);
  const variant = parser.value(undefined);
  parser.end();
  return variant;
}

class Parser {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  value(expected: string | undefined): Variant {
    const [string, number, word, type, sign] = this.#token();
    if (type !== undefined) return this.value(this.#typeOf(type));
    if (string !== undefined) return this.#quoted(string, expected ?? "s");
    if (number !== undefined) return this.#number(number, expected ?? (/[.e]/.test(number) && !number.includes("0x") ? "d" : "i"));
    if (word === "true" || word === "false") return expected === undefined || expected === "b" ? new Variant("b", word === "true") : this.#fail();
    if (word !== undefined && Object.hasOwn(TYPES, word)) return this.value(TYPES[word]);
    if (sign === "[") return this.#list(expected);
    return this.#fail();
  }

  end(): void {
    if (this.#text.slice(this.#at).trim() !== "") this.#fail();
  }

  #token(): readonly (string | undefined)[] {
    TOKEN.lastIndex = this.#at;
    const found = TOKEN.exec(this.#text);
    if (found === null) return this.#fail();
    this.#at = TOKEN.lastIndex;
    return found.slice(1);
  }

  #typeOf(type: string): string {
    return typesOf(type).length === 1 ? type : this.#fail();
  }

  #quoted(quoted: string, type: string): Variant {
    if (!"sog".includes(type)) return this.#fail();
    const escapes: Readonly<Record<string, string>> = { n: "\n", t: "\t" };
    return new Variant(type, quoted.slice(1, -1).replace(/\\(.)/g, (_, letter: string) => escapes[letter] ?? letter));
  }

  #number(digits: string, type: string): Variant {
    if (type === "d") return new Variant("d", Number(digits));
    const range = RANGES[type];
    if (range === undefined || /[.e]/.test(digits.replace(/0x.*/, ""))) return this.#fail();
    const value = digits.startsWith("-") ? -BigInt(digits.slice(1)) : BigInt(digits.replace("+", ""));
    if (value < range[0] || value > range[1]) return this.#fail();
    return new Variant(type, BIG.includes(type) ? value : Number(value));
  }

  #list(expected: string | undefined): Variant {
    if (expected !== undefined && !expected.startsWith("a")) return this.#fail();
    let item = expected?.slice(1);
    const items: Value[] = [];
    for (;;) {
      if (/^\s*\]/.test(this.#text.slice(this.#at))) break;
      const variant = this.value(item);
      item ??= variant.signature;
      items.push(variant.value);
      if (/^\s*\]/.test(this.#text.slice(this.#at))) break;
      if (this.#token()[4] !== ",") this.#fail();
    }
    this.#token();
    // Of an empty list nothing tells the type.
    if (item === undefined) return this.#fail();
    return new Variant(`a${item}`, item === "y" ? Uint8Array.from(items as number[]) : items);
  }

  #fail(): never {
    throw new ProtocolError(`${JSON.stringify(this.#text)} is no value in GVariant's text format`);
  }
}
