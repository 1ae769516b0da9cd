/** Messages: calls as bytes, and answers out of a stream. */

import { suite } from "uvu";
import * as assert from "uvu/assert";
import { Variant, Writer } from "./marshal.ts";
import { ERROR, METHOD_CALL, METHOD_RETURN, MessageReader, encodeCall } from "./message.ts";

const test = suite("message");

const CALL = { path: "/org/example", interface: "org.example.Manager", member: "Do", signature: "sa(sv)", body: ["name", [["Slice", new Variant("s", "system.slice")]]] };

test("encodeCall() makes what MessageReader reads, in whatever pieces it comes", () => {
  const bytes = encodeCall(7, CALL);
  const reader = new MessageReader();
  for (const byte of bytes.subarray(0, -1)) {
    reader.push(new Uint8Array([byte]));
    assert.is(reader.next(), undefined);
  }
  reader.push(new Uint8Array([...bytes.subarray(-1), ...bytes]));
  const message = reader.next();
  assert.is(message?.type, METHOD_CALL);
  assert.is(message?.serial, 7);
  assert.equal([message?.path, message?.interface, message?.member, message?.destination], ["/org/example", "org.example.Manager", "Do", ""]);
  assert.equal(message?.body, CALL.body);
  assert.equal(reader.next(), message);
  assert.is(reader.next(), undefined);
});

test("next() reads an error's name, and to which call it is the answer", () => {
  const body = new Writer();
  body.writeAll("s", ["it is so"]);
  const header = new Writer();
  const fields = [[4, new Variant("s", "org.example.Error")], [5, new Variant("u", 9)], [8, new Variant("g", "s")]];
  header.writeAll("yyyyuua(yv)", [0x6c, ERROR, 1, 1, body.bytes.length, 3, fields]);
  header.align(8);
  const reader = new MessageReader();
  reader.push(header.bytes);
  reader.push(body.bytes);
  const message = reader.next();
  assert.equal([message?.type, message?.errorName, message?.replySerial, message?.body], [ERROR, "org.example.Error", 9, ["it is so"]]);
});

test("next() refuses what is no message, and what is too long", () => {
  const read = (bytes: readonly number[]) => (): unknown => {
    const reader = new MessageReader();
    reader.push(new Uint8Array(bytes));
    return reader.next();
  };
  const zeros = Array.from({ length: 16 }, () => 0);
  assert.throws(read(zeros), /no byte order/);
  assert.throws(read([0x6c, METHOD_RETURN, 0, 1, 255, 255, 255, 255, ...zeros]), /too long/);
  assert.throws(read([0x6c, METHOD_RETURN, 0, 2, 0, 0, 0, 0, ...zeros]), /of version 2/);
});

test.run();
