import * as fs from "node:fs";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { Gate, decodeFailure } from "./init.ts";
import { native } from "./native.ts";

const test = suite("gate");

let [ours, theirs] = [-1, -1];
test.before.each(() => {
  [ours, theirs] = native().socketpair();
});
test.after.each(() => {
  if (theirs >= 0) fs.closeSync(theirs);
});

/** A message as init writes it (addon/plan.h). */
function message(kind: number, { step = 0, error = 0, value = 0n, text = "" }: { step?: number; error?: number; value?: bigint; text?: string } = {}): Uint8Array {
  const bytes = Buffer.alloc(24 + Buffer.byteLength(text));
  bytes.writeUInt32LE(kind, 0);
  bytes.writeUInt32LE(step, 4);
  bytes.writeInt32LE(error, 8);
  bytes.writeUInt32LE(Buffer.byteLength(text), 12);
  bytes.writeBigUInt64LE(value, 16);
  bytes.write(text, 24);
  return bytes;
}

test("next() tells a gate with the descriptors that came along", async () => {
  const gate = new Gate(ours);
  const [reader, writer] = native().pipe();
  native().send(theirs, message(1, { step: 7 }), [writer]);
  fs.closeSync(writer);
  const got = await gate.next();
  assert.equal([got.kind, got.kind === "gate" && got.step, got.kind === "gate" && got.fds.length], ["gate", 7, 1]);
  if (got.kind === "gate") for (const fd of got.fds) fs.writeSync(fd, "x"), fs.closeSync(fd);
  const buffer = Buffer.alloc(4);
  assert.is(fs.readSync(reader, buffer), 1);
  fs.closeSync(reader);
  gate.close();
});

test("next() tells failures, warnings, a second stage, and the end, in their order", async () => {
  const gate = new Gate(ours);
  native().send(theirs, message(3, { step: 1, error: 38, value: 5n }));
  native().send(theirs, message(4, { value: 123n }), [theirs]);
  native().send(theirs, message(2, { step: 9, error: 2, text: "wörds\nmore" }));
  assert.equal(await gate.next(), { kind: "warning", step: 1, errno: 38, value: 5 });
  const child = await gate.next();
  assert.equal([child.kind, child.kind === "child" && child.pid], ["child", 123]);
  if (child.kind === "child") fs.closeSync(child.pidfd);
  assert.equal(await gate.next(), { kind: "failure", step: 9, errno: 2, text: "wörds\nmore", bytes: new TextEncoder().encode("wörds\nmore") });
  fs.closeSync(theirs);
  theirs = -1;
  assert.equal(await gate.next(), { kind: "end" });
  gate.close();
});

test("next() waits for a message that is still to come", async () => {
  const gate = new Gate(ours);
  const next = gate.next();
  setTimeout(() => native().send(theirs, message(1, { step: 3 })), 20);
  assert.equal(await next, { kind: "gate", step: 3, fds: [] });
  gate.close();
});

test("go() writes the reply of plan.h, with descriptors", () => {
  const gate = new Gate(ours);
  const [reader, writer] = native().pipe();
  gate.go();
  gate.go([reader, writer]);
  const first = native().receive(theirs);
  assert.equal([...(first?.bytes ?? [])], [1, 0, 0, 0, 0, 0, 0, 0]);
  const second = native().receive(theirs);
  assert.equal([...(second?.bytes ?? [])], [1, 0, 0, 0, 2, 0, 0, 0]);
  assert.is(second?.fds.length, 2);
  for (const fd of [reader, writer, ...(second?.fds ?? [])]) fs.closeSync(fd);
  gate.close();
  gate.close();
});

test("decodeFailure() reads a record of the exec fifo, and nothing where there is none", () => {
  const failure = decodeFailure(message(2, { step: 4, error: 8, text: "" }));
  assert.equal([failure?.step, failure?.errno, failure?.text, failure?.bytes.length], [4, 8, "", 0]);
  assert.is(decodeFailure(new Uint8Array(0)), undefined);
  assert.is(decodeFailure(message(1)), undefined);
  assert.is(decodeFailure(message(2).subarray(0, 10)), undefined);
});

test("decodeFailure() takes the last of several records, whatever stands between them, and one that is cut off for what it is", () => {
  const [first, warning, second] = [message(2, { step: 4, error: 8 }), message(3, { step: 3 }), message(2, { step: 4, error: 8, text: "more" })];
  const all = Buffer.concat([first, warning, second]);
  assert.is(decodeFailure(all)?.text, "more");
  assert.is(decodeFailure(all.subarray(0, -2))?.text, "mo");
  assert.is(decodeFailure(all.subarray(0, first.length + warning.length + 3))?.text, "");
});

test.run();
