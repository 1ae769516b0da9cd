/** overlayfs takes the owners of its lower layers as their mounts show them: each is mapped while it is mounted. */

import { join } from "node:path";
import { MNT_DETACH, MOUNT_ATTR_IDMAP, MOUNT_ATTR_RDONLY, MOVE_MOUNT_F_EMPTY_PATH, OPEN_TREE_CLOEXEC, OPEN_TREE_CLONE, UMOUNT_NOFOLLOW } from "../linux/mount-flags.ts";
import { AT_EMPTY_PATH, AT_FDCWD, O_PATH } from "../linux/open-flags.ts";
import { closeSync, mkdirSync, openSync, rmdirSync } from "../native/files.ts";
import { native } from "../native/native.ts";

const LOWER = "lowerdir=";

/** Mounts the layers of an overlay once more in `folder`, mapped; `mount` is given the options that name these, and they go again. */
export function withMappedLayers(folder: string, { data, userns }: { readonly data: readonly string[]; readonly userns: number }, mount: (data: readonly string[]) => void): void {
  const mapped: string[] = [];
  mkdirSync(folder, { mode: 0o700 });
  const place = openSync(folder, O_PATH);
  try {
    const options: string[] = [];
    for (const option of data) {
      if (!option.startsWith(LOWER)) options.push(option);
      else options.push(LOWER + mapLayers(option.slice(LOWER.length).split(":"), { folder, place, userns, mapped }).join(":"));
    }
    mount(options);
  } finally {
    // overlayfs has copies of its own.
    for (const path of mapped.reverse()) {
      native().umount(path, MNT_DETACH | UMOUNT_NOFOLLOW);
      rmdirSync(path);
    }
    closeSync(place);
    rmdirSync(folder);
  }
}

/** Returns short names of them: all options of a mount have to fit into one page. */
function mapLayers(layers: readonly string[], { folder, place, userns, mapped }: { readonly folder: string; readonly place: number; readonly userns: number; readonly mapped: string[] }): string[] {
  return layers.map((layer, index) => {
    const path = join(folder, String(index));
    const tree = native().openTree(AT_FDCWD, layer, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
    try {
      native().mountSetattr(tree, "", AT_EMPTY_PATH, { set: MOUNT_ATTR_IDMAP | MOUNT_ATTR_RDONLY, userns });
      mkdirSync(path, { mode: 0o700 });
      native().moveMount(tree, "", AT_FDCWD, path, MOVE_MOUNT_F_EMPTY_PATH);
      mapped.push(path);
    } finally {
      closeSync(tree);
    }
    return `/proc/self/fd/${place}/${index}`;
  });
}
