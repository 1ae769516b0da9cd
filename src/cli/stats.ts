/** `tsrun stats`. */

import { takeSamples, usageBetween } from "../container/stats.ts";
import type { Sample, Usage } from "../container/stats.ts";
import { UsageError } from "../errors.ts";
import { formatJson } from "../linux/json.ts";
import { isTerminal } from "../native/stream.ts";
import { parseDuration } from "./duration.ts";
import type { Invocation } from "./invocation.ts";
import { print } from "./output.ts";
import { flag, text } from "./parse.ts";

const HEADINGS: readonly string[] = ["ID", "CPU %", "MEM USAGE / LIMIT", "MEM %", "BLOCK I/O", "PIDS"];
const GAP = 3;
/** Of the first look, after which there is something to show. */
const SHORT_MILLISECONDS = 100;
/** To the left upper corner, and clear what follows (console_codes(4)). */
const CLEAR = "\x1b[H\x1b[J";

export async function statsVerb({ parsed, store }: Invocation): Promise<number> {
  const format = text(parsed, "format") ?? "table";
  if (format !== "table" && format !== "json") throw new UsageError(`cannot show the use of containers: invalid format option: ${format}`);
  const interval = parseDuration("interval", text(parsed, "interval") ?? "1s");
  const isLive = !flag(parsed, "no-stream");
  const clear = isLive && format === "table" && isTerminal(1) ? CLEAR : "";
  let before = takeSamples(store, parsed.args);
  for (let pause = SHORT_MILLISECONDS; ; pause = interval) {
    await new Promise((resolve) => setTimeout(resolve, pause));
    const samples = takeSamples(store, parsed.args);
    const usages = samples.map((sample) => usageBetween(find(before, sample.id), sample));
    print(clear + (format === "json" ? `${formatJson(usages)}\n` : table(usages)));
    if (!isLive) return 0;
    before = samples;
  }
}

function find(samples: readonly Sample[], id: string): Sample | undefined {
  return samples.find((sample) => sample.id === id);
}

function table(usages: readonly Usage[]): string {
  const rows = [HEADINGS, ...usages.map(row)];
  const widths = HEADINGS.map((_, column) => Math.max(...rows.map((cells) => cells[column]?.length ?? 0)));
  return rows.map((cells) => `${cells.map((cell, column) => cell.padEnd((widths[column] ?? 0) + GAP)).join("").trimEnd()}\n`).join("");
}

function row({ id, cpuPercent, memory, memoryLimit, memoryPercent, read, written, pids }: Usage): string[] {
  return [id, percent(cpuPercent), `${bytes(memory)} / ${bytes(memoryLimit)}`, percent(memoryPercent), `${bytes(read)} / ${bytes(written)}`, `${pids}`];
}

function percent(value: number): string {
  return `${value.toFixed(2)}%`;
}

const UNITS: readonly string[] = ["B", "KiB", "MiB", "GiB", "TiB"];

function bytes(value: bigint): string {
  let number = Number(value);
  let unit = 0;
  for (; number >= 1024 && unit < UNITS.length - 1; unit++) number /= 1024;
  return `${unit === 0 ? number : number.toPrecision(4)} ${UNITS[unit] ?? ""}`;
}
