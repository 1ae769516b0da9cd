/** The mount options of config.json as one table, and what a list of them asks of the kernel (config.md#linux-mount-options). */

import {
  FSCONFIG_MAX_BYTES,
  MOUNT_ATTR__ATIME,
  MOUNT_ATTR_NOATIME,
  MOUNT_ATTR_NODEV,
  MOUNT_ATTR_NODIRATIME,
  MOUNT_ATTR_NOEXEC,
  MOUNT_ATTR_NOSUID,
  MOUNT_ATTR_NOSYMFOLLOW,
  MOUNT_ATTR_RDONLY,
  MOUNT_ATTR_RELATIME,
  MOUNT_ATTR_STRICTATIME,
  MS_DIRSYNC,
  MS_I_VERSION,
  MS_LAZYTIME,
  MS_MANDLOCK,
  MS_NOATIME,
  MS_NODEV,
  MS_NODIRATIME,
  MS_NOEXEC,
  MS_NOSUID,
  MS_NOSYMFOLLOW,
  MS_PRIVATE,
  MS_RDONLY,
  MS_REC,
  MS_RELATIME,
  MS_SHARED,
  MS_SILENT,
  MS_SLAVE,
  MS_STRICTATIME,
  MS_SYNCHRONOUS,
  MS_UNBINDABLE,
} from "./mount-flags.ts";

/** What the specification demands of a runtime for the option. */
export type Level = "MUST" | "SHOULD" | "MAY";

interface FlagOption {
  readonly level: Level;
  readonly kind: "flag";
  /** The bit of mount(2). */
  readonly ms: number;
  /** The option takes the bit away. */
  readonly clear?: true;
  /** The same as an attribute of the mount, where it is one. */
  readonly attr?: number;
  /** The flag's name for fsconfig(2), where it is one of the superblock; of an option that clears, undefined if it has none. */
  readonly superblock?: string;
  /** Only mount(2) can say it. */
  readonly mountOnly?: true;
}

interface AtimeOption {
  readonly level: Level;
  readonly kind: "atime";
  readonly recursive?: true;
  /** One value of the group MOUNT_ATTR__ATIME. */
  readonly attr: number;
  readonly clear?: true;
}

interface RecursiveOption {
  readonly level: Level;
  readonly kind: "recursive";
  readonly attr: number;
  readonly clear?: true;
}

interface PropagationOption {
  readonly level: Level;
  readonly kind: "propagation";
  readonly ms: number;
}

interface WordOption {
  readonly level: Level;
  readonly kind: "bind" | "remount" | "idmap" | "runtime" | "none";
}

export type MountOption = FlagOption | AtimeOption | RecursiveOption | PropagationOption | WordOption;

/**
 * Every option that the runtime itself understands; all others belong to the file system (`data`).
 *
 * These are the 61 of config.md, and `rnodev`, which that table lacks and features.md lists. `acl` and `noacl` of
 * features.md's example are data: Linux has no flag for them.
 */
