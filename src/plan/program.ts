/** Why the kernel would not execute a program: what is known of its file (addon/init/program-facts.h), in words. */

import { explainExec, inspectProgram } from "../linux/shebang-elf.ts";

/** A program that could not be executed. */
export interface RefusedProgram {
  /** Who refused it: `lookup` asks for the file alone, the others for what it needs, too. */
  readonly op: string;
  /** The errno's name. */
  readonly errno: string;
  /** What was looked for, as the config has it. */
  readonly name: string;
  /** Where a name without a slash was looked for. */
  readonly path?: string | undefined;
  /** Undefined where there is no such file, or nobody could look. */
  readonly file: FileFacts | undefined;
  /** Any name of this machine's architecture. */
  readonly arch: string;
}

/** What there is to know of a file without its being executed. */
export interface FileFacts {
  /** st_mode; that of a symbolic link where it leads nowhere. */
  readonly mode: number;
  /** f_flags of statfs(2). */
  readonly mount: number;
  readonly uid: number;
  readonly gid: number;
  /** Its first bytes; empty where they may not be read. */
  readonly head: Uint8Array;
}

const S_IFMT = 0o170000;
const S_IFREG = 0o100000;
const S_IFLNK = 0o120000;
/** f_flags of statfs(2). */
const ST_NOEXEC = 8;

/** What stands in the place of a program, where it is no regular file (inode(7)). */
const KINDS: Readonly<Record<number, string>> = {
  0o010000: "a fifo",
  0o020000: "a character device",
  0o060000: "a block device",
  0o140000: "a socket",
};

/** What execve(2) says of other things than the file. */
const LIMITS: Readonly<Record<string, string>> = {
  E2BIG: "args and env together, or one of them alone, are longer than the kernel takes",
  EAGAIN: "its user has as many processes as RLIMIT_NPROC allows",
  ELOOP: "interpreters of scripts that are scripts themselves nest too deep",
  ENOMEM: "is the memory limit, or RLIMIT_AS, too low for it?",
  ETXTBSY: "somebody has the file open for writing",
};

/** Returns the cause in words; undefined where it is not known. */
export function explainProgram({ op, errno, name, path, file, arch }: RefusedProgram): string | undefined {
  const limit = LIMITS[errno];
  if (limit !== undefined) return limit;
  if (file === undefined) return explainAbsence(errno, name, path);
  const kind = file.mode & S_IFMT;
  if (kind === S_IFLNK) return "it is a symbolic link that leads nowhere";
  if (kind !== S_IFREG) return KINDS[kind] === undefined ? undefined : `it is ${KINDS[kind]}`;
  return (errno === "EACCES" ? explainDenial(op, file) : undefined) ?? explainExec(errno, inspectProgram(file.head, arch));
}

function explainAbsence(errno: string, name: string, path: string | undefined): string | undefined {
  if (errno === "EACCES") return "a directory on the way to it may not be searched by this user";
  if (errno !== "ENOENT" || name.includes("/") || path === undefined) return undefined;
  return `the PATH is ${JSON.stringify(path)}`;
}

function explainDenial(op: string, { mode, mount, uid, gid }: FileFacts): string | undefined {
  if ((mount & ST_NOEXEC) !== 0) return "its file system is mounted noexec";
  const bits = `0${(mode & 0o7777).toString(8)}`;
  if ((mode & 0o111) === 0) return `its mode ${bits} lets nobody execute it`;
  return op !== "lookup" ? undefined : `its mode ${bits} and its owner ${uid}:${gid} do not let this user execute it`;
}

/** Reads init's notes: `file MODE FLAGS UID GID`, a line end, the beginning of the file. */
export function parseFileFacts(bytes: Uint8Array): FileFacts | undefined {
  const end = bytes.indexOf(0x0a);
  const [word, ...numbers] = String.fromCharCode(...bytes.subarray(0, Math.max(0, Math.min(end, 100)))).trim().split(" ");
  const [mode = NaN, mount = NaN, uid = NaN, gid = NaN] = numbers.map(Number);
  if (word !== "file" || Number.isNaN(mode + mount + uid + gid)) return undefined;
  return { mode, mount, uid, gid, head: bytes.subarray(end + 1) };
}
