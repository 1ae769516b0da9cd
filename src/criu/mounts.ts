/**
 * Where mounts from outside really are: in a container, whose image may have led a path elsewhere by a link, and below a
 * folder of the host that is bound with all that is mounted in it.
 */

import { parseMountPlaces } from "../linux/mountinfo.ts";
import type { MountPlace } from "../linux/mountinfo.ts";
import { O_PATH, RESOLVE_IN_ROOT, openFlags } from "../linux/open-flags.ts";
import { closeSync, openSync, readFileSync, readlinkSync } from "../native/files.ts";
import { isNativeError, native } from "../native/native.ts";
import type { ExternalMount } from "../plan/external-mounts.ts";

const { O_DIRECTORY } = openFlags(process.arch);
const S_IFMT = 0o170000;
const S_IFDIR = 0o040000;
/** The container has another path there, or none. */
const NOT_THERE: ReadonlySet<string> = new Set(["ENOENT", "ENOTDIR", "EACCES", "ELOOP"]);

/** `mnt[/data]:/data` of each that is there, as criu is to be told of it; `others` are the container's own mounts. */
export function mountsToLeave(pid: number, { mounts, others }: { readonly mounts: readonly ExternalMount[]; readonly others: readonly string[] }): string[] {
  const root = openSync(`/proc/${pid}/root`, O_PATH | O_DIRECTORY);
  const found = new Map<string, ExternalMount | undefined>();
  try {
    for (const destination of others) {
      const point = findPoint(root, { destination });
      if (point !== undefined) found.set(point, undefined);
    }
    for (const mount of mounts) {
      const point = findPoint(root, mount);
      if (point !== undefined) found.set(point, mount);
    }
  } finally {
    closeSync(root);
  }
  const names = namesOf(found, () => parseMountPlaces(readFileSync(`/proc/${pid}/mountinfo`, "utf8")));
  return [...names].map(([point, name]) => `mnt[${point}]:${name}`);
}

/** The mount point, as /proc/PID/mountinfo has it; undefined where nothing is there. */
function findPoint(root: number, { destination, onlyFile }: Pick<ExternalMount, "destination" | "onlyFile">): string | undefined {
  let fd: number;
  try {
    fd = native().openat2(root, destination, { flags: O_PATH, resolve: RESOLVE_IN_ROOT });
  } catch (error) {
    if (isNativeError(error) && NOT_THERE.has(error.code)) return undefined;
    throw error;
  }
  try {
    if (onlyFile === true && (native().fstat(fd).mode & S_IFMT) === S_IFDIR) return undefined;
    // What is mounted in a namespace of its own has its path there.
    return readlinkSync(`/proc/self/fd/${fd}`);
  } finally {
    closeSync(fd);
  }
}

/**
 * The names of external mounts by their places, with those that came along because they are mounted below. Pure; `found`
 * has the container's own mounts, too, as undefined: what is mounted below these is the container's as well.
 */
export function namesOf(found: ReadonlyMap<string, ExternalMount | undefined>, places: () => readonly MountPlace[]): Map<string, string> {
  const names = new Map<string, string>();
  for (const [point, mount] of found) if (mount !== undefined) names.set(point, mount.name);
  if (![...found.values()].some((mount) => mount?.recursive === true)) return names;
  for (const { point } of places()) {
    if (found.has(point)) continue;
    const above = nearestAbove(point, found);
    const mount = above === undefined ? undefined : found.get(above);
    if (above !== undefined && mount?.recursive === true) names.set(point, mount.name + point.slice(above.length));
  }
  return names;
}

function nearestAbove(point: string, found: ReadonlyMap<string, unknown>): string | undefined {
  let nearest: string | undefined;
  for (const above of found.keys()) if (point.startsWith(`${above}/`) && above.length > (nearest ?? "").length) nearest = above;
  return nearest;
}

/** What is to be known of this machine. */
export interface Host {
  places(): readonly MountPlace[];
  /** The path without links; the same where there is nothing. */
  realpath(path: string): string;
}

export const HOST: Host = {
  places: () => parseMountPlaces(readFileSync("/proc/self/mountinfo", "utf8")),
  realpath: (path) => {
    try {
      return native().realpath(path);
    } catch {
      return path;
    }
  },
};

/** The same mounts, with sources that are no links, as criu wants them, and with those that come along because they are mounted below. */
export function hostMounts(mounts: readonly ExternalMount[], { places, realpath }: Host): ExternalMount[] {
  const known = mounts.some(({ recursive }) => recursive === true) ? places() : [];
  return mounts.flatMap((mount) => {
    const { name, recursive } = mount;
    const source = realpath(mount.source);
    const nested = recursive === true ? known.filter(({ point }) => point.startsWith(`${source}/`)) : [];
    return [{ ...mount, source }, ...nested.map(({ point }) => ({ destination: mount.destination, name: name + point.slice(source.length), source: point }))];
  });
}
