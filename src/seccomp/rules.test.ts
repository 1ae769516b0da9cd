/** Tests of the way from a profile to rules, and of what they mean for init. */

import { suite } from "uvu";
import * as assert from "uvu/assert";
import { ConfigError } from "../errors.ts";
import type { Seccomp, SyscallArg } from "../spec/config.ts";
import { blockedByFilter } from "./blocked.ts";
import { actionName, ACTIONS } from "./names.ts";
import { cacheKey, planSeccomp, type SeccompRules } from "./rules.ts";

const test = suite("seccomp/rules");

const X86_64 = 0xc000003e;
const ALLOW = 0x7fff0000;

function plan(seccomp: Partial<Seccomp>): SeccompRules {
  return planSeccomp({ defaultAction: "SCMP_ACT_ERRNO", ...seccomp }, { nativeArch: "x64" });
}

function refuses(name: string, seccomp: Partial<Seccomp>, expected: Readonly<Record<string, string>>): void {
  test(`planSeccomp() refuses ${name}`, () => {
    try {
      plan(seccomp);
    } catch (error) {
      assert.instance(error, ConfigError);
      const problems = error instanceof ConfigError ? error.problems : [];
      assert.equal(Object.fromEntries(problems.map(({ pointer, message }) => [pointer, message])), expected);
      return;
    }
    assert.unreachable("it was accepted");
  });
}

const RESULTS: Readonly<Record<string, number>> = {
  SCMP_ACT_KILL: 0,
  SCMP_ACT_KILL_PROCESS: 0x80000000,
  SCMP_ACT_KILL_THREAD: 0,
  SCMP_ACT_TRAP: 0x30000,
  SCMP_ACT_ERRNO: 0x50001,
  SCMP_ACT_TRACE: 0x7ff00001,
  SCMP_ACT_ALLOW: ALLOW,
  SCMP_ACT_LOG: 0x7ffc0000,
};

for (const [action, result] of Object.entries(RESULTS)) {
  test(`planSeccomp() turns ${action} into 0x${result.toString(16)}, with EPERM where it takes an errno`, () => {
    assert.is(plan({ defaultAction: action }).defaultAction, result);
  });
}

test("planSeccomp() puts the errno into the action, of the default and of a rule", () => {
  const rules = plan({ defaultErrnoRet: 38, syscalls: [{ names: ["read"], action: "SCMP_ACT_ERRNO", errnoRet: 4095 }] });
  assert.is(rules.defaultAction, 0x50026);
  assert.is(rules.rules[0]?.action, 0x50fff);
  assert.is(plan({ defaultAction: "SCMP_ACT_TRACE", defaultErrnoRet: 65535 }).defaultAction, 0x7ff0ffff);
});

test("planSeccomp() leaves out rules that have the default action, errno and all", () => {
  const rules = plan({
    syscalls: [
      { names: ["mount", "umount2"], action: "SCMP_ACT_ERRNO" },
      { names: ["clone3"], action: "SCMP_ACT_ERRNO", errnoRet: 38 },
      { names: ["read"], action: "SCMP_ACT_ALLOW" },
    ],
  });
  assert.equal(rules.rules, [
    { names: ["clone3"], action: 0x50026, conditions: [] },
    { names: ["read"], action: ALLOW, conditions: [] },
  ]);
  assert.equal(rules.defaulted, ["mount", "umount2"]);
});

test("planSeccomp() takes KILL and KILL_THREAD for the same", () => {
  const rules = plan({ defaultAction: "SCMP_ACT_KILL", syscalls: [{ names: ["x"], action: "SCMP_ACT_KILL_THREAD" }] });
  assert.equal(rules.rules, []);
});

const arg = (index: number, op: string, value: number | bigint, valueTwo?: number): SyscallArg =>
  valueTwo === undefined ? { index, op, value } : { index, op, value, valueTwo };

function conditionsOf(args: readonly SyscallArg[]): unknown {
  return plan({ syscalls: [{ names: ["x"], action: "SCMP_ACT_ALLOW", args }] }).rules.map((rule) => rule.conditions);
}

