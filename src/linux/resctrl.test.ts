import { suite } from "uvu";
import * as assert from "uvu/assert";
import { schemaDifference } from "./resctrl.ts";

const test = suite("linux/resctrl");

const SCHEMATA = "    L3:0=7f0;1=1f\n    L2:0=ff;1=ff\n    MB:0=100;1= 70\n";

for (const line of ["L3:0=7f0;1=1f", "L3:1=1f;0=7f0", "L3:0=7F0", "L3:1=001f", "L3:1=0x1f", "  L3:0=7f0 ", "MB:0=100", "MB:1=70", "L3:"]) {
  test(`schemaDifference() finds none for "${line}"`, () => assert.is(schemaDifference(line, SCHEMATA), undefined));
}

const DIFFERENT: readonly (readonly [line: string, reason: string])[] = [
  ["L3:0=7f1", 'it has "L3:0=7f0;1=1f"'],
  ["L3:2=1", 'it has "L3:0=7f0;1=1f"'],
  ["L3:0=0", 'it has "L3:0=7f0;1=1f"'],
  ["MB:1=700", 'it has "MB:0=100;1= 70"'],
  ["L3CODE:0=7f0", 'it has no "L3CODE"'],
  ["l3:0=7f0", 'it has no "l3"'],
  ["0=7f0", '"0=7f0" is no line of a schemata file'],
];
for (const [line, reason] of DIFFERENT) {
  test(`schemaDifference() says of "${line}": ${reason}`, () => assert.is(schemaDifference(line, SCHEMATA), reason));
}

test.run();
