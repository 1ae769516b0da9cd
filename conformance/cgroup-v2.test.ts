/** `linux.cgroupsPath` and `linux.resources`, as the files of cgroup v2 show them (config-linux.md#control-groups). */

import * as fs from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import type { BundleConfig } from "../test/bundle.ts";
import { skip } from "../test/harness.ts";
import { CGROUP_ROOT, blockDevice, cgroupOf, unifiedValue, v2, withResources } from "./cgroup-files.ts";
import { cannotCreate, created, inside, read, run, running, script, silent } from "./containers.ts";
import type { Container } from "./containers.ts";
import { suite } from "./suite.ts";

const test = suite("cgroup v2", () => v2());

const MEBIBYTE = 1 << 20;
const LIMIT = 64 * MEBIBYTE;

/** What files hold, in the order of their names. */
function values(container: Container, ...names: readonly string[]): Promise<string[]> {
  return Promise.all(names.map((name) => unifiedValue(container, name)));
}

test("CG-02 an absolute cgroupsPath is taken from the mount point, and delete leaves what it did not make", async (t) => {
  const name = t.id();
  fs.mkdirSync(join(CGROUP_ROOT, name));
  const container = await created(t, (config) => (config.linux.cgroupsPath = `/${name}/inner`));
  assert.is(await cgroupOf(container), join(CGROUP_ROOT, name, "inner"));
  silent(await container.verb("delete", "--force"));
  fs.rmdirSync(join(CGROUP_ROOT, name));
});

test("CG-02 a relative cgroupsPath is always the same place", async (t) => {
  const name = t.id();
  const change = (config: BundleConfig): void => void (config.linux.cgroupsPath = name);
  const first = await created(t, change);
  const before = await cgroupOf(first);
  assert.ok(before.endsWith(`/${name}`), before);
  silent(await first.verb("delete", "--force"));
  assert.is(await cgroupOf(await created(t, change)), before);
});

test("CG-04 the program and what it starts are in the cgroup, and delete removes it", async (t) => {
  const container = await running(t, (config) => script(config, "sleep 100 & exec sleep 100"));
  assert.is(read(join(await cgroupOf(container), "cgroup.procs")).trim().split("\n").length, 2);
  await container.end();
  silent(await container.verb("delete"));
  assert.equal(t.leftovers(container.id), []);
});

test("CG-03 without resources nothing is limited", async (t) => {
  const container = await created(t, (config) => delete config.linux.resources);
  const files = ["memory.max", "pids.max", "cpu.weight", "cpu.max"];
  assert.equal(await values(container, ...files), ["max", "max", "100", "max 100000"]);
});

test("RM-02 to RM-04 memory: limit, reservation, and swap as what is above the limit", async (t) => {
  v2("memory");
  const container = await created(t, withResources({ memory: { limit: LIMIT, reservation: LIMIT / 2, swap: 3 * LIMIT } }));
  assert.equal(await values(container, "memory.max", "memory.low", "memory.swap.max"), [`${LIMIT}`, `${LIMIT / 2}`, `${2 * LIMIT}`]);
});

test("RM-04 memory: swap equal to the limit is no swap, and -1 is unlimited", async (t) => {
  v2("memory");
  assert.is(await unifiedValue(await created(t, withResources({ memory: { limit: LIMIT, swap: LIMIT } })), "memory.swap.max"), "0");
  assert.is(await unifiedValue(await created(t, withResources({ memory: { limit: LIMIT, swap: -1 } })), "memory.swap.max"), "max");
  assert.is(await unifiedValue(await created(t, withResources({ memory: { limit: -1 } })), "memory.max"), "max");
});

test("RM-04 RU-05 memory: swap that cannot be converted is an error", async (t) => {
  v2("memory");
  await cannotCreate(t, withResources({ memory: { swap: LIMIT } }), /swap/);
  await cannotCreate(t, withResources({ memory: { limit: LIMIT, swap: LIMIT / 2 } }), /swap/);
});

test("RM-07 RU-05 memory: swappiness cannot be converted", async (t) => {
  await cannotCreate(t, withResources({ memory: { swappiness: 10 } }), /swappiness/);
});

