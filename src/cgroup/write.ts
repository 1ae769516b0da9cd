/** Writes planned limits into a container's cgroup. */

import { CgroupError } from "../errors.ts";
import { closeSync, writeSync } from "../native/files.ts";
import type { FileWrite } from "../resources/limits.ts";
import { CORE } from "../resources/unified.ts";
import type { CgroupDirectory } from "./cgroup.ts";
import { explained } from "./causes.ts";
import { errnoOf, systemError } from "./failure.ts";
import { openAt, openDirectory, readText } from "./files.ts";

/** Writes one after the other; a directory and a file stay open, because most writes go where the last one went. */
export interface LimitWriter {
  /** Makes one write; a failure says what was attempted, with the errno. */
  write(write: FileWrite): void;
  /** Opens the file of a write that another will make; the caller closes it. */
  open(write: Pick<FileWrite, "controller" | "version" | "file">): number;
  close(): void;
}

interface OpenFiles {
  readonly directories: Map<string, number>;
  file: { readonly path: string; readonly fd: number } | undefined;
}

/** A writer for a container's cgroup; nothing is opened before the first write. */
export function openWriter(directories: readonly CgroupDirectory[]): LimitWriter {
  const open: OpenFiles = { directories: new Map(), file: undefined };
  return {
    write: (write) => applyWrite(directories, write, open),
    open: (write) => {
      const fd = openFile(directoryFor(directories, write), write.file, open);
      open.file = undefined;
      return fd;
    },
    close: () => {
      if (open.file !== undefined) closeSync(open.file.fd);
      open.file = undefined;
      for (const fd of open.directories.values()) closeSync(fd);
      open.directories.clear();
    },
  };
}

/** Makes the writes in their order; the first that fails ends it. */
export function applyWrites(directories: readonly CgroupDirectory[], writes: readonly FileWrite[]): void {
  const writer = openWriter(directories);
  try {
    for (const write of writes) writer.write(write);
  } finally {
    writer.close();
  }
}

function applyWrite(directories: readonly CgroupDirectory[], write: FileWrite, open: OpenFiles): void {
  const directory = directoryFor(directories, write);
  const { instead, ...first } = write;
  const action = `set "${write.file}" of cgroup "${directory.path}" to ${JSON.stringify(write.value)}`;
  try {
    if (write.notBelow !== undefined) refuseBelowUsage(directory, write, action);
    writeSync(openFile(directory, write.file, open), write.value);
  } catch (error) {
    const errno = errnoOf(error);
    if (instead !== undefined && errno === "ENOENT") return applyWrite(directories, { ...first, ...instead }, open);
    if (write.optional === true && (errno === "ENOENT" || errno === "EPERM")) return;
    throw explained(systemError(action, error), directory, write.file);
  }
}

/** The directory in which a file lies. */
export function directoryFor(directories: readonly CgroupDirectory[], { controller, version, file }: Pick<FileWrite, "controller" | "version" | "file">): CgroupDirectory {
  for (const one of directories) {
    // Every cgroup of v2 has the core's files.
    const has = one.controllers.includes(controller) || (controller === CORE && version === 2);
    if (one.version === version && has) return one;
  }
  throw new CgroupError(`cannot set "${file}": the container has no cgroup of controller "${controller}"`);
}

function openFile(directory: CgroupDirectory, file: string, open: OpenFiles): number {
  const path = `${directory.path}/${file}`;
  if (open.file?.path === path) return open.file.fd;
  if (open.file !== undefined) closeSync(open.file.fd);
  open.file = undefined;
  let directoryFd = open.directories.get(directory.path);
  if (directoryFd === undefined) {
    directoryFd = openDirectory(directory.path, directory.version);
    open.directories.set(directory.path, directoryFd);
  }
  const fd = openAt(directoryFd, file);
  open.file = { path, fd };
  return fd;
}

/** v2 would kill for a limit below the usage, where v1 refuses it (memory.checkBeforeUpdate). */
function refuseBelowUsage(directory: CgroupDirectory, write: FileWrite, action: string): void {
  const usage = readText(`${directory.path}/${write.notBelow ?? ""}`).trim();
  if (write.value === "max" || BigInt(usage) <= BigInt(write.value)) return;
  throw new CgroupError(`cannot ${action}: the container uses ${usage} bytes`);
}
