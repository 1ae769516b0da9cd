import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { Memory } from "../spec/config.ts";
import type { Limits } from "./limits.ts";
import { memoryV1, memoryV2 } from "./memory.ts";

const test = suite("resources/memory");

function lines({ writes }: Limits): string[] {
  return writes.map(({ file, value, optional }) => `${file}=${value}${optional === true ? "?" : ""}`);
}

function refused({ problems }: Limits): string[] {
  return problems.map(({ pointer }) => pointer.slice("/linux/resources/memory/".length));
}

const v1: readonly (readonly [string, Memory, readonly string[]])[] = [
  ["writes nothing for nothing", {}, []],
  ["writes nothing for zeros and docker's disableOOMKiller", { limit: 0, swap: 0, disableOOMKiller: false }, []],
  [
    "writes the limit before the sum with swap",
    { swap: 134217728, limit: 67108864 },
    ["memory.limit_in_bytes=67108864", "memory.memsw.limit_in_bytes=134217728"],
  ],
  [
    "lifts swap before an unlimited limit",
    { limit: -1 },
    ["memory.memsw.limit_in_bytes=-1?", "memory.limit_in_bytes=-1"],
  ],
  [
    "writes the rest to its files",
    { reservation: 1, kernelTCP: 2, swappiness: 0, disableOOMKiller: true, useHierarchy: true },
    [
      "memory.use_hierarchy=1",
      "memory.soft_limit_in_bytes=1",
      "memory.kmem.tcp.limit_in_bytes=2",
      "memory.swappiness=0",
      "memory.oom_control=1",
    ],
  ],
  ["keeps 64 bits", { limit: 9223372036854771712n }, ["memory.limit_in_bytes=9223372036854771712"]],
];
for (const [criterion, memory, expected] of v1) {
  test(`memoryV1() ${criterion}`, () => {
    const limits = memoryV1(memory);
    assert.equal(lines(limits), expected);
    assert.equal(limits.problems, []);
  });
}

const v2: readonly (readonly [string, Memory, readonly string[]])[] = [
  ["takes the limit off the sum for swap", { limit: 100, swap: 300 }, ["memory.max=100", "memory.swap.max=200"]],
  ["takes an equal sum for no swap", { limit: 100, swap: 100 }, ["memory.max=100", "memory.swap.max=0?"]],
  ["has max for -1", { limit: -1, swap: -1, reservation: -1 }, ["memory.max=max", "memory.swap.max=max?", "memory.low=max"]],
  ["lifts swap with the limit", { limit: -1 }, ["memory.max=max", "memory.swap.max=max?"]],
  ["lifts swap alone", { swap: -1 }, ["memory.swap.max=max?"]],
  ["subtracts beyond 2^53", { limit: 9007199254740993n, swap: 9007199254740995n }, ["memory.max=9007199254740993", "memory.swap.max=2"]],
  ["accepts what asks for nothing", { disableOOMKiller: false, useHierarchy: true, kernelTCP: -1, limit: 0 }, []],
];
for (const [criterion, memory, expected] of v2) {
  test(`memoryV2() ${criterion}`, () => {
    const limits = memoryV2(memory);
    assert.equal(lines(limits), expected);
    assert.equal(limits.problems, []);
  });
}

test("memoryV2() refuses what v2 has nothing for, each at its place", () => {
  const memory = { swappiness: 0, disableOOMKiller: true, kernelTCP: 5, useHierarchy: false };
  assert.equal(refused(memoryV2(memory)), ["kernelTCP", "swappiness", "disableOOMKiller", "useHierarchy"]);
  assert.is(memoryV2({ swappiness: 60 }).problems[0]?.message, '"swappiness" cannot be converted to cgroup v2');
});

test("memoryV1() and memoryV2() refuse a sum that is less than the limit, or has none", () => {
  for (const plan of [memoryV1, memoryV2]) {
    assert.equal(refused(plan({ limit: 100, swap: 99 })), ["swap"]);
    assert.equal(refused(plan({ swap: 99 })), ["swap"]);
    assert.equal(refused(plan({ limit: -1, swap: 99 })), ["swap"]);
    assert.equal(refused(plan({ limit: -2 })), ["limit"]);
  }
});

test("memoryV1() and memoryV2() leave kernel out with a note", () => {
  for (const plan of [memoryV1, memoryV2]) {
    const limits = plan({ kernel: 100 });
    assert.equal(limits.writes, []);
    assert.is(limits.notes[0]?.pointer, "/linux/resources/memory/kernel");
  }
});

test("memoryV2() has the usage looked at where checkBeforeUpdate asks for it", () => {
  assert.is(memoryV2({ limit: 1, checkBeforeUpdate: true }).writes[0]?.notBelow, "memory.current");
  assert.is(memoryV2({ limit: 1 }).writes[0]?.notBelow, undefined);
});

test.run();
