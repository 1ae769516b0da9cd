/** Values of D-Bus as bytes, by their signatures (D-Bus specification, "Marshaling"). */

import { ProtocolError } from "../errors.ts";

/**
 * A value of any type: a struct and a dict entry are lists of their fields, a dict is a list of its entries, `ay` is bytes,
 * 64-bit numbers are bigints.
 */
export type Value = number | bigint | boolean | string | Uint8Array | Variant | readonly Value[];

/** A value that brings its type with it. */
export class Variant {
  readonly signature: string;
  readonly value: Value;

  constructor(signature: string, value: Value) {
    this.signature = signature;
    this.value = value;
  }
}

/** What a type's first letter says of where its values begin: at a multiple of so many bytes. */
const ALIGNMENTS: Readonly<Record<string, number>> = { y: 1, g: 1, v: 1, n: 2, q: 2, b: 4, i: 4, u: 4, h: 4, s: 4, o: 4, a: 4, x: 8, t: 8, d: 8, "(": 8, "{": 8 };
const CLOSING: Readonly<Record<string, string>> = { "(": ")", "{": "}" };
/** The specification's limits, for what others send. */
const MOST_DEPTH = 64;
const MOST_ARRAY_BYTES = 64 * 1024 * 1024;

/** The single complete types of a signature: "a{sv}u" has two. */
export function typesOf(signature: string): string[] {
  const types: string[] = [];
  for (let at = 0; at < signature.length; ) {
    const end = endOfType(signature, at);
    types.push(signature.slice(at, end));
    at = end;
  }
  return types;
}

function endOfType(signature: string, at: number): number {
  const letter = signature[at] ?? "";
  if (letter === "a") return endOfType(signature, at + 1);
  const closing = CLOSING[letter];
  if (closing === undefined) {
    if (ALIGNMENTS[letter] === undefined) throw new ProtocolError(`cannot read the signature ${JSON.stringify(signature)}: unexpected ${JSON.stringify(letter)}`);
    return at + 1;
  }
  let end = at + 1;
  while (end < signature.length && signature[end] !== closing) end = endOfType(signature, end);
  if (end >= signature.length) throw new ProtocolError(`cannot read the signature ${JSON.stringify(signature)}: "${closing}" is missing`);
  return end + 1;
}

function alignmentOf(type: string): number {
  return ALIGNMENTS[type[0] ?? ""] ?? 1;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** Writes values one after the other, in the byte order of nearly all machines, which a message names. */
export class Writer {
  #bytes = new Uint8Array(256);
  #view = new DataView(this.#bytes.buffer);
  #size = 0;

  get bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.#size);
  }

  align(to: number): void {
    this.#reserve(to);
    // What was never written is zero.
    this.#size = Math.ceil(this.#size / to) * to;
  }

  /** One value of one complete type. */
  write(type: string, value: Value): void {
    this.align(alignmentOf(type));
    switch (type[0]) {
      case "y":
        return this.#number(1, (at) => this.#view.setUint8(at, asNumber(type, value)));
      case "n":
        return this.#number(2, (at) => this.#view.setInt16(at, asNumber(type, value), true));
      case "q":
        return this.#number(2, (at) => this.#view.setUint16(at, asNumber(type, value), true));
      case "i":
        return this.#number(4, (at) => this.#view.setInt32(at, asNumber(type, value), true));
      case "u":
      case "h":
        return this.#number(4, (at) => this.#view.setUint32(at, asNumber(type, value), true));
      case "b":
        return this.#number(4, (at) => this.#view.setUint32(at, value === true ? 1 : 0, true));
      case "x":
        return this.#number(8, (at) => this.#view.setBigInt64(at, asBigint(type, value), true));
      case "t":
        return this.#number(8, (at) => this.#view.setBigUint64(at, asBigint(type, value), true));
      case "d":
        return this.#number(8, (at) => this.#view.setFloat64(at, asNumber(type, value), true));
      case "s":
      case "o":
        return this.#string(4, asString(type, value));
      case "g":
        return this.#string(1, asString(type, value));
      case "v":
        return this.#variant(type, value);
      case "a":
        return this.#array(type.slice(1), value);
      default:
        return this.writeAll(type.slice(1, -1), asList(type, value));
    }
  }

  /** A value for each type of the signature. */
  writeAll(signature: string, values: readonly Value[]): void {
    const types = typesOf(signature);
    if (types.length !== values.length) throw new ProtocolError(`cannot write ${values.length} values as "${signature}"`);
    types.forEach((type, n) => this.write(type, values[n] ?? 0));
  }

  #reserve(size: number): void {
    if (this.#size + size <= this.#bytes.length) return;
    const bytes = new Uint8Array(Math.max(this.#bytes.length * 2, this.#size + size));
    bytes.set(this.#bytes);
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer);
  }

  #number(size: number, set: (at: number) => void): void {
    this.#reserve(size);
    set(this.#size);
    this.#size += size;
  }

  #raw(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    this.#bytes.set(bytes, this.#size);
    this.#size += bytes.length;
  }

  #string(lengthSize: 1 | 4, text: string): void {
    const bytes = encoder.encode(text);
    this.write(lengthSize === 1 ? "y" : "u", bytes.length);
    this.#raw(bytes);
    this.write("y", 0);
  }

  #variant(type: string, value: Value): void {
    if (!(value instanceof Variant)) throw wrong(type, value);
    this.write("g", value.signature);
    this.write(value.signature, value.value);
  }

  #array(item: string, value: Value): void {
    this.write("u", 0);
    const length = this.#size - 4;
    // The gap before the first item is none of the length.
    this.align(alignmentOf(item));
    const begin = this.#size;
    if (item === "y" && value instanceof Uint8Array) this.#raw(value);
    else for (const each of asList(`a${item}`, value)) this.write(item, each);
    this.#view.setUint32(length, this.#size - begin, true);
  }
}

