/** Tests of the error numbers. */

import { suite } from "uvu";
import * as assert from "uvu/assert";
import { describeErrno, errnoNumber, formatErrno } from "./errno.ts";

const test = suite("linux/errno");

test("describeErrno() gives name and text", () => {
  assert.equal(describeErrno(1), { name: "EPERM", text: "operation not permitted" });
  assert.equal(describeErrno(2), { name: "ENOENT", text: "no such file or directory" });
  assert.equal(describeErrno(133), { name: "EHWPOISON", text: "memory page has hardware error" });
});

test("describeErrno() names a number that Linux does not have", () => {
  assert.equal(describeErrno(41), { name: "E41", text: "unknown error 41" });
  assert.equal(describeErrno(9999), { name: "E9999", text: "unknown error 9999" });
});

test("formatErrno() is the reason of messages", () => {
  assert.is(formatErrno(13), "EACCES: permission denied");
});

test("errnoNumber() is the inverse of describeErrno()", () => {
  let known = 0;
  for (let number = 1; number < 600; number += 1) {
    const { name } = describeErrno(number);
    if (name === `E${number}`) continue;
    known += 1;
    assert.is(errnoNumber(name), number);
  }
  assert.is(known, 132);
  assert.is(errnoNumber("EWOULDBLOCK"), 11);
  assert.is(errnoNumber("ENOTSUP"), 95);
  assert.is(errnoNumber("EFOO"), undefined);
  assert.is(errnoNumber("toString"), undefined);
});

test.run();
