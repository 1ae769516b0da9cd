#!/usr/bin/env node
/**
 * Draws a terminal's text as SVG: `node scripts/terminal-picture.mjs [TITLE] <session.txt >session.svg`.
 *
 * Of the escape sequences it knows bold, faint and the eight colours; all others are left out.
 */

import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const CELL = { width: 8.43, height: 19, font: 14 };
const MARGIN = { side: 18, top: 52, bottom: 16 };
const FEWEST_COLUMNS = 60;
/** Longer lines go on in the next row, as in a terminal. */
const MOST_COLUMNS = 104;
const COLOURS = ["#6e7681", "#ff7b72", "#7ee787", "#e3b341", "#79c0ff", "#d2a8ff", "#76e3ea", "#e6edf3"];
const INK = "#e6edf3";
const FAINT = "#8b949e";

/** Returns an SVG document that shows the text in a window with this title. */
export function terminalPicture(text, title = "") {
  const lines = text.replace(/\n+$/, "").split("\n").map(spansOf).flatMap(wrap);
  const columns = Math.max(FEWEST_COLUMNS, ...lines.map((spans) => spans.reduce((sum, span) => sum + span.text.length, 0)));
  const width = Math.ceil(columns * CELL.width + 2 * MARGIN.side);
  const height = MARGIN.top + lines.length * CELL.height + MARGIN.bottom;
  const body = lines.map((spans, row) => drawLine(spans, MARGIN.top + (row + 0.75) * CELL.height)).filter((line) => line !== "");
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img">`,
    `<title>${escape(title)}</title>`,
    `<rect width="${width}" height="${height}" rx="9" fill="#0d1117" stroke="#30363d"/>`,
    ...["#ff5f57", "#febc2e", "#28c840"].map((fill, i) => `<circle cx="${22 + 20 * i}" cy="21" r="6" fill="${fill}"/>`),
    `<text x="${width / 2}" y="26" text-anchor="middle" font-family="sans-serif" font-size="13" fill="${FAINT}">${escape(title)}</text>`,
    `<g font-family="ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace" font-size="${CELL.font}" xml:space="preserve">`,
    ...body,
    "</g>",
    "</svg>",
    "",
  ].join("\n");
}

function wrap(spans) {
  const rows = [[]];
  let room = MOST_COLUMNS;
  for (const { text, ...style } of spans) {
    for (let at = 0; at < text.length; ) {
      if (room === 0) {
        rows.push([]);
        room = MOST_COLUMNS;
      }
      const part = text.slice(at, at + room);
      rows.at(-1).push({ text: part, ...style });
      at += part.length;
      room -= part.length;
    }
  }
  return rows;
}

/** Each span is placed by its column, so that a font of another width cannot move the columns apart. */
function drawLine(spans, y) {
  let column = 0;
  return spans
    .map(({ text, colour, bold }) => {
      const x = (MARGIN.side + column * CELL.width).toFixed(1);
      column += text.length;
      if (text.trim() === "") return "";
      const weight = bold ? ' font-weight="bold"' : "";
      const length = ` textLength="${(text.length * CELL.width).toFixed(1)}"`;
      return `<text x="${x}" y="${y.toFixed(1)}" fill="${colour}"${weight}${length}>${escape(text)}</text>`;
    })
    .join("");
}

function spansOf(line) {
  const spans = [];
  let style = { colour: INK, bold: false };
  for (const part of line.split(/(\x1b\[[0-9;]*[A-Za-z])/)) {
    const [, codes] = /^\x1b\[([0-9;]*)m$/.exec(part) ?? [];
    if (codes !== undefined) style = codes.split(";").reduce(changeStyle, style);
    else if (part !== "" && !part.startsWith("\x1b")) spans.push({ text: part, ...style });
  }
  return spans;
}

function changeStyle(style, code) {
  const number = Number(code);
  if (number === 0) return { colour: INK, bold: false };
  if (number === 1) return { ...style, bold: true };
  if (number === 2) return { ...style, colour: FAINT };
  const colour = COLOURS[number >= 90 ? number - 90 : number - 30];
  return colour === undefined ? style : { ...style, colour };
}

function escape(text) {
  return text.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`).replace(/[\0-\x08\x0b-\x1f\x7f]/g, "");
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  process.stdout.write(terminalPicture(readFileSync(0, "utf8"), process.argv[2]));
}
