/** The bytes of a plan, decoded again by a reader of the test's own. */

import { suite } from "uvu";
import * as assert from "uvu/assert";
import { MAPS, configOf, namespaces, planOf } from "../../test/plan-cases.ts";
import { encodePlan } from "./encode.ts";
import { OPS } from "./ops.ts";
import type { FieldKind } from "./ops.ts";
import type { Fd, InitOp, Step } from "./step.ts";
import { init } from "./step.ts";

const encode = suite("encode");

interface Decoded {
  readonly op: string;
  readonly index: number;
  readonly fields: Record<string, unknown>;
}

/** Reads by the table, and checks that nothing is left over. */
class Decoder {
  readonly #view: DataView;
  readonly #bytes: Uint8Array;
  #at = 0;
  #text = 0;
  #data = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  }

  plan(): { steps: Decoded[]; inherited: number } {
    const [, , count = 0, inherited = 0, words = 0, text = 0, data = 0] = Array.from({ length: 7 }, () => this.#word());
    this.#text = this.#at + words * 4;
    this.#data = this.#text + text;
    assert.is(this.#data + data, this.#bytes.length, "the parts are the whole");
    const steps = Array.from({ length: count }, () => this.#step());
    assert.is(this.#at, this.#text, "nothing follows the last step");
    return { steps, inherited };
  }

  #step(): Decoded {
    const [code, index] = [this.#word(), this.#word()];
    const [op, row] = Object.entries(OPS).find(([, candidate]) => candidate.code === code) ?? [];
    if (op === undefined || row === undefined) throw new Error(`no op has the number ${code}`);
    const fields = Object.fromEntries(row.fields.map(([name, kind]) => [name, this.#field(kind)]));
    return { op, index, fields };
  }

  #field(kind: FieldKind): unknown {
    switch (kind) {
      case "u": {
        const [low, high] = [this.#word(), this.#word()];
        return (BigInt(high) << 32n) | BigInt(low);
      }
      case "f":
        return this.#word();
      case "s": {
        const [at, length] = [this.#text + this.#word(), this.#word()];
        assert.ok(at + length < this.#data, "a string lies in the text");
        assert.is(this.#bytes[at + length], 0, "a string ends in NUL");
        return new TextDecoder().decode(this.#bytes.slice(at, at + length));
      }
      case "b": {
        const [at, length] = [this.#data + this.#word(), this.#word()];
        assert.ok(at + length <= this.#bytes.length, "bytes lie in the data");
        return this.#bytes.slice(at, at + length);
      }
      case "l":
        return Array.from({ length: this.#word() }, () => this.#field("s"));
    }
  }

  #word(): number {
    this.#at += 4;
    return this.#view.getUint32(this.#at - 4, true);
  }
}

function roundTrip(ops: readonly InitOp[], inherited: readonly Fd[] = []): Decoded[] {
  return new Decoder(encodePlan(init(ops), inherited)).plan().steps;
}

encode("encodePlan() keeps numbers of 64 bits, negative ones and switches", () => {
  const values: [number | bigint | boolean, bigint][] = [
    [0, 0n],
    [0xffffffff, 0xffffffffn],
    [2 ** 40, 2n ** 40n],
    [(1n << 64n) - 1n, (1n << 64n) - 1n],
    [-1, (1n << 64n) - 1n],
    [-1n, (1n << 64n) - 1n],
    [true, 1n],
    [false, 0n],
  ];
  const steps = roundTrip(values.map(([mask]) => ({ op: "umask", mask })));
  assert.equal(steps.map(({ fields }) => fields["mask"]), values.map(([, expected]) => expected));
});

encode("encodePlan() keeps text as UTF-8, empty or long", () => {
  const texts = ["", "a", "äöü€😀", "x".repeat(70_000), "\n\t\"\\"];
  const steps = roundTrip(texts.map((path) => ({ op: "chdir", path })));
  assert.equal(steps.map(({ fields }) => fields["path"]), texts);
});

encode("encodePlan() keeps lists, and what a list has none of", () => {
  const lists: string[][] = [[], [""], ["a", "", "b"], Array.from({ length: 3000 }, (_, index) => `NAME${index}=${"v".repeat(index % 50)}`)];
  const steps = roundTrip(lists.map((args) => ({ op: "execve", args, env: args })));
  assert.equal(steps.map(({ fields }) => fields["args"]), lists);
  assert.equal(steps.map(({ fields }) => fields["env"]), lists);
});

encode("encodePlan() takes bytes as text, bytes or 32-bit numbers", () => {
  const [text, bytes, numbers] = roundTrip([
    { op: "write", fd: "x", data: "0é" },
    { op: "write", fd: "x", data: new Uint8Array([0, 255, 1]) },
    { op: "setgroups", gids: [1, 4294967295] },
  ]);
  assert.equal([...(text?.fields["data"] as Uint8Array)], [0x30, 0xc3, 0xa9]);
  assert.equal([...(bytes?.fields["data"] as Uint8Array)], [0, 255, 1]);
  assert.equal([...(numbers?.fields["gids"] as Uint8Array)], [1, 0, 0, 0, 255, 255, 255, 255]);
});

encode("encodePlan() gives inherited names the first places, and others the next at their first use", () => {
  const steps = roundTrip(
    [
      { op: "fchdir", fd: "new" },
      { op: "fchdir", fd: "b" },
      { op: "open_tree", path: "", flags: 0, to: "newer" },
      { op: "fchdir", fd: "new" },
      { op: "fchdir", fd: "a" },
    ],
    ["a", "b"],
  );
  assert.equal(steps.map(({ fields }) => fields["fd"] ?? fields["to"]), [2, 1, 3, 2, 0]);
  assert.is(steps[2]?.fields["dir"], 0xffffffff);
});

encode("encodePlan() leaves the runtime's steps out and keeps the printed plan's numbers", () => {
  const steps: Step[] = [
    { by: "runtime", op: "console" },
    ...init([{ op: "setsid" }]),
    { by: "runtime", op: "console" },
    ...init([{ op: "lo_up" }]),
  ];
  const decoded = new Decoder(encodePlan(steps, ["a"])).plan();
  assert.equal(decoded.steps.map(({ op, index }) => [op, index]), [["setsid", 1], ["lo_up", 3]]);
  assert.is(decoded.inherited, 1);
});

encode("encodePlan() keeps every field of every step of whole plans", () => {
  const configs = [
    configOf(),
    configOf({
      hooks: { createContainer: [{ path: "/bin/hook", args: ["hook", "ä"], env: ["A=b"], timeout: 5 }] },
      linux: { namespaces: namespaces("user", "mount", "pid", "network"), ...MAPS, maskedPaths: ["/proc/kcore"], sysctl: { "net.ipv4.ip_forward": "1" } },
    }),
  ];
  for (const config of configs) {
    const { steps } = planOf(config);
    const inherited = steps.flatMap((step) => (step.op === "spawn" ? step.inherit : []));
    const { steps: decoded } = new Decoder(encodePlan(steps, inherited)).plan();
    assert.equal(decoded.map(({ op, index }) => `${index} ${op}`), steps.flatMap((step, index) => (step.by === "init" ? [`${index} ${step.op}`] : [])));
    for (const { index, op, fields } of decoded) assert.equal(textOf(op, fields), textOf(op, { ...steps[index] }), `step ${index}`);
  }
});

/** Numbers, text and lists of a step; descriptors are numbers on the wire and names before. */
function textOf(op: string, values: Record<string, unknown>): string[] {
  const { fields } = OPS[op as keyof typeof OPS];
  return fields.flatMap(([name, kind]) => {
    const value = values[name];
    if (kind === "f") return [];
    if (kind === "u") return [`${BigInt.asUintN(64, BigInt(value as number | bigint | boolean))}`];
    if (kind === "b" && typeof value === "string") return [JSON.stringify([...new TextEncoder().encode(value)])];
    if (kind === "b" && Array.isArray(value)) return [JSON.stringify([...new Uint8Array(Uint32Array.from(value as number[]).buffer)])];
    return [JSON.stringify(value instanceof Uint8Array ? [...value] : value)];
  });
}

encode.run();
