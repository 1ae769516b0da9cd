/** Holds the numbers of this folder against the kernel headers of the machine, by a C program that prints them. */

import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { ARCHITECTURES } from "./architectures.ts";
import { CAPABILITIES } from "./capabilities.ts";
import * as cloneFlags from "./clone-flags.ts";
import { describeErrno } from "./errno.ts";
import * as magic from "./magic.ts";
import { MEMORY_POLICIES, MEMORY_POLICY_FLAGS } from "./memory-policy.ts";
import * as mountFlags from "./mount-flags.ts";
import * as openFlags from "./open-flags.ts";
import { RLIMITS } from "./rlimits.ts";
import * as rtnetlink from "./rtnetlink.ts";
import { IOPRIO_CLASS_SHIFT, IOPRIO_WHO_PROCESS, IO_PRIORITY_CLASSES, PERSONALITIES, SCHEDULING_FLAGS, SCHEDULING_POLICIES } from "./scheduling.ts";
import { SIGNALS } from "./signals.ts";

const HEADERS = [
  "linux/mount.h",
  "linux/fcntl.h",
  "linux/openat2.h",
  "linux/sched.h",
  "linux/capability.h",
  "linux/magic.h",
  "linux/rtnetlink.h",
  "linux/netlink.h",
  "linux/if_link.h",
  "linux/if_addr.h",
  "linux/mempolicy.h",
  "linux/ioprio.h",
  "linux/personality.h",
  "linux/audit.h",
  "asm/errno.h",
  "asm/signal.h",
  "asm/resource.h",
];

/** The headers of a distribution may be older than these. */
const RECENT = new Set(["MPOL_WEIGHTED_INTERLEAVE", "MPOL_PREFERRED_MANY", "MOVE_MOUNT_BENEATH", "PID_FS_MAGIC", "EM_LOONGARCH", "FSPICK_SYMLINK_NOFOLLOW"]);

/** Constants that are enumerators, which the preprocessor cannot see. */
const ENUMERATORS = new Set([
  ...[...Object.keys(mountFlags), ...Object.keys(rtnetlink)].filter((name) => /^(FSCONFIG|RT[AM]|RT_SCOPE|IFLA|NLMSGERR_ATTR)_|^IFA_(?!F_)/.test(name)),
  ...MEMORY_POLICIES.filter((name) => !RECENT.has(name)),
  ...IO_PRIORITY_CLASSES,
  ...Object.keys(PERSONALITIES).map((name) => `PER_${name}`),
  "IOPRIO_WHO_PROCESS",
]);

/** Ours, or of headers that clash with others: checked by hand against sys/mount.h, net/if.h and sched.h. */
const NOT_IN_HEADERS = new Set(["FSCONFIG_MAX_BYTES", "MNT_FORCE", "MNT_DETACH", "MNT_EXPIRE", "UMOUNT_NOFOLLOW", "IFF_UP", "SCHED_OTHER", "SCHED_ISO"]);

const ELF_NAMES: Readonly<Record<string, string>> = {
  SCMP_ARCH_X86: "EM_386",
  SCMP_ARCH_X86_64: "EM_X86_64",
  SCMP_ARCH_X32: "EM_X86_64",
  SCMP_ARCH_ARM: "EM_ARM",
  SCMP_ARCH_AARCH64: "EM_AARCH64",
  SCMP_ARCH_MIPS: "EM_MIPS",
  SCMP_ARCH_MIPS64: "EM_MIPS",
  SCMP_ARCH_MIPS64N32: "EM_MIPS",
  SCMP_ARCH_MIPSEL: "EM_MIPS",
  SCMP_ARCH_MIPSEL64: "EM_MIPS",
  SCMP_ARCH_MIPSEL64N32: "EM_MIPS",
  SCMP_ARCH_PPC: "EM_PPC",
  SCMP_ARCH_PPC64: "EM_PPC64",
  SCMP_ARCH_PPC64LE: "EM_PPC64",
  SCMP_ARCH_S390: "EM_S390",
  SCMP_ARCH_S390X: "EM_S390",
  SCMP_ARCH_PARISC: "EM_PARISC",
  SCMP_ARCH_PARISC64: "EM_PARISC",
  SCMP_ARCH_RISCV64: "EM_RISCV",
  SCMP_ARCH_LOONGARCH64: "EM_LOONGARCH",
  SCMP_ARCH_M68K: "EM_68K",
  SCMP_ARCH_SH: "EM_SH",
  SCMP_ARCH_SHEB: "EM_SH",
};

