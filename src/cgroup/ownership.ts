/** Gives a v2 cgroup to the container's user (config-linux.md#cgroup-ownership; cgroup-v2.rst, "Delegation"). */

import { chownSync } from "../native/files.ts";
import type { CgroupDirectory } from "./cgroup.ts";
import { unifiedDirectory } from "./cgroup.ts";
import { errnoOf, systemError } from "./failure.ts";
import { readText } from "./files.ts";

const LIST = "/sys/kernel/cgroup/delegate";
/** What the specification names for a kernel without the list. */
const FALLBACK = ["cgroup.procs", "cgroup.subtree_control", "cgroup.threads"];
const SAME_GROUP = -1;

/** Changes the owner of the directory and of the files that the kernel lists; v1 is not safe to give. */
export function giveCgroup(directories: readonly CgroupDirectory[], uid: number): void {
  const directory = unifiedDirectory(directories);
  if (directory === undefined) return;
  give(directory.path, uid);
  for (const file of delegatedFiles()) give(`${directory.path}/${file}`, uid);
}

/** A listed file that this cgroup does not have is no error. */
function give(path: string, uid: number): void {
  try {
    chownSync(path, uid, SAME_GROUP);
  } catch (error) {
    if (errnoOf(error) !== "ENOENT") throw systemError(`give "${path}" to user ${uid}`, error);
  }
}

function delegatedFiles(): readonly string[] {
  try {
    return readText(LIST).split("\n").filter((file) => file !== "");
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return FALLBACK;
    throw systemError(`read "${LIST}"`, error);
  }
}
