/** Init's steps as the bytes that tsrun-init reads; the format is described in addon/plan.h. */

import { OPS } from "./ops.ts";
import type { FieldKind } from "./ops.ts";
import type { Fd, InitStep, Step } from "./step.ts";

const MAGIC = 0x50525354;
const VERSION = 1;
const NO_FD = 0xffffffff;
const HEADER_SIZE = 16;
const STEP_HEADER_SIZE = 12;

/**
 * Encodes the steps that are init's. `inherited` are the names of the descriptors that init begins with, in order; a
 * name that a step uses first gets the next place in init's table.
 */
export function encodePlan(steps: readonly Step[], inherited: readonly Fd[]): Uint8Array {
  const encoder = new PlanEncoder(inherited);
  let count = 0;
  steps.forEach((step, index) => {
    if (step.by !== "init") return;
    encoder.step(step, index);
    count++;
  });
  return encoder.finish(count, inherited.length);
}

class PlanEncoder {
  #bytes = new Uint8Array(16 * 1024);
  #view = new DataView(this.#bytes.buffer);
  #at = HEADER_SIZE;
  readonly #places = new Map<Fd, number>();
  readonly #text = new TextEncoder();

  constructor(inherited: readonly Fd[]) {
    for (const name of inherited) this.#places.set(name, this.#places.size);
  }

  step(step: InitStep, index: number): void {
    const row = OPS[step.op];
    const values: Readonly<Record<string, unknown>> = { ...step };
    this.#room(STEP_HEADER_SIZE);
    const start = this.#at;
    this.#at += STEP_HEADER_SIZE;
    for (const [name, kind] of row.fields) this.#field(kind, values[name]);
    this.#view.setUint32(start, row.code, true);
    this.#view.setUint32(start + 4, index, true);
    this.#view.setUint32(start + 8, this.#at - start - STEP_HEADER_SIZE, true);
  }

  finish(count: number, inherited: number): Uint8Array {
    this.#view.setUint32(0, MAGIC, true);
    this.#view.setUint32(4, VERSION, true);
    this.#view.setUint32(8, count, true);
    this.#view.setUint32(12, inherited, true);
    return this.#bytes.subarray(0, this.#at);
  }

  #field(kind: FieldKind, value: unknown): void {
    switch (kind) {
      case "u":
        this.#number(value);
        break;
      case "f":
        this.#u32(typeof value === "string" ? this.#place(value) : NO_FD);
        break;
      case "s":
        this.#string(value as string);
        break;
      case "b":
        this.#data(value as string | Uint8Array | readonly number[]);
        break;
      case "l":
        this.#list(value as readonly string[]);
        break;
      default:
        kind satisfies never;
    }
  }

  #place(name: Fd): number {
    const known = this.#places.get(name);
    if (known !== undefined) return known;
    const place = this.#places.size;
    this.#places.set(name, place);
    return place;
  }

  #number(value: unknown): void {
    this.#room(8);
    if (typeof value === "bigint") {
      this.#view.setBigUint64(this.#at, BigInt.asUintN(64, value), true);
    } else {
      const number = Number(value);
      // Without a bigint where it can be: this is the hot path.
      if (number >= 0 && number <= 0xffffffff) {
        this.#view.setUint32(this.#at, number, true);
        this.#view.setUint32(this.#at + 4, 0, true);
      } else this.#view.setBigUint64(this.#at, BigInt.asUintN(64, BigInt(number)), true);
    }
    this.#at += 8;
  }

  #u32(value: number): void {
    this.#room(4);
    this.#view.setUint32(this.#at, value, true);
    this.#at += 4;
  }

  #string(value: string): void {
    // UTF-8 needs at most three bytes for each UTF-16 unit.
    this.#room(4 + value.length * 3 + 1);
    const { written } = this.#text.encodeInto(value, this.#bytes.subarray(this.#at + 4));
    this.#view.setUint32(this.#at, written, true);
    this.#at += 4 + written;
    this.#bytes[this.#at++] = 0;
  }

  #data(value: string | Uint8Array | readonly number[]): void {
    const bytes =
      typeof value === "string"
        ? this.#text.encode(value)
        : value instanceof Uint8Array
          ? value
          : new Uint8Array(Uint32Array.from(value).buffer);
    this.#room(4 + bytes.length);
    this.#u32(bytes.length);
    this.#bytes.set(bytes, this.#at);
    this.#at += bytes.length;
  }

  #list(values: readonly string[]): void {
    this.#u32(values.length);
    for (const value of values) this.#string(value);
  }

  #room(size: number): void {
    if (this.#at + size <= this.#bytes.length) return;
    const bytes = new Uint8Array(Math.max(this.#bytes.length * 2, this.#at + size));
    bytes.set(this.#bytes);
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer);
  }
}