test("RM-08 RU-05 memory: disableOOMKiller cannot be converted", async (t) => {
  await cannotCreate(t, withResources({ memory: { disableOOMKiller: true } }), /OOM/i);
});

test("RM-02 a program that takes more memory than it may is killed", async (t) => {
  v2("memory");
  const result = await run(t, "", (config) => {
    config.linux.resources = { memory: { limit: 16 * MEBIBYTE, swap: 16 * MEBIBYTE } };
    config.process.args = ["/bin/dd", "if=/dev/zero", "of=/dev/null", "bs=64M", "count=1"];
  });
  assert.is(result.status, 128 + 9, result.stderr);
});

test("RC-02 cpu: shares become a weight", async (t) => {
  v2("cpu");
  const weights = [];
  for (const shares of [2, 1024, 262144]) weights.push(await unifiedValue(await created(t, withResources({ cpu: { shares } })), "cpu.weight"));
  assert.equal(weights, ["1", "100", "10000"]);
});

test("RC-03 RC-05 cpu: quota and period, each alone, and none", async (t) => {
  v2("cpu");
  const found = [];
  for (const cpu of [{ quota: 20_000, period: 50_000 }, { quota: 30_000 }, { period: 60_000 }, { quota: -1 }]) {
    found.push(await unifiedValue(await created(t, withResources({ cpu })), "cpu.max"));
  }
  assert.equal(found, ["20000 50000", "30000 100000", "max 60000", "max 100000"]);
});

test("RC-04 cpu: burst", async (t) => {
  v2("cpu");
  const container = await created(t, withResources({ cpu: { quota: 50_000, period: 100_000, burst: 10_000 } }));
  assert.is(await unifiedValue(container, "cpu.max.burst"), "10000");
});

test("RC-10 cpu: idle", async (t) => {
  v2("cpu");
  assert.is(await unifiedValue(await created(t, withResources({ cpu: { idle: 1 } })), "cpu.idle"), "1");
});

test("RC-06 RC-07 RU-05 cpu: real time cannot be converted", async (t) => {
  await cannotCreate(t, withResources({ cpu: { realtimeRuntime: 1000 } }), /real-?time/i);
});

test("RC-08 RC-09 cpuset: cpus and mems", async (t) => {
  v2("cpuset");
  const container = await created(t, withResources({ cpu: { cpus: "0", mems: "0" } }));
  assert.equal(await values(container, "cpuset.cpus", "cpuset.mems"), ["0", "0"]);
  assert.match(await container.proc("status"), /^Cpus_allowed_list:\t0$/m);
});

test("RB-02 blockIO: a weight for BFQ, or converted for another scheduler", async (t) => {
  v2("io");
  const container = await created(t, withResources({ blockIO: { weight: 500 } }));
  const [bfq, other] = await values(container, "io.bfq.weight", "io.weight");
  if (bfq !== "") assert.is(bfq?.replace("default ", ""), "500");
  else if (other !== "") assert.is(other, "default 4950");
  else skip("this kernel has no weights of block I/O");
});

test("RB-03 RU-05 blockIO: leafWeight cannot be converted", async (t) => {
  await cannotCreate(t, withResources({ blockIO: { leafWeight: 300 } }), /leaf/i);
});

test("RB-08 to RB-13 blockIO: the four throttles of a device", async (t) => {
  v2("io");
  const { major, minor, text } = blockDevice();
  const throttle = (rate: number): object[] => [{ major, minor, rate }];
  const container = await created(t, withResources({
    blockIO: {
      throttleReadBpsDevice: throttle(1_000_001),
      throttleWriteBpsDevice: throttle(1_000_002),
      throttleReadIOPSDevice: throttle(1003),
      throttleWriteIOPSDevice: throttle(1004),
    },
  }));
  assert.is(await unifiedValue(container, "io.max"), `${text} rbps=1000001 wbps=1000002 riops=1003 wiops=1004`);
});

test("RH-01 to RH-03 hugepageLimits: pages in use, and reservations", async (t) => {
  v2("hugetlb");
  const container = await created(t, withResources({ hugepageLimits: [{ pageSize: "2MB", limit: 2 ** 31 }] }));
  assert.equal(await values(container, "hugetlb.2MB.max", "hugetlb.2MB.rsvd.max"), [`${2 ** 31}`, `${2 ** 31}`]);
});

