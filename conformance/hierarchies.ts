/** Runs a runtime where controllers of cgroup v1 are mounted that the host leaves out. */

import * as fs from "node:fs";
import { skip } from "../test/harness.ts";
import type { Ground } from "../test/harness.ts";
import { RUNTIME, runRuntime } from "../test/runtime.ts";
import type { Result } from "../test/runtime.ts";

/** What is mounted already is shown at its place, and the rest beside it. */
const MOUNT = `
set -e
shown=$(mktemp -d)
mount -t tmpfs none "$shown"
for folder in /sys/fs/cgroup/*; do
  name=\${folder##*/}
  if [ -L "$folder" ]; then cp -P "$folder" "$shown"
  elif mountpoint -q "$folder"; then mkdir "$shown/$name"; mount --bind "$folder" "$shown/$name"; fi
done
for name in $CONTROLLERS; do
  mountpoint -q "$shown/$name" && continue
  mkdir -p "$shown/$name"
  # The kernel takes a while to forget a hierarchy that nobody has mounted any more, and refuses a new one until then.
  for try in $(seq 50); do mount -t cgroup -o "$name" none "$shown/$name" 2>/dev/null && break; sleep 0.1; done
  mountpoint -q "$shown/$name"
done
mount --move "$shown" /sys/fs/cgroup
rmdir "$shown"
set +e
`;

/**
 * Runs a script in a mount namespace of its own, in which these controllers of v1 are mounted besides those of the host;
 * "$@" is the runtime. A controller that this kernel does not have skips the test.
 */
export async function amongHierarchies(t: Ground, controllers: readonly string[], script: string): Promise<Result> {
  if (!fs.readFileSync("/proc/self/mountinfo", "utf8").includes(" - cgroup ")) skip("this host has no cgroup v1");
  const known = fs.readFileSync("/proc/cgroups", "utf8");
  for (const name of controllers) if (!new RegExp(`^${name}\\t`, "m").test(known)) skip(`this kernel has no ${name} controller`);
  const command = ["--mount", "--propagation", "private", "bash", "-c", MOUNT + script, "bash", RUNTIME, "--root", t.stateRoot];
  return runRuntime(command, { folder: t.folder, program: "unshare", env: { CONTROLLERS: controllers.join(" ") } });
}
