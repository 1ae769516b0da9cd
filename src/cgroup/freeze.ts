/** Freezes and thaws the processes of a cgroup, and tells whether they are frozen. */

import { dirname } from "node:path";
import { CgroupError } from "../errors.ts";
import { existsSync, readStartSync } from "../native/files.ts";
import { native } from "../native/native.ts";
import type { CgroupDirectory } from "./cgroup.ts";
import { directoryOf } from "./cgroup.ts";
import { errnoOf, systemError } from "./failure.ts";
import { readText, writeText } from "./files.ts";

interface Freezer {
  readonly file: string;
  readonly freeze: string;
  readonly thaw: string;
  readonly stateFile: string;
  /** The part of the state file's text that says so. */
  readonly frozen: string;
}

/** v1: cgroup-v1/freezer-subsystem.rst; v2: cgroup-v2.rst, "cgroup.freeze" and "cgroup.events". */
const FREEZERS: Readonly<Record<1 | 2, Freezer>> = {
  1: { file: "freezer.state", freeze: "FROZEN", thaw: "THAWED", stateFile: "freezer.state", frozen: "FROZEN" },
  2: { file: "cgroup.freeze", freeze: "1", thaw: "0", stateFile: "cgroup.events", frozen: "frozen 1" },
};

const POLL_MILLIS = 1;
const TIMEOUT_MILLIS = 10_000;

/** Whether all processes of the cgroup are stopped, by its own state or one above it; false where it is gone. */
export function isFrozen(directories: readonly CgroupDirectory[]): boolean {
  const directory = directoryOf(directories, "freezer");
  if (directory === undefined) return false;
  const { stateFile, frozen } = FREEZERS[directory.version];
  try {
    return readStartSync(`${directory.path}/${stateFile}`).includes(frozen);
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === "ENOENT" || errno === "ENODEV") return false;
    throw systemError(`read the state of cgroup "${directory.path}"`, error);
  }
}

/** Freezes the cgroup and waits until all of its processes stand; one that cannot be had is thawed again. */
export async function freeze(directories: readonly CgroupDirectory[]): Promise<void> {
  const deadline = performance.now() + TIMEOUT_MILLIS;
  // v1 leaves a process that was forking or in a wait it may not stop in; the next write takes it along.
  for (;;) {
    if (!requestFreeze(directories)) throw new CgroupError("cannot freeze the container: its cgroup is gone");
    if (isFrozen(directories)) return;
    if (performance.now() > deadline) {
      thaw(directories);
      const path = directoryOf(directories, "freezer")?.path ?? "";
      const reason = `its processes did not all stop within ${TIMEOUT_MILLIS / 1000} seconds`;
      throw new CgroupError(`cannot freeze cgroup "${path}": ${reason}`);
    }
    await new Promise((resolve) => setTimeout(resolve, POLL_MILLIS));
  }
}

/** Thaws the cgroup and waits until its processes may run, which they may not below a frozen cgroup. */
export async function thawed(directories: readonly CgroupDirectory[]): Promise<void> {
  writeFreezer(directories, "thaw");
  const path = directoryOf(directories, "freezer")?.path ?? "";
  const deadline = performance.now() + TIMEOUT_MILLIS;
  while (isFrozen(directories)) {
    const above = frozenAbove(path);
    if (above !== undefined || performance.now() > deadline) {
      throw new CgroupError(`cannot thaw cgroup "${path}": ${above === undefined ? "the kernel does not do it" : `"${above}" above it is frozen`}`);
    }
    await new Promise((resolve) => setTimeout(resolve, POLL_MILLIS));
  }
}

/** The nearest cgroup above that somebody has frozen. */
function frozenAbove(path: string): string | undefined {
  for (let above = dirname(path); above !== "/"; above = dirname(above)) {
    for (const file of ["freezer.self_freezing", "cgroup.freeze"]) {
      if (existsSync(`${above}/${file}`) && readText(`${above}/${file}`).trim() === "1") return above;
    }
  }
  return undefined;
}

/** Tells the kernel to freeze, without a wait; false where the cgroup is gone. */
export function requestFreeze(directories: readonly CgroupDirectory[]): boolean {
  return writeFreezer(directories, "freeze");
}

/** Lets the processes run on; a cgroup that is gone holds none, and without a freezer none is frozen. */
export function thaw(directories: readonly CgroupDirectory[]): void {
  if (directoryOf(directories, "freezer") !== undefined) writeFreezer(directories, "thaw");
}

/**
 * The same for processes that are to die, and that the container has frozen in cgroups of its own: on v1 nobody dies
 * frozen. Below a cgroup that existed before the container there may be others.
 */
export function thawBelow(directories: readonly CgroupDirectory[]): void {
  const directory = directoryOf(directories, "freezer");
  if (directory?.version !== 1 || !directory.created) return;
  native().writeCgroups(directory.path, FREEZERS[1].file, FREEZERS[1].thaw);
}

function writeFreezer(directories: readonly CgroupDirectory[], verb: "freeze" | "thaw"): boolean {
  const directory = directoryOf(directories, "freezer");
  if (directory === undefined) {
    throw new CgroupError(`cannot ${verb} the container: this host has neither cgroup v2 nor the freezer of v1`);
  }
  const freezer = FREEZERS[directory.version];
  try {
    writeText(`${directory.path}/${freezer.file}`, freezer[verb]);
    return true;
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === "ENOENT" || errno === "ENODEV") return false;
    throw systemError(`${verb} cgroup "${directory.path}"`, error);
  }
}