export const MOUNT_OPTIONS: Readonly<Record<string, MountOption>> = {
  defaults: { level: "MUST", kind: "none" },
  bind: { level: "MUST", kind: "bind" },
  rbind: { level: "MUST", kind: "bind" },
  remount: { level: "MUST", kind: "remount" },

  ro: { level: "MUST", kind: "flag", ms: MS_RDONLY, attr: MOUNT_ATTR_RDONLY, superblock: "ro" },
  rw: { level: "MUST", kind: "flag", ms: MS_RDONLY, attr: MOUNT_ATTR_RDONLY, superblock: "rw", clear: true },
  nosuid: { level: "MUST", kind: "flag", ms: MS_NOSUID, attr: MOUNT_ATTR_NOSUID },
  suid: { level: "MUST", kind: "flag", ms: MS_NOSUID, attr: MOUNT_ATTR_NOSUID, clear: true },
  nodev: { level: "MUST", kind: "flag", ms: MS_NODEV, attr: MOUNT_ATTR_NODEV },
  dev: { level: "MUST", kind: "flag", ms: MS_NODEV, attr: MOUNT_ATTR_NODEV, clear: true },
  noexec: { level: "MUST", kind: "flag", ms: MS_NOEXEC, attr: MOUNT_ATTR_NOEXEC },
  exec: { level: "MUST", kind: "flag", ms: MS_NOEXEC, attr: MOUNT_ATTR_NOEXEC, clear: true },
  nodiratime: { level: "MUST", kind: "flag", ms: MS_NODIRATIME, attr: MOUNT_ATTR_NODIRATIME },
  diratime: { level: "MUST", kind: "flag", ms: MS_NODIRATIME, attr: MOUNT_ATTR_NODIRATIME, clear: true },
  nosymfollow: { level: "SHOULD", kind: "flag", ms: MS_NOSYMFOLLOW, attr: MOUNT_ATTR_NOSYMFOLLOW },
  symfollow: { level: "SHOULD", kind: "flag", ms: MS_NOSYMFOLLOW, attr: MOUNT_ATTR_NOSYMFOLLOW, clear: true },

  sync: { level: "MUST", kind: "flag", ms: MS_SYNCHRONOUS, superblock: "sync" },
  async: { level: "MUST", kind: "flag", ms: MS_SYNCHRONOUS, superblock: "async", clear: true },
  dirsync: { level: "MUST", kind: "flag", ms: MS_DIRSYNC, superblock: "dirsync" },
  lazytime: { level: "MUST", kind: "flag", ms: MS_LAZYTIME, superblock: "lazytime" },
  nolazytime: { level: "MUST", kind: "flag", ms: MS_LAZYTIME, superblock: "nolazytime", clear: true },
  mand: { level: "MAY", kind: "flag", ms: MS_MANDLOCK, superblock: "mand" },
  nomand: { level: "MAY", kind: "flag", ms: MS_MANDLOCK, superblock: "nomand", clear: true },
  iversion: { level: "MUST", kind: "flag", ms: MS_I_VERSION, mountOnly: true },
  noiversion: { level: "MUST", kind: "flag", ms: MS_I_VERSION, mountOnly: true, clear: true },
  silent: { level: "MUST", kind: "flag", ms: MS_SILENT, mountOnly: true },
  loud: { level: "MUST", kind: "flag", ms: MS_SILENT, mountOnly: true, clear: true },

  relatime: { level: "MUST", kind: "atime", attr: MOUNT_ATTR_RELATIME },
  norelatime: { level: "MUST", kind: "atime", attr: MOUNT_ATTR_RELATIME, clear: true },
  noatime: { level: "MUST", kind: "atime", attr: MOUNT_ATTR_NOATIME },
  atime: { level: "MUST", kind: "atime", attr: MOUNT_ATTR_NOATIME, clear: true },
  strictatime: { level: "MUST", kind: "atime", attr: MOUNT_ATTR_STRICTATIME },
  nostrictatime: { level: "MUST", kind: "atime", attr: MOUNT_ATTR_STRICTATIME, clear: true },

  private: { level: "MUST", kind: "propagation", ms: MS_PRIVATE },
  rprivate: { level: "MUST", kind: "propagation", ms: MS_PRIVATE | MS_REC },
  shared: { level: "MUST", kind: "propagation", ms: MS_SHARED },
  rshared: { level: "MUST", kind: "propagation", ms: MS_SHARED | MS_REC },
  slave: { level: "MUST", kind: "propagation", ms: MS_SLAVE },
  rslave: { level: "MUST", kind: "propagation", ms: MS_SLAVE | MS_REC },
  unbindable: { level: "MUST", kind: "propagation", ms: MS_UNBINDABLE },
  runbindable: { level: "MUST", kind: "propagation", ms: MS_UNBINDABLE | MS_REC },

  rro: { level: "SHOULD", kind: "recursive", attr: MOUNT_ATTR_RDONLY },
  rrw: { level: "SHOULD", kind: "recursive", attr: MOUNT_ATTR_RDONLY, clear: true },
  rnosuid: { level: "SHOULD", kind: "recursive", attr: MOUNT_ATTR_NOSUID },
  rsuid: { level: "SHOULD", kind: "recursive", attr: MOUNT_ATTR_NOSUID, clear: true },
  rnodev: { level: "SHOULD", kind: "recursive", attr: MOUNT_ATTR_NODEV },
  rdev: { level: "SHOULD", kind: "recursive", attr: MOUNT_ATTR_NODEV, clear: true },
  rnoexec: { level: "SHOULD", kind: "recursive", attr: MOUNT_ATTR_NOEXEC },
  rexec: { level: "SHOULD", kind: "recursive", attr: MOUNT_ATTR_NOEXEC, clear: true },
  rnodiratime: { level: "SHOULD", kind: "recursive", attr: MOUNT_ATTR_NODIRATIME },
  rdiratime: { level: "SHOULD", kind: "recursive", attr: MOUNT_ATTR_NODIRATIME, clear: true },
  rnosymfollow: { level: "SHOULD", kind: "recursive", attr: MOUNT_ATTR_NOSYMFOLLOW },
  rsymfollow: { level: "SHOULD", kind: "recursive", attr: MOUNT_ATTR_NOSYMFOLLOW, clear: true },
  rrelatime: { level: "SHOULD", kind: "atime", recursive: true, attr: MOUNT_ATTR_RELATIME },
  rnorelatime: { level: "SHOULD", kind: "atime", recursive: true, attr: MOUNT_ATTR_RELATIME, clear: true },
  rnoatime: { level: "SHOULD", kind: "atime", recursive: true, attr: MOUNT_ATTR_NOATIME },
  ratime: { level: "SHOULD", kind: "atime", recursive: true, attr: MOUNT_ATTR_NOATIME, clear: true },
  rstrictatime: { level: "SHOULD", kind: "atime", recursive: true, attr: MOUNT_ATTR_STRICTATIME },
  rnostrictatime: { level: "SHOULD", kind: "atime", recursive: true, attr: MOUNT_ATTR_STRICTATIME, clear: true },

  idmap: { level: "SHOULD", kind: "idmap" },
  ridmap: { level: "SHOULD", kind: "idmap" },
  tmpcopyup: { level: "MAY", kind: "runtime" },
};

