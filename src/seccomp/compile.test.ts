/** Tests of whole filters: profile to rules, rules to a filter by the addon, and the filter run on calls. */

import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { resolve } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { Seccomp, SyscallArg } from "../spec/config.ts";
import { type HighestCalls, prependEnosys } from "./enosys.ts";
import { type Call, evaluate } from "./evaluate.ts";
import { planSeccomp, type SeccompRules } from "./rules.ts";

interface Compiled {
  readonly bpf: Uint8Array;
  readonly unknown: readonly string[];
  readonly highest: HighestCalls;
}

interface Addon {
  readonly seccompCompile: (rules: SeccompRules) => Compiled;
  readonly seccompLibrary: () => string;
}

const test = suite("seccomp/compile");

/** Another build of the addon may be given: this file is also the test of that one. */
const file = resolve(process.env["TSRUN_ADDON"] ?? "dist/tsrun.node");

const X86_64 = 0xc000003e;
const I386 = 0x40000003;
const ARM64 = 0xc00000b7;
const X32_BIT = 0x40000000;
const ALLOW = 0x7fff0000;
const KILL = 0;
const EPERM = 0x50001;
const ENOSYS = 0x50026;
const READ = 0;
const WRITE = 1;
const MKDIR = 83;
/** Its halves are alike: a comparison that mixes them up, or sees one only, goes wrong. */
const BIG = 0x1_0000_0001n;

if (existsSync(file)) {
  addTests(createRequire(import.meta.url)(file) as Addon);
} else {
  const reason = `no addon at ${file}`;
  console.log(`skipped: seccomp/compile: ${reason}`);
  test.skip(`filters (skipped: ${reason})`, () => undefined);
}

function addTests(addon: Addon): void {
  const compile = (seccomp: Partial<Seccomp>, nativeArch = "x64"): Compiled =>
    addon.seccompCompile(planSeccomp({ defaultAction: "SCMP_ACT_ERRNO", ...seccomp }, { nativeArch }));
  testActions(compile);
  testOperators(compile);
  testNames(compile);
  testArchitectures(compile);
  testErrors(addon);
  testDocker(compile);
}

type Compile = (seccomp: Partial<Seccomp>, nativeArch?: string) => Compiled;

function x64(number: number, ...args: readonly bigint[]): Call {
  return { arch: X86_64, number, args };
}

function testActions(compile: Compile): void {
  const results: Readonly<Record<string, number>> = {
    SCMP_ACT_KILL: KILL,
    SCMP_ACT_KILL_PROCESS: 0x80000000,
    SCMP_ACT_KILL_THREAD: KILL,
    SCMP_ACT_TRAP: 0x30000,
    SCMP_ACT_ERRNO: 0x50007,
    SCMP_ACT_TRACE: 0x7ff00007,
    SCMP_ACT_ALLOW: ALLOW,
    SCMP_ACT_LOG: 0x7ffc0000,
    SCMP_ACT_NOTIFY: 0x7fc00000,
  };
  for (const [action, result] of Object.entries(results)) {
    const errno = action === "SCMP_ACT_ERRNO" || action === "SCMP_ACT_TRACE" ? { errnoRet: 7 } : {};
    test(`seccompCompile() makes ${action} of a rule`, () => {
      const { bpf } = compile({ syscalls: [{ names: ["mkdir"], action, ...errno }], listenerPath: "/run/l" });
      assert.is(evaluate(bpf, x64(MKDIR)), result);
      assert.is(evaluate(bpf, x64(READ)), EPERM);
    });
    if (action === "SCMP_ACT_NOTIFY") continue;
    test(`seccompCompile() makes ${action} the default`, () => {
      const { bpf } = compile({ defaultAction: action, syscalls: [{ names: ["mkdir"], action: "SCMP_ACT_ERRNO", errnoRet: 9 }] });
      const byDefault = action === "SCMP_ACT_ERRNO" || action === "SCMP_ACT_TRACE" ? result - 6 : result;
      assert.is(evaluate(bpf, x64(MKDIR)), 0x50009);
      assert.is(evaluate(bpf, x64(READ)), byDefault);
    });
  }
}

