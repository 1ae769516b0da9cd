/** Which cgroup hierarchies a process sees, by /proc/self/cgroup and /proc/self/mountinfo (cgroups(7)). */

/** A hierarchy as /proc/self/cgroup lists it, mounted or not. */
export interface Membership {
  /** Without the v2 hierarchy's controllers, which that file does not tell. */
  readonly controllers: readonly string[];
  /** The name of a v1 hierarchy without controllers, for example `systemd`. */
  readonly name: string | undefined;
  readonly version: 1 | 2;
  /** The process's own cgroup, seen from its cgroup namespace. */
  readonly own: string;
}

/** A hierarchy that is mounted. */
export interface Hierarchy extends Membership {
  readonly mountPoint: string;
  /** The cgroup that the mount point shows: `/`, or another one inside a container. */
  readonly root: string;
}

export interface CgroupLayout {
  readonly hierarchy: "legacy" | "hybrid" | "unified";
  readonly hierarchies: readonly Hierarchy[];
  /** Controllers that are there, but in whose hierarchies an ordinary user may make nothing. */
  readonly withheld?: readonly string[];
}

/** A cgroup mount in /proc/self/mountinfo. */
export interface CgroupMount {
  readonly version: 1 | 2;
  readonly mountPoint: string;
  readonly root: string;
  /** The super block's options: for v1 its controllers, or `name=`, are among them. */
  readonly options: readonly string[];
}

const CGROUP_ROOT = "/sys/fs/cgroup";
const NAME_OPTION = "name=";

/** The lines of /proc/self/cgroup: `ID:CONTROLLERS:PATH`, where `0::PATH` is v2. */
export function parseMemberships(text: string): Membership[] {
  const memberships: Membership[] = [];
  for (const line of text.split("\n")) {
    const first = line.indexOf(":");
    const second = line.indexOf(":", first + 1);
    if (first < 0 || second < 0) continue;
    const list = line.slice(first + 1, second);
    const own = line.slice(second + 1);
    const name = list.startsWith(NAME_OPTION) ? list.slice(NAME_OPTION.length) : undefined;
    const controllers = list === "" || name !== undefined ? [] : list.split(",");
    memberships.push({ controllers, name, version: list === "" ? 2 : 1, own });
  }
  return memberships;
}

/** Where distributions mount a hierarchy: `alone` means that there is no v1 beside v2. */
export function usualMountPoint(membership: Membership, alone: boolean): string {
  if (membership.version === 2) return alone ? CGROUP_ROOT : `${CGROUP_ROOT}/unified`;
  const [only = "", second] = membership.controllers;
  return `${CGROUP_ROOT}/${membership.name ?? (second === undefined ? only : membership.controllers.join(","))}`;
}

/**
 * The cgroup mounts among the lines of /proc/self/mountinfo (proc_pid_mountinfo(5)).
 *
 * The text may be megabytes, so only lines with a cgroup file system type are looked at.
 */
export function parseCgroupMounts(text: string): CgroupMount[] {
  const mounts: CgroupMount[] = [];
  const separator = " - cgroup";
  for (let at = text.indexOf(separator); at >= 0; at = text.indexOf(separator, at + 1)) {
    const start = text.lastIndexOf("\n", at) + 1;
    const newline = text.indexOf("\n", at);
    const end = newline < 0 ? text.length : newline;
    const [, , , root, mountPoint] = text.slice(start, at).split(" ");
    const [type, , options] = text.slice(at + 3, end).split(" ");
    if (root === undefined || mountPoint === undefined) continue;
    if (type !== "cgroup" && type !== "cgroup2") continue;
    mounts.push({
      version: type === "cgroup" ? 1 : 2,
      mountPoint: unescapeField(mountPoint),
      root: unescapeField(root),
      options: (options ?? "").split(","),
    });
  }
  return mounts;
}

/** The hierarchies of `memberships` that are mounted; `controllers` is the text of the v2 root's cgroup.controllers. */
export function cgroupLayout(
  memberships: readonly Membership[],
  mounts: readonly CgroupMount[],
  controllers: string,
): CgroupLayout {
  const hierarchies: Hierarchy[] = [];
  for (const membership of memberships) {
    const mount = bestMount(membership, mounts);
    if (mount === undefined) continue;
    const names = membership.version === 2 ? parseControllers(controllers) : membership.controllers;
    hierarchies.push({ ...membership, controllers: names, mountPoint: mount.mountPoint, root: mount.root });
  }
  return layoutOf(hierarchies);
}

/** The layout that a list of mounted hierarchies makes. */
export function layoutOf(hierarchies: readonly Hierarchy[]): CgroupLayout {
  const unified = hierarchies.some(({ version }) => version === 2);
  const legacy = hierarchies.some(({ version }) => version === 1);
  return { hierarchy: unified ? (legacy ? "hybrid" : "unified") : "legacy", hierarchies };
}

/** The words of a cgroup.controllers or cgroup.subtree_control file: one line, or nothing. */
export function parseControllers(text: string): string[] {
  const line = text.trim();
  return line === "" ? [] : line.split(" ");
}

/** The mounted hierarchy that has a controller; on v2, `devices` and `freezer` have no entry and always work. */
export function hierarchyOf(layout: CgroupLayout, controller: string): Hierarchy | undefined {
  const named = layout.hierarchies.find(({ controllers }) => controllers.includes(controller));
  if (named !== undefined) return named;
  return controller === "devices" || controller === "freezer" ? unifiedHierarchy(layout) : undefined;
}

/** The v2 hierarchy, where it is mounted. */
export function unifiedHierarchy(layout: CgroupLayout): Hierarchy | undefined {
  return layout.hierarchies.find(({ version }) => version === 2);
}

/** Of several mounts of a hierarchy, the one that shows its root, since bind mounts in containers show parts of it. */
function bestMount(membership: Membership, mounts: readonly CgroupMount[]): CgroupMount | undefined {
  const fitting = mounts.filter((mount) => isMountOf(membership, mount));
  const shown = fitting.filter(({ root }) => membership.own === root || membership.own.startsWith(`${root}/`));
  return fitting.find(({ root }) => root === "/") ?? shown[0] ?? fitting[0];
}

function isMountOf(membership: Membership, mount: CgroupMount): boolean {
  if (mount.version !== membership.version) return false;
  if (membership.version === 2) return true;
  if (membership.name !== undefined) return mount.options.includes(`${NAME_OPTION}${membership.name}`);
  return membership.controllers.every((controller) => mount.options.includes(controller));
}

/** mountinfo writes blank, tab, newline and backslash as three octal digits. */
function unescapeField(field: string): string {
  if (!field.includes("\\")) return field;
  return field.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(parseInt(digits, 8)));
}
