/** What stopped init that neither its errno nor its end tells: limits of the cgroup, of namespaces, a seccomp profile. */

import type { CgroupDirectory } from "../cgroup/cgroup.ts";
import { describeHit, memoryHit, pidsHit } from "../cgroup/limit-hit.ts";
import type { LimitHit } from "../cgroup/limit-hit.ts";
import { NAMESPACES } from "../linux/namespaces.ts";
import type { NamespaceKind } from "../linux/namespaces.ts";
import { SIGHUP, SIGKILL, SIGSYS } from "../linux/signals.ts";
import { readFileSync } from "../native/files.ts";

/** How init ended, as waitid(2) has it. */
export interface Death {
  readonly code: number;
  readonly signal: number;
}

/** A cause, and the place in config.json that it speaks of. */
export interface Cause {
  readonly text: string;
  readonly at?: string;
}

const MEMORY = "/linux/resources/memory/limit";
const PIDS = "/linux/resources/pids/limit";

/** What init's own handlers end with, and what it ends with when it could not even say why. */
const EXIT_SIGNAL = 128;
const EXIT_FAILED = 1;

/** Why init is gone without a word; undefined where nothing tells. */
export function causeOfDeath({ code, signal }: Death, hasFilter: boolean, directories: readonly CgroupDirectory[]): Cause | undefined {
  if (signal === SIGKILL) return fromHit(memoryHit(directories));
  if (code === EXIT_SIGNAL + SIGHUP) return { text: "its terminal was closed", at: "/process/terminal" };
  if (!hasFilter || (signal !== SIGSYS && code !== EXIT_FAILED)) return undefined;
  return { text: "does the profile refuse what init still has to do (read, write, capset, execve)?", at: "/linux/seccomp" };
}

/** Why the kernel made no process or namespace; `flags` are the CLONE_NEW* that were asked for. */
export function causeOfErrno(errno: string, flags: number, directories: readonly CgroupDirectory[]): Cause | undefined {
  if (errno === "EAGAIN") return fromHit(pidsHit(directories)) ?? { text: "its user has as many processes as RLIMIT_NPROC allows, or the machine as many as kernel.pid_max and kernel.threads-max" };
  if (errno === "ENOMEM") return fromHit(memoryHit(directories)) ?? { text: "is the memory at its end, or has the pid namespace that it joins no init any more?" };
  const wanted = NAMESPACES.filter(({ flag }) => (flags & flag) !== 0);
  if ((errno !== "ENOSPC" && errno !== "EUSERS") || wanted.length === 0) return undefined;
  return { text: `there are as many namespaces as allowed: ${wanted.map(limitOf).join(", ")}; or they are nested more than 32 deep` };
}

function fromHit(hit: LimitHit | undefined): Cause | undefined {
  if (hit === undefined) return undefined;
  return { text: describeHit(hit), ...(hit.own ? { at: hit.controller === "memory" ? MEMORY : PIDS } : {}) };
}

/** `user.max_net_namespaces is 0` (namespaces(7)). */
function limitOf({ file }: NamespaceKind): string {
  const name = `max_${file}_namespaces`;
  try {
    return `user.${name} is ${readFileSync(`/proc/sys/user/${name}`, "utf8").trim()}`;
  } catch {
    return `user.${name}`;
  }
}
