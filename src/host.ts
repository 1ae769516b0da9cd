/** The facts about this machine that a plan may depend on. Each is found out only when a planner asks for it. */

import type { CgroupLayout } from "./resources/layout.ts";
import type { SeccompRules } from "./seccomp/rules.ts";

/** A security module (LSM) that config.json has fields for. */
export type SecurityModule = "apparmor" | "selinux";

/** What a process that joins a container depends on. */
export interface ProcessHost {
  /** The architecture as `process.arch` names it. */
  readonly arch: string;
  /** The runtime's effective user id. */
  readonly uid: number;
  /** Its effective group id. */
  readonly gid: number;
  /** The capabilities that the runtime can pass on (CapBnd of proc_pid_status(5)), a bit each. */
  readonly capabilities: () => bigint;
  /** Whether the runtime itself is in a user namespace, as podman's is without root's rights: root there is not the host's. */
  readonly inUserNamespace: () => boolean;
}

/** Whether what only the host's root may do can be done. */
export function isHostRoot({ uid, inUserNamespace }: Pick<ProcessHost, "uid" | "inUserNamespace">): boolean {
  return uid === 0 && !inUserNamespace();
}

export interface Host extends ProcessHost {
  readonly cgroups: () => CgroupLayout;
  /** Whether the runtime's user may make this directory, with the parents that it lacks. */
  readonly mayMake: (directory: string) => boolean;
  /** The mount point of the mount that a path lies on. */
  readonly mountPointOf: (path: string) => string;
  /** Where all of a procfs or sysfs can be seen. */
  readonly fullProcAndSysMounts: () => readonly string[];
  /** Where resctrl is mounted; undefined: nowhere. */
  readonly resctrl: () => string | undefined;
  /** Whether the kernel has the module, and it is in force. */
  readonly hasSecurityModule: (module: SecurityModule) => boolean;
  /** Whether AppArmor holds the runtime to a profile. */
  readonly isConfined: () => boolean;
  /** The version of the libseccomp that compiles. */
  readonly libseccomp: () => string;
  /** The rules as a classic BPF program. */
  readonly compileSeccomp: (rules: SeccompRules) => Uint8Array;
}
