/** Where runtimes do otherwise than the tests about `linux` demand (config-linux.md). */

import { each } from "./deviation.ts";
import type { Deviation } from "./deviation.ts";

/** crun makes the cgroups first of all, and does not remove them when something in them is wrong. */
const LEAVES = "it leaves its cgroups behind";

export const LINUX_DEVIATIONS: readonly Deviation[] = [
  { runtime: "runc 1.1", test: 'mounts: RFP-01 rootfsPropagation "shared"', reason: "a defect that 1.2 has no more" },
  { runtime: "runc 1.1", test: 'mounts: RFP-01 rootfsPropagation "unbindable"', reason: "a defect that 1.2 has no more" },
  { runtime: "runc 1.1", test: "namespaces: NS-04 a time namespace", reason: "1.2 has them" },
  { runtime: "runc 1.3", test: "devices: the default devices are made in a /dev of the image", reason: "it does not take links that are there already" },
  { runtime: "runc", test: "devices: DEV-03 a default device may be listed", reason: "the rule that allows the device is lost" },
  { runtime: "runc", test: "devices: DEV-03 a file that is there", reason: "it takes any file, against the specification" },
  { runtime: "runc", test: "devices: DEV-04 DEV-05", reason: "it takes a number that is not there for 0" },
  { runtime: "runc 1.3", test: "devices: DEV-04 the number of a fifo", reason: "it compares the number, though a fifo has none" },
  { runtime: "runc", test: "paths: MSK-01 a path below a file", reason: "it is an error" },
  { runtime: "runc", test: "paths: MSK-01 ROP-01 a path that is not absolute", reason: "it takes it from the root" },
  { runtime: "runc 1.1", test: "seccomp: SC-05 the flag", reason: "it knows no flags" },
  { runtime: "runc", test: "seccomp: SC-03 a default errno", reason: "it ignores it" },
  { runtime: "runc", test: "seccomp: SC-12 an errno", reason: "it ignores it" },
  { runtime: "runc", test: "seccomp: SC-10 a rule without names", reason: "it passes over it" },
  { runtime: "runc", test: "seccomp: SC-08 listenerMetadata", reason: "it ignores it" },
  { runtime: "runc 1.1", test: "cpu: RC-04 burst", reason: "1.2 has it" },
  { runtime: "runc 1.1", test: "cpu: RC-04 a burst above", reason: "1.2 has it" },
  { runtime: "runc 1.1", test: "cpu: RC-10", reason: "1.2 has it" },
  { runtime: "runc", test: "pids: RP-02 a limit of 0", reason: "up to 1.3 it is none" },
  { runtime: "runc", test: "device rules: RD-06 an unknown", reason: "it takes any letters" },
  { runtime: "runc 1.1", test: "seccomp: SC-06 the answer of the listener", reason: "with run the listener does not see the call; 1.2 is right" },
  { runtime: "crun", test: "memory: RM-07 a swappiness above", reason: "it ignores it" },
  { runtime: "crun 1.8", test: "cpu: RC-03 a quota of -1", reason: "it does not know it" },
  { runtime: "crun 1.8", test: "cpu: RC-04 burst", reason: "it ignores it" },
  { runtime: "crun 1.8", test: "cpu: RC-04 a burst above", reason: "it ignores it" },
  { runtime: "crun 1.2", test: "cpu: RC-04 a burst above", reason: LEAVES },
  { runtime: "crun 1.8", test: "pids: RP-02 a limit of -1", reason: "it does not know it" },
  { runtime: "crun", test: "pids: RP-02 a limit of 0", reason: "it takes it for none" },
  { runtime: "crun", test: "cgroup paths: CG-03 zeros", reason: "it writes a memory limit of 0, which nothing can live with" },
  ...each("crun", "memory", ["RM-04 a swap below"], LEAVES),
  ...each("crun", "cpu", ["RC-03 a quota that the kernel", "RC-05 a period that", "RC-06 RC-07 a runtime above"], LEAVES),
  ...each("crun", "cpu", ["RC-08 a list of cpus that is none", "RC-09 a list of nodes that is none", "RC-10 an idle that is"], LEAVES),
  ...each("crun", "device rules", ["RD-03 an unknown type", "RD-06 an unknown"], LEAVES),
];
