/** Runs a runtime where controllers of cgroup v1 are mounted that the host leaves out. */

import * as fs from "node:fs";
import { join } from "node:path";
import { skip } from "../test/harness.ts";
import type { Ground } from "../test/harness.ts";
import { RUNTIME, runRuntime } from "../test/runtime.ts";
import type { Result } from "../test/runtime.ts";

const WITH_ALL = join(import.meta.dirname, "with-all-controllers.js");

/** What a script ends with where a controller could not be mounted. */
const NOT_MOUNTED = 77;

/**
 * Runs a script in a mount namespace of its own, in which these controllers of v1 are mounted besides those of the host;
 * "$@" is the runtime. A controller that this kernel does not have, or of which somebody has a limit on v2, skips
 * the test.
 */
export async function amongHierarchies(t: Ground, controllers: readonly string[], script: string): Promise<Result> {
  if (!fs.readFileSync("/proc/self/mountinfo", "utf8").includes(" - cgroup ")) skip("this host has no cgroup v1");
  const known = fs.readFileSync("/proc/cgroups", "utf8");
  for (const name of controllers) if (!new RegExp(`^${name}\\t`, "m").test(known)) skip(`this kernel has no ${name} controller`);
  const demand = controllers.map((name) => `mountpoint -q /sys/fs/cgroup/${name} || exit ${NOT_MOUNTED}\n`).join("");
  const command = [process.execPath, WITH_ALL, "bash", "-c", demand + script, "bash", RUNTIME, "--root", t.stateRoot];
  const result = await runRuntime(["--mount", "--propagation", "private", ...command], { folder: t.folder, program: "unshare" });
  if (result.status === NOT_MOUNTED) skip(`v2 has ${controllers.join(" and ")}`);
  return result;
}