test("planSeccomp() keeps conditions on different arguments together", () => {
  assert.equal(conditionsOf([arg(0, "SCMP_CMP_EQ", 1), arg(5, "SCMP_CMP_MASKED_EQ", 0xff, 2)]), [
    [
      { index: 0, op: 4, value: 1, valueTwo: 0 },
      { index: 5, op: 7, value: 0xff, valueTwo: 2 },
    ],
  ]);
});

test("planSeccomp() makes a rule of every condition where two are on the same argument", () => {
  const args = [arg(0, "SCMP_CMP_GE", 1), arg(1, "SCMP_CMP_NE", 2), arg(0, "SCMP_CMP_LE", 3)];
  assert.equal(conditionsOf(args), [
    [{ index: 0, op: 5, value: 1, valueTwo: 0 }],
    [{ index: 1, op: 1, value: 2, valueTwo: 0 }],
    [{ index: 0, op: 3, value: 3, valueTwo: 0 }],
  ]);
});

test("planSeccomp() ignores valueTwo of all operators but MASKED_EQ, and keeps 64 bits", () => {
  assert.equal(conditionsOf([arg(0, "SCMP_CMP_EQ", 2n ** 64n - 1n, 7)]), [
    [{ index: 0, op: 4, value: 2n ** 64n - 1n, valueTwo: 0 }],
  ]);
});

test("planSeccomp() puts the native architecture first and none twice", () => {
  assert.equal(plan({}).architectures, [X86_64]);
  assert.equal(plan({ architectures: ["SCMP_ARCH_X86", "SCMP_ARCH_X32", "SCMP_ARCH_X86_64"] }).architectures, [
    X86_64,
    0x40000003,
    0x4000003e,
  ]);
});

test("planSeccomp() gives SPEC_ALLOW where flags are absent, and nothing where they are empty", () => {
  assert.is(plan({}).flags, 4);
  assert.is(plan({ flags: [] }).flags, 0);
  assert.is(plan({ flags: ["SECCOMP_FILTER_FLAG_TSYNC"] }).flags, 0);
  assert.is(plan({ flags: ["SECCOMP_FILTER_FLAG_LOG", "SECCOMP_FILTER_FLAG_SPEC_ALLOW"] }).flags, 6);
});

const NOTIFY: Partial<Seccomp> = {
  syscalls: [{ names: ["mkdir"], action: "SCMP_ACT_NOTIFY" }],
  listenerPath: "/run/listener",
  flags: ["SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"],
};

test("planSeccomp() asks for a listener only if a rule notifies", () => {
  assert.is(plan(NOTIFY).flags, 0x28);
  assert.equal(plan(NOTIFY).listener, { path: "/run/listener", metadata: undefined });
  assert.equal(plan({ ...NOTIFY, listenerMetadata: "m" }).listener, { path: "/run/listener", metadata: "m" });
  const without = plan({ ...NOTIFY, syscalls: [] });
  assert.is(without.flags, 0);
  assert.is(without.listener, undefined);
});

test("planSeccomp() wants ENOSYS for new calls unless the default lets them through or the profile lists no architecture", () => {
  const architectures = ["SCMP_ARCH_X86_64"];
  const wanting = Object.keys(RESULTS).filter((defaultAction) => plan({ defaultAction, architectures }).enosys);
  assert.equal(wanting, ["SCMP_ACT_KILL", "SCMP_ACT_KILL_PROCESS", "SCMP_ACT_KILL_THREAD", "SCMP_ACT_TRAP", "SCMP_ACT_ERRNO"]);
  assert.not(plan({ architectures, defaultErrnoRet: 38 }).enosys);
  assert.not(plan({}).enosys);
});

test("planSeccomp() wants a tree for more than eight calls", () => {
  const names = ["a", "b", "c", "d", "e", "f", "g", "h"];
  assert.not(plan({ syscalls: [{ names, action: "SCMP_ACT_ALLOW" }] }).tree);
  assert.ok(plan({ syscalls: [{ names: [...names, "i"], action: "SCMP_ACT_ALLOW" }] }).tree);
});

