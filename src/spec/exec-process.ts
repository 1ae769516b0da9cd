/** The process of an `exec`: what is asked for, and what it takes over from the container's own. */

import type { Process } from "./config.ts";

/** A process by what it does otherwise than the container's own. */
export interface ProcessChanges {
  readonly args: readonly string[];
  readonly cwd?: string;
  /** Added to the container's own, `NAME=value`. */
  readonly env?: readonly string[];
  readonly terminal?: boolean;
  readonly uid?: number;
  readonly gid?: number;
  /** Added to the container's own. */
  readonly additionalGids?: readonly number[];
  /** Added to what is permitted, effective and bounding. */
  readonly capabilities?: readonly string[];
  readonly noNewPrivileges?: boolean;
  readonly apparmorProfile?: string;
  readonly selinuxLabel?: string;
}

const NO_PROCESS: Process = { cwd: "/" };

/** The container's own process with another program, as runc's options of `exec` have it. */
export function changedProcess(own: Process = NO_PROCESS, changes: ProcessChanges): Process {
  const { args, terminal = false, cwd, env, capabilities, noNewPrivileges, apparmorProfile, selinuxLabel } = changes;
  return {
    ...own,
    args,
    terminal,
    user: changedUser(own, changes),
    ...(cwd === undefined ? {} : { cwd }),
    ...(env === undefined ? {} : { env: [...(own.env ?? []), ...env] }),
    ...(capabilities === undefined ? {} : { capabilities: moreCapabilities(own, capabilities) }),
    ...(noNewPrivileges === undefined ? {} : { noNewPrivileges }),
    ...(apparmorProfile === undefined ? {} : { apparmorProfile }),
    ...(selinuxLabel === undefined ? {} : { selinuxLabel }),
  };
}

function changedUser({ user = { uid: 0, gid: 0 } }: Process, { uid, gid, additionalGids }: ProcessChanges): NonNullable<Process["user"]> {
  return {
    ...user,
    ...(uid === undefined ? {} : { uid }),
    ...(gid === undefined ? {} : { gid }),
    ...(additionalGids === undefined ? {} : { additionalGids: [...(user.additionalGids ?? []), ...additionalGids] }),
  };
}

/** Inheritable ones nobody gets by this (CVE-2022-29162), and ambient ones only where some are inheritable. */
function moreCapabilities({ capabilities: own = {} }: Process, more: readonly string[]): NonNullable<Process["capabilities"]> {
  const { bounding = [], effective = [], permitted = [], inheritable, ambient = [] } = own;
  return {
    ...own,
    bounding: [...bounding, ...more],
    effective: [...effective, ...more],
    permitted: [...permitted, ...more],
    ...(inheritable === undefined ? {} : { ambient: [...ambient, ...more] }),
  };
}

/** Where in the process each change is found. */
const CHANGED: Readonly<Record<keyof ProcessChanges, string>> = {
  args: "/args",
  cwd: "/cwd",
  env: "/env",
  terminal: "/terminal",
  uid: "/user/uid",
  gid: "/user/gid",
  additionalGids: "/user/additionalGids",
  capabilities: "/capabilities",
  noNewPrivileges: "/noNewPrivileges",
  apparmorProfile: "/apparmorProfile",
  selinuxLabel: "/selinuxLabel",
};

/** Whether what a JSON Pointer leads to was changed, in all or in part. */
export function isChanged(changes: ProcessChanges, pointer: string): boolean {
  for (const [name, place] of Object.entries(CHANGED)) {
    if (name in changes && `${pointer}/`.startsWith(`${place}/`)) return true;
  }
  return false;
}

type Draft = { -readonly [Name in keyof Process]: Process[Name] };

/** What a process that leaves it open has from the container's own. */
const INHERITED = [
  "capabilities",
  "rlimits",
  "apparmorProfile",
  "selinuxLabel",
  "oomScoreAdj",
  "scheduler",
  "ioPriority",
  "execCPUAffinity",
] as const satisfies readonly (keyof Process)[];

/** A process that was written down whole, with what it leaves to the container. */
export function completedProcess(own: Process = NO_PROCESS, given: Process): Process {
  const umask = given.user?.umask ?? own.user?.umask;
  const draft: Draft = { ...given, user: { uid: 0, gid: 0, ...given.user, ...(umask === undefined ? {} : { umask }) } };
  for (const name of INHERITED) if (isOpen(draft[name])) inherit(draft, own, name);
  return draft;
}

function inherit<Name extends (typeof INHERITED)[number]>(to: Draft, from: Process, name: Name): void {
  if (from[name] !== undefined) to[name] = from[name];
}

/** Go writes nothing as an empty string or list. */
function isOpen(value: unknown): boolean {
  return value === undefined || value === "" || (Array.isArray(value) && value.length === 0);
}
