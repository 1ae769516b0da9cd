/** Values in `linux` that the specification or the kernel has no meaning for: each is an error that names its place (config.md#valid-values). */

import type { Change } from "./containers.ts";
import { refusesAll, set, wrong } from "./refusals.ts";
import type { Wrong } from "./refusals.ts";
import { suite } from "./suite.ts";

const test = suite("values of linux");

/** Several values for one property; `more` makes what is around it. */
function values(pointer: string, list: readonly unknown[], more?: Change): Wrong[] {
  return list.map((value) => [
    pointer,
    (config) => {
      more?.(config);
      set(config, pointer, value);
    },
  ]);
}

const around =
  (pointer: string, value: object): Change =>
  (config) =>
    set(config, pointer, { ...value });

const device = around("/linux/devices/0", { path: "/dev/mine", type: "c", major: 1, minor: 3 });
const deviceRule = around("/linux/resources/devices/0", { allow: true, type: "c", major: 1, minor: 3, access: "rwm" });
const timeNamespace: Change = (config) => void config.linux.namespaces.push({ type: "time" });
const policy = around("/linux/memoryPolicy", { mode: "MPOL_BIND", nodes: "0" });
const filter = around("/linux/seccomp", { defaultAction: "SCMP_ACT_ALLOW" });
const rule =
  (more: object = {}): Change =>
  (config) => {
    filter(config);
    set(config, "/linux/seccomp/syscalls/0", { names: ["acct"], action: "SCMP_ACT_ERRNO", ...more });
  };
const condition = rule({ args: [{ index: 0, value: 1, op: "SCMP_CMP_EQ" }] });
const cpu = (field: string, ...list: readonly unknown[]): Wrong[] => values(`/linux/resources/cpu/${field}`, list);

/** Actions that give no errno. */
const WITHOUT_ERRNO = ["ALLOW", "LOG", "KILL", "KILL_PROCESS", "KILL_THREAD", "NOTIFY"].map((name) => `SCMP_ACT_${name}`);

const ROWS: Readonly<Record<string, readonly Wrong[]>> = {
  "NS-01 a type that is there twice": values("/linux/namespaces/6", [{ type: "network" }, { type: "pid", path: "/proc/self/ns/pid" }]),
  "NS-02 an unknown type": values("/linux/namespaces/6/type", ["colour", "", "net", "PID"]),
  "NS-03 a path that is not absolute": values("/linux/namespaces/1/path", ["proc/self/ns/net", "./net"]),
  "TO-01 an unknown clock": values("/linux/timeOffsets/realtime", [{ secs: 1 }], timeNamespace),
  "TO-03 a second or more of nanoseconds": values("/linux/timeOffsets/monotonic/nanosecs", [1_000_000_000, 2 ** 32 - 1], timeNamespace),
  "DEV-02 an unknown type": values("/linux/devices/0/type", ["x", "", "cb", "C"], device),
  "ND-02 a name that no interface can have": values("/linux/netDevices/lo", [{ name: "a/b" }, { name: "." }, { name: "name-of-16-bytes" }, { name: "a b" }]),
  "RD-03 an unknown type": values("/linux/resources/devices/0/type", ["x", "cb", "p"], deviceRule),
  "RD-06 an unknown letter": values("/linux/resources/devices/0/access", ["rwx", "R", "r w"], deviceRule),
  "RM-07 a swappiness above 100": values("/linux/resources/memory/swappiness", [101, 200]),
  "RC-08 what is no list of processors": cpu("cpus", "zero", "0-", "1-0", "0;1"),
  "RC-09 what is no list of nodes": cpu("mems", "zero", "0-", "1-0", "0;1"),
  "RC-10 an idle that is neither 0 nor 1": cpu("idle", 2, -1),
  "RH-02 what is no size of pages": values("/linux/resources/hugepageLimits", ["2 MB", "MB", "2mb", "0MB", "2M", "../x"].map((pageSize) => [{ pageSize, limit: 0 }])),
  "RDT-02 a closID that is no name of a folder": values("/linux/intelRdt/closID", ["..", ".", "a/b"]),
  "RDT-04 a memBwSchema that is no line of MB": values("/linux/intelRdt/memBwSchema", ["L3:0=f", "0=20", "MB:0=20\nL3:0=f"]),
  "RDT-05 a line with a line break": values("/linux/intelRdt/schemata/0", ["L3:0=f\nMB:0=20"]),
  "MP-02 an unknown mode": values("/linux/memoryPolicy/mode", ["MPOL_MOST", "", "BIND"], policy),
  "MP-03 nodes that are no list": values("/linux/memoryPolicy/nodes", ["a", "0-", "1-0"], policy),
  "MP-03 no nodes where the mode wants some": values("/linux/memoryPolicy/nodes", ["", undefined], policy).map(([, change]) => ["/linux/memoryPolicy", change]),
  "MP-04 an unknown flag": values("/linux/memoryPolicy/flags/0", ["MPOL_F_ALL_NODES", ""], policy),
  "SC-02 an unknown default action": values("/linux/seccomp/defaultAction", ["SCMP_ACT_PERHAPS", "", "ALLOW"], rule()),
  "SC-03 a default errno with an action that has none": values("/linux/seccomp/defaultErrnoRet", [3], rule()),
  "SC-04 an unknown architecture": values("/linux/seccomp/architectures/0", ["SCMP_ARCH_PDP11", "x86_64", ""], rule()),
  "SC-05 an unknown flag": values("/linux/seccomp/flags/0", ["SECCOMP_FILTER_FLAG_NONE", "TSYNC", ""], rule()),
  "SC-08 listenerMetadata without a listenerPath": values("/linux/seccomp/listenerMetadata", ["x"], rule()),
  "SC-10 a rule without names": values("/linux/seccomp/syscalls/0/names", [[]], rule()),
  "SC-11 an unknown action": values("/linux/seccomp/syscalls/0/action", ["SCMP_ACT_PERHAPS", "", "ERRNO"], rule()),
  "SC-12 an errno with an action that has none": WITHOUT_ERRNO.flatMap((action) => values("/linux/seccomp/syscalls/0/errnoRet", [3], rule({ action }))),
  "SC-15 an argument that no call has": values("/linux/seccomp/syscalls/0/args/0/index", [6, 2 ** 31], condition),
  "SC-18 an unknown operator": values("/linux/seccomp/syscalls/0/args/0/op", ["SCMP_CMP_ABOUT", "", "=="], condition),
  "RFP-01 an unknown propagation": values("/linux/rootfsPropagation", ["sometimes", "SHARED"]),
  "MSK-01 a path that is not absolute": values("/linux/maskedPaths/0", ["proc/kcore", "./x"]),
  "ROP-01 a path that is not absolute": values("/linux/readonlyPaths/0", ["proc/sys", "./x"]),
  "PER-02 an unknown domain": values("/linux/personality/domain", ["BSD", "linux", ""]),
  "PER-03 a flag": values("/linux/personality", [{ domain: "LINUX", flags: ["ADDR_NO_RANDOMIZE"] }]).map(([, change]) => ["/linux/personality/flags", change]),
};

for (const [what, cases] of Object.entries(ROWS)) {
  test(`${what} is an error`, (t) => refusesAll(t, cases));
}

test("RU-01 a key that is no file's name is an error", (t) =>
  refusesAll(t, ["../memory.max", "a/b", "", ".."].map((key) => wrong(`/linux/resources/unified/${key.replaceAll("/", "~1")}`, "1"))));

test.run();
