/**
 * Writes the first part of a filter: calls that are newer than the profile get ENOSYS.
 *
 * A profile that lists what is allowed answers EPERM to a call that its author never heard of, and programs that would
 * fall back to an older call on ENOSYS give up (clone3, faccessat2, openat2 each broke containers so). Numbers are given
 * out in order, so a call whose number is above all that the profile names is taken for a new one, as runc does.
 */

import { ARCHITECTURES, auditArch, scmpArch } from "../linux/architectures.ts";

/** The highest number of a call that the profile names, by libseccomp's number of the architecture. */
export type HighestCalls = readonly (readonly [arch: number, highest: number])[];

/** Classic BPF, linux/bpf_common.h: load a word of the call's description; jump; return a constant. */
const LOAD = 0x20;
const JUMP = 0x05;
const JUMP_EQUAL = 0x15;
const JUMP_GREATER = 0x25;
const JUMP_SET = 0x45;
const RETURN = 0x06;

/** struct seccomp_data (seccomp(2)). */
const OFFSET_NUMBER = 0;
const OFFSET_ARCH = 4;

const RESULT_ENOSYS = 0x50026;
const X32_BIT = 0x40000000;

type Instruction = readonly [code: number, jumpTrue: number, jumpFalse: number, operand: number];

/** One section for each architecture that the kernel tells apart; x32 shares x86_64's. */
interface Section {
  readonly audit: number;
  highest?: number;
  highestX32?: number;
}

/** Returns the filter with the part before it; the filter alone if the profile names no call. */
export function prependEnosys(filter: Uint8Array, highest: HighestCalls): Uint8Array {
  const sections = collectSections(highest);
  if (sections.length === 0) return filter;
  const stub = encode(writeStub(sections));
  const whole = new Uint8Array(stub.length + filter.length);
  whole.set(stub);
  whole.set(filter, stub.length);
  return whole;
}

function collectSections(highest: HighestCalls): Section[] {
  const sections = new Map<number, Section>();
  for (const [number, call] of highest) {
    const arch = ARCHITECTURES.find((row) => scmpArch(row) === number);
    if (arch === undefined) continue;
    const audit = auditArch(arch);
    const section = sections.get(audit) ?? { audit };
    if (arch.name === "x32") section.highestX32 = call;
    else section.highest = call;
    sections.set(audit, section);
  }
  return [...sections.values()];
}

/** The instructions of a section; ENOSYS and the filter are `enosys` and `filter` instructions after its end. */
function writeSection(section: Section, enosys: number, filter: number): Instruction[] {
  const tests: Instruction[] = [];
  const { highest, highestX32 } = section;
  // Each jump counts from the instruction after it; the last of the section is the jump to the filter.
  if (highest !== undefined && highestX32 !== undefined) {
    tests.push([JUMP_SET, 1, 0, X32_BIT], [JUMP_GREATER, enosys + 2, 1, highest], [JUMP_GREATER, enosys + 1, 0, highestX32]);
  } else if (highestX32 !== undefined) {
    tests.push([JUMP_SET, 0, 1, X32_BIT], [JUMP_GREATER, enosys + 1, 0, highestX32]);
  } else if (highest !== undefined && section.audit === X86_64_AUDIT) {
    // x32's numbers are above all others, and are for the filter to judge.
    tests.push([JUMP_SET, 1, 0, X32_BIT], [JUMP_GREATER, enosys + 1, 0, highest]);
  } else {
    tests.push([JUMP_GREATER, enosys + 1, 0, highest ?? 0]);
  }
  return [[LOAD, 0, 0, OFFSET_NUMBER], ...tests, [JUMP, 0, 0, filter]];
}

const X86_64_AUDIT = 0xc000003e;

function writeStub(sections: readonly Section[]): Instruction[] {
  const tail: Instruction[] = [[RETURN, 0, 0, RESULT_ENOSYS]];
  const starts: { audit: number; fromEnd: number }[] = [];
  for (const section of sections) {
    tail.unshift(...writeSection(section, tail.length - 1, tail.length));
    starts.push({ audit: section.audit, fromEnd: tail.length });
  }
  tail.unshift([JUMP, 0, 0, tail.length]);
  for (const { audit, fromEnd } of starts) tail.unshift([JUMP_EQUAL, tail.length - fromEnd, 0, audit]);
  return [[LOAD, 0, 0, OFFSET_ARCH], ...tail];
}

/** struct sock_filter; both architectures that tsrun runs on are little endian. */
function encode(instructions: readonly Instruction[]): Uint8Array {
  const bytes = new Uint8Array(instructions.length * 8);
  const view = new DataView(bytes.buffer);
  for (const [place, [code, jumpTrue, jumpFalse, operand]] of instructions.entries()) {
    view.setUint16(place * 8, code, true);
    view.setUint8(place * 8 + 2, jumpTrue);
    view.setUint8(place * 8 + 3, jumpFalse);
    view.setUint32(place * 8 + 4, operand, true);
  }
  return bytes;
}
