/** Where mounts are attached. */

import { MOVE_MOUNT_F_EMPTY_PATH, MOVE_MOUNT_T_EMPTY_PATH } from "../linux/mount-flags.ts";

/** What open_target opens, or makes when it is missing (addon/init/rootfs.h). */
export const ANY = 0;
export const DIRECTORY = 1;
export const FILE = 2;

export const MOVE_TO_FD: number = MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH;
