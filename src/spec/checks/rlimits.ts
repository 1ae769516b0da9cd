/** Checks the resource limits of the process (config.md#posix-process). */

import { RLIMITS } from "../../linux/rlimits.ts";
import type { Process } from "../config.ts";
import type { Path } from "../pointer.ts";
import { meant, quoted, type Report } from "./report.ts";

export function checkRlimits({ rlimits = [] }: Process, path: Path, report: Report): void {
  const seen = new Set<string>();
  for (let i = 0; i < rlimits.length; i++) {
    const rlimit = rlimits[i];
    if (rlimit === undefined) continue;
    const { type, soft, hard } = rlimit;
    const at = [...path, "rlimits", i];
    if (!RLIMITS.includes(type)) {
      report([...at, "type"], `unknown limit ${quoted(type)}`, meant(type, RLIMITS));
    } else if (seen.has(type)) {
      report([...at, "type"], `the limit "${type}" is given twice`);
    }
    seen.add(type);
    if (soft > hard) report([...at, "soft"], `must not be above "hard", which is ${hard}, got ${soft}`);
  }
}
