/** Checks that the kernel parameters are ones of the container's own namespaces (config-linux.md#sysctl). */

import type { Config, NamespaceType } from "../config.ts";
import { sysctlParts } from "../sysctl.ts";
import { hasNamespace, quoted, type Report } from "./report.ts";

/** The kernel parameters that each namespace has a copy of: whole directories end in a slash. */
const OWNERS: Readonly<Record<string, NamespaceType>> = {
  "net/": "network",
  "fs/mqueue/": "ipc",
  "kernel/auto_msgmni": "ipc",
  "kernel/msgmax": "ipc",
  "kernel/msgmnb": "ipc",
  "kernel/msgmni": "ipc",
  "kernel/msg_next_id": "ipc",
  "kernel/sem": "ipc",
  "kernel/sem_next_id": "ipc",
  "kernel/shmall": "ipc",
  "kernel/shmmax": "ipc",
  "kernel/shmmni": "ipc",
  "kernel/shm_next_id": "ipc",
  "kernel/shm_rmid_forced": "ipc",
  "kernel/domainname": "uts",
  "user/": "user",
};

/** Any other parameter is the host's, and the container must not change it. */
export function checkSysctl({ linux }: Config, report: Report): void {
  const sysctl = linux?.sysctl;
  if (sysctl === undefined) return;
  const seen = new Map<string, string>();
  for (const key in sysctl) {
    const path = ["linux", "sysctl", key];
    const value: unknown = sysctl[key];
    if (typeof value !== "string") report(path, `the value of ${quoted(key)} must be a string`);
    const file = sysctlParts(key)?.join("/");
    if (file === undefined) {
      report(path, `${quoted(key)} is not the name of a kernel parameter`);
      continue;
    }
    const other = seen.get(file);
    if (other !== undefined) report(path, `${quoted(key)} is the same kernel parameter as ${quoted(other)}`);
    seen.set(file, key);
    checkOwner(file, key, linux, report);
  }
}

function ownerOf(file: string): NamespaceType | undefined {
  if (Object.hasOwn(OWNERS, file)) return OWNERS[file];
  for (const name in OWNERS) if (name.endsWith("/") && file.startsWith(name)) return OWNERS[name];
  return undefined;
}

function checkOwner(file: string, key: string, linux: Config["linux"], report: Report): void {
  const path = ["linux", "sysctl", key];
  if (file === "kernel/hostname") {
    report(path, `the kernel parameter ${quoted(key)} has a field of its own`, 'use "hostname"');
    return;
  }
  const owner = ownerOf(file);
  if (owner === undefined) {
    report(path, `the kernel parameter ${quoted(key)} is the host's: it is in no namespace`);
  } else if (!hasNamespace(linux, owner)) {
    const message = `the kernel parameter ${quoted(key)} needs a namespace of the type "${owner}" in "linux.namespaces"`;
    report(path, message);
  }
}
