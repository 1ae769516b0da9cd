import { suite } from "uvu";
import { accepts, NO_USER_NAMESPACE, refuses } from "../../../test/config-cases.ts";

const test = suite("spec/checks: linux");
const NAMESPACES = "/linux/namespaces";
const id = (containerID: number, hostID: number, size: number): object => ({ containerID, hostID, size });

refuses(test, "checkNamespaces()", [
  {
    name: "a type twice",
    set: `${NAMESPACES}/8`,
    value: { type: "uts" },
    pointer: `${NAMESPACES}/8/type`,
    message: 'the namespace "uts" is given twice',
  },
  {
    name: "an unknown type, and tells what was meant",
    set: `${NAMESPACES}/0/type`,
    value: "pids",
    message: 'must be one of "pid", "network", "mount", "ipc", "uts", "user", "cgroup", "time", got "pids"',
    hint: 'did you mean "pid"?',
  },
  {
    name: "a relative path",
    set: `${NAMESPACES}/0/path`,
    value: "ns/pid",
    message: 'must be an absolute path, got "ns/pid"',
  },
  {
    name: "a host name without a uts namespace",
    set: `${NAMESPACES}/4`,
    value: undefined,
    with: { [NAMESPACES]: [{ type: "pid" }, { type: "user" }] },
    pointer: "/hostname",
    message: '"hostname" needs a namespace of the type "uts" in "linux.namespaces"',
  },
  {
    name: "a host name of 65 bytes",
    set: "/hostname",
    value: "é".repeat(32) + "a",
    message: "must have at most 64 bytes",
  },
  {
    name: "a domain name of 65 bytes",
    set: "/domainname",
    value: "a".repeat(65),
    message: "must have at most 64 bytes",
  },
  {
    name: "masked paths without a mount namespace",
    with: { [NAMESPACES]: [{ type: "uts" }, { type: "user" }] },
    set: "/linux/maskedPaths",
    value: ["/proc/kcore"],
    message: '"maskedPaths" needs a namespace of the type "mount" in "linux.namespaces"',
  },
  {
    name: "mappings without a user namespace",
    with: NO_USER_NAMESPACE,
    set: "/linux/uidMappings",
    value: [id(0, 1, 1)],
    message: '"uidMappings" needs a namespace of the type "user" in "linux.namespaces"',
  },
  {
    name: "a new user namespace without gidMappings",
    set: "/linux/gidMappings",
    value: undefined,
    pointer: "/linux",
    message: 'a new user namespace needs "gidMappings"',
  },
  {
    name: "a uid that has no mapping",
    set: "/process/user/uid",
    value: 10,
    message: 'the id 10 has no mapping in "linux.uidMappings"',
  },
  {
    name: "a further group that has no mapping",
    set: "/process/user/additionalGids",
    value: [9, 10],
    pointer: "/process/user/additionalGids/1",
    message: 'the id 10 has no mapping in "linux.gidMappings"',
  },
]);
accepts(test, "checkNamespaces()", {
  "a user namespace by path without mappings": {
    [`${NAMESPACES}/5/path`]: "/proc/1/ns/user",
    "/linux/uidMappings": undefined,
    "/linux/gidMappings": undefined,
  },
  "empty names and mappings as none": {
    ...NO_USER_NAMESPACE,
    "/hostname": "",
    "/linux/uidMappings": [],
    "/linux/maskedPaths": [],
  },
  "an empty path as none": { [`${NAMESPACES}/0/path`]: "" },
});

refuses(test, "checkIdMappings()", [
  {
    name: "341 entries",
    set: "/linux/uidMappings",
    value: Array.from({ length: 341 }, (_, i) => id(i, i, 1)),
    message: "must have at most 340 entries, which is the kernel's limit, got 341",
  },
  {
    name: "a size of 0",
    set: "/linux/uidMappings/1",
    value: id(20, 20, 0),
    pointer: "/linux/uidMappings/1/size",
    message: "must be at least 1, got 0",
  },
  {
    name: "a range beyond the last id",
    set: "/linux/uidMappings/1",
    value: id(20, 4294967295, 1),
    message: "the ids of the host end at 4294967294",
  },
  {
    name: "ranges that overlap in the container",
    set: "/linux/uidMappings/1",
    value: id(9, 5000, 3),
    pointer: "/linux/uidMappings/1/containerID",
    message: "the range that begins at 9 overlaps entry 0",
  },
  {
    name: "ranges that overlap on the host",
    set: "/linux/gidMappings/1",
    value: id(100, 999, 2),
    pointer: "/linux/gidMappings/0/hostID",
    message: "the range that begins at 1000 overlaps entry 1",
  },
]);

