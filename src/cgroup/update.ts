/** Changes limits of a cgroup that is in use: all of them, or none. */

import { CgroupError } from "../errors.ts";
import { existsSync } from "../native/files.ts";
import type { FileWrite } from "../resources/limits.ts";
import type { CgroupDirectory } from "./cgroup.ts";
import { readText, writeText } from "./files.ts";
import { previousValue } from "./previous.ts";
import { directoryFor, openWriter } from "./write.ts";
import type { LimitWriter } from "./write.ts";

/** What was changed, and how it is taken back. */
export interface Applied {
  /** Takes back what can be, the latest first. */
  undo(): void;
}

/**
 * Makes the writes. The kernel judges some limits by others (memory by memory with swap, a burst by the quota), and
 * which of them has to be first depends on what holds now: so a write that fails is tried again after the others.
 */
export function applyUpdate(directories: readonly CgroupDirectory[], writes: readonly FileWrite[]): Applied {
  const undo: FileWrite[] = [];
  const writer = openWriter(directories);
  const applied: Applied = { undo: () => takeBack(directories, undo) };
  try {
    let pending = writes.map((write) => withName(directories, write));
    while (pending.length > 0) {
      const { postponed, error } = attempt(directories, pending, { writer, undo });
      if (postponed.length === pending.length) throw error;
      pending = postponed;
    }
    return applied;
  } catch (error) {
    applied.undo();
    throw error;
  } finally {
    writer.close();
  }
}

function attempt(
  directories: readonly CgroupDirectory[],
  writes: readonly FileWrite[],
  { writer, undo }: { readonly writer: LimitWriter; readonly undo: FileWrite[] },
): { readonly postponed: FileWrite[]; readonly error: unknown } {
  const postponed: FileWrite[] = [];
  let error: unknown;
  for (const write of writes) {
    const directory = directoryFor(directories, write);
    const previous = previousOf(directory, write);
    try {
      if (write.file === "memory.max" && write.notBelow === undefined) makeRoom(directory, write);
      writer.write(write);
      if (previous !== undefined) undo.push({ ...write, value: previous });
    } catch (failure) {
      error ??= failure;
      postponed.push(write);
    }
  }
  return { postponed, error };
}

/** The name that the kernel knows the file by. */
function withName(directories: readonly CgroupDirectory[], write: FileWrite): FileWrite {
  const { instead, ...first } = write;
  if (instead === undefined || existsSync(`${directoryFor(directories, write).path}/${write.file}`)) return first;
  return { ...first, ...instead };
}

function previousOf({ path }: CgroupDirectory, { file, value }: FileWrite): string | undefined {
  try {
    return previousValue(file, readText(`${path}/${file}`), value);
  } catch {
    // It is missing, or can only be written to.
    return undefined;
  }
}

/**
 * v2 kills for a limit below the usage where v1 frees what it can and refuses: so it is made to free by memory.high,
 * which never kills (cgroup-v2.rst, "Memory Interface Files").
 */
function makeRoom({ path }: CgroupDirectory, { value }: FileWrite): void {
  const usage = (): bigint => BigInt(readText(`${path}/memory.current`).trim());
  if (value === "max" || usage() <= BigInt(value)) return;
  const high = readText(`${path}/memory.high`).trim();
  try {
    writeText(`${path}/memory.high`, value);
    const least = usage();
    if (least <= BigInt(value)) return;
    const reason = `the container uses ${least} bytes that the kernel cannot free`;
    throw new CgroupError(`cannot set "memory.max" of cgroup "${path}" to "${value}": ${reason}`);
  } finally {
    writeText(`${path}/memory.high`, high);
  }
}

function takeBack(directories: readonly CgroupDirectory[], undo: FileWrite[]): void {
  const writer = openWriter(directories);
  for (const { notBelow: _, ...write } of undo.reverse()) {
    try {
      writer.write(write);
    } catch {
      // What was the reason for all this may hinder this, too.
    }
  }
  undo.length = 0;
  writer.close();
}
