/** Checks the root file system, which Linux demands (config.md#root). */

import type { Config } from "../config.ts";
import type { Report } from "./report.ts";

export function checkRoot({ root }: Config, report: Report): void {
  if (root === undefined) report([], '"root" is required');
  else if (root.path === "") report(["root", "path"], "must not be empty");
}
