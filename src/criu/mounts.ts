/** Where mounts from outside really are in a container: its image may have led a path elsewhere by a link. */

import { O_PATH, RESOLVE_IN_ROOT, openFlags } from "../linux/open-flags.ts";
import { closeSync, openSync, readlinkSync } from "../native/files.ts";
import { isNativeError, native } from "../native/native.ts";
import type { ExternalMount } from "../plan/external-mounts.ts";

const { O_DIRECTORY } = openFlags(process.arch);
const S_IFMT = 0o170000;
const S_IFDIR = 0o040000;

/** `mnt[/data]:/data` of each that is there, as criu is to be told of it. */
export function mountsToLeave(pid: number, mounts: readonly ExternalMount[]): string[] {
  const root = openSync(`/proc/${pid}/root`, O_PATH | O_DIRECTORY);
  const found = new Map<string, string>();
  try {
    for (const mount of mounts) {
      const point = findPoint(root, mount);
      if (point !== undefined) found.set(point, mount.name);
    }
  } finally {
    closeSync(root);
  }
  return [...found].map(([point, name]) => `mnt[${point}]:${name}`);
}

/** The mount point, as /proc/PID/mountinfo has it; undefined where nothing is there, or is mounted there. */
function findPoint(root: number, { destination, onlyFile }: ExternalMount): string | undefined {
  let fd: number;
  try {
    fd = native().openat2(root, destination, { flags: O_PATH, resolve: RESOLVE_IN_ROOT });
  } catch (error) {
    if (isNativeError(error) && (error.code === "ENOENT" || error.code === "ENOTDIR" || error.code === "EACCES" || error.code === "ELOOP")) return undefined;
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
