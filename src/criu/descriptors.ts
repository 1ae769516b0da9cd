/**
 * The container's standard streams in the images: what each is called there, so that another can take its place
 * (descriptors.json, as runc writes it; runc knows pipes only).
 */

import { join } from "node:path";
import { inWords } from "../container/store.ts";
import { CriuError } from "../errors.ts";
import { parseMountPlaces } from "../linux/mountinfo.ts";
import { O_PATH } from "../linux/open-flags.ts";
import { closeSync, fstatSync, openSync, readFileSync, readlinkSync, writeFileSync } from "../native/files.ts";
import { native } from "../native/native.ts";
import type { InheritedDescriptor } from "./generated/rpc.ts";

const FILE = "descriptors.json";
/** Three paths, and more than that. */
const MOST_BYTES = 64 * 1024;
const STREAMS = [0, 1, 2] as const;
const REPLACED = /^(pipe:|file)\[[\da-f:]+\]$/;

/** The names of a process's streams: `pipe:[1234]`, `file[1b:3a2]` where it is no file of the container's, else the path. */
export function streamsOf(pid: number): string[] {
  const mounts = new Set(parseMountPlaces(readFileSync(`/proc/${pid}/mountinfo`, "utf8")).map(({ id }) => id));
  return STREAMS.map((fd) => {
    try {
      const path = readlinkSync(`/proc/${pid}/fd/${fd}`);
      const mount = mountIdIn(readFileSync(`/proc/${pid}/fdinfo/${fd}`, "utf8"));
      if (!path.startsWith("/") || mounts.has(mount)) return path;
      return `file[${mount.toString(16)}:${native().stat(`/proc/${pid}/fd/${fd}`).inode.toString(16)}]`;
    } catch {
      // It is closed.
      return "";
    }
  });
}

/** The streams among them that criu is to leave alone. */
export function externalStreams(streams: readonly string[]): string[] {
  return [...new Set(streams.filter((name) => name.startsWith("file[")))];
}

/** That in proc_pid_fdinfo(5). */
function mountIdIn(fdinfo: string): number {
  return Number(/^mnt_id:\s*(\d+)$/m.exec(fdinfo)?.[1] ?? 0);
}

export function saveDescriptors(imagePath: string, streams: readonly string[]): void {
  const path = join(imagePath, FILE);
  try {
    writeFileSync(path, JSON.stringify(streams), { mode: 0o600 });
  } catch (error) {
    throw inWords(`write "${path}"`, error);
  }
}

/** Images may come from anywhere: a fifo among them would hold up a shim and all its containers, and a device has no end. */
function readImage(path: string): string {
  const fd = openSync(path, O_PATH);
  try {
    const { size, isFile } = fstatSync(fd);
    if (!isFile() || size > MOST_BYTES) throw new CriuError(`cannot use "${path}": it is no file of at most ${MOST_BYTES} bytes`);
    return readFileSync(`/proc/self/fd/${fd}`, "utf8");
  } finally {
    closeSync(fd);
  }
}

/** For which of the streams in the images other descriptors of criu are to stand: `first`, and those after it. */
export function inheritedStreams(imagePath: string, first: number): InheritedDescriptor[] {
  const path = join(imagePath, FILE);
  let names: unknown;
  try {
    names = JSON.parse(readImage(path));
  } catch (error) {
    if (error instanceof SyntaxError) throw new CriuError(`cannot use "${path}": it is not JSON`, { cause: error });
    throw inWords(`read "${path}"`, error);
  }
  if (!Array.isArray(names)) throw new CriuError(`cannot use "${path}": it is not a list of names`);
  const inherited: InheritedDescriptor[] = [];
  for (const fd of STREAMS) {
    const key: unknown = names[fd];
    if (typeof key === "string" && REPLACED.test(key)) inherited.push({ key, fd: first + fd });
  }
  return inherited;
}
