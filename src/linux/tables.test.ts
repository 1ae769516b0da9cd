/** Tests of the small tables: capabilities, limits, namespaces, devices, architectures, open flags. */

import { suite } from "uvu";
import * as assert from "uvu/assert";
import { ARCHITECTURES, findArchitecture } from "./architectures.ts";
import { CAPABILITIES, capabilityMask, capabilityNumber } from "./capabilities.ts";
import { DEFAULT_DEVICE_RULES, DEFAULT_DEVICES, DEFAULT_SYMLINKS, makedev } from "./devices.ts";
import { findNamespace, NAMESPACES } from "./namespaces.ts";
import { openFlags } from "./open-flags.ts";
import { rlimitNumber, RLIMITS } from "./rlimits.ts";

const test = suite("linux/tables");

test("CAPABILITIES has 41 names", () => {
  assert.is(new Set(CAPABILITIES).size, 41);
  assert.is(capabilityNumber("CAP_SYS_ADMIN"), 21);
  assert.is(capabilityNumber("CAP_CHECKPOINT_RESTORE"), 40);
  assert.is(capabilityNumber("cap_chown"), undefined);
});

test("capabilityMask() sets the bits of known names and returns the unknown ones", () => {
  const { mask, unknown } = capabilityMask(["CAP_CHOWN", "CAP_FOO", "CAP_CHECKPOINT_RESTORE", "CAP_CHOWN"]);
  assert.is(mask, 0x100_0000_0001n);
  assert.equal(unknown, ["CAP_FOO"]);
  assert.is(capabilityMask(CAPABILITIES).mask, 0x1ff_ffff_ffffn);
});

test("RLIMITS has 16 names", () => {
  assert.is(new Set(RLIMITS).size, 16);
  assert.is(rlimitNumber("RLIMIT_NOFILE"), 7);
  assert.is(rlimitNumber("RLIMIT_FOO"), undefined);
});

test("NAMESPACES has the eight types, each with a flag of its own", () => {
  assert.is(NAMESPACES.length, 8);
  assert.is(new Set(NAMESPACES.map(({ flag }) => flag)).size, 8);
  assert.equal(findNamespace("network"), { type: "network", flag: 0x40000000, file: "net" });
  assert.is(findNamespace("net"), undefined);
});

test("DEFAULT_DEVICES and DEFAULT_SYMLINKS are those of the specification", () => {
  assert.equal(
    DEFAULT_DEVICES.map(({ path, major, minor }) => `${path} ${major}:${minor}`),
    ["/dev/null 1:3", "/dev/zero 1:5", "/dev/full 1:7", "/dev/random 1:8", "/dev/urandom 1:9", "/dev/tty 5:0"],
  );
  assert.equal(
    DEFAULT_SYMLINKS.map(({ path, target }) => `${path} -> ${target}`),
    [
      "/dev/fd -> /proc/self/fd",
      "/dev/stdin -> /proc/self/fd/0",
      "/dev/stdout -> /proc/self/fd/1",
      "/dev/stderr -> /proc/self/fd/2",
      "/dev/ptmx -> pts/ptmx",
    ],
  );
  assert.is(DEFAULT_DEVICE_RULES.length, 11);
});

test("makedev() encodes as the kernel does", () => {
  assert.is(makedev(1, 3), 0x103);
  assert.is(makedev(136, 255), 0x88ff);
  assert.is(makedev(10, 0x12345), 0x12300a45);
  assert.is(makedev(0xfff, 0xfffff), 0xffffffff);
});

test("ARCHITECTURES has 23 names for libseccomp, of which 2.5 lacks four", () => {
  assert.is(new Set(ARCHITECTURES.map(({ scmp }) => scmp)).size, 23);
  assert.equal(
    ARCHITECTURES.filter(({ libseccompSince }) => libseccompSince !== undefined).map(({ name }) => name),
    ["loongarch64", "m68k", "sh4", "sh4eb"],
  );
});

test("ARCHITECTURES runs only names of the table", () => {
  const names = new Set(ARCHITECTURES.map(({ name }) => name));
  for (const row of ARCHITECTURES) for (const other of row.runs ?? []) assert.ok(names.has(other), other);
});

test("findArchitecture() takes every kind of name", () => {
  for (const name of ["x64", "x86_64", "amd64", "SCMP_ARCH_X86_64"]) assert.is(findArchitecture(name)?.elfMachine, 62, name);
  for (const name of ["arm64", "aarch64", "SCMP_ARCH_AARCH64"]) assert.is(findArchitecture(name)?.elfMachine, 183, name);
  assert.is(findArchitecture("vax"), undefined);
});

test("openFlags() differ on ARM", () => {
  assert.is(openFlags("x64").O_NOFOLLOW, 0o400000);
  assert.is(openFlags("arm64").O_NOFOLLOW, 0o100000);
  assert.is(openFlags("arm64").O_TMPFILE, 0o20000000 | openFlags("arm64").O_DIRECTORY);
});

test.run();