function constants(): Map<string, number> {
  const all = new Map<string, number>();
  const add = (names: Readonly<Record<string, unknown>>): void => {
    for (const [name, value] of Object.entries(names)) {
      if (typeof value === "number" && !NOT_IN_HEADERS.has(name)) all.set(name, value);
    }
  };
  add(mountFlags);
  add({ ...openFlags, ...openFlags.openFlags(process.arch) });
  add(cloneFlags);
  add(magic);
  add(rtnetlink);
  add({ ...MEMORY_POLICY_FLAGS, IOPRIO_CLASS_SHIFT, IOPRIO_WHO_PROCESS });
  add(Object.fromEntries(SCHEDULING_FLAGS.map((name, bit) => [name, 1 << bit])));
  add(Object.fromEntries(Object.entries(PERSONALITIES).map(([name, persona]) => [`PER_${name}`, persona])));
  for (const list of [CAPABILITIES, RLIMITS, SIGNALS, SCHEDULING_POLICIES, MEMORY_POLICIES, IO_PRIORITY_CLASSES]) {
    for (const [number, name] of list.entries()) if (name !== "" && !NOT_IN_HEADERS.has(name)) all.set(name, number);
  }
  for (let number = 1; number <= 133; number += 1) {
    const { name } = describeErrno(number);
    if (name !== `E${number}`) all.set(name, number);
  }
  for (const { scmp, elfMachine } of ARCHITECTURES) all.set(ELF_NAMES[scmp] ?? `EM_of_${scmp}`, elfMachine);
  return all;
}

/** Returns what the headers say; a name that they lack is not in it. */
function fromHeaders(names: readonly string[]): Map<string, number> {
  const folder = mkdtempSync(join(tmpdir(), "tsrun-headers-"));
  try {
    const prints = names.map((name) => {
      const print = `print("${name}", (long long)(${name}));`;
      return ENUMERATORS.has(name) ? print : `#ifdef ${name}\n${print}\n#endif`;
    });
    const source = [
      ...HEADERS.map((header) => `#include <${header}>`),
      'extern "C" int printf(const char*, ...);',
      'static void print(const char* name, long long value) { printf("%s %lld\\n", name, value); }',
      "int main() {",
      ...prints,
      "}",
    ];
    writeFileSync(join(folder, "print.cc"), `${source.join("\n")}\n`);
    execFileSync("g++", ["-o", join(folder, "print"), join(folder, "print.cc")], { stdio: ["ignore", "ignore", "inherit"] });
    const lines = execFileSync(join(folder, "print"), { encoding: "utf8" }).trim().split("\n");
    return new Map(
      lines.map((line) => {
        const [name = "", value] = line.split(" ");
        return [name, Number(value)];
      }),
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function whyNot(): string | undefined {
  const missing = HEADERS.find((header) => !["/usr/include", `/usr/include/${triple()}`].some((dir) => existsSync(`${dir}/${header}`)));
  if (missing !== undefined) return `no kernel header ${missing}`;
  try {
    execFileSync("g++", ["--version"], { stdio: "ignore" });
    return undefined;
  } catch {
    return "no g++";
  }
}

function triple(): string {
  return process.arch === "arm64" ? "aarch64-linux-gnu" : "x86_64-linux-gnu";
}

const test = suite("linux/kernel-headers");
const reason = whyNot();

if (reason !== undefined) {
  console.log(`skipped: linux/kernel-headers: ${reason}`);
  test.skip(`the numbers are the kernel's (skipped: ${reason})`, () => undefined);
} else {
  test("the numbers are the kernel's", () => {
    const ours = constants();
    const kernels = fromHeaders([...ours.keys()]);
    const missing = [...ours.keys()].filter((name) => !kernels.has(name) && !RECENT.has(name));
    assert.equal(missing, [], "names that the kernel's headers do not have");
    const wrong = [...kernels].filter(([name, value]) => unsigned(value) !== unsigned(ours.get(name) ?? Number.NaN));
    assert.equal(wrong, []);
    assert.ok(kernels.size > 300, `only ${kernels.size} names were compared`);
  });
}

/** AT_FDCWD is negative, and a few macros are of type int and have the top bit set. */
function unsigned(value: number): number {
  return value < 0 ? value + 2 ** 32 : value;
}

test.run();
