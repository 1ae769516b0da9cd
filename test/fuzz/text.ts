/** Changes the bytes of a config. */

import { pick } from "./random.ts";
import type { Random } from "./random.ts";

const PIECES: readonly string[] = ['"', "\\", "{", "}", "[", "]", ",", ":", "\\u0000", "\\ud800", "9".repeat(20), "1e999", "-0", "01", "0x1", "NaN", "null", "\n", "\uFEFF", "//", "/*", "'", " ", "\t", "\v", "\0", ""];
const BYTES: readonly (readonly number[])[] = [[0], [0xff], [0xc0, 0x80], [0xed, 0xa0, 0x80], [0xf4, 0x90, 0x80, 0x80], [0x80], [0xef, 0xbb, 0xbf], [0xfe, 0xff], [0x1f], [0x7f], [0xe2, 0x80, 0xa8]];

type Change = (bytes: Buffer, random: Random) => readonly [Buffer, string];

const CHANGES: readonly Change[] = [
  (bytes, random) => {
    const at = random(bytes.length + 1);
    const length = pick(random, [1, 1, 2, 10, 100, bytes.length]);
    return [Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + length)]), `cut ${length} bytes at ${at}`];
  },
  (bytes, random) => insert(bytes, random(bytes.length + 1), Buffer.from(pick(random, PIECES))),
  (bytes, random) => insert(bytes, random(bytes.length + 1), Buffer.from(pick(random, BYTES))),
  (bytes, random) => {
    const at = random(bytes.length);
    const copy = Buffer.from(bytes);
    copy[at] = random(256);
    return [copy, `set byte ${at}`];
  },
  (bytes, random) => insert(bytes, 0, Buffer.from(pick(random, [..."[{ \n\t", "[".repeat(100_000), '{"a":'.repeat(100_000), "\uFEFF", "\0"]))),
  (bytes, random) => insert(bytes, bytes.length, Buffer.from(pick(random, ["}", "]", " ".repeat(1_000_000), "{}", "\0", "x", ","]))),
  (bytes) => [Buffer.from(bytes.toString(), "utf16le"), "UTF-16"],
  (bytes, random) => {
    const [from, to] = [random(bytes.length), random(bytes.length)];
    return insert(bytes, to, bytes.subarray(from, from + random(200)));
  },
  (bytes, random) => insert(bytes, 1, Buffer.from(pick(random, ['"linux":{},', '"hooks":null,', '"__proto__":{"x":1},', '"ociVersion":"1.0.0",', `"${"k".repeat(200_000)}":1,`, `"x":${"9".repeat(100_000)},`]))),
];

/** Returns the changed bytes, and what was done. */
export function mutateBytes(bytes: Buffer, random: Random): readonly [Buffer, string] {
  if (bytes.length === 0) return [bytes, "nothing"];
  return pick(random, CHANGES)(bytes, random);
}

function insert(bytes: Buffer, at: number, piece: Buffer): readonly [Buffer, string] {
  return [Buffer.concat([bytes.subarray(0, at), piece, bytes.subarray(at)]), `inserted ${piece.length} bytes at ${at}`];
}
