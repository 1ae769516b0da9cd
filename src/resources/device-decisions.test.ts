import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { DeviceRule } from "../spec/config.ts";
import { allowsAll, deviceProgram } from "./device-program.ts";
import { devicePolicy } from "./device-rules.ts";
import { devicesV1 } from "./devices.ts";
import type { FileWrite } from "./limits.ts";

const test = suite("resources/device-rules, device-program, devices: decisions");

interface Request {
  readonly type: "c" | "b";
  readonly major: number;
  readonly minor: number;
  readonly access: string;
}

const BITS: Readonly<Record<string, number>> = { m: 1, r: 2, w: 4 };

/** Runs the few instructions that programs here are made of, and fails on any other, on a bad jump and on falling off. */
function run(program: Uint8Array, { type, major, minor, access }: Request): number {
  const view = new DataView(program.buffer);
  const accessBits = [...access].reduce((bits, letter) => bits | (BITS[letter] ?? 0), 0);
  const context = [(accessBits << 16) | (type === "b" ? 1 : 2), major, minor];
  const registers = new Uint32Array(11);
  for (let at = 0; at < program.length; at += 8) {
    const [code, both] = [view.getUint8(at), view.getUint8(at + 1)];
    const [dst, src] = [both & 15, both >> 4];
    const [off, imm] = [view.getInt16(at + 2, true), view.getInt32(at + 4, true)];
    const value = registers[dst] ?? 0;
    const jump = { 0x05: true, 0x56: value !== imm >>> 0, 0x46: (value & imm) !== 0 }[code];
    if (jump !== undefined) {
      assert.ok(off > 0, "jumps forward only");
      if (jump) at += off * 8;
    } else if (code === 0x61) {
      assert.is(src, 1);
      registers[dst] = context[off / 4] ?? NaN;
    } else if (code === 0xbc) registers[dst] = registers[src] ?? NaN;
    else if (code === 0xb4) registers[dst] = imm;
    else if (code === 0x54) registers[dst] = value & imm;
    else if (code === 0x74) registers[dst] = value >>> imm;
    else if (code === 0x95) return registers[0] ?? NaN;
    else assert.unreachable(`unknown instruction ${code.toString(16)}`);
  }
  return assert.unreachable("the program has no end") as never;
}

/** What a list of rules means: for each letter, the last rule that fits decides. */
function allowed(rules: readonly DeviceRule[], request: Request): boolean {
  return [...request.access].every((letter) => {
    const last = rules.findLast(
      (rule) =>
        (rule.type === undefined || rule.type === "a" || rule.type === request.type) &&
        (rule.major === undefined || rule.major === -1 || rule.major === request.major) &&
        (rule.minor === undefined || rule.minor === -1 || rule.minor === request.minor) &&
        (rule.access ?? "rwm").includes(letter),
    );
    return last?.allow ?? false;
  });
}

const DEFAULT_RULES: readonly DeviceRule[] = [
  { allow: true, access: "m" },
  ...[[1, 3], [1, 8], [1, 7], [5, 0], [1, 5], [1, 9], [136, -1], [5, 2], [10, 200]].map(
    ([major, minor]): DeviceRule => ({ allow: true, type: "c", major: major ?? 0, minor: minor ?? 0, access: "rwm" }),
  ),
];

