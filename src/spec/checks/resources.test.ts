import { suite } from "uvu";
import { accepts, NO_USER_NAMESPACE, refuses } from "../../../test/config-cases.ts";

const test = suite("spec/checks: resources, sysctl, seccomp");
const RESOURCES = "/linux/resources";
const throttle = { major: 8, minor: 0 };

refuses(test, "checkResources()", [
  {
    name: "a cgroups path that climbs",
    set: "/linux/cgroupsPath",
    value: "/a/../b",
    message: 'must not contain "..", got "/a/../b"',
  },
  {
    name: "a memory limit below -1",
    set: `${RESOURCES}/memory/limit`,
    value: -2,
    message: "must be at least -1, got -2",
  },
  {
    name: "less swap and memory than memory",
    set: `${RESOURCES}/memory`,
    value: { limit: 100, swap: 99 },
    pointer: `${RESOURCES}/memory/swap`,
    message: 'is the sum of memory and swap, so not below "limit", which is 100, got 99',
  },
  {
    name: "a swappiness above 100",
    set: `${RESOURCES}/memory/swappiness`,
    value: 101,
    message: "must be between 0 and 100, got 101",
  },
  {
    name: "a cpu list that is none",
    set: `${RESOURCES}/cpu/cpus`,
    value: "0;1",
    message: 'must be a list such as "0-3,7", got "0;1"',
  },
  {
    name: "a memory node beyond all",
    set: `${RESOURCES}/cpu/mems`,
    value: "65536",
    message: "the number 65536 is above 65535",
  },
  {
    name: "a burst above the quota",
    set: `${RESOURCES}/cpu`,
    value: { quota: 10, burst: 11 },
    pointer: `${RESOURCES}/cpu/burst`,
    message: 'must not be above "quota", which is 10, got 11',
  },
  {
    name: "more real time than there is",
    set: `${RESOURCES}/cpu`,
    value: { realtimePeriod: 10, realtimeRuntime: 11 },
    pointer: `${RESOURCES}/cpu/realtimeRuntime`,
    message: 'must not be above "realtimePeriod", which is 10, got 11',
  },
  { name: "an idle of 2", set: `${RESOURCES}/cpu/idle`, value: 2, message: "must be 0 or 1, got 2" },
  { name: "a pids limit below -1", set: `${RESOURCES}/pids/limit`, value: -2, message: "must be at least -1, got -2" },
  {
    name: "a weighted device without a weight",
    set: `${RESOURCES}/blockIO/weightDevice`,
    value: [throttle],
    pointer: `${RESOURCES}/blockIO/weightDevice/0`,
    message: '"weight" or "leafWeight" is required',
  },
  {
    name: "a throttled device without a rate",
    set: `${RESOURCES}/blockIO/throttleReadBpsDevice`,
    value: [throttle],
    pointer: `${RESOURCES}/blockIO/throttleReadBpsDevice/0`,
    message: '"rate" is required',
  },
  {
    name: "a device number out of range",
    set: `${RESOURCES}/blockIO/throttleWriteIOPSDevice`,
    value: [{ major: 5000, minor: 0, rate: 1 }],
    pointer: `${RESOURCES}/blockIO/throttleWriteIOPSDevice/0/major`,
    message: "must be between 0 and 4095, got 5000",
  },
  {
    name: "an RDMA device without a limit",
    set: `${RESOURCES}/rdma/mlx5_1`,
    value: {},
    message: '"hcaHandles" or "hcaObjects" is required',
  },
  {
    name: "a file of another cgroup",
    set: `${RESOURCES}/unified`,
    value: { "../memory.max": "1" },
    pointer: `${RESOURCES}/unified/..~1memory.max`,
    message: 'must be the name of a file in the control group, got "../memory.max"',
  },
  {
    name: "a priority for no device",
    set: `${RESOURCES}/network/priorities`,
    value: [{ name: "", priority: 1 }],
    pointer: `${RESOURCES}/network/priorities/0/name`,
    message: '"" cannot be the name of a network device',
  },
  {
    name: "a priority for a device whose name would set another's",
    set: `${RESOURCES}/network/priorities`,
    value: [{ name: "lo 5", priority: 1 }],
    pointer: `${RESOURCES}/network/priorities/0/name`,
    message: '"lo 5" cannot be the name of a network device',
  },
  {
    name: "a page size in the wrong unit",
    set: `${RESOURCES}/hugepageLimits`,
    value: [{ pageSize: "64kB", limit: 1 }],
    pointer: `${RESOURCES}/hugepageLimits/0/pageSize`,
    message: 'must match ^[1-9][0-9]*[KMG]B$, got "64kB"',
  },
]);
accepts(test, "checkResources()", {
  "unlimited memory and processes": { [RESOURCES]: { memory: { limit: -1, swap: -1 }, pids: { limit: -1 } } },
  "a pids object without a limit": { [RESOURCES]: { pids: {} } },
  "a pids limit of 0": { [RESOURCES]: { pids: { limit: 0 } } },
  "a burst without a quota": { [RESOURCES]: { cpu: { quota: -1, burst: 5 } } },
  "what docker writes for no limit": { [RESOURCES]: { blockIO: { weight: 0, weightDevice: [] }, memory: { disableOOMKiller: false } } },
});

