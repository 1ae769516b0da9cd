/**
 * A device policy as a BPF program of type BPF_PROG_TYPE_CGROUP_DEVICE, for cgroup v2 (bpf(2), linux/bpf.h).
 *
 * The kernel calls it with `{ u32 access << 16 | type; u32 major; u32 minor }` and takes 0 as "no". A request may have
 * several access bits. The rules are tried from the last to the first; each decides the bits that it speaks of and
 * that no later rule has decided. One denied bit denies the request; it is allowed when no bit is left.
 */

import type { DevicePolicy, Permission } from "./device-rules.ts";

const BPF_DEVCG_DEV_BLOCK = 1;
const BPF_DEVCG_DEV_CHAR = 2;
const ALL_BITS = 7;

// Opcodes: class | operation | source (linux/bpf.h, linux/bpf_common.h); _K takes the immediate, 32 the low half.
const LDX_MEM_W = 0x61;
const MOV32_X = 0xbc;
const MOV32_K = 0xb4;
const AND32_K = 0x54;
const RSH32_K = 0x74;
const JMP32_JNE_K = 0x56;
const JMP32_JSET_K = 0x46;
const JA = 0x05;
const EXIT = 0x95;

const RESULT = 0;
const CONTEXT = 1;
const TYPE = 2;
const OPEN_BITS = 3;
const MAJOR = 4;
const MINOR = 5;

const INSN_SIZE = 8;

interface Insn {
  readonly code: number;
  readonly dst?: number;
  readonly src?: number;
  readonly off?: number;
  readonly imm?: number;
}

/** The program for a policy, as `struct bpf_insn[]` in little-endian form. */
export function deviceProgram(policy: DevicePolicy): Uint8Array {
  const insns: Insn[] = [
    { code: LDX_MEM_W, dst: TYPE, src: CONTEXT, off: 0 },
    { code: MOV32_X, dst: OPEN_BITS, src: TYPE },
    { code: AND32_K, dst: TYPE, imm: 0xffff },
    { code: RSH32_K, dst: OPEN_BITS, imm: 16 },
    { code: LDX_MEM_W, dst: MAJOR, src: CONTEXT, off: 4 },
    { code: LDX_MEM_W, dst: MINOR, src: CONTEXT, off: 8 },
  ];
  for (const rule of policy.permissions.toReversed()) insns.push(...ruleInsns(rule));
  insns.push(...answer(policy.allow));
  return encode(insns);
}

/** Whether the policy lets everything through, so that no program is needed. */
export function allowsAll(policy: DevicePolicy): boolean {
  return policy.allow && policy.permissions.length === 0;
}

function ruleInsns(rule: Permission): readonly Insn[] {
  const decision = rule.allow ? allowInsns(rule.access) : denyInsns(rule.access);
  const tests: Insn[] = [];
  if (rule.minor !== undefined) tests.unshift(jumpUnless(MINOR, rule.minor, decision.length));
  if (rule.major !== undefined) tests.unshift(jumpUnless(MAJOR, rule.major, decision.length + tests.length));
  const type = rule.type === "b" ? BPF_DEVCG_DEV_BLOCK : BPF_DEVCG_DEV_CHAR;
  tests.unshift(jumpUnless(TYPE, type, decision.length + tests.length));
  return [...tests, ...decision];
}

function jumpUnless(register: number, value: number, skip: number): Insn {
  return { code: JMP32_JNE_K, dst: register, imm: value | 0, off: skip };
}

function allowInsns(access: number): readonly Insn[] {
  if (access === ALL_BITS) return answer(true);
  return [
    { code: AND32_K, dst: OPEN_BITS, imm: ALL_BITS & ~access },
    { code: JMP32_JNE_K, dst: OPEN_BITS, imm: 0, off: 2 },
    ...answer(true),
  ];
}

function denyInsns(access: number): readonly Insn[] {
  if (access === ALL_BITS) return answer(false);
  return [{ code: JMP32_JSET_K, dst: OPEN_BITS, imm: access, off: 1 }, { code: JA, off: 2 }, ...answer(false)];
}

function answer(allow: boolean): readonly [Insn, Insn] {
  return [{ code: MOV32_K, dst: RESULT, imm: allow ? 1 : 0 }, { code: EXIT }];
}

function encode(insns: readonly Insn[]): Uint8Array {
  const bytes = new Uint8Array(insns.length * INSN_SIZE);
  const view = new DataView(bytes.buffer);
  for (const [index, { code, dst = 0, src = 0, off = 0, imm = 0 }] of insns.entries()) {
    const at = index * INSN_SIZE;
    view.setUint8(at, code);
    view.setUint8(at + 1, dst | (src << 4));
    view.setInt16(at + 2, off, true);
    view.setInt32(at + 4, imm, true);
  }
  return bytes;
}
