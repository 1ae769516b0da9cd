/** Writes the report as Markdown. */

import type { Report, Section } from "./report.ts";

export function markdown({ facts, runtimes, summary, sections }: Report): string {
  return [
    "# Conformance",
    "Made by `npm run conformance -- --report`; not to be edited. [What the tests are](../conformance/README.md).",
    table(["", ""], facts),
    table(["", ...runtimes], summary),
    ...sections.map((section) => chapter(section, runtimes)),
    "",
  ].join("\n\n");
}

function chapter({ title, text, lines }: Section, runtimes: readonly string[]): string {
  const judged = lines.some(({ cells }) => cells.length > 0);
  const named = lines.some(({ meaning }) => meaning !== "");
  const head = ["", ...(named ? ["rule"] : []), ...(judged ? runtimes : []), "why"];
  const rows = lines.map(({ name, meaning, cells, why }) => [name, ...(named ? [meaning] : []), ...cells.map((cell) => cell.text), why.join("<br>")]);
  return [`## ${title}`, text, table(head, rows)].join("\n\n");
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.map(escape).join(" | ")} |`;
  return [line(head), `|${" --- |".repeat(head.length)}`, ...rows.map(line)].join("\n");
}

/** What would be markup; only the line breaks between reasons are meant. */
function escape(text: string): string {
  return text
    .split("<br>")
    .map((part) => part.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replace(/[\\|*_`[\]]/g, "\\$&"))
    .join("<br>");
}
