/** Checks the annotations (config.md#annotations). */

import { FOREIGN_PREFIX, foreignAnnotation } from "../annotations.ts";
import type { Config } from "../config.ts";
import { quoted, type Report } from "./report.ts";

/** The schema's pattern passes over keys that are empty or hold nothing but line ends. */
export function checkAnnotations({ annotations = {} }: Config, report: Report): void {
  for (const key in annotations) {
    if (key === "") report(["annotations", key], "the key of an annotation must not be empty");
    const value: unknown = annotations[key];
    if (typeof value !== "string") report(["annotations", key], `the value of ${quoted(key)} must be a string`);
    else if (key.startsWith(FOREIGN_PREFIX)) checkForeign(key, value, report);
  }
}

function checkForeign(key: string, value: string, report: Report): void {
  const foreign = foreignAnnotation(key, value);
  if (foreign?.treatment === "refused") report(["annotations", key], `the annotation ${quoted(key)} cannot be obeyed: ${foreign.reason}`);
}
