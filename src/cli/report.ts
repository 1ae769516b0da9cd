/** Tells errors and warnings: to the log file, as engines want them, and to people. The only place that does. */

import { TsrunError, shorten } from "../errors.ts";
import { appendFileSync, writeSync } from "../native/files.ts";
import { isNativeError, native } from "../native/native.ts";

export interface Report {
  /** Absolute, or undefined: standard error is the log. */
  readonly log: string | undefined;
  readonly format: "text" | "json";
  readonly debug: boolean;
}

type Level = "error" | "warning" | "debug";

/** One record; in JSON exactly one line, whatever the message holds. */
export function tell(report: Report, level: Level, given: string): void {
  if (level === "debug" && !report.debug) return;
  const message = shorten(given);
  const record = report.format === "json" ? jsonRecord(level, message) : textRecord(level, message);
  if (report.log !== undefined) {
    try {
      appendFileSync(report.log, record, { mode: 0o644 });
    } catch (error) {
      writeStderr(`tsrun: cannot write the log "${report.log}": ${messageOf(error)}\n`);
    }
  }
  if (level === "debug" && report.log !== undefined) return;
  // Engines read the log; people, and engines without one, standard error.
  if (report.log === undefined && report.format === "json") writeStderr(record);
  else writeStderr(level === "error" ? `tsrun: ${message}\n` : `tsrun: ${level}: ${message}\n`);
}

/** The message of anything that was thrown; what is not ours is a defect of ours, and says so. */
export function messageOf(error: unknown): string {
  if (error instanceof TsrunError) return error.message;
  if (error instanceof Error) return `internal error: ${error.message}`;
  return `internal error: ${String(error)}`;
}

function jsonRecord(level: Level, msg: string): string {
  return `${JSON.stringify({ level, msg, time: now() })}\n`;
}

function textRecord(level: Level, message: string): string {
  return `time=${JSON.stringify(now())} level=${level} msg=${JSON.stringify(message)}\n`;
}

/** RFC 3339, without fractions: every reader takes that. */
function now(): string {
  return new Date().toISOString().replace(/\.\d+Z$/, "Z");
}

/** Writes to standard error, even where the addon could not be loaded; a closed one has nobody to tell. */
export function writeStderr(line: string): void {
  try {
    if (canLoad()) writeSync(2, line);
    else process.getBuiltinModule("node:fs").writeSync(2, line);
  } catch (error) {
    // Nobody to tell. Without the memory to write, those above are told of it.
    if (!isNativeError(error)) throw error;
  }
}

function canLoad(): boolean {
  try {
    native();
    return true;
  } catch {
    return false;
  }
}
