/** Checks the version of the specification that a config says it complies with (config.md#specification-version). */

import type { Config } from "../config.ts";
import { quoted, type Report } from "./report.ts";

/** SemVer 2.0.0, sections 2, 9 and 10. */
const NUMBER = "(?:0|[1-9][0-9]*)";
const PRE_RELEASE = `(?:${NUMBER}|[0-9]*[A-Za-z-][0-9A-Za-z-]*)`;
const pattern = (): RegExp =>
  new RegExp(`^(${NUMBER})\\.${NUMBER}\\.${NUMBER}(?:-${PRE_RELEASE}(?:\\.${PRE_RELEASE})*)?(?:\\+[0-9A-Za-z.-]+)?$`);

/** What engines write, decided without a regular expression that would have to be compiled. */
const USUAL = new Set(["1.0.0", "1.0.2", "1.0.2-dev", "1.1.0", "1.2.0", "1.2.1", "1.3.0"]);

/** Versions are compatible within a major version; ours is 1. */
export function checkVersion({ ociVersion }: Config, report: Report): void {
  if (ociVersion === undefined || USUAL.has(ociVersion)) return;
  const [, major] = pattern().exec(ociVersion) ?? [];
  if (major === undefined) report(["ociVersion"], `must be a version as in SemVer 2.0.0, got ${quoted(ociVersion)}`);
  else if (major !== "1") report(["ociVersion"], `must be a version 1 of the specification, got ${quoted(ociVersion)}`);
}
