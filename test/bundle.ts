/** Makes bundles: a root file system with busybox, and a config.json to alter. */

import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import { join } from "node:path";

/** config.json, as far as tests touch it; written out by hand so that a wrong one can be written too. */
export interface BundleConfig {
  ociVersion: string;
  root: { path: string; readonly?: boolean };
  hostname?: string;
  process: BundleProcess;
  mounts: { destination: string; type?: string; source?: string; options?: string[] }[];
  hooks?: Record<string, { path: string; args?: string[]; env?: string[]; timeout?: number }[]>;
  annotations?: Record<string, string>;
  linux: BundleLinux & Record<string, unknown>;
  [key: string]: unknown;
}

export interface BundleProcess {
  terminal?: boolean;
  user: { uid: number; gid: number; umask?: number; additionalGids?: number[]; username?: string };
  args: string[];
  env: string[];
  cwd: string;
  [key: string]: unknown;
}

export interface BundleLinux {
  namespaces: { type: string; path?: string }[];
  cgroupsPath?: string;
  resources?: Record<string, unknown>;
  maskedPaths?: string[];
  readonlyPaths?: string[];
}

/** A bundle on disk. */
export interface Bundle {
  readonly path: string;
  readonly rootfs: string;
  readonly config: BundleConfig;
  /** Writes config.json again, after a change to `config`, or a text of one's own. */
  write(text?: string): void;
}

const CAPABILITIES: readonly string[] = ["CAP_AUDIT_WRITE", "CAP_KILL", "CAP_NET_BIND_SERVICE"];

/** A new config like that of `runc spec`, without a terminal. */
export function defaultConfig(): BundleConfig {
  return {
    ociVersion: "1.0.2",
    process: {
      terminal: false,
      user: { uid: 0, gid: 0 },
      args: ["/bin/true"],
      env: ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "TERM=xterm"],
      cwd: "/",
      capabilities: {
        bounding: [...CAPABILITIES],
        effective: [...CAPABILITIES],
        permitted: [...CAPABILITIES],
      },
      noNewPrivileges: true,
    },
    root: { path: "rootfs", readonly: true },
    hostname: "tsrun-test",
    mounts: [
      { destination: "/proc", type: "proc", source: "proc" },
      { destination: "/dev", type: "tmpfs", source: "tmpfs", options: ["nosuid", "strictatime", "mode=755", "size=65536k"] },
      {
        destination: "/dev/pts",
        type: "devpts",
        source: "devpts",
        options: ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"],
      },
      { destination: "/dev/shm", type: "tmpfs", source: "shm", options: ["nosuid", "noexec", "nodev", "mode=1777", "size=65536k"] },
      { destination: "/dev/mqueue", type: "mqueue", source: "mqueue", options: ["nosuid", "noexec", "nodev"] },
      { destination: "/sys", type: "sysfs", source: "sysfs", options: ["nosuid", "noexec", "nodev", "ro"] },
      { destination: "/sys/fs/cgroup", type: "cgroup", source: "cgroup", options: ["nosuid", "noexec", "nodev", "relatime", "ro"] },
    ],
    linux: {
      resources: { devices: [{ allow: false, access: "rwm" }] },
      namespaces: ["pid", "network", "ipc", "uts", "mount", "cgroup"].map((type) => ({ type })),
      maskedPaths: ["/proc/acpi", "/proc/kcore", "/proc/keys", "/proc/timer_list", "/sys/firmware"],
      readonlyPaths: ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"],
    },
  };
}

/** Makes a bundle in a folder that does not exist yet. */
export function makeBundle(path: string, change?: (config: BundleConfig) => void): Bundle {
  const rootfs = join(path, "rootfs");
  makeRootfs(rootfs);
  const config = defaultConfig();
  change?.(config);
  const write = (text = JSON.stringify(config, undefined, 2)): void => fs.writeFileSync(join(path, "config.json"), text);
  write();
  return { path, rootfs, config, write };
}

let applets: readonly string[] | undefined;

function makeRootfs(rootfs: string): void {
  for (const folder of ["bin", "dev", "etc", "proc", "root", "sys", "tmp"]) fs.mkdirSync(join(rootfs, folder), { recursive: true });
  fs.copyFileSync("/bin/busybox", join(rootfs, "bin/busybox"));
  applets ??= execFileSync("/bin/busybox", ["--list"], { encoding: "utf8" }).trim().split("\n");
  // Hard links: 400 symbolic ones take ext4 ten times as long, or worse.
  for (const applet of applets) if (applet !== "busybox") fs.linkSync(join(rootfs, "bin/busybox"), join(rootfs, "bin", applet));
  fs.writeFileSync(join(rootfs, "etc/passwd"), "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n");
  fs.writeFileSync(join(rootfs, "etc/group"), "root:x:0:\nnogroup:x:65534:\n");
}
