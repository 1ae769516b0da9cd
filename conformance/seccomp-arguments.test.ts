/** `linux.seccomp.syscalls[].args`: conditions on the arguments of calls (config-linux.md#seccomp). */

import * as assert from "uvu/assert";
import type { Ground } from "../test/harness.ts";
import { output } from "./containers.ts";
import { GETPGRP, LSEEK, call, ending, seccomp, seccompSuite } from "./seccomp.ts";
import type { Rule } from "./seccomp.ts";

const test = seccompSuite("seccomp arguments");

/** lseek of a descriptor that is not open, which the kernel itself answers. */
const EBADF = 9;

/** The errno of lseek(fd, offset, whence) where this condition gives 77. */
async function lseek(t: Ground, args: Rule["args"] & object, [fd, offset, whence]: readonly [number, number, number]): Promise<number> {
  const rule = { names: ["lseek"], action: "SCMP_ACT_ERRNO", errnoRet: 77, args };
  return (await call(t, seccomp([rule]), LSEEK, fd, offset, whence))[1] ?? 0;
}

/** Conditions on lseek's second argument: operator, value, offsets that it holds for, offsets that it does not. */
const CONDITIONS: readonly (readonly [op: string, value: number, holds: readonly number[], not: readonly number[]])[] = [
  ["SCMP_CMP_NE", 5, [4, 6], [5]],
  ["SCMP_CMP_LT", 5, [0, 4], [5, 6]],
  ["SCMP_CMP_LE", 5, [4, 5], [6]],
  ["SCMP_CMP_EQ", 5, [5], [4, 6, 5 + 2 ** 32]],
  ["SCMP_CMP_GE", 5, [5, 6, 2 ** 32], [4]],
  ["SCMP_CMP_GT", 5, [6, 2 ** 40], [4, 5]],
];

for (const [op, value, holds, not] of CONDITIONS) {
  test(`SC-18 ${op}`, async (t) => {
    for (const offset of holds) assert.is(await lseek(t, [{ index: 1, value, op }], [999, offset, 0]), 77, `${offset}`);
    for (const offset of not) assert.is(await lseek(t, [{ index: 1, value, op }], [999, offset, 0]), EBADF, `${offset}`);
  });
}

test("SC-17 SC-18 SCMP_CMP_MASKED_EQ compares what the mask leaves with valueTwo", async (t) => {
  const condition = [{ index: 1, value: 0xf0, valueTwo: 0x50, op: "SCMP_CMP_MASKED_EQ" }];
  assert.is(await lseek(t, condition, [999, 0x50, 0]), 77);
  assert.is(await lseek(t, condition, [999, 0x76a, 0]), EBADF);
  assert.is(await lseek(t, condition, [999, 0x35f, 0]), 77);
});

test("SC-16 values above 2^53 are exact", async (t) => {
  const big = 18446744073709551615n;
  const filter = (value: bigint): unknown =>
    seccomp([{ names: ["lseek"], action: "SCMP_ACT_ERRNO", errnoRet: 77, args: [{ index: 1, value, op: "SCMP_CMP_EQ" }] }]);
  const at = async (value: bigint, offset: string): Promise<string> => output(await ending(t, filter(value), "call", LSEEK, 999, offset, 0)).trim();
  assert.is(await at(big, `${big}`), "-1 77");
  assert.is(await at(big - 1n, `${big}`), `-1 ${EBADF}`);
  assert.is(await at(9007199254740993n, "9007199254740993"), "-1 77");
  assert.is(await at(9007199254740993n, "9007199254740992"), `-1 ${EBADF}`);
});

test("SC-17 valueTwo above 2^53 is exact", async (t) => {
  const condition = { index: 1, value: 18446744073709551615n, valueTwo: 9007199254740993n, op: "SCMP_CMP_MASKED_EQ" };
  const filter = seccomp([{ names: ["lseek"], action: "SCMP_ACT_ERRNO", errnoRet: 77, args: [condition] }]);
  const at = async (offset: string): Promise<string> => output(await ending(t, filter, "call", LSEEK, 999, offset, 0)).trim();
  assert.is(await at("9007199254740993"), "-1 77");
  assert.is(await at("9007199254740992"), `-1 ${EBADF}`);
});

for (const index of [0, 1, 2, 3, 4, 5]) {
  test(`SC-15 index ${index} is the argument of that number, from 0`, async (t) => {
    const filter = seccomp([{ names: ["getpgrp"], action: "SCMP_ACT_ERRNO", errnoRet: 77, args: [{ index, value: 7, op: "SCMP_CMP_EQ" }] }]);
    const numbers = [10, 11, 12, 13, 14, 15];
    assert.equal(await call(t, filter, GETPGRP, ...numbers), [1, 0]);
    numbers[index] = 7;
    assert.equal(await call(t, filter, GETPGRP, ...numbers), [-1, 77]);
  });
}

test("SC-14 conditions on different arguments must all hold", async (t) => {
  const conditions = [
    { index: 0, value: 999, op: "SCMP_CMP_EQ" },
    { index: 1, value: 10, op: "SCMP_CMP_GE" },
  ];
  assert.is(await lseek(t, conditions, [999, 10, 0]), 77);
  assert.is(await lseek(t, conditions, [999, 9, 0]), EBADF);
  assert.is(await lseek(t, conditions, [998, 10, 0]), EBADF);
});

test("SC-14 of conditions on the same argument one must hold", async (t) => {
  const conditions = [
    { index: 1, value: 5, op: "SCMP_CMP_EQ" },
    { index: 1, value: 7, op: "SCMP_CMP_EQ" },
  ];
  assert.is(await lseek(t, conditions, [999, 5, 0]), 77);
  assert.is(await lseek(t, conditions, [999, 7, 0]), 77);
  assert.is(await lseek(t, conditions, [999, 6, 0]), EBADF);
});

test("SC-14 without conditions a rule holds for each call", async (t) => {
  assert.is(await lseek(t, [], [999, 1, 0]), 77);
});

test.run();