const OFFSETS = "/linux/timeOffsets";
refuses(test, "checkTimeOffsets()", [
  {
    name: "offsets without a time namespace",
    with: { [NAMESPACES]: [{ type: "uts" }, { type: "user" }] },
    set: OFFSETS,
    value: { boottime: { secs: 1 } },
    message: '"timeOffsets" needs a namespace of the type "time" in "linux.namespaces"',
  },
  {
    name: "offsets of a namespace that exists",
    with: { [`${NAMESPACES}/7/path`]: "/proc/1/ns/time" },
    set: OFFSETS,
    value: { boottime: { secs: 1 } },
    message: '"timeOffsets" cannot change a time namespace that exists already',
  },
  {
    name: "an unknown clock",
    set: `${OFFSETS}/realtime`,
    value: { secs: 1 },
    message: 'unknown clock "realtime": there are "monotonic" and "boottime"',
  },
  {
    name: "a whole second of nanoseconds",
    set: `${OFFSETS}/monotonic/nanosecs`,
    value: 1e9,
    message: "must be below 1000000000, got 1000000000",
  },
]);

const device = { type: "c", path: "/dev/x", major: 1, minor: 3 };
refuses(test, "checkDevices()", [
  {
    name: "a relative path",
    set: "/linux/devices",
    value: [{ ...device, path: "x" }],
    pointer: "/linux/devices/0/path",
    message: 'must be an absolute path, got "x"',
  },
  {
    name: "another type",
    set: "/linux/devices",
    value: [{ ...device, type: "x" }],
    pointer: "/linux/devices/0/type",
    message: 'must match ^[cbup]$, got "x"',
  },
  {
    name: "a device without a number",
    set: "/linux/devices",
    value: [{ type: "b", path: "/x", minor: 0 }],
    pointer: "/linux/devices/0",
    message: '"major" is required for a device of the type "b"',
  },
  {
    name: "a major number above 4095",
    set: "/linux/devices",
    value: [{ ...device, major: 4096 }],
    pointer: "/linux/devices/0/major",
    message: "must be between 0 and 4095, got 4096",
  },
  {
    name: "a minor number above 1048575",
    set: "/linux/devices",
    value: [{ ...device, minor: 1048576 }],
    pointer: "/linux/devices/0/minor",
    message: "must be between 0 and 1048575, got 1048576",
  },
  {
    name: "the owner that is none",
    set: "/linux/devices",
    value: [{ ...device, uid: 4294967295 }],
    pointer: "/linux/devices/0/uid",
    message: "must be below 4294967295, which is not an id",
  },
  {
    name: "two devices at one path",
    set: "/linux/devices",
    value: [device, { ...device, minor: 5 }],
    pointer: "/linux/devices/1/path",
    message: 'another device has the path "/dev/x" already',
  },
  {
    name: "a rule of another type",
    set: "/linux/resources/devices",
    value: [{ allow: true, type: "x" }],
    pointer: "/linux/resources/devices/0/type",
    message: 'must be "a", "c" or "b", got "x"',
  },
  {
    name: "a rule for other accesses",
    set: "/linux/resources/devices",
    value: [{ allow: true, access: "rwx" }],
    pointer: "/linux/resources/devices/0/access",
    message: 'must be made of the letters "r", "w" and "m", got "rwx"',
  },
  {
    name: "a rule for a minor number below -1",
    set: "/linux/resources/devices",
    value: [{ allow: true, minor: -2 }],
    pointer: "/linux/resources/devices/0/minor",
    message: "must be between -1 and 1048575, got -2",
  },
]);
accepts(test, "checkDevices()", {
  "a fifo without numbers": { "/linux/devices": [{ type: "p", path: "/dev/fifo" }] },
  "the same device twice": { "/linux/devices": [device, { ...device, type: "u" }] },
  "a mode with the bits of the file type": { "/linux/devices": [{ ...device, fileMode: 0o20666 }] },
  "-1 and empty strings in a rule": { "/linux/resources/devices": [{ allow: false, type: "c", access: "", major: -1, minor: -1 }] },
});

