/** Tests of the part that answers ENOSYS to calls newer than the profile, by running it. */

import { suite } from "uvu";
import * as assert from "uvu/assert";
import { auditArch, findArchitecture, scmpArch } from "../linux/architectures.ts";
import { type HighestCalls, prependEnosys } from "./enosys.ts";
import { evaluate } from "./evaluate.ts";

const test = suite("seccomp/enosys");

const X86_64 = 0xc000003e;
const X32 = 0x4000003e;
const I386 = 0x40000003;
const ARM64 = 0xc00000b7;
const X32_BIT = 0x40000000;
const ENOSYS = 0x50026;

/** A filter that returns one recognisable value. */
const REST = 0x7fff0000;
const FILTER = new Uint8Array([6, 0, 0, 0, 0, 0, 0xff, 0x7f]);

function answers(name: string, highest: HighestCalls, expected: readonly (readonly [arch: number, call: number, result: number])[]): void {
  test(`prependEnosys() ${name}`, () => {
    const filter = prependEnosys(FILTER, highest);
    for (const [arch, number, result] of expected) {
      assert.is(evaluate(filter, { arch, number }), result, `arch 0x${arch.toString(16)}, call 0x${number.toString(16)}`);
    }
  });
}

answers("tells new calls of one architecture from known ones", [[I386, 400]], [
  [I386, 0, REST],
  [I386, 400, REST],
  [I386, 401, ENOSYS],
  [I386, 0xffffffff, ENOSYS],
  [X86_64, 401, REST],
]);

answers("leaves x32's calls to the filter where only x86_64 is named", [[X86_64, 400]], [
  [X86_64, 400, REST],
  [X86_64, 401, ENOSYS],
  [X86_64, X32_BIT + 1, REST],
]);

answers("leaves x86_64's calls to the filter where only x32 is named", [[X32, X32_BIT + 500]], [
  [X86_64, 1000, REST],
  [X86_64, X32_BIT + 500, REST],
  [X86_64, X32_BIT + 501, ENOSYS],
]);

answers("keeps x86_64 and x32 apart, in either order", [[X32, X32_BIT + 500], [I386, 300], [X86_64, 400]], [
  [X86_64, 400, REST],
  [X86_64, 401, ENOSYS],
  [X86_64, X32_BIT + 401, REST],
  [X86_64, X32_BIT + 500, REST],
  [X86_64, X32_BIT + 501, ENOSYS],
  [X86_64, 0xffffffff, ENOSYS],
  [I386, 300, REST],
  [I386, 301, ENOSYS],
  [ARM64, 5000, REST],
]);

const ALL = ["X86", "X86_64", "X32", "ARM", "AARCH64", "MIPSEL", "MIPSEL64", "MIPSEL64N32", "PPC64LE", "RISCV64"]
  .map((name) => findArchitecture(`SCMP_ARCH_${name}`))
  .filter((arch) => arch !== undefined);

answers(
  "reaches every one of many architectures",
  ALL.map((arch, place) => [scmpArch(arch), (arch.name === "x32" ? X32_BIT : 0) + 100 + place]),
  ALL.flatMap((arch, place) => {
    const bit = arch.name === "x32" ? X32_BIT : 0;
    return [
      [auditArch(arch), bit + 100 + place, REST],
      [auditArch(arch), bit + 101 + place, ENOSYS],
    ] as const;
  }),
);

test("prependEnosys() adds nothing where the profile names no call", () => {
  assert.is(prependEnosys(FILTER, []), FILTER);
});

test("evaluate() refuses a filter without an end, and an instruction that is none", () => {
  assert.throws(() => evaluate(new Uint8Array(0), { arch: 0, number: 0 }), /does not end/);
  assert.throws(() => evaluate(new Uint8Array([0x84, 0, 0, 0, 0, 0, 0, 0]), { arch: 0, number: 0 }), /unknown instruction/);
});

test.run();