test("RH-02 a size of huge pages that the kernel does not have is an error", async (t) => {
  v2("hugetlb");
  await cannotCreate(t, withResources({ hugepageLimits: [{ pageSize: "3MB", limit: 1 }] }), /3MB/);
});

test("RN-01 RU-05 network: classID and priorities cannot be converted", async (t) => {
  await cannotCreate(t, withResources({ network: { classID: 1 } }), /classID/);
  await cannotCreate(t, withResources({ network: { priorities: [{ name: "lo", priority: 1 }] } }), /priorities/);
});

test("RP-02 pids: a limit, and none", async (t) => {
  v2("pids");
  assert.is(await unifiedValue(await created(t, withResources({ pids: { limit: 123 } })), "pids.max"), "123");
  assert.is(await unifiedValue(await created(t, withResources({ pids: { limit: -1 } })), "pids.max"), "max");
});

test("RP-02 a limit of 0 lets the program run, and nothing beside it", async (t) => {
  v2("pids");
  const result = await run(t, "echo alone; (:) | :", withResources({ pids: { limit: 0 } }));
  assert.is(result.stdout, "alone\n", result.stderr);
  assert.match(result.stderr, "can't fork");
});

test("RR-01 to RR-03 rdma: the limits of a device", async (t) => {
  v2("rdma");
  const [device = skip("this host has no RDMA device")] = fs.existsSync("/sys/class/infiniband") ? fs.readdirSync("/sys/class/infiniband") : [];
  const container = await created(t, withResources({ rdma: { [device]: { hcaHandles: 3, hcaObjects: 10_000 } } }));
  assert.match(await unifiedValue(container, "rdma.max"), new RegExp(`^${device} hca_handle=3 hca_object=10000$`, "m"));
});

test("RR-01 a limit of an RDMA device that is not there is an error", async (t) => {
  v2("rdma");
  await cannotCreate(t, withResources({ rdma: { nosuch0: { hcaHandles: 3 } } }), /no such device|invalid argument/i);
});

test("RR-02 RR-03 a limit of an RDMA device without any amount is an error", async (t) => {
  await cannotCreate(t, withResources({ rdma: { nosuch0: {} } }), /./);
});

test("RU-01 RU-02 RU-03 unified: files by their names, of a controller that nothing else needs", async (t) => {
  v2("memory", "cpu");
  const container = await created(t, withResources({ unified: { "memory.high": `${LIMIT}`, "cpu.weight": "77", "cgroup.max.depth": "5" } }));
  assert.equal(await values(container, "memory.high", "cpu.weight", "cgroup.max.depth"), [`${LIMIT}`, "77", "5"]);
});

test("RU-01 unified: a value of several lines is written line by line", async (t) => {
  v2("io");
  const { text } = blockDevice();
  const container = await created(t, withResources({ unified: { "io.max": `${text} rbps=1000001\n${text} wiops=1004` } }));
  assert.is(await unifiedValue(container, "io.max"), `${text} rbps=1000001 wbps=max riops=max wiops=1004`);
});

test("RU-01 unified has the last word", async (t) => {
  v2("memory", "pids");
  const container = await created(t, withResources({ unified: { "memory.max": `${2 * LIMIT}`, "pids.max": "44" }, memory: { limit: LIMIT }, pids: { limit: 33 } }));
  assert.equal(await values(container, "memory.max", "pids.max"), [`${2 * LIMIT}`, "44"]);
});

test("RU-04 unified: a controller that is not there is an error", async (t) => {
  await cannotCreate(t, withResources({ unified: { "nosuch.max": "1" } }), /nosuch/);
});

test("RU-03 unified: a file that the kernel does not have is an error", async (t) => {
  v2("memory");
  await cannotCreate(t, withResources({ unified: { "memory.nosuch": "1" } }), /memory\.nosuch/);
});

test("unified: a path is an error", async (t) => {
  await cannotCreate(t, withResources({ unified: { "../memory.max": "1" } }), /\.\.\/memory\.max/);
});