/** What a list of options asks for, in both of the kernel's languages: mount(2) flags, and the new calls' attributes. */
export interface ParsedMount {
  /** It is a bind mount because of this option, never because of its type (config.md#mounts). */
  readonly bind: "bind" | "rbind" | undefined;
  readonly remount: boolean;
  /** For fsmount(2), and mount_setattr(2) on this mount alone. Where one of the atime group was named, attrClr holds its mask. */
  readonly attrSet: number;
  readonly attrClr: number;
  /** For mount_setattr(2) with AT_RECURSIVE. */
  readonly recAttrSet: number;
  readonly recAttrClr: number;
  /** Names for fsconfig(2) that set a flag of the superblock. A bind mount must not get them: they are the host's. */
  readonly superblockSet: readonly string[];
  /** Names that clear one: of use in a remount only, a new superblock has none set. */
  readonly superblockClear: readonly string[];
  /** Flags for one mount(2) call each, or for mount_setattr(2)'s `propagation` (without MS_REC), in this order. */
  readonly propagation: readonly number[];
  readonly idmap: "idmap" | "ridmap" | undefined;
  readonly tmpcopyup: boolean;
  /** The options that fsconfig(2) has no word for: `silent`, `iversion`. */
  readonly mountOnly: readonly string[];
  /** The same as flags of mount(2), without MS_BIND, MS_REC, MS_REMOUNT and the propagation. */
  readonly msFlags: number;
  /** Options of the file system, in order, as they were written: `key=value` or a bare word. */
  readonly data: readonly string[];
}

type Mutable<T> = { -readonly [key in keyof T]: T[key] extends readonly (infer E)[] ? E[] : T[key] };

interface Draft extends Mutable<ParsedMount> {
  /** The value of the group that was asked for; undefined: leave it as it is. */
  atime: number | undefined;
  recAtime: number | undefined;
}

/** Reads options in order: a later one overrides an earlier one. */
export function parseMountOptions(options: readonly string[]): ParsedMount {
  const draft: Draft = {
    bind: undefined,
    remount: false,
    attrSet: 0,
    attrClr: 0,
    recAttrSet: 0,
    recAttrClr: 0,
    superblockSet: [],
    superblockClear: [],
    propagation: [],
    idmap: undefined,
    tmpcopyup: false,
    mountOnly: [],
    msFlags: 0,
    data: [],
    atime: undefined,
    recAtime: undefined,
  };
  for (const name of options) {
    const option = Object.hasOwn(MOUNT_OPTIONS, name) ? MOUNT_OPTIONS[name] : undefined;
    if (option !== undefined) applyOption(draft, name, option);
    else if (name !== "") draft.data.push(name);
  }
  return finish(draft);
}

function applyOption(draft: Draft, name: string, option: MountOption): void {
  switch (option.kind) {
    case "flag":
      applyFlag(draft, name, option);
      break;
    case "atime":
      if (option.recursive) draft.recAtime = nextAtime(draft.recAtime, option);
      else draft.atime = nextAtime(draft.atime, option);
      break;
    case "recursive":
      if (option.clear) [draft.recAttrSet, draft.recAttrClr] = move(option.attr, draft.recAttrSet, draft.recAttrClr);
      else [draft.recAttrClr, draft.recAttrSet] = move(option.attr, draft.recAttrClr, draft.recAttrSet);
      break;
    case "propagation":
      draft.propagation.push(option.ms);
      break;
    case "bind":
      // Flags that add up, as in mount(2), MS_BIND and MS_REC: CRI-O writes both, "bind" last.
      if (draft.bind === undefined || name === "rbind") draft.bind = name === "rbind" ? "rbind" : "bind";
      break;
    case "idmap":
      draft.idmap = name === "idmap" ? "idmap" : "ridmap";
      break;
    case "remount":
      draft.remount = true;
      break;
    case "runtime":
      draft.tmpcopyup = true;
      break;
    case "none":
      break;
    default:
      option satisfies never;
  }
}