function testOperators(compile: Compile): void {
  const cases: readonly (readonly [SyscallArg, readonly bigint[], readonly bigint[]])[] = [
    [{ index: 0, op: "SCMP_CMP_NE", value: BIG }, [0n, 1n, BIG - 1n, BIG + 1n, 2n ** 64n - 1n], [BIG]],
    [{ index: 1, op: "SCMP_CMP_LT", value: BIG }, [0n, BIG - 1n], [BIG, BIG + 1n, 2n ** 63n]],
    [{ index: 2, op: "SCMP_CMP_LE", value: BIG }, [0n, BIG], [BIG + 1n, 2n ** 63n]],
    [{ index: 3, op: "SCMP_CMP_EQ", value: BIG }, [BIG], [1n, BIG - 1n, BIG + 1n, 0x1_0000_0000n]],
    [{ index: 4, op: "SCMP_CMP_GE", value: BIG }, [BIG, 2n ** 63n], [0n, BIG - 1n, 2n ** 32n - 1n]],
    [{ index: 5, op: "SCMP_CMP_GT", value: BIG }, [BIG + 1n, 2n ** 64n - 1n], [0n, BIG]],
    [
      { index: 0, op: "SCMP_CMP_MASKED_EQ", value: 0xf000_0000_0000_00f0n, valueTwo: 0x50 },
      [0x50n, 0x5fn, 0x0fff_ffff_ffff_ff5fn],
      [0x40n, 0x1000_0000_0000_0050n],
    ],
    [{ index: 0, op: "SCMP_CMP_EQ", value: 2n ** 64n - 1n }, [2n ** 64n - 1n], [2n ** 32n - 1n, 0n]],
  ];
  for (const [arg, matching, others] of cases) {
    test(`seccompCompile() compares argument ${arg.index} by ${arg.op} with ${arg.value}, 64 bits of it`, () => {
      const { bpf } = compile({ syscalls: [{ names: ["read"], action: "SCMP_ACT_ALLOW", args: [arg] }] });
      const result = (value: bigint): number => evaluate(bpf, x64(READ, ...Array.from({ length: 6 }, (_, i) => (i === arg.index ? value : 0n))));
      for (const value of matching) assert.is(result(value), ALLOW, `0x${value.toString(16)}`);
      for (const value of others) assert.is(result(value), EPERM, `0x${value.toString(16)}`);
    });
  }

  const range = (first: number, second: number): readonly SyscallArg[] => [
    { index: first, op: "SCMP_CMP_EQ", value: 1 },
    { index: second, op: "SCMP_CMP_EQ", value: 2 },
  ];
  test("seccompCompile() wants all conditions on different arguments", () => {
    const { bpf } = compile({ syscalls: [{ names: ["read"], action: "SCMP_ACT_ALLOW", args: range(0, 1) }] });
    assert.is(evaluate(bpf, x64(READ, 1n, 2n)), ALLOW);
    assert.is(evaluate(bpf, x64(READ, 1n, 1n)), EPERM);
    assert.is(evaluate(bpf, x64(READ, 2n, 2n)), EPERM);
  });
  test("seccompCompile() takes any of several conditions on the same argument", () => {
    const { bpf } = compile({ syscalls: [{ names: ["read"], action: "SCMP_ACT_ALLOW", args: range(0, 0) }] });
    assert.is(evaluate(bpf, x64(READ, 1n)), ALLOW);
    assert.is(evaluate(bpf, x64(READ, 2n)), ALLOW);
    assert.is(evaluate(bpf, x64(READ, 3n)), EPERM);
  });
}

function testNames(compile: Compile): void {
  test("seccompCompile() skips names that it does not know, and tells them once", () => {
    const { bpf, unknown } = compile({
      syscalls: [
        { names: ["no_such_call", "read", "nor_this"], action: "SCMP_ACT_ALLOW" },
        { names: ["no_such_call"], action: "SCMP_ACT_KILL" },
      ],
    });
    assert.equal(unknown, ["no_such_call", "nor_this"]);
    assert.is(evaluate(bpf, x64(READ)), ALLOW);
  });
  test("seccompCompile() takes calls that only another architecture has", () => {
    const { bpf, unknown } = compile({
      architectures: ["SCMP_ARCH_X86"],
      syscalls: [{ names: ["waitpid"], action: "SCMP_ACT_ALLOW" }],
    });
    assert.equal(unknown, []);
    assert.is(evaluate(bpf, { arch: I386, number: 7 }), ALLOW);
    assert.is(evaluate(bpf, x64(7)), EPERM);
  });
  test("seccompCompile() tells the highest call of each architecture, those with the default action too", () => {
    const { highest } = compile({
      architectures: ["SCMP_ARCH_X86"],
      syscalls: [
        { names: ["read", "no_such_call"], action: "SCMP_ACT_ALLOW" },
        { names: ["openat2"], action: "SCMP_ACT_ERRNO" },
      ],
    });
    assert.equal(highest, [[X86_64, 437], [I386, 437]]);
  });
  test("seccompCompile() makes a tree of many calls that finds every one", () => {
    const names = ["read", "write", "close", "openat", "mmap", "munmap", "futex", "exit_group", "brk"];
    const { bpf } = compile({ syscalls: [{ names, action: "SCMP_ACT_ALLOW" }] });
    const allowed = [0, 1, 3, 257, 9, 11, 202, 231, 12];
    for (let number = 0; number < 450; number += 1) {
      assert.is(evaluate(bpf, x64(number)), allowed.includes(number) ? ALLOW : EPERM, String(number));
    }
  });
}