/** A container whose user has a cgroup namespace, as the default is on v2, and a cgroup file system that may be written to. */
function delegated(config: BundleConfig, user: boolean): void {
  config.mounts = config.mounts.filter(({ destination }) => destination !== "/sys/fs/cgroup");
  config.mounts.push({ destination: "/sys/fs/cgroup", type: "cgroup", source: "cgroup", options: ["nosuid", "noexec", "nodev", "relatime"] });
  if (!user) return;
  config.linux.namespaces.push({ type: "user" });
  Object.assign(config.linux, {
    uidMappings: [{ containerID: 0, hostID: 100_000, size: 65_536 }],
    gidMappings: [{ containerID: 0, hostID: 100_000, size: 65_536 }],
  });
}

function owners(folder: string): Map<string, number> {
  const files = ["", ...fs.readdirSync(folder)];
  return new Map(files.map((name) => [name, fs.statSync(join(folder, name)).uid]));
}

test("CO-01 CO-05 CO-07 the container's user gets the cgroup, and the files that the kernel lists, no others", async (t) => {
  const container = await created(t, (config) => delegated(config, true));
  const listed = read("/sys/kernel/cgroup/delegate").trim().split("\n");
  for (const [name, uid] of owners(await cgroupOf(container))) {
    assert.is(uid, name === "" || listed.includes(name) ? 100_000 : 0, name);
  }
});

test("CO-01 the container can make sub-cgroups of its own", async (t) => {
  const text = "cd /sys/fs/cgroup && mkdir sub && echo 0 > sub/cgroup.procs && cat /proc/self/cgroup && echo 0 > cgroup.procs && rmdir sub";
  assert.is(await inside(t, text, (config) => delegated(config, true)), "0::/sub\n");
});

test("CO-01 without a user namespace it is process.user's", async (t) => {
  const container = await created(t, (config) => {
    delegated(config, false);
    config.process.user = { uid: 1234, gid: 1234 };
  });
  assert.is(owners(await cgroupOf(container)).get("cgroup.procs"), 1234);
});

test("CO-03 without a cgroup namespace of its own the owner stays", async (t) => {
  const container = await created(t, (config) => {
    delegated(config, true);
    config.linux.namespaces = config.linux.namespaces.filter(({ type }) => type !== "cgroup");
  });
  for (const [name, uid] of owners(await cgroupOf(container))) assert.is(uid, 0, name);
});

test("CO-04 with a read-only cgroup mount the owner stays", async (t) => {
  const container = await created(t, (config) => {
    delegated(config, true);
    for (const mount of config.mounts) if (mount.type === "cgroup") mount.options?.push("ro");
  });
  for (const [name, uid] of owners(await cgroupOf(container))) assert.is(uid, 0, name);
});

test("RD-01 devices: of the rules in the list the last one that fits holds, for reading and writing apart", async (t) => {
  // A number that nothing has fails otherwise than one that is forbidden.
  const text = `for use in "< one" "> one" "< other" "> other" "< third"; do (eval ": $use") 2>&1 | grep -q "not permitted" && echo no || echo yes; done`;
  const found = await inside(t, `cd /dev && ${text}`, (config) => {
    const device = (name: string, minor: number): object => ({ path: `/dev/${name}`, type: "c", major: 10, minor, fileMode: 0o666 });
    Object.assign(config.linux, {
      devices: [device("one", 251), device("other", 252), device("third", 253)],
      resources: {
        devices: [
          { allow: false, access: "rwm" },
          { allow: true, type: "c", major: 10, minor: 251, access: "rw" },
          { allow: true, type: "c", major: 10, minor: 252, access: "rw" },
          { allow: false, type: "c", major: 10, minor: 252, access: "r" },
        ],
      },
    });
  });
  assert.equal(found.trim().split("\n"), ["yes", "yes", "no", "yes", "no"]);
});

test("RD-01 devices: without rules only the default devices may be used", async (t) => {
  const text = `(: < /dev/null) && (: < /dev/zero) && (: < /dev/other) 2>&1 | grep -o "not permitted"`;
  const found = await inside(t, text, (config) => {
    delete config.linux.resources;
    config.linux["devices"] = [{ path: "/dev/other", type: "c", major: 10, minor: 251, fileMode: 0o666 }];
  });
  assert.is(found, "not permitted\n");
});

test.run();
