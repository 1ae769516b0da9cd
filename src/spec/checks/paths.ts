/** Checks masked and read-only paths, and the personality (config-linux.md#masked-paths, #personality). */

import type { Config } from "../config.ts";
import { checkAbsolute, quoted, type Report } from "./report.ts";

export function checkPaths({ linux }: Config, report: Report): void {
  for (const field of ["maskedPaths", "readonlyPaths"] as const) {
    const paths = linux?.[field] ?? [];
    for (let i = 0; i < paths.length; i++) checkAbsolute(paths[i], ["linux", field, i], report);
  }
}

/** The specification defines no flag yet. */
export function checkPersonality({ linux }: Config, report: Report): void {
  const personality = linux?.personality;
  if (personality === undefined) return;
  const domain: string | undefined = personality.domain;
  if (domain === undefined) report(["linux", "personality"], '"domain" is required');
  personality.flags?.forEach((flag, i) => {
    if (flag !== undefined) report(["linux", "personality", "flags", i], `unknown flag ${quoted(flag)}: there is none yet`);
  });
}