function testArchitectures(compile: Compile): void {
  test("seccompCompile() kills calls of an architecture that is not listed", () => {
    const { bpf } = compile({ syscalls: [{ names: ["read"], action: "SCMP_ACT_ALLOW" }] });
    assert.is(evaluate(bpf, { arch: I386, number: 3 }), KILL);
    assert.is(evaluate(bpf, { arch: ARM64, number: 63 }), KILL);
    assert.is(evaluate(bpf, x64(X32_BIT)), KILL);
  });
  test("seccompCompile() makes filters for another machine", () => {
    const { bpf } = compile({ architectures: ["SCMP_ARCH_ARM"], syscalls: [{ names: ["read"], action: "SCMP_ACT_ALLOW" }] }, "arm64");
    assert.is(evaluate(bpf, { arch: ARM64, number: 63 }), ALLOW);
    assert.is(evaluate(bpf, { arch: 0x40000028, number: 3 }), ALLOW);
    assert.is(evaluate(bpf, { arch: ARM64, number: 64 }), EPERM);
    assert.is(evaluate(bpf, x64(READ)), KILL);
  });
  test("seccompCompile() takes all architectures of this byte order that 2.5 knows", () => {
    const names = ["X86", "X86_64", "X32", "ARM", "AARCH64", "MIPSEL", "MIPSEL64", "MIPSEL64N32", "PPC64LE", "RISCV64"];
    const architectures = names.map((name) => `SCMP_ARCH_${name}`);
    const { bpf, highest } = compile({ architectures, syscalls: [{ names: ["write"], action: "SCMP_ACT_ALLOW" }] });
    assert.is(highest.length, names.length);
    assert.is(evaluate(bpf, { arch: 0xc00000f3, number: 64 }), ALLOW);
  });
  test("seccompCompile() makes the profile without rules that kills everything", () => {
    assert.is(evaluate(compile({ defaultAction: "SCMP_ACT_KILL" }).bpf, x64(READ)), KILL);
  });
}

function testErrors(addon: Addon): void {
  const broken: SeccompRules = {
    defaultAction: ALLOW,
    architectures: [X86_64],
    rules: [{ names: ["read"], action: ALLOW, conditions: [] }],
    defaulted: [],
    enosys: false,
    tree: false,
    flags: 0,
    listener: undefined,
  };
  test("seccompCompile() throws with errno, function and the name of the call", () => {
    const message = thrown(() => addon.seccompCompile(broken));
    assert.equal(message, { code: "EACCES", errno: 13, syscall: "seccomp_rule_add", path: "read" });
  });
  test("seccompCompile() throws for an architecture that the library lacks", () => {
    const message = thrown(() => addon.seccompCompile({ ...broken, architectures: [X86_64, 0x7777], rules: [] }));
    assert.equal(message, { code: "EINVAL", errno: 22, syscall: "seccomp_arch_add", path: undefined });
  });
  test("seccompCompile() throws for rules that are no rules", () => {
    assert.throws(() => addon.seccompCompile({} as SeccompRules));
  });
  test("seccompLibrary() tells the version", () => assert.match(addon.seccompLibrary(), /^\d+\.\d+\.\d+$/));
}

function thrown(action: () => unknown): unknown {
  try {
    action();
  } catch (error) {
    const { code, errno, syscall, path } = error as Record<string, unknown>;
    return { code, errno, syscall, path };
  }
  return undefined;
}

/** The profile as docker 28 writes it: 13 rules, 370 calls, three architectures. */
function testDocker(compile: Compile): void {
  const config = JSON.parse(readFileSync("src/spec/testdata/engine-configs/docker-1.json", "utf8")) as { linux: { seccomp: Seccomp } };
  const compiled = compile(config.linux.seccomp);
  const filter = prependEnosys(compiled.bpf, compiled.highest);
  const expected: readonly (readonly [string, Call, number])[] = [
    ["read", x64(READ), ALLOW],
    ["write of i386", { arch: I386, number: 4 }, ALLOW],
    ["write of x32", x64(X32_BIT + WRITE), ALLOW],
    ["mount", x64(165), EPERM],
    ["mount of i386", { arch: I386, number: 21 }, EPERM],
    ["keyctl", x64(250), EPERM],
    ["clone3", x64(435), ENOSYS],
    ["ptrace", x64(101), ALLOW],
    ["socket(AF_INET)", x64(41, 2n), ALLOW],
    ["socket(AF_VSOCK)", x64(41, 40n), EPERM],
    ["personality(PER_LINUX)", x64(135, 0n), ALLOW],
    ["personality(PER_LINUX32)", x64(135, 8n), ALLOW],
    ["personality(READ_IMPLIES_EXEC)", x64(135, 0x400000n), EPERM],
    ["clone(SIGCHLD)", x64(56, 17n), ALLOW],
    ["clone(CLONE_NEWUSER)", x64(56, 0x10000011n), EPERM],
    ["clone(CLONE_NEWNS)", x64(56, 0x20011n), EPERM],
    ["a call that is newer than the profile", x64(600), ENOSYS],
    ["the same of i386", { arch: I386, number: 600 }, ENOSYS],
    ["the same of x32", x64(X32_BIT + 600), ENOSYS],
    ["a call of ARM", { arch: ARM64, number: 63 }, KILL],
  ];
  for (const [name, call, result] of expected) {
    test(`the profile of docker does the right thing to ${name}`, () => {
      assert.is(evaluate(filter, call).toString(16), result.toString(16));
    });
  }
  test("the profile of docker fits into the kernel's 4096 instructions", () => {
    assert.ok(filter.length / 8 < 4096, String(filter.length / 8));
  });
}

test.run();