refuses(test, "checkNetDevices()", [
  {
    name: "a device without a network namespace",
    with: { [NAMESPACES]: [{ type: "uts" }, { type: "user" }] },
    set: "/linux/netDevices",
    value: { eth0: {} },
    message: '"netDevices" needs a namespace of the type "network" in "linux.namespaces"',
  },
  {
    name: "a name of 16 bytes",
    set: "/linux/netDevices/abcdefghijklmnop",
    value: {},
    message: '"abcdefghijklmnop" cannot be the name of a network device',
  },
  {
    name: "a new name with a colon",
    set: "/linux/netDevices/eth0/name",
    value: "a:b",
    message: '"a:b" cannot be the name of a network device',
  },
  {
    name: "a name that two devices get",
    set: "/linux/netDevices",
    value: { eth0: {}, eth1: { name: "eth0" } },
    pointer: "/linux/netDevices/eth1",
    message: 'another network device has the name "eth0" in the container already',
  },
]);
accepts(test, "checkNetDevices()", { "names that the kernel completes": { "/linux/netDevices": { a: { name: "e%d" }, b: { name: "e%d" } } } });

refuses(test, "checkPaths()", [
  {
    name: "a relative masked path",
    set: "/linux/maskedPaths",
    value: ["/a", "b"],
    pointer: "/linux/maskedPaths/1",
    message: 'must be an absolute path, got "b"',
  },
  {
    name: "a relative read-only path",
    set: "/linux/readonlyPaths",
    value: ["a"],
    pointer: "/linux/readonlyPaths/0",
    message: 'must be an absolute path, got "a"',
  },
]);
refuses(test, "checkPersonality()", [
  { name: "no domain", set: "/linux/personality", value: {}, message: '"domain" is required' },
  {
    name: "a flag",
    set: "/linux/personality",
    value: { domain: "LINUX32", flags: ["x"] },
    pointer: "/linux/personality/flags/0",
    message: 'unknown flag "x": there is none yet',
  },
]);

const POLICY = "/linux/memoryPolicy";
refuses(test, "checkMemoryPolicy()", [
  { name: "no mode", set: POLICY, value: {}, message: '"mode" is required' },
  {
    name: "nodes where there are none",
    set: POLICY,
    value: { mode: "MPOL_LOCAL", nodes: "0" },
    pointer: `${POLICY}/nodes`,
    message: 'the mode "MPOL_LOCAL" takes no nodes',
  },
  {
    name: "a mode that needs nodes",
    set: POLICY,
    value: { mode: "MPOL_BIND", nodes: "" },
    message: 'the mode "MPOL_BIND" needs "nodes"',
  },
  {
    name: "a list that is none",
    set: POLICY,
    value: { mode: "MPOL_BIND", nodes: "a" },
    pointer: `${POLICY}/nodes`,
    message: 'must be a list such as "0-3,7", got "a"',
  },
  {
    name: "flags that exclude each other",
    set: POLICY,
    value: { mode: "MPOL_BIND", nodes: "0", flags: ["MPOL_F_RELATIVE_NODES", "MPOL_F_STATIC_NODES"] },
    pointer: `${POLICY}/flags`,
    message: "MPOL_F_RELATIVE_NODES and MPOL_F_STATIC_NODES exclude each other",
  },
  {
    name: "flags where there are none",
    set: POLICY,
    value: { mode: "MPOL_DEFAULT", flags: ["MPOL_F_STATIC_NODES"] },
    pointer: `${POLICY}/flags`,
    message: 'the mode "MPOL_DEFAULT" takes no flags',
  },
]);

refuses(test, "checkIntelRdt()", [
  {
    name: "a class that climbs",
    set: "/linux/intelRdt/closID",
    value: "../x",
    message: 'must be "/" or the name of a directory, got "../x"',
  },
  {
    name: "two lines in one entry",
    set: "/linux/intelRdt/schemata",
    value: ["L3:0=f\nMB:0=1"],
    pointer: "/linux/intelRdt/schemata/0",
    message: "must be one line",
  },
  {
    name: "two lines for the cache",
    set: "/linux/intelRdt/l3CacheSchema",
    value: "L3:0=f\n",
    message: "must be one line",
  },
]);
accepts(test, "checkIntelRdt()", { "the default class": { "/linux/intelRdt": { closID: "/" } } });

test.run();
