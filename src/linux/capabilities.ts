/** The capabilities of Linux with their numbers (capabilities(7), linux/capability.h). */

/** All names, each at the place of its number. */
export const CAPABILITIES: readonly string[] = [
  "CAP_CHOWN",
  "CAP_DAC_OVERRIDE",
  "CAP_DAC_READ_SEARCH",
  "CAP_FOWNER",
  "CAP_FSETID",
  "CAP_KILL",
  "CAP_SETGID",
  "CAP_SETUID",
  "CAP_SETPCAP",
  "CAP_LINUX_IMMUTABLE",
  "CAP_NET_BIND_SERVICE",
  "CAP_NET_BROADCAST",
  "CAP_NET_ADMIN",
  "CAP_NET_RAW",
  "CAP_IPC_LOCK",
  "CAP_IPC_OWNER",
  "CAP_SYS_MODULE",
  "CAP_SYS_RAWIO",
  "CAP_SYS_CHROOT",
  "CAP_SYS_PTRACE",
  "CAP_SYS_PACCT",
  "CAP_SYS_ADMIN",
  "CAP_SYS_BOOT",
  "CAP_SYS_NICE",
  "CAP_SYS_RESOURCE",
  "CAP_SYS_TIME",
  "CAP_SYS_TTY_CONFIG",
  "CAP_MKNOD",
  "CAP_LEASE",
  "CAP_AUDIT_WRITE",
  "CAP_AUDIT_CONTROL",
  "CAP_SETFCAP",
  "CAP_MAC_OVERRIDE",
  "CAP_MAC_ADMIN",
  "CAP_SYSLOG",
  "CAP_WAKE_ALARM",
  "CAP_BLOCK_SUSPEND",
  "CAP_AUDIT_READ",
  "CAP_PERFMON",
  "CAP_BPF",
  "CAP_CHECKPOINT_RESTORE",
];

/** Returns the number of a capability, undefined where the name is unknown. */
export function capabilityNumber(name: string): number | undefined {
  const number = CAPABILITIES.indexOf(name);
  return number < 0 ? undefined : number;
}

/** Names as one 64-bit mask, as /proc/PID/status shows it, with those that Linux does not know. */
export interface CapabilityMask {
  readonly mask: bigint;
  readonly unknown: readonly string[];
}

/** Returns the mask of a list of names; config.md wants a warning for those that are unknown, not an error. */
export function capabilityMask(names: readonly string[]): CapabilityMask {
  let mask = 0n;
  const unknown: string[] = [];
  for (const name of names) {
    const number = capabilityNumber(name);
    if (number === undefined) unknown.push(name);
    else mask |= 1n << BigInt(number);
  }
  return { mask, unknown };
}
