/** Reads the counters of a cgroup, as the kernel's files have them; a file that is not there counts nothing. */

import { directoriesIn } from "../native/files.ts";
import { readText } from "./files.ts";

/** A counter of a file with one number; "max" is the greatest that 64 bits hold. */
export const UNLIMITED: bigint = 2n ** 64n - 1n;

export type Counters = Readonly<Record<string, bigint>>;

/** The text of one file of a cgroup; empty where it is not there, or the cgroup is gone. */
export function textOf(directory: string | undefined, file: string): string {
  if (directory === undefined) return "";
  try {
    return readText(`${directory}/${file}`);
  } catch {
    return "";
  }
}

/** A file with one number, `otherwise` where there is none. */
export function numberIn(directory: string | undefined, file: string, otherwise = 0n): bigint {
  return parseNumber(textOf(directory, file).trim()) ?? otherwise;
}

export function parseNumber(text: string): bigint | undefined {
  if (text === "max") return UNLIMITED;
  // A limit of -1 is none; the kernel writes it where it does not write the greatest number.
  if (text === "-1") return UNLIMITED;
  return text === "" || !isDecimal(text) ? undefined : BigInt(text);
}

function isDecimal(text: string): boolean {
  for (let at = 0; at < text.length; at++) {
    const digit = text.charCodeAt(at);
    if (digit < 48 || digit > 57) return false;
  }
  return true;
}

/** A "flat keyed" file (cgroup-v2.rst): `name value` in each line. */
export function countersIn(directory: string | undefined, file: string): Counters {
  const counters: Record<string, bigint> = {};
  for (const line of textOf(directory, file).split("\n")) {
    const [name = "", text = ""] = line.split(" ");
    const value = parseNumber(text);
    if (value !== undefined) counters[name] = value;
  }
  return counters;
}

/** Whitespace-separated numbers. */
export function numbersIn(directory: string | undefined, file: string): bigint[] {
  return textOf(directory, file)
    .trim()
    .split(/\s+/)
    .flatMap((text) => parseNumber(text) ?? []);
}

/** A "nested keyed" file (cgroup-v2.rst): `key name=value name=value` in each line. */
export function nestedCountersIn(directory: string | undefined, file: string): (readonly [key: string, counters: Counters])[] {
  const rows: (readonly [string, Counters])[] = [];
  for (const line of textOf(directory, file).split("\n")) {
    const [key = "", ...pairs] = line.split(" ");
    const counters: Record<string, bigint> = {};
    for (const pair of pairs) {
      const equals = pair.indexOf("=");
      const value = parseNumber(pair.slice(equals + 1));
      if (equals > 0 && value !== undefined) counters[pair.slice(0, equals)] = value;
    }
    if (pairs.length > 0) rows.push([key, counters]);
  }
  return rows;
}

/** What of "some" and "full" of a pressure file is not a counter: averages in percent. */
export interface Pressure {
  readonly avg10: number;
  readonly avg60: number;
  readonly avg300: number;
  /** Microseconds. */
  readonly total: bigint;
}

/** A pressure file (accounting/psi.rst); undefined where the kernel has none. */
export function pressureIn(directory: string | undefined, file: string): { readonly some?: Pressure; readonly full?: Pressure } | undefined {
  const text = textOf(directory, file);
  if (text === "") return undefined;
  const rows: Record<string, Pressure> = {};
  for (const line of text.trim().split("\n")) {
    const [kind = "", ...pairs] = line.split(" ");
    const values = new Map(pairs.map((pair) => pair.split("=") as [string, string]));
    const average = (name: string): number => Number(values.get(name) ?? 0);
    rows[kind] = { avg10: average("avg10"), avg60: average("avg60"), avg300: average("avg300"), total: parseNumber(values.get("total") ?? "") ?? 0n };
  }
  return rows;
}

/** The page sizes of which the kernel keeps huge pages, as cgroup files spell them: "2MB". */
export function hugePageSizes(): string[] {
  try {
    return directoriesIn("/sys/kernel/mm/hugepages").flatMap((name) => {
      const kilobytes = Number(name.slice("hugepages-".length, -"kB".length));
      if (!(kilobytes > 0)) return [];
      if (kilobytes >= 1 << 20) return [`${kilobytes >> 20}GB`];
      return [kilobytes >= 1 << 10 ? `${kilobytes >> 10}MB` : `${kilobytes}KB`];
    });
  } catch {
    return [];
  }
}