function applyFlag(draft: Draft, name: string, option: FlagOption): void {
  const attr = option.attr ?? 0;
  if (option.clear) {
    draft.msFlags &= ~option.ms;
    [draft.attrSet, draft.attrClr] = move(attr, draft.attrSet, draft.attrClr);
  } else {
    draft.msFlags |= option.ms;
    [draft.attrClr, draft.attrSet] = move(attr, draft.attrClr, draft.attrSet);
  }
  if (option.superblock === undefined && !option.mountOnly) return;
  draft.superblockSet = draft.superblockSet.filter((other) => bitOf(other) !== option.ms);
  draft.superblockClear = draft.superblockClear.filter((other) => bitOf(other) !== option.ms);
  draft.mountOnly = draft.mountOnly.filter((other) => bitOf(other) !== option.ms);
  if (option.mountOnly && !option.clear) draft.mountOnly.push(name);
  if (option.superblock !== undefined) (option.clear ? draft.superblockClear : draft.superblockSet).push(name);
}

function bitOf(name: string): number {
  const option = MOUNT_OPTIONS[name];
  return option?.kind === "flag" ? option.ms : 0;
}

/** Takes a bit out of one set and puts it into another. */
function move(bit: number, from: number, to: number): [number, number] {
  return [from & ~bit, to | bit];
}

/**
 * The group is a value, not bits: the kernel knows no "neither noatime nor strictatime" but its default, relatime.
 * `norelatime` only takes back an earlier `relatime`: the kernel cannot be asked for anything more.
 */
function nextAtime(current: number | undefined, option: AtimeOption): number | undefined {
  if (!option.clear) return option.attr;
  if (option.attr === MOUNT_ATTR_RELATIME) return current === MOUNT_ATTR_RELATIME ? undefined : current;
  return current === undefined || current === option.attr ? MOUNT_ATTR_RELATIME : current;
}

const ATIME_MS: Readonly<Record<number, number>> = {
  // Named although it is the default: a remount without any atime flag keeps what the mount has.
  [MOUNT_ATTR_RELATIME]: MS_RELATIME,
  [MOUNT_ATTR_NOATIME]: MS_NOATIME,
  [MOUNT_ATTR_STRICTATIME]: MS_STRICTATIME,
};

function finish(draft: Draft): ParsedMount {
  const { atime, recAtime, ...parsed } = draft;
  if (atime !== undefined) {
    parsed.attrSet |= atime;
    parsed.attrClr |= MOUNT_ATTR__ATIME;
    parsed.msFlags |= ATIME_MS[atime] ?? 0;
  }
  if (recAtime !== undefined) {
    parsed.recAttrSet |= recAtime;
    parsed.recAttrClr |= MOUNT_ATTR__ATIME;
  }
  return parsed;
}

/**
 * Returns the option for which a new file system needs mount(2), undefined if fsconfig(2) can say them all.
 *
 * fsconfig(2) takes keys and values below 256 bytes, and one at a time; an option that holds a comma is several in
 * mount(2)'s data, or one in quotes, and only the file system knows which.
 */
export function findMountOnlyOption(parsed: ParsedMount): string | undefined {
  return parsed.mountOnly[0] ?? parsed.data.find((option) => option.includes(",") || !fitsFsconfig(splitDataOption(option)));
}

/** Whether key and value are short enough. */
export function fitsFsconfig({ key, value = "" }: { readonly key: string; readonly value?: string }): boolean {
  return key !== "" && utf8Length(key) < FSCONFIG_MAX_BYTES && utf8Length(value) < FSCONFIG_MAX_BYTES;
}

/** Splits a file system's option at its first `=`; one without is a flag for fsconfig(2). */
export function splitDataOption(option: string): { key: string; value?: string } {
  const equals = option.indexOf("=");
  return equals < 0 ? { key: option } : { key: option.slice(0, equals), value: option.slice(equals + 1) };
}

function utf8Length(text: string): number {
  // Three bytes at most for each UTF-16 unit: most options need no encoder.
  return text.length * 3 < FSCONFIG_MAX_BYTES ? text.length : new TextEncoder().encode(text).length;
}