refuses("an action, an operator and a flag that do not exist, all at once", {
  defaultAction: "SCMP_ACT_FOO",
  flags: ["FOO"],
  syscalls: [{ names: ["x"], action: "toString", args: [arg(0, "valueOf", 1)] }],
}, {
  "/linux/seccomp/defaultAction": `must be one of ${ACTIONS.map(({ name }) => name).join(", ")}, got "SCMP_ACT_FOO"`,
  "/linux/seccomp/syscalls/0/action": `must be one of ${ACTIONS.map(({ name }) => name).join(", ")}, got "toString"`,
  "/linux/seccomp/syscalls/0/args/0/op":
    'must be one of SCMP_CMP_NE, SCMP_CMP_LT, SCMP_CMP_LE, SCMP_CMP_EQ, SCMP_CMP_GE, SCMP_CMP_GT, SCMP_CMP_MASKED_EQ, got "valueOf"',
  "/linux/seccomp/flags/0":
    'must be one of SECCOMP_FILTER_FLAG_TSYNC, SECCOMP_FILTER_FLAG_LOG, SECCOMP_FILTER_FLAG_SPEC_ALLOW, SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV, got "FOO"',
});

refuses("an errno with an action that returns none", {
  defaultAction: "SCMP_ACT_KILL",
  defaultErrnoRet: 1,
  syscalls: [{ names: ["x"], action: "SCMP_ACT_ALLOW", errnoRet: 0 }],
}, {
  "/linux/seccomp/defaultErrnoRet": 'must not be set: "SCMP_ACT_KILL" returns no errno',
  "/linux/seccomp/syscalls/0/errnoRet": 'must not be set: "SCMP_ACT_ALLOW" returns no errno',
});

refuses("an errno that would change the action", { defaultErrnoRet: 65536 }, {
  "/linux/seccomp/defaultErrnoRet": "must be from 0 to 4095, got 65536",
});

refuses("a seventh argument", { syscalls: [{ names: ["x"], action: "SCMP_ACT_ALLOW", args: [arg(6, "SCMP_CMP_EQ", 1)] }] }, {
  "/linux/seccomp/syscalls/0/args/0/index": "must be from 0 to 5, got 6",
});

refuses("NOTIFY as the default", { defaultAction: "SCMP_ACT_NOTIFY" }, {
  "/linux/seccomp/defaultAction": "must not be SCMP_ACT_NOTIFY",
});

refuses("NOTIFY without a listener", { syscalls: [{ names: ["x"], action: "SCMP_ACT_NOTIFY" }] }, {
  "/linux/seccomp/listenerPath": "must be set: a rule has the action SCMP_ACT_NOTIFY",
});

refuses("metadata without a listener", { listenerMetadata: "m" }, {
  "/linux/seccomp/listenerMetadata": "must not be set without listenerPath",
});

refuses("architectures that this libseccomp or this byte order cannot have, and says why", {
  architectures: ["SCMP_ARCH_LOONGARCH64", "SCMP_ARCH_S390X", "SCMP_ARCH_FOO", "amd64", "SCMP_ARCH_ARM"],
}, {
  "/linux/seccomp/architectures/0":
    'cannot be "SCMP_ARCH_LOONGARCH64" here: it needs libseccomp 2.6.0, and this is libseccomp 2.5.4',
  "/linux/seccomp/architectures/1":
    'cannot be "SCMP_ARCH_S390X" here: a filter cannot serve the byte orders of it and of x86_64 at once',
  "/linux/seccomp/architectures/2": 'must be an architecture of libseccomp, got "SCMP_ARCH_FOO"',
  "/linux/seccomp/architectures/3": 'must be an architecture of libseccomp, got "amd64"',
});

test("planSeccomp() takes architectures of a later libseccomp with a later libseccomp", () => {
  for (const libseccompVersion of ["2.6.0", "2.10.1", "3.0"]) {
    const seccomp = { defaultAction: "SCMP_ACT_KILL", architectures: ["SCMP_ARCH_LOONGARCH64"] };
    assert.is(planSeccomp(seccomp, { nativeArch: "x64", libseccompVersion }).architectures.length, 2, libseccompVersion);
  }
});

test("actionName() is the inverse of planSeccomp()", () => {
  for (const [name, result] of Object.entries(RESULTS)) {
    assert.is(actionName(result), name === "SCMP_ACT_KILL" ? "SCMP_ACT_KILL_THREAD" : name);
  }
  assert.is(actionName(0x12340000), "0x12340000");
});

