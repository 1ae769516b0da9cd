/** The config.json that the `spec` verb writes: a shell in a read-only root file system. */

import type { Config, IdMapping, Linux, Mount, Namespace } from "./config.ts";

/** The version of the runtime specification that documents written here comply with. */
export const OCI_VERSION = "1.3.0";

export interface DefaultConfigOptions {
  /** The caller's ids, for a container that an unprivileged user can create. */
  readonly rootless?: { readonly uid: number; readonly gid: number };
  /** The host has only the unified cgroup hierarchy: a cgroup namespace hides its tree from the container. */
  readonly unified?: boolean;
}

/** Returns a new default config; its keys are in the order of config.md, as they are printed. */
export function defaultConfig(options: DefaultConfigOptions = {}): Config {
  const { rootless, unified = false } = options;
  return {
    ociVersion: OCI_VERSION,
    process: {
      terminal: true,
      user: { uid: 0, gid: 0 },
      args: ["sh"],
      env: ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "TERM=xterm"],
      cwd: "/",
      capabilities: { bounding: capabilities(), effective: capabilities(), permitted: capabilities() },
      rlimits: [{ type: "RLIMIT_NOFILE", hard: 1024, soft: 1024 }],
      noNewPrivileges: true,
    },
    root: { path: "rootfs", readonly: true },
    hostname: "tsrun",
    mounts: mounts(rootless !== undefined),
    linux: {
      ...limitsOrMappings(rootless),
      namespaces: namespaces(rootless !== undefined, unified),
      maskedPaths: [
        "/proc/acpi",
        "/proc/asound",
        "/proc/kcore",
        "/proc/keys",
        "/proc/latency_stats",
        "/proc/timer_list",
        "/proc/timer_stats",
        "/proc/sched_debug",
        "/sys/firmware",
        "/proc/scsi",
      ],
      readonlyPaths: ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"],
    },
  };
}

function capabilities(): string[] {
  return ["CAP_AUDIT_WRITE", "CAP_KILL", "CAP_NET_BIND_SERVICE"];
}

/** An unprivileged user cannot write the device cgroup, and has one id of each kind to map. */
function limitsOrMappings(rootless: DefaultConfigOptions["rootless"]): Linux {
  if (rootless === undefined) return { resources: { devices: [{ allow: false, access: "rwm" }] } };
  return { uidMappings: [oneId(rootless.uid)], gidMappings: [oneId(rootless.gid)] };
}

function oneId(hostID: number): IdMapping {
  return { containerID: 0, hostID, size: 1 };
}

/** Without privileges the network namespace stays the host's: nobody could connect a new one. */
function namespaces(rootless: boolean, unified: boolean): Namespace[] {
  const list: Namespace[] = [{ type: "pid" }];
  if (!rootless) list.push({ type: "network" });
  list.push({ type: "ipc" }, { type: "uts" }, { type: "mount" });
  if (unified) list.push({ type: "cgroup" });
  if (rootless) list.push({ type: "user" });
  return list;
}

function mounts(rootless: boolean): Mount[] {
  const tty = rootless ? [] : ["gid=5"]; // group 5 (tty) has no mapping in a user namespace of one id
  return [
    { destination: "/proc", type: "proc", source: "proc" },
    { destination: "/dev", type: "tmpfs", source: "tmpfs", options: ["nosuid", "strictatime", "mode=755", "size=65536k"] },
    {
      destination: "/dev/pts",
      type: "devpts",
      source: "devpts",
      options: ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", ...tty],
    },
    {
      destination: "/dev/shm",
      type: "tmpfs",
      source: "shm",
      options: ["nosuid", "noexec", "nodev", "mode=1777", "size=65536k"],
    },
    { destination: "/dev/mqueue", type: "mqueue", source: "mqueue", options: ["nosuid", "noexec", "nodev"] },
    sysfs(rootless),
    {
      destination: "/sys/fs/cgroup",
      type: "cgroup",
      source: "cgroup",
      options: ["nosuid", "noexec", "nodev", "relatime", "ro"],
    },
  ];
}

/** A new sysfs needs a network namespace that the user namespace owns; the host's can only be bound. */
function sysfs(rootless: boolean): Mount {
  if (!rootless) {
    return { destination: "/sys", type: "sysfs", source: "sysfs", options: ["nosuid", "noexec", "nodev", "ro"] };
  }
  return { destination: "/sys", type: "none", source: "/sys", options: ["rbind", "nosuid", "noexec", "nodev", "ro"] };
}
