/** The two sides of the wire, addon/plan.h and the TypeScript, say the same. */

import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { PROJECT } from "../../test/runtime.ts";
import { encodePlan } from "./encode.ts";
import { OPS } from "./ops.ts";

const ops = suite("ops");

const HEADER = readFileSync(join(PROJECT, "addon/plan.h"), "utf8");

function constant(name: string): number {
  const [, value] = new RegExp(`\\b${name} = (\\w+)`).exec(HEADER) ?? [];
  return Number(value);
}

ops("OPS has the rows of plan.h: names, numbers and fields", () => {
  const rows = [...HEADER.matchAll(/^ {2}X\((\w+), (\d+), "(\w*)"\)/gm)].map(([, name, code, fields]) => [name, Number(code), fields]);
  const ours = Object.entries(OPS).map(([name, { code, fields }]) => [name, code, fields.map(([, kind]) => kind).join("")]);
  assert.ok(rows.length > 50);
  assert.equal(ours, rows);
});

ops("OPS gives each op a number of its own", () => {
  const codes = Object.values(OPS).map(({ code }) => code);
  assert.is(new Set(codes).size, codes.length);
});

const NUMBERS = ["/usr/include/x86_64-linux-gnu/asm/unistd_64.h", "/usr/include/asm/unistd_64.h", "/usr/include/asm-generic/unistd.h"].find(existsSync);

if (NUMBERS === undefined) {
  console.log("skipped: plan/ops: the kernel's headers are not installed (linux-libc-dev)");
  ops.skip("OPS has patterns over the names of system calls", () => undefined);
} else {
  ops("OPS has patterns over the names of system calls", () => {
    const known = new Set([...readFileSync(NUMBERS, "utf8").matchAll(/^#define __NR(?:3264)?_(\w+)/gm)].map(([, name]) => name));
    assert.ok(known.size > 200);
    for (const [name, { calls }] of Object.entries(OPS)) {
      assert.ok(new RegExp(`^(${calls})$`), name);
      // Each name is followed by a blank, so that "mount" is not the end of another's name.
      for (const [, call = "", blank] of calls.matchAll(/(\w+)( ?)/g)) {
        assert.ok(known.has(call), `${name}: ${call}`);
        assert.is(blank, " ", `${name}: ${call}`);
      }
    }
  });
}

ops("OPS has no more fields in a row than init's reader takes", () => {
  const [, most] = /kMaxFields = (\d+)/.exec(readFileSync(join(PROJECT, "addon/init/reader.h"), "utf8")) ?? [];
  for (const [name, { fields }] of Object.entries(OPS)) assert.ok(fields.length <= Number(most), name);
});

ops("encodePlan() writes the header of plan.h, and kNoFd for a descriptor that is not given", () => {
  const bytes = encodePlan([{ by: "init", op: "open_tree", path: "a", flags: 0, to: "x" }], ["x"]);
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const [, names = ""] = /^struct Header {\n {2}uint32_t ([\w, ]+);/m.exec(HEADER) ?? [];
  const header = Object.fromEntries(names.split(", ").map((name, index) => [name, view.getUint32(index * 4, true)]));
  // Op and index, a descriptor, a string, a number, a descriptor.
  const words = 2 + 1 + 2 + 2 + 1;
  assert.equal(header, { magic: constant("kMagic"), version: constant("kVersion"), steps: 1, inherited: 1, words, text: 2, data: 0 });
  assert.is(view.getUint32((names.split(", ").length + 2) * 4, true), constant("kNoFd"));
});

ops("src/native/init.ts knows the messages of plan.h", () => {
  const source = readFileSync(join(PROJECT, "src/native/init.ts"), "utf8");
  for (const [ours, theirs] of [["GATE", "kGate"], ["FAILURE", "kFailure"], ["WARNING", "kWarning"], ["CHILD", "kChild"], ["GO", "kGo"]]) {
    const [, value] = new RegExp(`^const ${ours} = (\\d+);`, "m").exec(source) ?? [];
    assert.is(Number(value), constant(theirs ?? ""), ours);
  }
  // kind, step, error and text_length have 4 bytes each, value 8.
  assert.match(source, "const HEADER_SIZE = 24;");
});

ops.run();