test("cacheKey() differs wherever the filter would", () => {
  const base: Partial<Seccomp> = {
    architectures: ["SCMP_ARCH_X86_64"],
    syscalls: [
      { names: ["read", "write"], action: "SCMP_ACT_ALLOW", args: [arg(0, "SCMP_CMP_MASKED_EQ", 1, 2)] },
      { names: ["mount"], action: "SCMP_ACT_ERRNO" },
    ],
  };
  const [first, second] = base.syscalls ?? [];
  assert.ok(first && second);
  const variants: readonly Partial<Seccomp>[] = [
    base,
    { ...base, defaultAction: "SCMP_ACT_KILL" },
    { ...base, defaultErrnoRet: 2 },
    { ...base, architectures: ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86"] },
    { ...base, architectures: [] },
    { ...base, syscalls: [first] },
    { ...base, syscalls: [{ ...first, names: ["read write"] }, second] },
    { ...base, syscalls: [{ ...first, action: "SCMP_ACT_LOG" }, second] },
    { ...base, syscalls: [{ ...first, args: [] }, second] },
    { ...base, syscalls: [{ ...first, args: [arg(0, "SCMP_CMP_MASKED_EQ", 1, 3)] }, second] },
    { ...base, syscalls: [{ ...first, args: [arg(0, "SCMP_CMP_MASKED_EQ", 2n ** 63n, 2)] }, second] },
    { ...base, syscalls: [{ ...first, args: [arg(1, "SCMP_CMP_MASKED_EQ", 1, 2)] }, second] },
    { ...base, syscalls: [{ ...first, args: [arg(0, "SCMP_CMP_EQ", 1)] }, second] },
  ];
  const keys = variants.map((variant) => cacheKey(plan(variant)));
  assert.is(new Set(keys).size, variants.length);
  assert.is.not(cacheKey(plan(base), "2.6.0"), keys[0]);
});

test("cacheKey() is the same for the same rules, whatever the flags and the listener", () => {
  assert.is(cacheKey(plan(NOTIFY)), cacheKey(plan({ ...NOTIFY, flags: [], listenerPath: "/other" })));
  assert.is(cacheKey(plan({ defaultErrnoRet: 1 })), cacheKey(plan({})));
});

test("blockedByFilter() refuses a notified call, whatever its arguments", () => {
  const args = [arg(0, "SCMP_CMP_EQ", 99)];
  const rules = plan({ ...NOTIFY, defaultAction: "SCMP_ACT_ALLOW", syscalls: [{ names: ["write"], action: "SCMP_ACT_NOTIFY", args }] });
  assert.equal(blockedByFilter(rules, ["read", "write"]), [
    { name: "write", action: "SCMP_ACT_NOTIFY", conditional: true, refuse: true },
  ]);
});

test("blockedByFilter() tells of calls that fail or kill, without refusing them", () => {
  const rules = plan({ syscalls: [{ names: ["read"], action: "SCMP_ACT_ALLOW" }, { names: ["write"], action: "SCMP_ACT_KILL" }] });
  assert.equal(blockedByFilter(rules, ["read", "write", "close"]), [
    { name: "write", action: "SCMP_ACT_KILL_THREAD", conditional: false, refuse: false },
    { name: "close", action: "SCMP_ACT_ERRNO", conditional: false, refuse: false },
  ]);
});

test("blockedByFilter() tells of the default where a call is allowed only with some arguments", () => {
  const args = [arg(0, "SCMP_CMP_EQ", 1)];
  const rules = plan({ syscalls: [{ names: ["write"], action: "SCMP_ACT_ALLOW", args }] });
  assert.equal(blockedByFilter(rules, ["write"]), [
    { name: "write", action: "SCMP_ACT_ERRNO", conditional: true, refuse: false },
  ]);
});

test("blockedByFilter() finds nothing in a profile that allows or logs", () => {
  const rules = plan({ defaultAction: "SCMP_ACT_LOG", syscalls: [{ names: ["write"], action: "SCMP_ACT_ALLOW" }] });
  assert.equal(blockedByFilter(rules, ["write", "close"]), []);
});

test.run();
