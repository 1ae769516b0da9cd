/** A container's cgroup: its directories, one in each hierarchy, as the state file keeps them. */

/** The cgroup's directory in one hierarchy. */
export interface CgroupDirectory {
  readonly version: 1 | 2;
  readonly controllers: readonly string[];
  /** The absolute path, for example `/sys/fs/cgroup/memory/mycontainer`. */
  readonly path: string;
  /** Whether it was made for this container: only then may it be removed, and its processes be killed. */
  readonly created: boolean;
}

/** The unit of systemd's that a cgroup belongs to, and whose systemd it is. */
export interface Unit {
  readonly name: string;
  readonly manager: "system" | "user";
}

export interface Cgroup {
  /** The path below each mount point, for example `/mycontainer`. */
  readonly path: string;
  readonly directories: readonly CgroupDirectory[];
  /** The ancestors that were made on the way, outermost first. */
  readonly parents: readonly string[];
  /** systemd has made it. */
  readonly unit?: Unit;
}

/** The directory that decides about a controller; on v2, `devices` and `freezer` need no controller of that name. */
export function directoryOf(
  directories: readonly CgroupDirectory[],
  controller: string,
): CgroupDirectory | undefined {
  const named = directories.find(({ controllers }) => controllers.includes(controller));
  if (named !== undefined) return named;
  return controller === "devices" || controller === "freezer" ? unifiedDirectory(directories) : undefined;
}

/** The directory in the v2 hierarchy, where there is one. */
export function unifiedDirectory(directories: readonly CgroupDirectory[]): CgroupDirectory | undefined {
  return directories.find(({ version }) => version === 2);
}
