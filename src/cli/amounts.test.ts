import { suite } from "uvu";
import * as assert from "uvu/assert";
import { UsageError } from "../errors.ts";
import { parseInteger, parseSize } from "./amounts.ts";

const test = suite("cli/amounts");

test("parseSize() reads numbers with and without units, by 1024", () => {
  const sizes = { "-1": -1, "0": 0, "512": 512, "512b": 512, "2k": 2048, "2K": 2048, "64m": 67108864, "64MB": 67108864, "64 MiB": 67108864, "1.5g": 1610612736, ".5g": 536870912, ".5": 0, "1t": 2 ** 40, "1p": 2 ** 50, "7.9": 7 };
  for (const [text, bytes] of Object.entries(sizes)) assert.is(parseSize("memory", text), bytes, text);
  assert.is(parseSize("memory", "9223372036854771712"), 9223372036854771712n);
});

test("parseSize() refuses what is no size", () => {
  for (const text of ["", "-2", "m", "5x", "5mm", "1e3", "0x10", " 5", "5m "]) assert.throws(() => parseSize("memory", text), (error: unknown) => error instanceof UsageError, text);
});

test("parseInteger() reads whole numbers of 64 bits", () => {
  assert.is(parseInteger("cpu-share", "1024", { signed: false }), 1024);
  assert.is(parseInteger("cpu-share", "18446744073709551615", { signed: false }), 18446744073709551615n);
  assert.is(parseInteger("cpu-quota", "-1", { signed: true }), -1);
  assert.is(parseInteger("cpu-quota", "-9223372036854775808", { signed: true }), -9223372036854775808n);
});

test("parseInteger() refuses other numbers, and those that do not fit", () => {
  for (const [text, signed] of [["-1", false], ["18446744073709551616", false], ["9223372036854775808", true], ["1.5", true], ["five", true], ["", true], ["1k", false]] as const) {
    assert.throws(() => parseInteger("cpu-share", text, { signed }), (error: unknown) => error instanceof UsageError, text);
  }
});

test.run();
