/** The bundles that are measured: the default one of `spec`, and one as large as an engine's. */

import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import { join } from "node:path";

const UNISTD = ["/usr/include/x86_64-linux-gnu/asm/unistd_64.h", "/usr/include/asm/unistd_64.h", "/usr/include/asm-generic/unistd.h"];
/** Of these an engine's profile lets the argument decide, or its capabilities. */
const GUARDED = new Set(["bpf", "clone", "clone3", "fanotify_init", "init_module", "kexec_load", "mount", "perf_event_open", "personality", "ptrace", "setns", "socket", "umount2", "unshare"]);

/** The folder of each bundle of the bench, by name, and a process file for `exec`. */
export function makeBundles(folder, tsrun) {
  const config = defaultConfig(join(folder, "spec"), tsrun);
  const make = (name, change) => {
    const bundle = join(folder, name);
    makeRootfs(join(bundle, "rootfs"));
    const changed = structuredClone(config);
    change(changed, bundle);
    fs.writeFileSync(join(bundle, "config.json"), JSON.stringify(changed, undefined, "\t"));
    return bundle;
  };
  return {
    default: make("default", () => undefined),
    sleeping: make("sleeping", (changed) => (changed.process.args = ["/bin/sleep", "600"])),
    large: make("large", enlarge),
    largeSleeping: make("large-sleeping", (changed, bundle) => {
      enlarge(changed, bundle);
      changed.process.args = ["/bin/sleep", "600"];
    }),
    processFile: makeProcess(join(folder, "process.json"), config),
  };
}

/** As an engine writes it for a health check. */
function makeProcess(file, config) {
  const changed = structuredClone(config);
  enlarge(changed, join(file, ".."));
  fs.writeFileSync(file, JSON.stringify({ ...changed.process, args: ["/bin/true"] }));
  return file;
}

/** As `tsrun spec` writes it, for a program that ends at once and no terminal. */
function defaultConfig(folder, tsrun) {
  fs.mkdirSync(folder);
  const { status, stderr } = spawnSync(tsrun, ["spec", "--bundle", folder], { encoding: "utf8" });
  if (status !== 0) throw new Error(`cannot write a config: ${stderr}`);
  const config = JSON.parse(fs.readFileSync(join(folder, "config.json"), "utf8"));
  // An older crun takes no newer one.
  config.ociVersion = "1.0.2";
  config.process.terminal = false;
  config.process.args = ["/bin/true"];
  return config;
}

function makeRootfs(rootfs) {
  for (const name of ["bin", "dev", "etc", "proc", "sys", "tmp"]) fs.mkdirSync(join(rootfs, name), { recursive: true });
  fs.copyFileSync("/bin/busybox", join(rootfs, "bin/busybox"));
  for (const name of ["sh", "sleep", "true"]) fs.symlinkSync("busybox", join(rootfs, "bin", name));
  fs.writeFileSync(join(rootfs, "etc/passwd"), "root:x:0:0:root:/root:/bin/sh\n");
  for (const name of ["resolv.conf", "hostname", "hosts"]) fs.writeFileSync(join(rootfs, "etc", name), "");
}

/** Ten mounts, a dozen masks, fourteen capabilities, limits, device rules and a seccomp profile of some 340 calls. */
function enlarge(config, bundle) {
  const capabilities = [
    "CHOWN", "DAC_OVERRIDE", "FSETID", "FOWNER", "MKNOD", "NET_RAW", "SETGID", "SETUID", "SETFCAP", "SETPCAP", "NET_BIND_SERVICE",
    "SYS_CHROOT", "KILL", "AUDIT_WRITE",
  ].map((name) => `CAP_${name}`);
  config.process.capabilities = { bounding: capabilities, effective: capabilities, permitted: capabilities };
  delete config.process.rlimits;
  for (const name of ["resolv.conf", "hostname", "hosts"]) {
    const source = join(bundle, name);
    fs.writeFileSync(source, "");
    config.mounts.push({ destination: `/etc/${name}`, type: "bind", source, options: ["rbind", "rprivate"] });
  }
  const { linux } = config;
  linux.maskedPaths = [
    "/proc/acpi", "/proc/asound", "/proc/interrupts", "/proc/kcore", "/proc/keys", "/proc/latency_stats", "/proc/sched_debug",
    "/proc/scsi", "/proc/timer_list", "/proc/timer_stats", "/sys/devices/virtual/powercap", "/sys/firmware",
  ];
  linux.readonlyPaths = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"];
  linux.resources = {
    devices: [{ allow: false, access: "rwm" }, ...allowedDevices()],
    memory: { limit: 512 * 2 ** 20, disableOOMKiller: false },
    cpu: { shares: 1024 },
    pids: { limit: 1000 },
  };
  linux.seccomp = profile();
}

function allowedDevices() {
  const numbers = [[1, 3], [1, 5], [1, 7], [1, 8], [1, 9], [5, 0], [5, 1], [5, 2], [136, undefined], [10, 229]];
  return numbers.map(([major, minor]) => ({ allow: true, type: "c", major, ...(minor === undefined ? {} : { minor }), access: "rwm" }));
}

function profile() {
  const names = systemCalls().filter((name) => !GUARDED.has(name));
  const personalities = [0x0, 0x8, 0x20000, 0x20008, 0xffffffff];
  return {
    defaultAction: "SCMP_ACT_ERRNO",
    defaultErrnoRet: 1,
    architectures: process.arch === "arm64" ? ["SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM"] : ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"],
    syscalls: [
      { names, action: "SCMP_ACT_ALLOW" },
      { names: ["socket"], action: "SCMP_ACT_ALLOW", args: [{ index: 0, value: 40, op: "SCMP_CMP_NE" }] },
      ...personalities.map((value) => ({ names: ["personality"], action: "SCMP_ACT_ALLOW", args: [{ index: 0, value, op: "SCMP_CMP_EQ" }] })),
      // Without a namespace: CLONE_NEW*.
      { names: ["clone"], action: "SCMP_ACT_ALLOW", args: [{ index: 0, value: 0x7e020000, valueTwo: 0, op: "SCMP_CMP_MASKED_EQ" }] },
      { names: ["clone3"], action: "SCMP_ACT_ERRNO", errnoRet: 38 },
    ],
  };
}

function systemCalls() {
  const header = UNISTD.find((path) => fs.existsSync(path));
  if (header === undefined) throw new Error("the kernel's headers are missing (Debian's package: linux-libc-dev)");
  return [...fs.readFileSync(header, "utf8").matchAll(/^#define __NR(?:3264)?_(\w+)/gm)].map(([, name]) => name).filter((name) => name !== "syscalls");
}
