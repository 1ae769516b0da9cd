/** Moves this process into a cgroup that exists: the shim's own, where its options name one. */

import { CgroupError } from "../errors.ts";
import { existsSync } from "../native/files.ts";
import { systemError } from "./failure.ts";
import { writeText } from "./files.ts";
import { probeLayout } from "./layout.ts";

/** All its threads go, in each hierarchy where the cgroup exists; in none is an error. `path` is below the mount points. */
export function joinCgroup(path: string): void {
  const below = path.startsWith("/") ? path : `/${path}`;
  if (below.split("/").includes("..")) throw new CgroupError(`cannot enter cgroup "${path}": it must not have ".." in it`);
  const files = probeLayout()
    .hierarchies.map(({ mountPoint }) => `${mountPoint}${below}/cgroup.procs`)
    .filter((file) => existsSync(file));
  if (files.length === 0) throw new CgroupError(`cannot enter cgroup "${path}": there is none of this name`);
  for (const file of files) {
    try {
      writeText(file, `${process.pid}`);
    } catch (error) {
      throw systemError(`write "${file}"`, error);
    }
  }
}
