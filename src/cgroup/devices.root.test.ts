import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { fileURLToPath } from "node:url";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { deviceProgram } from "../resources/device-program.ts";
import { devicePolicy } from "../resources/device-rules.ts";
import { unifiedHierarchy } from "../resources/layout.ts";
import type { DeviceRule } from "../spec/config.ts";
import type { CgroupDirectory } from "./cgroup.ts";
import { createCgroup, undoCreate } from "./create.ts";
import type { DeviceKernel, ReplacingKernel } from "./devices.ts";
import { attachDevices, replaceDevices } from "./devices.ts";
import { probeLayout } from "./layout.ts";

const test = suite("cgroup/devices (root)");
const PREFIX = `/tsrun-test-${process.pid}`;
const layout = probeLayout();

/** The addon, beside the sources or beside the compiled files. */
function addonPath(): string | undefined {
  const candidates = ["../../dist/tsrun.node", "../../../tsrun.node"];
  return candidates.map((path) => fileURLToPath(new URL(path, import.meta.url))).find((path) => existsSync(path));
}

function skipReason(addon: string | undefined): string | undefined {
  if (process.getuid?.() !== 0) return "needs root";
  if (unifiedHierarchy(layout) === undefined) return "needs cgroup v2";
  if (!existsSync("/dev/kmsg")) return "needs /dev/kmsg";
  return addon === undefined ? "needs the built addon" : undefined;
}

/** Tries to open /dev/kmsg (c 1:11), a device that no container gets by default, inside a cgroup. */
function attempts(rules: readonly DeviceRule[] | undefined, kernel: DeviceKernel): string {
  return attemptsAfter((directories) => attachDevices(directories, deviceProgram(devicePolicy(rules)), kernel));
}

function attemptsAfter(prepare: (directories: readonly CgroupDirectory[]) => void): string {
  const cgroup = createCgroup(layout, `${PREFIX}-bpf`, []);
  const folder = mkdtempSync(`${tmpdir()}/tsrun-test-`);
  try {
    prepare(cgroup.directories);
    const directory = cgroup.directories.find(({ version }) => version === 2)?.path ?? "";
    const script = `echo 0 > ${directory}/cgroup.procs; exec 2>/dev/null
      (: < /dev/null) && echo null; mknod ${folder}/k c 1 11 && echo mknod
      (: < /dev/kmsg) && echo read; (: > /dev/kmsg) && echo write; (: <> /dev/kmsg) && echo both; true`;
    return spawnSync("sh", ["-c", script], { encoding: "utf8" }).stdout.trim().split("\n").join(" ");
  } finally {
    rmSync(folder, { recursive: true });
    undoCreate(cgroup);
  }
}

const KMSG = { type: "c", major: 1, minor: 11 } as const;
const MANY = Array.from({ length: 300 }, (_, minor): DeviceRule => ({ allow: minor % 2 === 0, type: "c", major: 200, minor }));

const cases: readonly (readonly [string, readonly DeviceRule[] | undefined, string])[] = [
  ["lets only the default devices through without rules", undefined, "null mknod"],
  ["lets through what a rule allows", [{ allow: false }, { allow: true, ...KMSG, access: "r" }], "null mknod read"],
  ["denies a request of which a part is denied", [{ allow: true }, { allow: false, ...KMSG, access: "w" }], "null mknod read"],
  [
    "joins what two rules allow",
    [{ allow: true, ...KMSG, access: "r" }, { allow: true, ...KMSG, access: "w" }],
    "null mknod read write both",
  ],
  ["takes hundreds of rules", MANY, "null mknod"],
];

/** A kernel whose verifier is interrupted the first time. */
function interrupted(kernel: DeviceKernel): DeviceKernel {
  let calls = 0;
  return {
    bpfAttachDevice: (cgroupFd, programFd) => kernel.bpfAttachDevice(cgroupFd, programFd),
    bpfLoadDevice: (instructions) => {
      calls += 1;
      if (calls > 1) return kernel.bpfLoadDevice(instructions);
      throw Object.assign(new Error("EAGAIN"), { code: "EAGAIN", errno: 11, syscall: "bpf" });
    },
  };
}

const addon = addonPath();
const reason = skipReason(addon);
if (reason !== undefined || addon === undefined) {
  console.log(`skip: attachDevices(): ${reason ?? ""}`);
  for (const [criterion] of cases) test.skip(`attachDevices() ${criterion}`);
} else {
  const kernel = createRequire(import.meta.url)(addon) as DeviceKernel;
  for (const [criterion, rules, expected] of cases) {
    test(`attachDevices() ${criterion}`, () => {
      assert.is(attempts(rules, kernel), expected);
    });
  }
  const replacing = kernel as ReplacingKernel;
  const program = (...rules: readonly DeviceRule[]): Uint8Array => deviceProgram(devicePolicy(rules));
  const READABLE = program({ allow: false }, { allow: true, ...KMSG, access: "r" });
  test("replaceDevices() leaves one program, the new one", () => {
    const found = attemptsAfter((directories) => {
      attachDevices(directories, program({ allow: false }), kernel);
      replaceDevices(directories, program({ allow: false }, { allow: true, ...KMSG, access: "w" }), replacing);
      replaceDevices(directories, READABLE, replacing);
    });
    assert.is(found, "null mknod read");
  });
  test("replaceDevices() attaches where nothing was, takes several away, and all where nothing is restricted", () => {
    assert.is(attemptsAfter((directories) => replaceDevices(directories, READABLE, replacing)), "null mknod read");
    const twice = (directories: readonly CgroupDirectory[]): void => {
      attachDevices(directories, program({ allow: false }), kernel);
      attachDevices(directories, program({ allow: false }), kernel);
    };
    assert.is(attemptsAfter((directories) => (twice(directories), replaceDevices(directories, READABLE, replacing))), "null mknod read");
    assert.is(attemptsAfter((directories) => (twice(directories), replaceDevices(directories, undefined, replacing))), "null mknod read write both");
  });

  test("attachDevices() asks again when the verifier was interrupted", () => {
    assert.is(attempts([{ allow: false }], interrupted(kernel)), "null mknod");
  });
}

test.run();
