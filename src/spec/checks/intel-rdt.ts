/** Checks the cache and memory bandwidth allocation (config-linux.md#intelrdt). */

import type { Config } from "../config.ts";
import { quoted, type Report } from "./report.ts";

export function checkIntelRdt({ linux }: Config, report: Report): void {
  const rdt = linux?.intelRdt;
  if (rdt === undefined) return;
  const path = ["linux", "intelRdt"];
  const { closID = "", l3CacheSchema = "", schemata = [] } = rdt;
  if (closID !== "/" && (closID === "." || closID === ".." || closID.includes("/"))) {
    report([...path, "closID"], `must be "/" or the name of a directory, got ${quoted(closID)}`);
  }
  if (l3CacheSchema.includes("\n")) report([...path, "l3CacheSchema"], "must be one line");
  schemata.forEach((line, i) => {
    if (line?.includes("\n")) report([...path, "schemata", i], "must be one line");
  });
}
