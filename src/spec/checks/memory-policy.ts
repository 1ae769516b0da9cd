/** Checks the memory policy (config-linux.md#memory-policy, set_mempolicy(2)). */

import type { Config } from "../config.ts";
import { numberListProblem } from "./number-list.ts";
import type { Report } from "./report.ts";

type Nodes = "none" | "some" | "any";

/** How many nodes each mode takes. */
const MODES: Readonly<Record<string, Nodes>> = {
  MPOL_DEFAULT: "none",
  MPOL_LOCAL: "none",
  MPOL_PREFERRED: "any",
  MPOL_BIND: "some",
  MPOL_INTERLEAVE: "some",
  MPOL_WEIGHTED_INTERLEAVE: "some",
  MPOL_PREFERRED_MANY: "some",
};

export function checkMemoryPolicy({ linux }: Config, report: Report): void {
  const policy = linux?.memoryPolicy;
  if (policy === undefined) return;
  const path = ["linux", "memoryPolicy"];
  const mode: string | undefined = policy.mode;
  const { nodes = "", flags = [] } = policy;
  if (mode === undefined) report(path, '"mode" is required');
  const problem = numberListProblem(nodes);
  if (problem !== undefined) report([...path, "nodes"], problem);
  const takes = mode === undefined ? undefined : MODES[mode];
  const hasNodes = nodes.trim() !== "";
  if (takes === "none" && hasNodes) report([...path, "nodes"], `the mode "${mode}" takes no nodes`);
  if (takes === "some" && !hasNodes) report(path, `the mode "${mode}" needs "nodes"`);
  if (takes === "none" && flags.length > 0) report([...path, "flags"], `the mode "${mode}" takes no flags`);
  if (flags.includes("MPOL_F_RELATIVE_NODES") && flags.includes("MPOL_F_STATIC_NODES")) {
    report([...path, "flags"], "MPOL_F_RELATIVE_NODES and MPOL_F_STATIC_NODES exclude each other");
  }
}
