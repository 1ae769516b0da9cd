/** Values as bytes: the specification's alignments, and what others may send. */

import { suite } from "uvu";
import * as assert from "uvu/assert";
import { Reader, Variant, Writer, typesOf } from "./marshal.ts";
import type { Value } from "./marshal.ts";

const test = suite("marshal");

function bytesOf(signature: string, values: readonly Value[]): number[] {
  const writer = new Writer();
  writer.writeAll(signature, values);
  return [...writer.bytes];
}

test("typesOf() separates complete types", () => {
  assert.equal(typesOf("a{sv}ua(sa(sv))ay(b(ii))"), ["a{sv}", "u", "a(sa(sv))", "ay", "(b(ii))"]);
  for (const wrong of ["a", "(", "(s", "z", "a{s", ")"]) assert.throws(() => typesOf(wrong), /cannot read the signature/);
});

test("write() aligns each type, and counts no gap into an array's length", () => {
  assert.equal(bytesOf("yu", [1, 2]), [1, 0, 0, 0, 2, 0, 0, 0]);
  assert.equal(bytesOf("s", ["ab"]), [2, 0, 0, 0, 97, 98, 0]);
  assert.equal(bytesOf("g", ["ab"]), [2, 97, 98, 0]);
  // The specification's own example: an array of one 64-bit number.
  assert.equal(bytesOf("at", [[5n]]), [8, 0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0]);
  assert.equal(bytesOf("at", [[]]), [0, 0, 0, 0, 0, 0, 0, 0]);
  assert.equal(bytesOf("v", [new Variant("u", 7)]), [1, 117, 0, 0, 7, 0, 0, 0]);
  assert.equal(bytesOf("ay", [new Uint8Array([1, 2])]), [2, 0, 0, 0, 1, 2]);
});

test("read() gives back what write() wrote, also in the other byte order where that is what comes", () => {
  const signature = "ybnqiuxtdsogvaya(sv)a{sb}(i(s))";
  const values: Value[] = [255, true, -2, 65_535, -3, 4_294_967_295, -5n, 18_446_744_073_709_551_615n, 1.5, "text ä", "/o", "a{sv}", new Variant("a(ss)", [["a", "b"]]), new Uint8Array([1, 2, 3]), [["PIDs", new Variant("au", [1, 2])]], [["k", true]], [1, ["x"]]];
  const writer = new Writer();
  writer.writeAll(signature, values);
  assert.equal(new Reader(writer.bytes, { isLittle: true }).readAll(signature), values);
  assert.equal(new Reader(new Uint8Array([0, 0, 1, 2]), { isLittle: false }).readAll("u"), [258]);
});

test("write() refuses what is not of the type", () => {
  const wrong: [string, Value][] = [["u", "1"], ["t", 1], ["s", 1], ["s", "a\0b"], ["v", 1], ["as", "a"], ["(s)", "a"]];
  for (const [type, value] of wrong) assert.throws(() => bytesOf(type, [value]), /cannot write a \w+ as/);
  assert.throws(() => bytesOf("uu", [1]), /cannot write 1 values as "uu"/);
});

test("read() fails with words for whatever is cut off, too long or nested too deeply", () => {
  const read = (signature: string, bytes: readonly number[]) => (): unknown => new Reader(new Uint8Array(bytes), { isLittle: true }).readAll(signature);
  assert.throws(read("u", [1, 2]), /cut off/);
  assert.throws(read("s", [9, 0, 0, 0, 97, 0]), /cut off/);
  assert.throws(read("as", [255, 255, 255, 255]), /too long/);
  assert.throws(read("au", [5, 0, 0, 0, 1, 0, 0, 0, 1]), /cut off|ends within/);
  assert.throws(read("v", [2, 117, 117, 0]), /no type of a variant/);
  assert.throws(read("a()", [8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]), /has no size/);
  const deep = Array.from({ length: 70 }, () => [1, 118, 0]).flat();
  assert.throws(read("v", deep), /nested too deeply/);
});

test.run();