function wrong(type: string, value: Value): ProtocolError {
  return new ProtocolError(`cannot write a ${typeof value} as "${type}"`);
}

function asNumber(type: string, value: Value): number {
  if (typeof value !== "number") throw wrong(type, value);
  return value;
}

function asBigint(type: string, value: Value): bigint {
  if (typeof value !== "bigint") throw wrong(type, value);
  return value;
}

function asString(type: string, value: Value): string {
  if (typeof value !== "string" || value.includes("\0")) throw wrong(type, value);
  return value;
}

function asList(type: string, value: Value): readonly Value[] {
  if (!Array.isArray(value)) throw wrong(type, value);
  return value as readonly Value[];
}

/** Reads values one after the other; whatever others send fails with an error and nothing else. */
export class Reader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #isLittle: boolean;
  #at: number;

  constructor(bytes: Uint8Array, { isLittle, at = 0 }: { readonly isLittle: boolean; readonly at?: number }) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#isLittle = isLittle;
    this.#at = at;
  }

  get at(): number {
    return this.#at;
  }

  align(to: number): void {
    this.#at = Math.ceil(this.#at / to) * to;
  }

  readAll(signature: string, depth: number = 0): Value[] {
    return typesOf(signature).map((type) => this.read(type, depth));
  }

  read(type: string, depth: number = 0): Value {
    if (depth > MOST_DEPTH) throw new ProtocolError("cannot read a message: it is nested too deeply");
    this.align(alignmentOf(type));
    switch (type[0]) {
      case "y":
        return this.#view.getUint8(this.#take(1));
      case "n":
        return this.#view.getInt16(this.#take(2), this.#isLittle);
      case "q":
        return this.#view.getUint16(this.#take(2), this.#isLittle);
      case "i":
        return this.#view.getInt32(this.#take(4), this.#isLittle);
      case "u":
      case "h":
        return this.#unsigned();
      case "b":
        return this.#unsigned() !== 0;
      case "x":
        return this.#view.getBigInt64(this.#take(8), this.#isLittle);
      case "t":
        return this.#view.getBigUint64(this.#take(8), this.#isLittle);
      case "d":
        return this.#view.getFloat64(this.#take(8), this.#isLittle);
      case "s":
      case "o":
        return this.#string(this.#unsigned());
      case "g":
        return this.#string(this.#view.getUint8(this.#take(1)));
      case "v":
        return this.#variant(depth);
      case "a":
        return this.#array(type.slice(1), depth);
      default:
        return this.readAll(type.slice(1, -1), depth + 1);
    }
  }

  /** Where so many bytes begin, which are then read. */
  #take(size: number): number {
    const at = this.#at;
    if (at + size > this.#bytes.length) throw new ProtocolError("cannot read a message: it is cut off");
    this.#at += size;
    return at;
  }

  #unsigned(): number {
    return this.#view.getUint32(this.#take(4), this.#isLittle);
  }

  #string(length: number): string {
    const at = this.#take(length + 1);
    return decoder.decode(this.#bytes.subarray(at, at + length));
  }

  #variant(depth: number): Variant {
    const signature = this.#string(this.#view.getUint8(this.#take(1)));
    if (typesOf(signature).length !== 1) throw new ProtocolError(`cannot read a message: "${signature}" is no type of a variant`);
    return new Variant(signature, this.read(signature, depth + 1));
  }

  #array(item: string, depth: number): Value {
    const length = this.#unsigned();
    if (length > MOST_ARRAY_BYTES) throw new ProtocolError("cannot read a message: an array is too long");
    this.align(alignmentOf(item));
    const begin = this.#take(length);
    if (item === "y") return this.#bytes.slice(begin, begin + length);
    const items: Value[] = [];
    for (this.#at = begin; this.#at < begin + length; ) {
      const before = this.#at;
      items.push(this.read(item, depth + 1));
      // An empty struct would be read without end.
      if (this.#at === before) throw new ProtocolError("cannot read a message: an array's item has no size");
    }
    if (this.#at !== begin + length) throw new ProtocolError("cannot read a message: an array ends within an item");
    return items;
  }
}
