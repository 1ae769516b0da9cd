/** Messages: what the tables of the build make of bytes, against bytes that were written by hand from the protocol's rules. */

import { suite } from "uvu";
import * as assert from "uvu/assert";
import { InheritedDescriptor } from "../criu/generated/rpc.ts";
import { Metrics } from "../shim/generated/metrics-v1.ts";
import { RuntimeInfo } from "../shim/generated/bootstrap.ts";
import { CreateTaskRequest, DeleteResponse, Status, StateResponse } from "../shim/generated/task.ts";
import { Any } from "../shim/generated/types.ts";
import { decode, encode } from "./messages.ts";
import { ZERO_TIME } from "../shim/time.ts";

const test = suite("messages");

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}

test("encode() writes tags, lengths and varints as protobuf.dev says", () => {
  assert.is(hex(encode(DeleteResponse, { pid: 300, exit_status: 137 })), "08ac02108901");
  assert.is(hex(encode(Any, { type_url: "a", value: new Uint8Array([1, 2]) })), "0a016112020102");
});

test("encode() leaves out what is unset or zero", () => {
  assert.is(hex(encode(StateResponse, { id: "", pid: 0, status: Status.UNKNOWN, terminal: false })), "");
});

test("encode() writes what is zero where that is another thing than nothing, as in proto2, and decode() tells the two apart", () => {
  assert.is(hex(encode(InheritedDescriptor, { key: "", fd: 0 })), "0a001000");
  assert.is(hex(encode(InheritedDescriptor, { key: "a" })), "0a0161");
  assert.equal(decode(InheritedDescriptor, new Uint8Array()), { key: undefined, fd: undefined });
  assert.equal(decode(InheritedDescriptor, Uint8Array.of(0x10, 0)), { key: undefined, fd: 0 });
});

test("encode() writes negative seconds as ten bytes, and decode() reads them", () => {
  const bytes = encode(DeleteResponse, { exited_at: ZERO_TIME });
  assert.is(hex(bytes), "1a0b088092b8c398feffffff01");
  assert.is(decode(DeleteResponse, bytes).exited_at?.seconds, -62_135_596_800n);
});

test("decode() gives every field, and skips those that it does not know", () => {
  const bytes = Buffer.from("0a0163" + "9a0603787878" + "2001", "hex");
  const request = decode(CreateTaskRequest, bytes);
  assert.is(request.id, "c");
  assert.is(request.terminal, true);
  assert.is(request.bundle, "");
  assert.equal(request.rootfs, []);
  assert.is(request.options, undefined);
});

test("decode(encode()) keeps lists, nested messages and 64 bits", () => {
  const stats = { cpu: { usage: { total: 2n ** 64n - 1n, per_cpu: [1n, 2n ** 53n + 1n] } }, hugetlb: [{ pagesize: "2MB", max: 5n }, { usage: 1n }] };
  const back = decode(Metrics, encode(Metrics, stats));
  assert.is(back.cpu?.usage?.total, 2n ** 64n - 1n);
  assert.equal(back.cpu?.usage?.per_cpu, [1n, 2n ** 53n + 1n]);
  assert.is(back.hugetlb.length, 2);
  assert.is(back.hugetlb[0]?.pagesize, "2MB");
  assert.is(back.hugetlb[1]?.usage, 1n);
});

test("decode(encode()) keeps maps of texts", () => {
  const annotations = { a: "1", "b.c": "" };
  assert.equal(decode(RuntimeInfo, encode(RuntimeInfo, { annotations })).annotations, annotations);
});

for (const [what, bytes] of [
  ["a length beyond the end", "0a05"],
  ["a varint without end", "08ffffffffffffffffffff"],
  ["field number 0", "0001"],
  ["a nested message that is longer than its parent", "1a7f0801"],
] as const) {
  test(`decode() refuses ${what}`, () => {
    assert.throws(() => decode(DeleteResponse, Buffer.from(bytes, "hex")), /cannot read a message/);
  });
}

test.run();
