/** Whether there is a criu that works on this machine: Debian 12's fails on newer kernels. */

import { spawnSync } from "node:child_process";
import { programsOf } from "./engine.ts";
import { needs, skip } from "./harness.ts";

/** Puts one that does into the PATH, or skips; `feature` is one that criu and the kernel must have besides. */
export function needsCriu(feature?: string): void {
  needs("root");
  if (refusal() !== undefined) process.env["PATH"] = programsOf("sid");
  const reason = refusal() ?? (feature === undefined ? undefined : refusal("--feature", feature));
  if (reason !== undefined) skip(reason);
}

/** What criu says against it, if anything. */
function refusal(...args: string[]): string | undefined {
  const { status, stderr, error } = spawnSync("criu", ["check", ...args], { encoding: "utf8" });
  if (error !== undefined) return "criu is not installed";
  return status === 0 ? undefined : `criu check ${args.join(" ")}: ${stderr.trim().split("\n").at(-1) ?? ""}`;
}
