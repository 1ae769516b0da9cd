/** Init's steps as the bytes that tsrun-init reads; the format is described in addon/plan.h. */

import { OPS } from "./ops.ts";
import type { OpRow } from "./ops.ts";
import type { Fd, InitStep, Step } from "./step.ts";

const MAGIC = 0x50525354;
const VERSION = 1;
const NO_FD = 0xffffffff;
const HEADER_WORDS = 7;
const WORD = 4;

/**
 * Encodes the steps that are init's. `inherited` are the names of the descriptors that init begins with, in order; a
 * name that a step uses first gets the next place in init's table.
 */
export function encodePlan(steps: readonly Step[], inherited: readonly Fd[]): Uint8Array {
  const encoder = new PlanEncoder(inherited);
  for (let index = 0; index < steps.length; index++) {
    const step = steps[index];
    if (step?.by === "init") encoder.step(step, index);
  }
  return encoder.finish();
}

/**
 * This is on the path of every container, and runs once, without a JIT: numbers go into one array, all text is encoded in
 * one call, and loops count instead of asking iterators, which costs a third of the time.
 */
class PlanEncoder {
  readonly #inherited: number;
  readonly #places = new Map<Fd, number>();
  readonly #words: number[] = [];
  #steps = 0;
  readonly #texts: string[] = [];
  /** In UTF-16 units, which are bytes as long as everything is ASCII. */
  #textSize = 0;
  /** Where in #words the offset of each text is. */
  readonly #textWords: number[] = [];
  readonly #data: Uint8Array[] = [];
  #dataSize = 0;

  constructor(inherited: readonly Fd[]) {
    this.#inherited = inherited.length;
    for (const name of inherited) this.#places.set(name, this.#places.size);
  }

  step(step: InitStep, index: number): void {
    const { code, fields } = OPS[step.op] as OpRow;
    const values = step as unknown as Readonly<Record<string, unknown>>;
    const words = this.#words;
    words.push(code, index);
    for (let at = 0; at < fields.length; at++) {
      const field = fields[at] as OpRow["fields"][number];
      const value = values[field[0]];
      const kind = field[1];
      if (kind === "u") {
        if (typeof value === "number" && value >= 0 && value <= 0xffffffff) words.push(value, 0);
        else if (typeof value === "boolean") words.push(value ? 1 : 0, 0);
        else this.#wide(value);
      } else if (kind === "f") words.push(typeof value === "string" ? this.#place(value) : NO_FD);
      else if (kind === "s") this.#string(value as string);
      else if (kind === "b") this.#bytes(value as string | Uint8Array | readonly number[]);
      else this.#list(value as readonly string[]);
    }
    this.#steps++;
  }

  finish(): Uint8Array {
    const text = this.#finishText();
    const words = this.#words;
    const textAt = (HEADER_WORDS + words.length) * WORD;
    const bytes = new Uint8Array(textAt + text.length + this.#dataSize);
    const numbers = new Uint32Array(bytes.buffer, 0, HEADER_WORDS + words.length);
    numbers.set([MAGIC, VERSION, this.#steps, this.#inherited, words.length, text.length, this.#dataSize]);
    numbers.set(words, HEADER_WORDS);
    bytes.set(text, textAt);
    let at = textAt + text.length;
    for (const part of this.#data) {
      bytes.set(part, at);
      at += part.length;
    }
    return bytes;
  }

  #place(name: Fd): number {
    const known = this.#places.get(name);
    if (known !== undefined) return known;
    const place = this.#places.size;
    this.#places.set(name, place);
    return place;
  }

  /** What needs 64 bits: a bigint, or a negative number. */
  #wide(value: unknown): void {
    const wide = BigInt.asUintN(64, typeof value === "bigint" ? value : BigInt(Number(value)));
    this.#words.push(Number(wide & 0xffffffffn), Number(wide >> 32n));
  }

  #string(value: string): void {
    this.#textWords.push(this.#words.length);
    this.#words.push(this.#textSize, value.length);
    this.#texts.push(value);
    this.#textSize += value.length + 1;
  }

  #list(values: readonly string[]): void {
    this.#words.push(values.length);
    for (let at = 0; at < values.length; at++) this.#string(values[at] as string);
  }

  #bytes(value: string | Uint8Array | readonly number[]): void {
    const bytes = typeof value === "string" ? encodeText(value) : value instanceof Uint8Array ? value : encodeNumbers(value);
    this.#words.push(this.#dataSize, bytes.length);
    this.#data.push(bytes);
    this.#dataSize += bytes.length;
  }

  #finishText(): Uint8Array {
    if (this.#texts.length === 0) return new Uint8Array(0);
    const encoder = new TextEncoder();
    const text = encoder.encode(`${this.#texts.join("\0")}\0`);
    if (text.length === this.#textSize) return text;
    // Something is not ASCII, so the lengths that were noted are not those in bytes.
    let at = 0;
    this.#texts.forEach((value, index) => {
      const word = this.#textWords[index] ?? 0;
      const { length } = encoder.encode(value);
      this.#words[word] = at;
      this.#words[word + 1] = length;
      at += length + 1;
    });
    return text;
  }
}

/** Most of it is one digit, for which an encoder is a long way. */
function encodeText(value: string): Uint8Array {
  if (value.length === 1 && value < "\x80") return new Uint8Array([value.charCodeAt(0)]);
  return new TextEncoder().encode(value);
}

function encodeNumbers(values: readonly number[]): Uint8Array {
  if (values.length === 0) return new Uint8Array(0);
  const numbers = new Uint32Array(values.length);
  numbers.set(values);
  return new Uint8Array(numbers.buffer);
}