/** A fixed sequence (mulberry32), so that a failure can be seen again. */
function randomNumbers(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

type Fields = Partial<DeviceRule>;

function randomRule(random: (below: number) => number): DeviceRule {
  const pick = (...values: readonly Fields[]): Fields => values[random(values.length)] ?? {};
  return {
    allow: random(2) === 1,
    ...pick({}, { type: "a" }, { type: "c" }, { type: "b" }),
    ...pick({}, { major: -1 }, { major: random(3) }, { major: 1 }),
    ...pick({}, { minor: -1 }, { minor: random(3) }, { minor: 4_294_967_295 }),
    ...pick({}, { access: "r" }, { access: "w" }, { access: "m" }, { access: "rw" }, { access: "mw" }),
  };
}

/** Keeps a default and exceptions as the kernel's v1 controller does (security/device_cgroup.c), and asks them. */
function askV1(writes: readonly FileWrite[], { type, major, minor, access }: Request): boolean {
  let allow = true;
  const exceptions = new Map<string, Set<string>>();
  for (const { file, value } of writes) {
    const allowing = file === "devices.allow";
    if (value === "a") {
      allow = allowing;
      exceptions.clear();
      continue;
    }
    const at = value.lastIndexOf(" ");
    const [key, letters] = [value.slice(0, at), [...value.slice(at + 1)]];
    const known = exceptions.get(key) ?? new Set<string>();
    if (allowing !== allow) exceptions.set(key, new Set([...known, ...letters]));
    else letters.forEach((letter) => known.delete(letter));
  }
  const keys = [major, "*"].flatMap((first) => [minor, "*"].map((second) => `${type} ${first}:${second}`));
  return keys.some((key) => exceptions.get(key)?.has(access) === true) ? !allow : allow;
}

/** The config's rules, then the defaults; that anybody may make nodes is none of them where all is allowed. */
function meantBy(rules: readonly DeviceRule[]): readonly DeviceRule[] {
  const policy = devicePolicy(rules);
  if (allowsAll(policy)) return rules;
  return [...rules, ...DEFAULT_RULES.filter(({ type }) => type !== undefined || !policy.allow)];
}

/** Calls with each request of a set that is small, and hits and misses the numbers of random rules. */
function eachRequest(accesses: readonly string[], call: (request: Request) => void): void {
  for (const type of ["c", "b"] as const) {
    for (const major of [0, 1, 2, 5, 136]) {
      for (const minor of [0, 1, 2, 3, 4_294_967_295]) {
        for (const access of accesses) call({ type, major, minor, access });
      }
    }
  }
}

test("deviceProgram() decides as the list of rules does, for random rules and requests", () => {
  const random = randomNumbers(1);
  let allowedCount = 0;
  for (let round = 0; round < 150; round += 1) {
    const rules = Array.from({ length: random(6) }, () => randomRule(random));
    const policy = devicePolicy(rules);
    const program = deviceProgram(policy);
    const meant = meantBy(rules);
    eachRequest(["r", "w", "m", "rw", "rwm"], (request) => {
      const expected = allowed(meant, request);
      if (expected) allowedCount += 1;
      assert.is(run(program, request), expected ? 1 : 0, JSON.stringify({ rules, request }));
    });
  }
  assert.ok(allowedCount > 1000, "the test has seen both answers");
});

test("devicesV1() decides as the list of rules does, unless it refuses the list", () => {
  const random = randomNumbers(2);
  let kept = 0;
  for (let round = 0; round < 400; round += 1) {
    const rules = Array.from({ length: random(4) }, () => randomRule(random));
    const policy = devicePolicy(rules);
    const limits = devicesV1(policy);
    if (limits.problems.length > 0 || limits.notes.length > 0) continue;
    kept += 1;
    const meant = meantBy(rules);
    eachRequest(["r", "w", "m"], (request) => {
      assert.is(askV1(limits.writes, request), allowed(meant, request), JSON.stringify({ rules, request }));
    });
  }
  assert.ok(kept > 150, `only ${kept} lists were kept`);
});

test("deviceProgram() denies a request of which one letter is denied", () => {
  const rules: DeviceRule[] = [{ allow: true }, { allow: false, type: "b", major: 8, minor: 0, access: "w" }];
  const program = deviceProgram(devicePolicy(rules));
  assert.is(run(program, { type: "b", major: 8, minor: 0, access: "rw" }), 0);
  assert.is(run(program, { type: "b", major: 8, minor: 0, access: "r" }), 1);
});

test("deviceProgram() joins what two rules allow", () => {
  const device = { type: "c" as const, major: 10, minor: 229 };
  const rules: DeviceRule[] = [
    { allow: false },
    { allow: true, ...device, access: "r" },
    { allow: true, ...device, access: "w" },
  ];
  assert.is(run(deviceProgram(devicePolicy(rules)), { ...device, access: "rw" }), 1);
});

test("deviceProgram() has the bytes of struct bpf_insn", () => {
  const program = deviceProgram({ allow: false, pointer: "", permissions: [], problems: [] });
  assert.is(program.length, 8 * 8);
  assert.equal([...program.subarray(0, 8)], [0x61, 0x12, 0, 0, 0, 0, 0, 0]);
  assert.equal([...program.subarray(16, 24)], [0x54, 0x02, 0, 0, 0xff, 0xff, 0, 0]);
  assert.equal([...program.subarray(56)], [0x95, 0, 0, 0, 0, 0, 0, 0]);
});

test("allowsAll() holds for a privileged container only", () => {
  assert.is(allowsAll(devicePolicy([{ allow: true, access: "rwm" }])), true);
  assert.is(allowsAll(devicePolicy([{ allow: false, access: "rwm" }])), false);
  assert.is(allowsAll(devicePolicy([{ allow: true }, { allow: false, type: "c", major: 1 }])), false);
  assert.is(allowsAll(devicePolicy(undefined)), false);
});

test.run();
