/** Whether there is a criu that works on this machine: Debian 12's fails on newer kernels. */

import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { programsOf } from "./engine.ts";
import { needs, skip } from "./harness.ts";

const MOST_ATTEMPTS = 50;
/** Mounts a controller's hierarchy and unmounts it again; 0 where there are cgroups in it. */
const TOUCH = 'mount -t cgroup -o "$1" cgroup "$2" || exit 1; ls -d "$2"/*/ >/dev/null 2>&1; found=$?; umount "$2"; sleep 0.1; exit $found';

/** Puts one that does into the PATH, or skips; `feature` is one that criu and the kernel must have besides. */
export function needsCriu(feature?: string): void {
  needs("root");
  if (refusal() !== undefined) process.env["PATH"] = programsOf("sid");
  const reason = refusal() ?? (feature === undefined ? undefined : refusal("--feature", feature));
  if (reason !== undefined) skip(reason);
  settleHierarchies();
}

/** What criu says against it, if anything. */
function refusal(...args: string[]): string | undefined {
  const { status, stderr, error } = spawnSync("criu", ["check", ...args], { encoding: "utf8" });
  if (error !== undefined) return "criu is not installed";
  return status === 0 ? undefined : `criu check ${args.join(" ")}: ${stderr.trim().split("\n").at(-1) ?? ""}`;
}

/**
 * A hierarchy of v1 that was unmounted while its last cgroup was going away stays, and cannot be mounted at first (EBUSY);
 * criu mounts all that there are. What other tests, or ones that were killed, left so is gone after a mount or two.
 */
function settleHierarchies(): void {
  const known = fs.readFileSync("/proc/self/mountinfo", "utf8").split("\n").filter((line) => line.includes(" - cgroup "));
  const isMounted = (controller: string): boolean => known.some((line) => (line.split(" - ")[1] ?? "").split(/[ ,]/).includes(controller));
  const left = (): string[] => controllersOnV1().filter((controller) => !isMounted(controller));
  if (left().length === 0) return;
  const folder = fs.mkdtempSync(join(tmpdir(), "tsrun-hierarchy-"));
  const isUsed = (controller: string): boolean => spawnSync("unshare", ["--mount", "--propagation", "private", "sh", "-c", TOUCH, "sh", controller, folder]).status === 0;
  for (let attempt = 0; attempt < MOST_ATTEMPTS && left().some((controller) => !isUsed(controller)); attempt++);
  fs.rmdirSync(folder);
}

function controllersOnV1(): string[] {
  const lines = fs.readFileSync("/proc/self/cgroup", "utf8").split("\n").map((line) => line.split(":")[1] ?? "");
  return lines.flatMap((names) => names.split(",")).filter((name) => name !== "" && !name.startsWith("name="));
}
