/** Finds the line and column of values in a JSON text; called only when there is something to report. */

import type { Place } from "../errors.ts";
import { partsOf } from "./pointer.ts";
import {
  CLOSE_ARRAY,
  CLOSE_OBJECT,
  COLON,
  COMMA,
  endOfString,
  OPEN_ARRAY,
  OPEN_OBJECT,
  QUOTE,
} from "./tokens.ts";

/** The pointers that are looked for, as a tree of their parts. */
interface Wanted {
  offset: number | undefined;
  readonly parts: Map<string, Wanted>;
}

/** An object or array on the way; `wanted` is undefined where nothing inside it is looked for. */
interface Frame {
  readonly isObject: boolean;
  readonly wanted: Wanted | undefined;
  key: string | number;
  expectsKey: boolean;
}

/** Returns the place of the value that `pointer` names, or that of the nearest value around it that exists. */
export function placeOf(text: string, pointer: string): Place {
  const [place] = placesOf(text, [pointer]);
  return place ?? { pointer };
}

/** As `placeOf` for many pointers, in their order, in one walk over a text that JSON.parse accepts. */
export function placesOf(text: string, pointers: readonly string[]): Place[] {
  const root: Wanted = { offset: undefined, parts: new Map() };
  for (const pointer of pointers) want(root, pointer);
  locate(text, root);
  const lines = lineStarts(text);
  return pointers.map((pointer) => placeIn(lines, pointer, nearestOffset(root, pointer)));
}

/** Returns the place of an offset into the text. */
export function placeAt(text: string, pointer: string, offset: number): Place {
  return placeIn(lineStarts(text), pointer, offset);
}

/** As `placeAt` for many offsets, which finds the lines once. */
export function placesAt(text: string, entries: readonly { pointer: string; offset: number }[]): Place[] {
  const lines = entries.length === 0 ? [] : lineStarts(text);
  return entries.map(({ pointer, offset }) => placeIn(lines, pointer, offset));
}

function want(root: Wanted, pointer: string): void {
  let node = root;
  for (const part of partsOf(pointer)) {
    const next = node.parts.get(part) ?? { offset: undefined, parts: new Map() };
    node.parts.set(part, next);
    node = next;
  }
}

function nearestOffset(root: Wanted, pointer: string): number {
  let offset = root.offset ?? 0;
  let node: Wanted | undefined = root;
  for (const part of partsOf(pointer)) {
    node = node.parts.get(part);
    if (node?.offset === undefined) break;
    offset = node.offset;
  }
  return offset;
}

/** Notes the offset of every wanted value; of a key given twice the last, as in JSON.parse. */
function locate(text: string, root: Wanted): void {
  const frames: Frame[] = [];
  let frame: Frame | undefined;
  let inValue = false;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (isSpace(code) || code === COLON) continue;
    if (code === CLOSE_OBJECT || code === CLOSE_ARRAY) {
      frames.pop();
      frame = frames.at(-1);
      inValue = true;
      continue;
    }
    if (code === COMMA) {
      inValue = false;
      if (frame !== undefined) nextItem(frame);
      continue;
    }
    const isKey = frame?.expectsKey === true;
    const value = isKey || inValue ? undefined : wantedValue(frame, root);
    if (value !== undefined) value.offset = at;
    inValue = !isKey;
    if (code === QUOTE) {
      const end = endOfString(text, at);
      if (end === -1) return;
      if (isKey && frame !== undefined) takeKey(frame, text.slice(at, end + 1));
      at = end;
    } else if (code === OPEN_OBJECT || code === OPEN_ARRAY) {
      const isObject = code === OPEN_OBJECT;
      frame = { isObject, wanted: value, key: isObject ? "" : 0, expectsKey: isObject };
      frames.push(frame);
      inValue = false;
    }
  }
}

function wantedValue(frame: Frame | undefined, root: Wanted): Wanted | undefined {
  return frame === undefined ? root : frame.wanted?.parts.get(String(frame.key));
}

function nextItem(frame: Frame): void {
  if (frame.isObject) frame.expectsKey = true;
  else if (typeof frame.key === "number") frame.key++;
}

function takeKey(frame: Frame, token: string): void {
  frame.expectsKey = false;
  if (frame.wanted !== undefined) frame.key = String(JSON.parse(token));
}

function isSpace(code: number): boolean {
  return code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09;
}

function lineStarts(text: string): number[] {
  const starts = [0];
  for (let end = text.indexOf("\n"); end !== -1; end = text.indexOf("\n", end + 1)) starts.push(end + 1);
  return starts;
}

function placeIn(starts: readonly number[], pointer: string, offset: number): Place {
  let low = 0;
  let high = starts.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if ((starts[middle] ?? 0) <= offset) low = middle;
    else high = middle - 1;
  }
  return { pointer, line: low + 1, column: offset - (starts[low] ?? 0) + 1 };
}
