/** FrameReader: frames come out whole, however the bytes come in. */

import { suite } from "uvu";
import * as assert from "uvu/assert";
import { FrameReader, MOST_BYTES, REQUEST, RESPONSE, encodeFrame } from "./frame.ts";
import type { Frame } from "./frame.ts";

const test = suite("frame");

function readAll(chunks: readonly Uint8Array[]): Frame[] {
  const reader = new FrameReader();
  const frames: Frame[] = [];
  for (const chunk of chunks) {
    reader.push(chunk);
    for (let frame = reader.next(); frame !== undefined; frame = reader.next()) frames.push(frame);
  }
  return frames;
}

const FIRST = encodeFrame(1, REQUEST, new Uint8Array([1, 2, 3]));
const SECOND = encodeFrame(0x0102_0305, RESPONSE, new Uint8Array());

test("encodeFrame() writes length, stream, type and flags, big endian", () => {
  assert.is(Buffer.from(FIRST).toString("hex"), "00000003000000010100010203");
  assert.is(Buffer.from(SECOND).toString("hex"), "00000000010203050200");
});

test("next() gives the same frames for every way to cut the bytes", () => {
  const bytes = new Uint8Array([...FIRST, ...SECOND, ...FIRST]);
  const whole = readAll([bytes]);
  assert.equal(whole.map(({ stream, type }) => [stream, type]), [[1, REQUEST], [0x0102_0305, RESPONSE], [1, REQUEST]]);
  for (let size = 1; size < bytes.length; size++) {
    const chunks = [];
    for (let at = 0; at < bytes.length; at += size) chunks.push(bytes.slice(at, at + size));
    assert.equal(readAll(chunks), whole, `cut every ${size} bytes`);
  }
});

test("next() skips the payload of a frame that is too long, tells of it, and goes on", () => {
  const long = encodeFrame(7, REQUEST, new Uint8Array(MOST_BYTES + 1));
  const [refused, after, ...rest] = readAll([long.subarray(0, 5), long.subarray(5, 1000), long.subarray(1000), FIRST]);
  assert.is(refused?.stream, 7);
  assert.is(refused?.payload, undefined);
  assert.equal(after?.payload, new Uint8Array([1, 2, 3]));
  assert.is(rest.length, 0);
});

test("next() takes a frame of just the greatest length", () => {
  const [frame] = readAll([encodeFrame(3, REQUEST, new Uint8Array(MOST_BYTES)), FIRST]);
  assert.is(frame?.payload?.length, MOST_BYTES);
});

test.run();
