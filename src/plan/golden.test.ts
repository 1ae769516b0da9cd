/**
 * Whole plans, as `explain` prints them, held against files in testdata/.
 *
 * UPDATE_PLANS=1 writes the files; the difference is then to be read like any other change of the program.
 */

import { existsSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { ALL_LEGACY, ALL_UNIFIED, HYBRID, LEGACY, configOf, namespaces, planOf } from "../../test/plan-cases.ts";
import type { Planning } from "../../test/plan-cases.ts";
import { PROJECT } from "../../test/runtime.ts";
import type { Config } from "../spec/config.ts";
import { defaultConfig } from "../spec/default-config.ts";
import { parseConfig } from "../spec/parse.ts";
import { explainText } from "./explain.ts";

const golden = suite("golden plans");

const TESTDATA = join(PROJECT, "src/plan/testdata");

function engineConfig(name: string): Config {
  return parseConfig(readFileSync(join(PROJECT, "src/spec/testdata/engine-configs", name), "utf8"));
}

function specConfig(rootless?: { uid: number; gid: number }): Config {
  return parseConfig(JSON.stringify(defaultConfig(rootless === undefined ? {} : { rootless })));
}

interface Case {
  readonly name: string;
  readonly config: () => Config;
  readonly options?: Planning;
}

const DISK = { major: 8, minor: 0 };

/** Every limit that cgroup v1 has, and those that v2 has, too. */
const RESOURCES = {
  memory: { limit: 64 << 20, reservation: 32 << 20, swap: 128 << 20, kernelTCP: 1 << 20, swappiness: 10, disableOOMKiller: true, useHierarchy: true },
  cpu: { shares: 512, quota: 20000, period: 50000, burst: 1000, idle: 0, realtimeRuntime: 1000, realtimePeriod: 50000, cpus: "0-1", mems: "0" },
  blockIO: {
    weight: 500,
    leafWeight: 300,
    weightDevice: [{ ...DISK, weight: 100, leafWeight: 200 }],
    throttleReadBpsDevice: [{ ...DISK, rate: 1 }],
    throttleWriteBpsDevice: [{ ...DISK, rate: 2 }],
    throttleReadIOPSDevice: [{ ...DISK, rate: 3 }],
    throttleWriteIOPSDevice: [{ ...DISK, rate: 4 }],
  },
  hugepageLimits: [{ pageSize: "2MB", limit: 4 << 20 }],
  network: { classID: 1048577, priorities: [{ name: "eth0", priority: 5 }] },
  pids: { limit: 100 },
  rdma: { mlx4_0: { hcaHandles: 3, hcaObjects: 10000 } },
  devices: [{ allow: true }],
};
const RESOURCES_V2 = {
  ...RESOURCES,
  memory: { limit: 64 << 20, reservation: 32 << 20, swap: 128 << 20, checkBeforeUpdate: true },
  cpu: { shares: 512, quota: 20000, period: 50000, burst: 1000, idle: 0, cpus: "0-1", mems: "0" },
  blockIO: { ...RESOURCES.blockIO, leafWeight: undefined, weightDevice: [{ ...DISK, weight: 100 }] },
  network: undefined,
  unified: { "memory.high": "1000", "io.max": "8:0 rbps=5\n8:16 wbps=6" },
};

const HOOK = { path: "/bin/hook", args: ["hook", "one"] };

const CASES: readonly Case[] = [
  { name: "spec", config: () => specConfig(), options: { host: { cgroups: () => HYBRID } } },
  { name: "spec-rootless", config: () => specConfig({ uid: 1000, gid: 1000 }), options: { host: { uid: 1000, gid: 1000, mayMake: () => false } } },
  { name: "docker", config: () => engineConfig("docker-1.json"), options: { host: { cgroups: () => LEGACY } } },
  { name: "podman", config: () => engineConfig("podman-1.json") },
  { name: "containerd", config: () => engineConfig("containerd-1.json"), options: { waitForStart: false } },
  { name: "no-pivot", config: () => configOf(), options: { noPivot: true, noNewKeyring: true } },
  {
    name: "shared-propagation",
    config: () => configOf({ linux: { rootfsPropagation: "shared" } }),
    options: { host: { mountPointOf: () => "/mnt" } },
  },
  { name: "no-mount-namespace", config: () => configOf({ linux: { namespaces: [] } }) },
  { name: "resources-v1", config: () => configOf({ linux: { resources: RESOURCES } }), options: { host: { cgroups: () => ALL_LEGACY } } },
  { name: "resources-v2", config: () => configOf({ linux: { resources: RESOURCES_V2 } }), options: { host: { cgroups: () => ALL_UNIFIED } } },
  {
    name: "joined-namespaces",
    config: () =>
      configOf({
        linux: {
          namespaces: namespaces(["network", "/proc/7/ns/net"], "mount", ["pid", "/proc/7/ns/pid"], ["ipc", "/proc/7/ns/ipc"], ["user", "/proc/7/ns/user"]),
        },
      }),
  },
  {
    name: "everything",
    config: () =>
      configOf({
        hostname: "box",
        domainname: "example.org",
        annotations: { who: "me" },
        root: { readonly: true },
        process: {
          args: ["sh", "-c", "true"],
          env: ["PATH=/bin", "A=1", "A=2"],
          cwd: "/work",
          terminal: true,
          consoleSize: { height: 25, width: 80 },
          user: { uid: 1000, gid: 100, umask: 7, additionalGids: [5, 6] },
          capabilities: { bounding: ["CAP_CHOWN"], permitted: ["CAP_CHOWN"], effective: ["CAP_CHOWN"], inheritable: ["CAP_CHOWN"], ambient: ["CAP_CHOWN"] },
          rlimits: [{ type: "RLIMIT_NOFILE", soft: 100, hard: 200 }],
          oomScoreAdj: 100,
          noNewPrivileges: true,
          scheduler: { policy: "SCHED_DEADLINE", runtime: 1000000, deadline: 2000000, period: 4000000, flags: ["SCHED_FLAG_RESET_ON_FORK"] },
          apparmorProfile: "docker-default",
          selinuxLabel: "system_u:system_r:container_t:s0:c4,c5",
          ioPriority: { class: "IOPRIO_CLASS_BE", priority: 3 },
        },
        mounts: [
          { destination: "/proc", type: "proc", source: "proc" },
          { destination: "/dev", type: "tmpfs", source: "tmpfs", options: ["nosuid", "mode=755"] },
          { destination: "/dev/pts", type: "devpts", source: "devpts", options: ["newinstance", "ptmxmode=0666"] },
          { destination: "/data", source: "data", options: ["rbind", "ro", "rslave"] },
          { destination: "/tmp", type: "tmpfs", options: ["tmpcopyup", "rro"] },
          { destination: "/data", source: "data", options: ["bind", "remount", "noexec"] },
        ],
        hooks: {
          prestart: [HOOK],
          createRuntime: [HOOK],
          createContainer: [{ ...HOOK, env: ["B=2"], timeout: 3 }],
          startContainer: [HOOK],
          poststart: [HOOK],
        },
        linux: {
          namespaces: namespaces("user", "mount", "pid", "network", "uts", "ipc", "cgroup", "time"),
          uidMappings: [{ containerID: 0, hostID: 100000, size: 65536 }],
          gidMappings: [{ containerID: 0, hostID: 200000, size: 65536 }],
          netDevices: { eth1: { name: "c%d" }, eth2: {} },
          timeOffsets: { monotonic: { secs: 5 }, boottime: { secs: -7, nanosecs: 1 } },
          mountLabel: "system_u:object_r:container_file_t:s0:c4,c5",
          memoryPolicy: { mode: "MPOL_BIND", nodes: "0-3,7", flags: ["MPOL_F_STATIC_NODES"] },
          personality: { domain: "LINUX32" },
          intelRdt: { closID: "some", schemata: ["L3:0=f"], enableMonitoring: true },
          cgroupsPath: "/box/one",
          resources: { memory: { limit: 1048576 }, pids: { limit: 10 }, devices: [{ allow: false, access: "rwm" }] },
          devices: [{ path: "/dev/fuse", type: "c", major: 10, minor: 229, fileMode: 438, uid: 0, gid: 5 }],
          maskedPaths: ["/proc/kcore"],
          readonlyPaths: ["/proc/sys"],
          sysctl: { "net.ipv4.ip_forward": "1" },
          seccomp: { defaultAction: "SCMP_ACT_ALLOW", listenerPath: "/run/listener", syscalls: [{ names: ["chmod"], action: "SCMP_ACT_NOTIFY" }] },
        },
      }),
  },
];

/** The whole of a plan is more than anybody would read. */
function firstDifference(text: string, expected: string): string | undefined {
  const [ours, theirs] = [text.split("\n"), expected.split("\n")];
  const line = ours.findIndex((candidate, index) => candidate !== theirs[index]);
  if (line < 0 && ours.length === theirs.length) return undefined;
  const at = line < 0 ? ours.length : line;
  return `line ${at + 1} is\n  ${ours[at] ?? "missing"}\nand was\n  ${theirs[at] ?? "missing"}\n(UPDATE_PLANS=1 makes it the expected one)`;
}

for (const { name, config, options } of CASES) {
  golden(`plan() of ${name} is testdata/${name}.plan`, () => {
    const path = join(TESTDATA, `${name}.plan`);
    const text = explainText(planOf(config(), options));
    if (process.env["UPDATE_PLANS"] === "1") writeFileSync(path, text);
    assert.ok(existsSync(path), `${path} is missing: UPDATE_PLANS=1 writes it`);
    assert.is(firstDifference(text, readFileSync(path, "utf8")), undefined);
  });
}

golden("testdata/ holds no plan of a case that is gone", () => {
  const names = readdirSync(TESTDATA).filter((name) => name.endsWith(".plan"));
  assert.equal(names.sort(), CASES.map(({ name }) => `${name}.plan`).sort());
});

golden("plan() gives the same plan for the same config, host and options", () => {
  for (const { config, options } of CASES) assert.is(explainText(planOf(config(), options)), explainText(planOf(config(), options)));
});

golden.run();
