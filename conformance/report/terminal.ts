/** Writes the report as a table for a terminal. */

import type { Report, Section } from "./report.ts";

const GAP = 2;

export function terminal({ runtimes, summary, sections }: Report): string {
  const judged = sections.filter(({ lines }) => lines.some(({ cells }) => cells.length > 0));
  return [columns([["", ...runtimes], ...summary]), ...judged.map((section) => chapter(section, runtimes))].join("\n\n");
}

/** With one runtime alone, only what it does not pass. */
function chapter({ title, lines }: Section, runtimes: readonly string[]): string {
  const shown = runtimes.length > 1 ? lines : lines.filter(({ cells }) => cells.some(({ standing }) => standing !== "pass"));
  if (shown.length === 0) return `${title}: all pass`;
  const rows = shown.map(({ name, cells, why }) => [name, ...cells.map(({ text }) => text), why.join("; ")]);
  return `${title}\n${columns([["", ...runtimes, "why"], ...rows])}`;
}

function columns(rows: readonly (readonly string[])[]): string {
  const width = (index: number): number => Math.max(...rows.map((row) => (row[index] ?? "").length));
  const widths = (rows[0] ?? []).map((_, index) => width(index) + GAP);
  return rows.map((row) => row.map((text, index) => text.padEnd(widths[index] ?? 0)).join("").trimEnd()).join("\n");
}
