/** What `linux` must have: a property that is REQUIRED and missing is an error (config-linux.md). */

import type { Change } from "./containers.ts";
import { missing, refusesAll, set } from "./refusals.ts";
import type { Wrong } from "./refusals.ts";
import { suite } from "./suite.ts";

const test = suite("required of linux");

/** Objects that have all that they must have, by their places. */
const WHOLE: Readonly<Record<string, object>> = {
  "/linux/namespaces/0": { type: "pid" },
  "/linux/devices/0": { path: "/dev/mine", type: "c", major: 1, minor: 3 },
  "/linux/resources/devices/0": { allow: true, type: "c", major: 1, minor: 3, access: "rwm" },
  "/linux/resources/blockIO/weightDevice/0": { major: 1, minor: 3, weight: 500 },
  "/linux/resources/hugepageLimits/0": { pageSize: "2MB", limit: 2 ** 21 },
  "/linux/resources/network/priorities/0": { name: "lo", priority: 3 },
  "/linux/resources/rdma/mlx5_0": { hcaHandles: 3 },
  "/linux/memoryPolicy": { mode: "MPOL_LOCAL", nodes: "", flags: [] },
  "/linux/seccomp": { defaultAction: "SCMP_ACT_ALLOW" },
  "/linux/seccomp/syscalls/0": { names: ["acct"], action: "SCMP_ACT_ERRNO" },
  "/linux/seccomp/syscalls/0/args/0": { index: 0, value: 1, op: "SCMP_CMP_EQ" },
  "/linux/personality": { domain: "LINUX", flags: [] },
};

const THROTTLES = ["ReadBps", "WriteBps", "ReadIOPS", "WriteIOPS"].map((what) => `/linux/resources/blockIO/throttle${what}Device/0`);

/** One property is taken away of an object that is whole, in objects that are whole. */
function without(pointer: string): Wrong {
  return missing(pointer, (config) => {
    for (const [place, object] of Object.entries(WHOLE)) {
      if (pointer.startsWith(`${place}/`)) set(config, place, { ...object });
    }
  });
}

function withoutOfThrottles(field: string): Wrong[] {
  return THROTTLES.map((place) => {
    const whole: Change = (config) => set(config, place, { major: 1, minor: 3, rate: 1000 });
    return missing(`${place}/${field}`, whole);
  });
}

const ROWS: Readonly<Record<string, readonly Wrong[]>> = {
  "NS-02 namespaces[].type": [without("/linux/namespaces/0/type")],
  "DEV-02 devices[].type": [without("/linux/devices/0/type")],
  "DEV-03 devices[].path": [without("/linux/devices/0/path")],
  "DEV-04 devices[].major": [without("/linux/devices/0/major")],
  "DEV-05 devices[].minor": [without("/linux/devices/0/minor")],
  "RD-02 resources.devices[].allow": [without("/linux/resources/devices/0/allow")],
  "RB-05 weightDevice[].major and minor": ["major", "minor"].map((field) => without(`/linux/resources/blockIO/weightDevice/0/${field}`)),
  "RB-06 RB-07 weightDevice[].weight or leafWeight": [without("/linux/resources/blockIO/weightDevice/0/weight")],
  "RB-12 throttle*Device[].major and minor": [...withoutOfThrottles("major"), ...withoutOfThrottles("minor")],
  "RB-13 throttle*Device[].rate": withoutOfThrottles("rate"),
  "RH-02 hugepageLimits[].pageSize": [without("/linux/resources/hugepageLimits/0/pageSize")],
  "RH-03 hugepageLimits[].limit": [without("/linux/resources/hugepageLimits/0/limit")],
  "RN-04 network.priorities[].name": [without("/linux/resources/network/priorities/0/name")],
  "RN-05 network.priorities[].priority": [without("/linux/resources/network/priorities/0/priority")],
  "RR-02 RR-03 rdma.*.hcaHandles or hcaObjects": [without("/linux/resources/rdma/mlx5_0/hcaHandles")],
  "MP-02 memoryPolicy.mode": [without("/linux/memoryPolicy/mode")],
  "SC-02 seccomp.defaultAction": [without("/linux/seccomp/defaultAction")],
  "SC-10 seccomp.syscalls[].names": [without("/linux/seccomp/syscalls/0/names")],
  "SC-11 seccomp.syscalls[].action": [without("/linux/seccomp/syscalls/0/action")],
  "SC-15 seccomp.syscalls[].args[].index": [without("/linux/seccomp/syscalls/0/args/0/index")],
  "SC-16 seccomp.syscalls[].args[].value": [without("/linux/seccomp/syscalls/0/args/0/value")],
  "SC-18 seccomp.syscalls[].args[].op": [without("/linux/seccomp/syscalls/0/args/0/op")],
  "PER-02 personality.domain": [without("/linux/personality/domain")],
};

for (const [name, cases] of Object.entries(ROWS)) {
  test(`${name} must be there`, (t) => refusesAll(t, cases));
}

test.run();
