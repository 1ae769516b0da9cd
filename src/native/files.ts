/**
 * Files by path and descriptor, in the names and forms of node:fs, as far as this program uses them.
 *
 * Loading node:fs takes the engine about a millisecond at each start, a sixth of it, whatever is used of it; the addon
 * is loaded anyway.
 */

import { O_APPEND, O_CREAT, O_EXCL, O_RDONLY, O_TRUNC } from "../linux/open-flags.ts";
import { isNativeError, native } from "./native.ts";

const S_IFMT = 0o170000;
const S_IFIFO = 0o010000;
const S_IFREG = 0o100000;
const FILE_MODE = 0o666;
const DIRECTORY_MODE = 0o777;

export interface Status {
  readonly size: number;
  isFile(): boolean;
  isFIFO(): boolean;
}

interface WriteOptions {
  readonly mode?: number;
  /** "wx": the file must not exist yet. */
  readonly flag?: "w" | "wx" | "a";
}

const WRITE_FLAGS: Readonly<Record<"w" | "wx" | "a", number>> = {
  w: O_CREAT | O_TRUNC,
  wx: O_CREAT | O_EXCL,
  a: O_CREAT | O_APPEND,
};

export function openSync(path: string, flags: number = O_RDONLY, mode: number = FILE_MODE): number {
  return native().open(path, flags, mode);
}

export function closeSync(fd: number): void {
  native().close(fd);
}

export function readSync(fd: number, buffer: Uint8Array): number {
  return native().read(fd, buffer);
}

/** One write(2): it may take less than is given. */
export function writeSync(fd: number, data: string | Uint8Array, from = 0, size?: number): number {
  const isWhole = typeof data === "string" || (from === 0 && size === undefined);
  return native().write(fd, isWhole ? data : data.subarray(from, size === undefined ? undefined : from + size));
}

export function readFileSync(path: string): Uint8Array;
export function readFileSync(path: string, encoding: "utf8"): string;
export function readFileSync(path: string, encoding?: "utf8"): string | Uint8Array {
  return encoding === undefined ? native().readBytes(path) : native().readText(path);
}

/** The text of a small file that the kernel makes in one piece: not a name of node:fs, but two system calls less. */
export function readStartSync(path: string): string {
  return native().readStart(path);
}

export function writeFileSync(path: string, data: string | Uint8Array, { mode = FILE_MODE, flag = "w" }: WriteOptions = {}): void {
  native().writeFile(path, data, WRITE_FLAGS[flag], mode);
}

export function appendFileSync(path: string, data: string, { mode = FILE_MODE }: { readonly mode?: number } = {}): void {
  writeFileSync(path, data, { mode, flag: "a" });
}

export function existsSync(path: string): boolean {
  return native().exists(path);
}

export function statSync(path: string): Status;
export function statSync(path: string, options: { readonly throwIfNoEntry: false }): Status | undefined;
export function statSync(path: string, { throwIfNoEntry }: { readonly throwIfNoEntry?: false } = {}): Status | undefined {
  try {
    return status(native().stat(path));
  } catch (error) {
    if (throwIfNoEntry === false && isNativeError(error) && (error.code === "ENOENT" || error.code === "ENOTDIR")) return undefined;
    throw error;
  }
}

export function fstatSync(fd: number): Status {
  return status(native().fstat(fd));
}

function status({ mode, size }: { readonly mode: number; readonly size: number }): Status {
  const type = mode & S_IFMT;
  return { size, isFile: () => type === S_IFREG, isFIFO: () => type === S_IFIFO };
}

export function statfsSync(path: string): { readonly type: number } {
  return { type: native().statfs(path) };
}

export function mkdirSync(path: string, { mode = DIRECTORY_MODE, recursive = false }: { readonly mode?: number; readonly recursive?: boolean } = {}): void {
  try {
    native().mkdir(path, mode);
  } catch (error) {
    if (!recursive || !isNativeError(error)) throw error;
    if (error.code === "EEXIST" && isDirectory(path)) return;
    const parent = path.slice(0, path.lastIndexOf("/"));
    if (error.code !== "ENOENT" || parent === "") throw error;
    mkdirSync(parent, { mode, recursive });
    // Once: below /proc there stays nothing, however often one tries.
    makeLast(path, mode);
  }
}

function makeLast(path: string, mode: number): void {
  try {
    native().mkdir(path, mode);
  } catch (error) {
    if (!isNativeError(error) || error.code !== "EEXIST" || !isDirectory(path)) throw error;
  }
}

function isDirectory(path: string): boolean {
  return native().exists(`${path}/.`);
}

export function rmdirSync(path: string): void {
  native().rmdir(path);
}

export function unlinkSync(path: string): void {
  native().unlink(path);
}

/** With `force` it does not mind when there is nothing; with `recursive` a directory goes with what is in it. */
export function rmSync(path: string, { recursive = false, force = false }: { readonly recursive?: boolean; readonly force?: boolean } = {}): void {
  try {
    native().unlink(path);
  } catch (error) {
    const code = isNativeError(error) ? error.code : "";
    if (force && (code === "ENOENT" || code === "ENOTDIR")) return;
    // POSIX lets unlink() of a directory fail with EPERM; Linux says EISDIR.
    if (!recursive || code !== "EISDIR") throw error;
    for (const name of readdirSync(path)) rmSync(`${path}/${name}`, { recursive, force: true });
    native().rmdir(path);
  }
}

export function readlinkSync(path: string): string {
  return native().readlink(path);
}

export function renameSync(from: string, to: string): void {
  native().rename(from, to);
}

export function chownSync(path: string, uid: number, gid: number): void {
  native().chown(path, uid, gid);
}

export function readdirSync(path: string): string[] {
  return native().readdir(path, false);
}

/** The names of a directory's directories, links to some not among them. */
export function directoriesIn(path: string): string[] {
  return native().readdir(path, true);
}
