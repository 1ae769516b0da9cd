/** The root's own mount for a container without a mount namespace: all that is mounted below leaves the host with it. */

import { InitError } from "../errors.ts";
import {
  MNT_DETACH,
  MOVE_MOUNT_F_EMPTY_PATH,
  MOVE_MOUNT_T_EMPTY_PATH,
  MS_PRIVATE,
  OPEN_TREE_CLOEXEC,
  OPEN_TREE_CLONE,
} from "../linux/mount-flags.ts";
import { AT_EMPTY_PATH, AT_RECURSIVE, O_PATH } from "../linux/open-flags.ts";
import { closeSync, openSync, readFileSync } from "../native/files.ts";
import { isNativeError, native } from "../native/native.ts";

/** Where the mount is to be, and the id of the mount that is seen there without it. */
export interface RootMount {
  readonly path: string;
  readonly below: number;
}

/** What has to be known before the mount is made, so that whoever cleans up can tell whether it was. */
export function rootMountToBe(path: string): RootMount {
  const fd = openSync(path, O_PATH);
  try {
    return { path, below: mountIdOf(fd) };
  } finally {
    closeSync(fd);
  }
}

/** Attaches a copy of the root's mounts on the root, private: its peers elsewhere must not see what is mounted there. */
export function attachRoot(path: string): void {
  if (identityOf(path) === identityOf("/")) {
    throw new InitError(`cannot mount on "${path}": it is the host's own root, which needs a namespace of the type "mount"`);
  }
  const target = openSync(path, O_PATH);
  try {
    const tree = native().openTree(target, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE | AT_EMPTY_PATH);
    try {
      native().mountSetattr(tree, "", AT_EMPTY_PATH | AT_RECURSIVE, { propagation: MS_PRIVATE });
      native().moveMount(tree, "", target, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH);
    } finally {
      closeSync(tree);
    }
  } finally {
    closeSync(target);
  }
}

/** Mount and inode; kernels before 5.14 do not tell the inode, and the path must do. */
function identityOf(path: string): string {
  const fd = openSync(path, O_PATH);
  try {
    return `${mountIdOf(fd)} ${/^ino:\s*(\d+)$/m.exec(infoOf(fd))?.[1] ?? path}`;
  } finally {
    closeSync(fd);
  }
}

/** Takes it away again, with all that is mounted below and on it; nothing where it is not there any more. */
export function detachRoot(mount: RootMount): void {
  while (detachTop(mount));
}

function detachTop({ path, below }: RootMount): boolean {
  let fd: number;
  try {
    fd = openSync(path, O_PATH);
  } catch (error) {
    if (isNativeError(error) && error.code === "ENOENT") return false;
    throw error;
  }
  try {
    // By the descriptor: between the look and the act the path may come to mean another mount.
    if (mountIdOf(fd) === below) return false;
    native().umount(`/proc/self/fd/${fd}`, MNT_DETACH);
    return true;
  } finally {
    closeSync(fd);
  }
}

function mountIdOf(fd: number): number {
  return Number(/^mnt_id:\s*(\d+)$/m.exec(infoOf(fd))?.[1] ?? 0);
}

/** proc_pid_fdinfo(5). */
function infoOf(fd: number): string {
  return readFileSync(`/proc/self/fdinfo/${fd}`, "utf8");
}
