/** The mounts that containerd gives for a container's root file system. */

import { dirname, join } from "node:path";
import { UsageError } from "../errors.ts";
import { inWords } from "../container/store.ts";
import {
  FSCONFIG_CMD_CREATE,
  FSCONFIG_SET_FLAG,
  FSCONFIG_SET_STRING,
  MNT_DETACH,
  MOUNT_ATTR_IDMAP,
  MOVE_MOUNT_F_EMPTY_PATH,
  MOVE_MOUNT_T_EMPTY_PATH,
  OPEN_TREE_CLOEXEC,
  OPEN_TREE_CLONE,
  UMOUNT_NOFOLLOW,
} from "../linux/mount-flags.ts";
import { parseMountOptions, splitDataOption } from "../linux/mount-options.ts";
import type { ParsedMount } from "../linux/mount-options.ts";
import { AT_EMPTY_PATH, AT_FDCWD, AT_RECURSIVE, O_PATH, RESOLVE_IN_ROOT } from "../linux/open-flags.ts";
import { closeSync, mkdirSync, openSync, readFileSync } from "../native/files.ts";
import { isNativeError, native } from "../native/native.ts";
import type { Mount } from "./generated/types.ts";

/** What mount(2) takes is one page with its final zero; fsconfig(2) takes one value after the other. */
const MOST_DATA_BYTES = 4000;
const UID_MAP = "uidmap=";
const GID_MAP = "gidmap=";

/** Mounts them, in their order, on the folder; what was mounted is unmounted again when one fails. */
export async function mountRootfs(rootfs: string, mounts: readonly Partial<Mount>[]): Promise<void> {
  if (mounts.length === 0) return;
  mkdirSync(rootfs, { mode: 0o711, recursive: true });
  try {
    for (const mount of mounts) await mountOne(rootfs, mount);
  } catch (error) {
    unmountRootfs(rootfs);
    throw error;
  }
}

async function mountOne(rootfs: string, { type = "", source = "", target = "", options = [] }: Partial<Mount>): Promise<void> {
  const what = `mount "${source}" (${type}) on "${join(rootfs, target)}"`;
  const maps = takeMaps(options);
  const parsed = parseMountOptions(maps?.others ?? options);
  const place = openPlace(rootfs, target);
  try {
    if (maps !== undefined) await mountMapped({ type, source, maps, folder: join(dirname(rootfs), "layers") }, place, parsed);
    else if (parsed.bind !== undefined || type === "bind") bind(source, place, parsed);
    else mountNew({ type, source }, place, parsed);
  } catch (error) {
    throw inWords(what, error);
  } finally {
    closeSync(place);
  }
}

interface Maps {
  /** As /proc/PID/uid_map has it, user_namespaces(7). */
  readonly uid: string;
  readonly gid: string;
  readonly others: readonly string[];
}

/** containerd has the owners of a root file system mapped by `uidmap=CONTAINER:HOST:SIZE,...` and `gidmap=`; mostly there are none. */
function takeMaps(options: readonly string[]): Maps | undefined {
  let uid: string | undefined;
  let gid: string | undefined;
  const others: string[] = [];
  for (const option of options) {
    if (option.startsWith(UID_MAP)) uid = mapText(option.slice(UID_MAP.length));
    else if (option.startsWith(GID_MAP)) gid = mapText(option.slice(GID_MAP.length));
    else others.push(option);
  }
  return uid === undefined || gid === undefined ? undefined : { uid, gid, others };
}

function mapText(list: string): string {
  if (!/^\d+:\d+:\d+(,\d+:\d+:\d+)*$/.test(list)) throw new UsageError(`cannot map the owners of the root file system: "${list}" is no map`);
  return list.replaceAll(":", " ").replaceAll(",", "\n");
}

/** What is bound is mapped itself; of an overlay the lower layers are, as its upper one has the right owners already. */
async function mountMapped({ type, source, maps, folder }: Source & { readonly maps: Maps; readonly folder: string }, place: number, parsed: ParsedMount): Promise<void> {
  const { openIdmap } = await import("../container/idmap.ts");
  const { withMappedLayers } = await import("./mapped-layers.ts");
  const userns = await openIdmap(maps);
  try {
    if (parsed.bind !== undefined || type === "bind") bind(source, place, parsed, userns);
    else if (type === "overlay") withMappedLayers(folder, { data: parsed.data, userns }, (data) => mountNew({ type, source }, place, { ...parsed, data }));
    else throw new UsageError(`the owners of a file system of type "${type}" cannot be mapped`);
  } finally {
    closeSync(userns);
  }
}