const SYSCTL = "/linux/sysctl";
refuses(test, "checkSysctl()", [
  {
    name: "a parameter of the host",
    set: `${SYSCTL}/kernel.panic`,
    value: "1",
    message: `the kernel parameter "kernel.panic" is the host's: it is in no namespace`,
  },
  {
    name: "a parameter that begins like one of a namespace",
    set: `${SYSCTL}/kernel.semantics`,
    value: "1",
    message: `the kernel parameter "kernel.semantics" is the host's: it is in no namespace`,
  },
  {
    name: "a parameter whose namespace is the host's",
    with: NO_USER_NAMESPACE,
    set: `${SYSCTL}/net.ipv4.ip_forward`,
    value: "1",
    message: 'the kernel parameter "net.ipv4.ip_forward" needs a namespace of the type "network" in "linux.namespaces"',
  },
  {
    name: "the host name",
    set: `${SYSCTL}/kernel.hostname`,
    value: "x",
    message: 'the kernel parameter "kernel.hostname" has a field of its own',
    hint: 'use "hostname"',
  },
  {
    name: "a key that climbs",
    set: `${SYSCTL}/net~1..~1kernel~1panic`,
    value: "1",
    message: '"net/../kernel/panic" is not the name of a kernel parameter',
  },
  {
    name: "a key that climbs in disguise",
    set: `${SYSCTL}/net.~1~1.kernel.panic`,
    value: "1",
    message: '"net.//.kernel.panic" is not the name of a kernel parameter',
  },
  {
    name: "a key of one part",
    set: `${SYSCTL}/net`,
    value: "1",
    message: '"net" is not the name of a kernel parameter',
  },
  {
    name: "one parameter in two spellings",
    set: SYSCTL,
    value: { "net.a.b": "1", "net/a/b": "2" },
    pointer: `${SYSCTL}/net~1a~1b`,
    message: '"net/a/b" is the same kernel parameter as "net.a.b"',
  },
  { name: "a number", set: `${SYSCTL}/net.a`, value: 1, message: "must be a string, got 1" },
]);
accepts(test, "checkSysctl()", {
  "parameters of the container's namespaces": {
    [SYSCTL]: {
      "net.ipv4.conf.eth0/100.forwarding": "1",
      "kernel.shmmax": "1",
      "fs.mqueue.msg_max": "1",
      "kernel/domainname": "x",
      "user.max_user_namespaces": "0",
    },
  },
});

const SECCOMP = "/linux/seccomp";
const profile = { defaultAction: "SCMP_ACT_ERRNO" };
refuses(test, "checkSeccomp()", [
  {
    name: "an errno for an action that takes none",
    set: SECCOMP,
    value: { defaultAction: "SCMP_ACT_ALLOW", defaultErrnoRet: 1 },
    pointer: `${SECCOMP}/defaultErrnoRet`,
    message: 'the action "SCMP_ACT_ALLOW" takes no errno',
  },
  {
    name: "an errno for a rule whose action takes none",
    set: SECCOMP,
    value: { ...profile, syscalls: [{ names: ["read"], action: "SCMP_ACT_LOG", errnoRet: 1 }] },
    pointer: `${SECCOMP}/syscalls/0/errnoRet`,
    message: 'the action "SCMP_ACT_LOG" takes no errno',
  },
  {
    name: "an errno that is none",
    set: SECCOMP,
    value: { ...profile, defaultErrnoRet: 4096 },
    pointer: `${SECCOMP}/defaultErrnoRet`,
    message: 'must be at most 4095 with the action "SCMP_ACT_ERRNO", got 4096',
  },
  {
    name: "a default that notifies",
    set: SECCOMP,
    value: { defaultAction: "SCMP_ACT_NOTIFY", listenerPath: "/s" },
    pointer: `${SECCOMP}/defaultAction`,
    message: "cannot be SCMP_ACT_NOTIFY: nobody could answer the runtime's own calls",
  },
  {
    name: "metadata without a listener",
    set: SECCOMP,
    value: { ...profile, listenerMetadata: "x" },
    pointer: `${SECCOMP}/listenerMetadata`,
    message: '"listenerMetadata" needs "listenerPath" beside it',
  },
  {
    name: "a notifying rule without a listener",
    set: SECCOMP,
    value: { ...profile, syscalls: [{ names: ["mkdir"], action: "SCMP_ACT_NOTIFY" }] },
    pointer: `${SECCOMP}/syscalls/0/action`,
    message: 'the action "SCMP_ACT_NOTIFY" needs "linux.seccomp.listenerPath"',
  },
  {
    name: "to notify of write",
    set: SECCOMP,
    value: { ...profile, listenerPath: "/s", syscalls: [{ names: ["read", "write"], action: "SCMP_ACT_NOTIFY" }] },
    pointer: `${SECCOMP}/syscalls/0/names/1`,
    message: 'cannot notify of "write": the runtime itself needs it to start',
  },
  {
    name: "a seventh argument",
    set: SECCOMP,
    value: { ...profile, syscalls: [{ names: ["read"], action: "SCMP_ACT_ALLOW", args: [{ index: 6, value: 0, op: "SCMP_CMP_EQ" }] }] },
    pointer: `${SECCOMP}/syscalls/0/args/0/index`,
    message: "must be between 0 and 5, got 6",
  },
  {
    name: "a rule without names",
    set: SECCOMP,
    value: { ...profile, syscalls: [{ names: [], action: "SCMP_ACT_ALLOW" }] },
    pointer: `${SECCOMP}/syscalls/0/names`,
    message: "must have at least 1 entry",
  },
]);
accepts(test, "checkSeccomp()", {
  "errnos where they belong": {
    [SECCOMP]: {
      defaultAction: "SCMP_ACT_TRACE",
      defaultErrnoRet: 65535,
      syscalls: [{ names: ["read"], action: "SCMP_ACT_ERRNO", errnoRet: 38 }],
    },
  },
  "an empty listener and empty metadata as none": { [SECCOMP]: { ...profile, listenerPath: "", listenerMetadata: "" } },
});

test.run();
