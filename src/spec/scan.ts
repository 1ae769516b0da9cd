/**
 * Walks a JSON text once and finds what JSON.parse does not tell: too many levels, keys given twice, integers that a
 * number cannot hold, strings that the kernel cannot take.
 *
 * It is linear and never recursive, so it may see hostile text before anything else does; it does not judge the syntax.
 */

import type { Path } from "./pointer.ts";
import {
  CLOSE_ARRAY,
  CLOSE_OBJECT,
  COMMA,
  endOfNumber,
  endOfString,
  isDigit,
  MINUS,
  OPEN_ARRAY,
  OPEN_OBJECT,
  QUOTE,
} from "./tokens.ts";

/** Objects and arrays inside each other; the deepest value that the specification defines is at level 8. */
export const MAX_DEPTH = 256;

/** Findings of one kind beyond this number are not kept: nobody reads them. */
export const MAX_FINDINGS = 100;

export interface Finding {
  readonly path: Path;
  readonly offset: number;
}

export interface BigInteger {
  readonly path: Path;
  readonly value: bigint;
}

export interface BadString extends Finding {
  readonly reason: string;
}

export interface Scan {
  /** Where the text goes deeper than MAX_DEPTH; the walk ended there. */
  readonly tooDeep: Finding | undefined;
  readonly duplicates: readonly Finding[];
  /** Integers beyond 2^53 of up to 20 digits, exact. */
  readonly integers: readonly BigInteger[];
  readonly strings: readonly BadString[];
}

/** An object or array that is open. */
interface Frame {
  readonly isObject: boolean;
  keys: Set<string> | undefined;
  key: string | number;
  expectsKey: boolean;
}

/** More digits than this are beyond 64 bits, and making a bigint of many digits takes quadratic time. */
const MAX_INTEGER_LENGTH = 21;
const MIN_INTEGER_LENGTH = 16;

const LONE_SURROGATE = /\p{Surrogate}/u;

/** Scans the whole text, or up to the place where it is too deep; text decoded from UTF-8 is `wellFormed`. */
export function scan(text: string, wellFormed = false): Scan {
  const hasOddStrings = text.includes("\\u") || (!wellFormed && LONE_SURROGATE.test(text));
  const frames: Frame[] = [];
  const duplicates: Finding[] = [];
  const integers: BigInteger[] = [];
  const strings: BadString[] = [];
  let frame: Frame | undefined;
  let at = 0;
  while (at < text.length) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) {
      const end = endOfString(text, at);
      if (end === -1) break;
      if (frame?.expectsKey === true && !takeKey(frame, text.slice(at, end + 1)) && duplicates.length < MAX_FINDINGS) {
        duplicates.push({ path: pathOf(frames), offset: at });
      }
      const reason = hasOddStrings && strings.length < MAX_FINDINGS ? badString(text.slice(at, end + 1)) : undefined;
      if (reason !== undefined) strings.push({ path: pathOf(frames), offset: at, reason });
      at = end;
    } else if (code === COMMA) {
      if (frame !== undefined) nextItem(frame);
    } else if (code === OPEN_OBJECT || code === OPEN_ARRAY) {
      if (frames.length === MAX_DEPTH) {
        return { tooDeep: { path: pathOf(frames), offset: at }, duplicates, integers, strings };
      }
      frame = openFrame(code === OPEN_OBJECT);
      frames.push(frame);
    } else if (code === CLOSE_OBJECT || code === CLOSE_ARRAY) {
      frames.pop();
      frame = frames.at(-1);
    } else if (code === MINUS || isDigit(code)) {
      const end = endOfNumber(text, at);
      const value = bigInteger(text, at, end);
      if (value !== undefined) integers.push({ path: pathOf(frames), value });
      at = end - 1;
    }
    at++;
  }
  return { tooDeep: undefined, duplicates, integers, strings };
}

function openFrame(isObject: boolean): Frame {
  return { isObject, keys: undefined, key: isObject ? "" : 0, expectsKey: isObject };
}

function nextItem(frame: Frame): void {
  if (frame.isObject) frame.expectsKey = true;
  else if (typeof frame.key === "number") frame.key++;
}

/** Returns false for a key that the object has already. */
function takeKey(frame: Frame, token: string): boolean {
  const key = token.includes("\\") ? decodeKey(token) : token.slice(1, -1);
  frame.expectsKey = false;
  frame.key = key;
  frame.keys ??= new Set();
  if (frame.keys.has(key)) return false;
  frame.keys.add(key);
  return true;
}

/** `"\u0061"` and `"a"` are the same key. */
function decodeKey(token: string): string {
  try {
    return String(JSON.parse(token));
  } catch {
    return token; // a syntax error, which is somebody else's to report
  }
}

function pathOf(frames: readonly Frame[]): Path {
  return frames.map((frame) => frame.key);
}

function bigInteger(text: string, start: number, end: number): bigint | undefined {
  const length = end - start;
  if (length < MIN_INTEGER_LENGTH || length > MAX_INTEGER_LENGTH) return undefined;
  const token = text.slice(start, end);
  if (!/^-?[0-9]+$/.test(token) || Number.isSafeInteger(Number(token))) return undefined;
  return BigInt(token);
}

/** Says why a string cannot be given to the kernel, which takes UTF-8 that ends at the first zero byte. */
function badString(token: string): string | undefined {
  let value: string;
  try {
    value = String(JSON.parse(token));
  } catch {
    return undefined; // a syntax error, as above
  }
  if (value.includes("\0")) return "must not contain a NUL character";
  return LONE_SURROGATE.test(value) ? "must not contain half of a surrogate pair, which is not a character" : undefined;
}
