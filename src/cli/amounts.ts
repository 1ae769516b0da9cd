/** Amounts on the command line: numbers, and sizes of memory with a unit. */

import { UsageError } from "../errors.ts";
import type { Integer } from "../spec/config.ts";

const UNITS = "kmgtp";
const SIZE = /^(\d+(?:\.\d+)?|\.\d+) ?(?:([kmgtp])i?)?b?$/i;

/** Bytes, as docker and runc read them: `64m`, `1.5GiB`, a bare number; -1 is unlimited. */
export function parseSize(option: string, text: string): Integer {
  if (text === "-1") return -1;
  const [, amount, unit = ""] = SIZE.exec(text) ?? [];
  if (amount === undefined) throw new UsageError(`cannot use option "--${option}": ${JSON.stringify(text)} is not a size such as 512m`);
  const factor = 1024n ** BigInt(UNITS.indexOf(unit.toLowerCase()) + 1);
  if (unit === "") return integerOf(BigInt(amount.split(".")[0] ?? "0"));
  if (!amount.includes(".")) return integerOf(BigInt(amount) * factor);
  return Math.trunc(Number(amount) * Number(factor));
}

/** A whole number of 64 bits; `signed` ones may be negative. */
export function parseInteger(option: string, text: string, { signed }: { readonly signed: boolean }): Integer {
  const range = signed ? ([-(2n ** 63n), 2n ** 63n - 1n] as const) : ([0n, 2n ** 64n - 1n] as const);
  const value = /^[-+]?\d{1,20}$/.test(text) ? BigInt(text) : undefined;
  if (value !== undefined && value >= range[0] && value <= range[1]) return integerOf(value);
  throw new UsageError(`cannot use option "--${option}": ${JSON.stringify(text)} is not a ${signed ? "" : "positive "}number`);
}

function integerOf(value: bigint): Integer {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}
