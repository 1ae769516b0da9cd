/** Writes the report as one HTML file. */

import type { Report, Section } from "./report.ts";
import type { Cell, Line } from "./table.ts";

const STYLE = `
body { font: 15px/1.45 system-ui, sans-serif; max-width: 78rem; margin: 2rem auto; padding: 0 1rem; color: #222; background: #fff; }
table { border-collapse: collapse; margin: 1rem 0; }
th, td { text-align: left; vertical-align: top; padding: .2rem .6rem; border-bottom: 1px solid #ddd; }
thead th { position: sticky; top: 0; background: #fff; }
.pass { background: #e3f4e3; } .listed { background: #eef4d8; } .fail { background: #f9dcdc; } .skip, .none { background: #eee; }
.why { color: #555; }
@media (prefers-color-scheme: dark) {
  body, thead th { color: #ddd; background: #181818; } th, td { border-color: #444; } .why { color: #aaa; }
  .pass { background: #1d3a1d; } .listed { background: #343a1a; } .fail { background: #4d2020; } .skip, .none { background: #333; }
}`;

export function html({ facts, runtimes, summary, sections }: Report): string {
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Conformance</title>
<style>${STYLE}
</style>
<h1>Conformance</h1>
<p>Made by <code>npm run conformance -- --report</code>.</p>
${plain([], facts)}
${plain(["", ...runtimes], summary)}
${sections.map((section) => chapter(section, runtimes)).join("\n")}
</html>
`;
}

function plain(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const body = rows.map(([name = "", ...rest]) => `<tr><th>${escape(name)}</th>${rest.map((text) => `<td>${escape(text)}</td>`).join("")}</tr>`);
  return `<table>${heading(head)}${body.join("\n")}</table>`;
}

function heading(head: readonly string[]): string {
  return head.length === 0 ? "" : `<thead><tr>${head.map((text) => `<th>${escape(text)}</th>`).join("")}</tr></thead>\n`;
}

function chapter({ title, text, lines }: Section, runtimes: readonly string[]): string {
  const judged = lines.some(({ cells }) => cells.length > 0);
  const named = lines.some(({ meaning }) => meaning !== "");
  const head = ["", ...(named ? ["rule"] : []), ...(judged ? runtimes : []), "why"];
  return `<h2>${escape(title)}</h2>\n<p>${escape(text)}</p>\n<table>${heading(head)}${lines.map((line) => row(line, named)).join("\n")}</table>`;
}

function row({ name, meaning, cells, why }: Line, named: boolean): string {
  const meant = named ? `<td>${escape(meaning)}</td>` : "";
  return `<tr id="${escape(name.replaceAll(" ", "-"))}"><th>${escape(name)}</th>${meant}${cells.map(cellOf).join("")}<td class="why">${why.map(escape).join("<br>")}</td></tr>`;
}

function cellOf({ standing, text }: Cell): string {
  return `<td class="${standing}">${escape(text)}</td>`;
}

function escape(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
}
