/** Checks the annotations (config.md#annotations). */

import type { Config } from "../config.ts";
import { quoted, type Report } from "./report.ts";

/** The schema's pattern passes over keys that are empty or hold nothing but line ends. */
export function checkAnnotations({ annotations = {} }: Config, report: Report): void {
  for (const key in annotations) {
    if (key === "") report(["annotations", key], "the key of an annotation must not be empty");
    const value: unknown = annotations[key];
    if (typeof value !== "string") report(["annotations", key], `the value of ${quoted(key)} must be a string`);
  }
}