function mountNew(source: Source, place: number, parsed: ParsedMount): void {
  if (sizeOf(parsed.data) < MOST_DATA_BYTES) mountAtOnce(source, place, parsed);
  else mountInParts(source, place, parsed);
}

/** What the image holds decides nothing about where a mount goes. */
function openPlace(rootfs: string, target: string): number {
  const root = openSync(rootfs, O_PATH);
  if (target === "" || target === "/") return root;
  try {
    return native().openat2(root, target, { flags: O_PATH, resolve: RESOLVE_IN_ROOT });
  } finally {
    closeSync(root);
  }
}

function bind(source: string, place: number, { bind: kind, attrSet, attrClr, propagation }: ParsedMount, userns?: number): void {
  const recursive = kind === "bind" ? 0 : AT_RECURSIVE;
  const tree = native().openTree(AT_FDCWD, source, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | recursive);
  try {
    if (attrSet !== 0 || attrClr !== 0) native().mountSetattr(tree, "", AT_EMPTY_PATH, { set: attrSet, clear: attrClr });
    if (userns !== undefined) native().mountSetattr(tree, "", AT_EMPTY_PATH, { set: MOUNT_ATTR_IDMAP, userns });
    for (const flag of propagation) native().mountSetattr(tree, "", AT_EMPTY_PATH, { propagation: flag });
    native().moveMount(tree, "", place, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH);
  } finally {
    closeSync(tree);
  }
}

interface Source {
  readonly type: string;
  readonly source: string;
}

function mountAtOnce({ type, source }: Source, place: number, { msFlags, data }: ParsedMount): void {
  native().mount(source, `/proc/self/fd/${place}`, type, msFlags, data.join(","));
}

/** overlayfs with very many layers: the new calls take each by itself. */
function mountInParts({ type, source }: Source, place: number, { superblockSet, attrSet, data }: ParsedMount): void {
  const fs = native().fsopen(type);
  try {
    if (source !== "") native().fsconfig(fs, FSCONFIG_SET_STRING, "source", source);
    for (const name of superblockSet) native().fsconfig(fs, FSCONFIG_SET_FLAG, name);
    for (const option of data) setOption(fs, option);
    native().fsconfig(fs, FSCONFIG_CMD_CREATE);
    const mount = native().fsmount(fs, attrSet);
    try {
      native().moveMount(mount, "", place, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH);
    } finally {
      closeSync(mount);
    }
  } finally {
    closeSync(fs);
  }
}

function setOption(fs: number, option: string): void {
  const { key, value } = splitDataOption(option);
  if (value === undefined) native().fsconfig(fs, FSCONFIG_SET_FLAG, key);
  else if (key === "lowerdir") for (const layer of value.split(":")) native().fsconfig(fs, FSCONFIG_SET_STRING, "lowerdir+", layer);
  else native().fsconfig(fs, FSCONFIG_SET_STRING, key, value);
}

function sizeOf(data: readonly string[]): number {
  let size = 0;
  for (const option of data) size += option.length + 1;
  return size;
}

/** Unmounts all that is mounted on the folder and below it, the deepest first; nothing where there is nothing. */
export function unmountRootfs(rootfs: string): void {
  if (!rootfs.startsWith("/")) throw new UsageError(`cannot unmount "${rootfs}": it is not absolute`);
  for (const place of mountsBelow(rootfs).reverse()) {
    try {
      unmount(place);
    } catch (error) {
      // Gone by itself, with what it was mounted on.
      if (!isNativeError(error) || (error.code !== "EINVAL" && error.code !== "ENOENT")) throw inWords(`unmount "${place}"`, error);
    }
  }
}

function unmount(place: string): void {
  try {
    native().umount(place, UMOUNT_NOFOLLOW);
  } catch (error) {
    // Another mount namespace may hold a copy for a moment; the container is over, so nobody needs it.
    if (!isNativeError(error) || error.code !== "EBUSY") throw error;
    native().umount(place, MNT_DETACH | UMOUNT_NOFOLLOW);
  }
}

/** In the order in which they were mounted. */
function mountsBelow(path: string): string[] {
  const places: string[] = [];
  for (const line of readFileSync("/proc/self/mountinfo", "utf8").split("\n")) {
    const place = (line.split(" ")[4] ?? "").replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));
    if (place === path || place.startsWith(`${path}/`)) places.push(place);
  }
  return places;
}
