/**
 * The limits of a container as properties of its systemd unit (systemd.resource-control(5)): systemd writes the files of
 * its units anew whenever it is reloaded, and would take back what it was not told of.
 */

import { Variant } from "../dbus/marshal.ts";
import type { Value } from "../dbus/marshal.ts";
import { numbersOfList } from "../linux/number-list.ts";
import type { FileWrite } from "./limits.ts";

/** A property's name and its value. */
export type Property = readonly [name: string, value: Variant];

/** "No limit", in systemd's numbers. */
const INFINITY = 0xffff_ffff_ffff_ffffn;
const MICROS_PER_SECOND = 1_000_000n;
/** systemd keeps a quota as a percentage: what it is told is rounded up to one, so that it never takes away from what is written. */
const QUOTA_STEP = 10_000n;
const BITS_PER_BYTE = 8;

/** The files that are limits of systemd's, too; it knows nothing of the others, and leaves them alone. */
const PROPERTIES: Readonly<Record<string, (value: string) => readonly Property[]>> = {
  "memory.max": (value) => [["MemoryMax", amount(value)]],
  "memory.low": (value) => [["MemoryLow", amount(value)]],
  "memory.min": (value) => [["MemoryMin", amount(value)]],
  "memory.high": (value) => [["MemoryHigh", amount(value)]],
  "memory.swap.max": (value) => [["MemorySwapMax", amount(value)]],
  "memory.zswap.max": (value) => [["MemoryZSwapMax", amount(value)]],
  "cpu.weight": (value) => [["CPUWeight", number(value)]],
  "cpu.idle": (value) => (value === "1" ? [["CPUWeight", number("0")]] : []),
  "cpu.max": quota,
  "cpuset.cpus": (value) => [["AllowedCPUs", mask(value)]],
  "cpuset.mems": (value) => [["AllowedMemoryNodes", mask(value)]],
  "io.weight": (value) => (/^(default )?\d+$/.test(value) ? [["IOWeight", number(value.replace("default ", ""))]] : []),
  "pids.max": (value) => [["TasksMax", amount(value)]],
};

/** What systemd is to be told of these writes: of several to one file the last holds. */
export function propertiesOf(writes: readonly Pick<FileWrite, "version" | "file" | "value">[]): Property[] {
  const found = new Map<string, Variant>();
  for (const { version, file, value } of writes) {
    const properties = version === 2 && Object.hasOwn(PROPERTIES, file) ? (PROPERTIES[file]?.(value) ?? []) : [];
    for (const [name, variant] of properties) found.set(name, variant);
  }
  return [...found];
}

function amount(value: string): Variant {
  return new Variant("t", value === "max" ? INFINITY : BigInt(value));
}

function number(value: string): Variant {
  return new Variant("t", BigInt(value));
}

function quota(value: string): readonly Property[] {
  const [limit = "max", period = "100000"] = value.split(" ");
  const micros = BigInt(period);
  if (limit === "max") return [["CPUQuotaPerSecUSec", number(String(INFINITY))], ["CPUQuotaPeriodUSec", number(period)]];
  const perSecond = (BigInt(limit) * MICROS_PER_SECOND) / micros;
  const rounded = ((perSecond + QUOTA_STEP - 1n) / QUOTA_STEP) * QUOTA_STEP;
  return [["CPUQuotaPerSecUSec", new Variant("t", rounded)], ["CPUQuotaPeriodUSec", new Variant("t", micros)]];
}

/** One bit for each processor or memory node, the lowest first. */
function mask(list: string): Variant {
  const numbers = numbersOfList(list);
  const bytes = new Uint8Array(numbers.length === 0 ? 0 : Math.floor(Math.max(...numbers) / BITS_PER_BYTE) + 1);
  for (const n of numbers) {
    const at = Math.floor(n / BITS_PER_BYTE);
    bytes[at] = (bytes[at] ?? 0) | (1 << n % BITS_PER_BYTE);
  }
  return new Variant("ay", bytes as Value);
}
