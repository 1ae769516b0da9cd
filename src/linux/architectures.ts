/** The processor architectures by all the names that meet here: the kernel's, Node's, Go's and libseccomp's. */

export interface Architecture {
  /** As uname(2) has it, or would. */
  readonly name: string;
  /** Node's `process.arch`. */
  readonly node?: string;
  /** The image specification's, which is Go's. */
  readonly go?: string;
  /** The name in `linux.seccomp.architectures`. */
  readonly scmp: string;
  /** `e_machine` of its ELF files (elf(5)). */
  readonly elfMachine: number;
  readonly bits: 32 | 64;
  readonly bigEndian?: true;
  /** The architectures whose programs its kernel runs too, as it is usually built. */
  readonly runs?: readonly string[];
  /** The version of libseccomp that first knows it, where that is later than 2.5.0. */
  readonly libseccompSince?: string;
}

/** The 23 of config-linux.md#seccomp, in its order. */
export const ARCHITECTURES: readonly Architecture[] = [
  { name: "i686", node: "ia32", go: "386", scmp: "SCMP_ARCH_X86", elfMachine: 3, bits: 32 },
  { name: "x86_64", node: "x64", go: "amd64", scmp: "SCMP_ARCH_X86_64", elfMachine: 62, bits: 64, runs: ["i686", "x32"] },
  { name: "x32", scmp: "SCMP_ARCH_X32", elfMachine: 62, bits: 32 },
  { name: "armv7l", node: "arm", go: "arm", scmp: "SCMP_ARCH_ARM", elfMachine: 40, bits: 32 },
  { name: "aarch64", node: "arm64", go: "arm64", scmp: "SCMP_ARCH_AARCH64", elfMachine: 183, bits: 64, runs: ["armv7l"] },
  { name: "mips", node: "mips", go: "mips", scmp: "SCMP_ARCH_MIPS", elfMachine: 8, bits: 32, bigEndian: true },
  { name: "mips64", go: "mips64", scmp: "SCMP_ARCH_MIPS64", elfMachine: 8, bits: 64, bigEndian: true, runs: ["mips", "mips64n32"] },
  { name: "mips64n32", scmp: "SCMP_ARCH_MIPS64N32", elfMachine: 8, bits: 32, bigEndian: true },
  { name: "mipsel", node: "mipsel", go: "mipsle", scmp: "SCMP_ARCH_MIPSEL", elfMachine: 8, bits: 32 },
  { name: "mipsel64", go: "mips64le", scmp: "SCMP_ARCH_MIPSEL64", elfMachine: 8, bits: 64, runs: ["mipsel", "mipsel64n32"] },
  { name: "mipsel64n32", scmp: "SCMP_ARCH_MIPSEL64N32", elfMachine: 8, bits: 32 },
  { name: "ppc", node: "ppc", scmp: "SCMP_ARCH_PPC", elfMachine: 20, bits: 32, bigEndian: true },
  { name: "ppc64", go: "ppc64", scmp: "SCMP_ARCH_PPC64", elfMachine: 21, bits: 64, bigEndian: true, runs: ["ppc"] },
  { name: "ppc64le", go: "ppc64le", scmp: "SCMP_ARCH_PPC64LE", elfMachine: 21, bits: 64 },
  { name: "s390", node: "s390", scmp: "SCMP_ARCH_S390", elfMachine: 22, bits: 32, bigEndian: true },
  { name: "s390x", node: "s390x", go: "s390x", scmp: "SCMP_ARCH_S390X", elfMachine: 22, bits: 64, bigEndian: true, runs: ["s390"] },
  { name: "parisc", scmp: "SCMP_ARCH_PARISC", elfMachine: 15, bits: 32, bigEndian: true },
  { name: "parisc64", scmp: "SCMP_ARCH_PARISC64", elfMachine: 15, bits: 64, bigEndian: true, runs: ["parisc"] },
  { name: "riscv64", node: "riscv64", go: "riscv64", scmp: "SCMP_ARCH_RISCV64", elfMachine: 243, bits: 64 },
  { name: "loongarch64", node: "loong64", go: "loong64", scmp: "SCMP_ARCH_LOONGARCH64", elfMachine: 258, bits: 64, libseccompSince: "2.6.0" },
  { name: "m68k", scmp: "SCMP_ARCH_M68K", elfMachine: 4, bits: 32, bigEndian: true, libseccompSince: "2.6.0" },
  { name: "sh4", scmp: "SCMP_ARCH_SH", elfMachine: 42, bits: 32, libseccompSince: "2.6.0" },
  { name: "sh4eb", scmp: "SCMP_ARCH_SHEB", elfMachine: 42, bits: 32, bigEndian: true, libseccompSince: "2.6.0" },
];

/** Returns the architecture that any of its names means, undefined where none does. */
export function findArchitecture(name: string): Architecture | undefined {
  return ARCHITECTURES.find((row) => row.name === name || row.node === name || row.scmp === name || row.go === name);
}

const AUDIT_ARCH_64BIT = 0x80000000;
const AUDIT_ARCH_LE = 0x40000000;
const AUDIT_ARCH_CONVENTION_MIPS64_N32 = 0x20000000;

/** Returns libseccomp's number for an architecture: linux/audit.h's, but x32, which has none, gets one of its own. */
export function scmpArch(arch: Architecture): number {
  const n32 = arch.name.endsWith("n32");
  const wide = arch.bits === 64 || n32 ? AUDIT_ARCH_64BIT : 0;
  const convention = n32 ? AUDIT_ARCH_CONVENTION_MIPS64_N32 : 0;
  return arch.elfMachine + wide + convention + (arch.bigEndian ? 0 : AUDIT_ARCH_LE);
}

/** Returns what the kernel shows a filter as the architecture of a call (seccomp(2)); x32 is a bit of the call's number. */
export function auditArch(arch: Architecture): number {
  return arch.name === "x32" ? scmpArch(arch) + AUDIT_ARCH_64BIT : scmpArch(arch);
}
