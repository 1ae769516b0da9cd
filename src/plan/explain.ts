/** Prints a plan, for people and for programs: what will be asked of the kernel, by whom, and why. */

import type { Plan, Step } from "./step.ts";

const HIDDEN = new Set(["by", "op", "at", "what"]);
const MOST_TEXT = 60;

/** One line a step: its number, who does it, the op and its arguments, the place in config.json. */
export function explainText({ steps }: Plan): string {
  const numberWidth = `${steps.length}`.length;
  let last: string | undefined;
  let out = "";
  for (const [index, step] of steps.entries()) {
    if (step.what !== undefined && step.what !== last) {
      const place = step.at === undefined ? "" : `  (config.json ${step.at})`;
      out += `${index === 0 ? "" : "\n"}# ${printable(`${step.what}${place}`)}\n`;
      last = step.what;
    }
    out += `${`${index}`.padStart(numberWidth)} ${step.by.padEnd(7)} ${step.op}(${formatArguments(step)})\n`;
  }
  return out;
}

/** The same as JSON: bytes in base64, big integers as text. */
export function explainJson({ steps, warnings }: Plan): string {
  const replace = (_: string, value: unknown): unknown => {
    if (typeof value === "bigint") return `${value}`;
    if (value instanceof Uint8Array) return { base64: btoa(Array.from(value, (byte) => String.fromCharCode(byte)).join("")) };
    return value;
  };
  return `${JSON.stringify({ steps, warnings }, replace, 2)}\n`;
}

/** What a config says must neither begin a line of its own nor steer the terminal. */
function printable(text: string): string {
  return text.replace(/[\0-\x1f\x7f-\x9f]/g, (control) => `\\u${control.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

function formatArguments(step: Step): string {
  return Object.entries(step)
    .filter(([name, value]) => !HIDDEN.has(name) && value !== undefined)
    .map(([name, value]) => `${name}=${formatValue(name, value)}`)
    .join(", ");
}

function formatValue(name: string, value: unknown): string {
  if (value instanceof Uint8Array) return `<${value.length} bytes>`;
  if (typeof value === "number" && /^(flags|set|clear|attributes|mode|propagation)$/.test(name)) {
    return name === "mode" ? `0${value.toString(8)}` : `0x${value.toString(16)}`;
  }
  if (typeof value === "bigint") return `0x${value.toString(16)}`;
  if (typeof value === "string") return JSON.stringify(value.length > MOST_TEXT ? `${value.slice(0, MOST_TEXT)}…` : value);
  return JSON.stringify(value);
}
