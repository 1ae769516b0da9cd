/** Where runtimes do otherwise than the tests about `linux` demand (config-linux.md). */

import { each } from "./deviation.ts";
import type { Deviation } from "./deviation.ts";

/** crun makes the cgroups first of all, and does not remove them when something in them is wrong. */
const LEAVES = "it leaves its cgroups behind";

/** It goes on where crun's parser meets another type than it expects. */
const CRUN_PASSES_OVER =
  "NS-01 NS-03 TO-01 DEV-01 ND-01 ND-02 CG-02 CG-03 RD-01 RD-02 RD-03 RD-04 RD-05 RD-06 RM-01 RM-02 RM-03 RM-04 RM-05 RM-06 RM-07 RM-08 RM-09 " +
  "RM-10 RC-01 RC-02 RC-03 RC-04 RC-05 RC-06 RC-07 RC-08 RC-09 RC-10 RB-01 RB-02 RB-03 RB-04 RB-08 RB-09 RB-10 RB-11 RH-01 RN-01 RN-02 RN-03 " +
  "RP-01 RP-02 RR-01 RR-02 RR-03 RU-01 RDT-01 MP-01 SC-01 RFP-01 MSK-01 ROP-01 LBL-01 PER-01";

export const LINUX_DEVIATIONS: readonly Deviation[] = [
  { runtime: "runc 1.1", test: 'mounts: RFP-01 rootfsPropagation "shared"', reason: "a defect that 1.2 has no more" },
  { runtime: "runc 1.1", test: 'mounts: RFP-01 rootfsPropagation "unbindable"', reason: "a defect that 1.2 has no more" },
  { runtime: "runc 1.1", test: "namespaces: NS-04 a time namespace", reason: "1.2 has them" },
  { runtime: "runc 1.3", test: "devices: the default devices are made in a /dev of the image", reason: "it does not take links that are there already" },
  { runtime: "runc", test: "devices: DEV-03 a default device may be listed", reason: "the rule that allows the device is lost" },
  { runtime: "runc", test: "devices: DEV-03 a file that is there", reason: "it takes any file, against the specification" },
  { runtime: "runc 1.3", test: "devices: DEV-04 the number of a fifo", reason: "it compares the number, though a fifo has none" },
  { runtime: "runc", test: "paths: MSK-01 a path below a file", reason: "it is an error" },
  { runtime: "runc 1.1", test: "seccomp: SC-05 the flag", reason: "it knows no flags" },
  { runtime: "runc 1.1", test: "cpu: RC-04 burst", reason: "1.2 has it" },
  { runtime: "runc 1.1", test: "cpu: RC-04 a burst above", reason: "1.2 has it" },
  { runtime: "runc 1.1", test: "cpu: RC-10", reason: "1.2 has it" },
  { runtime: "runc", test: "pids: RP-02 a limit of 0", reason: "up to 1.3 it is none" },
  { runtime: "runc", test: "block io: RB-06", reason: "it takes it" },
  { runtime: "runc 1.1", test: "rare controllers: RH-01", reason: "it limits pages in use only" },
  { runtime: "runc", test: "rare controllers: RN-01", reason: "it ignores them" },
  ...each("runc", "unified", ["RU-05 RM-07", "RU-05 RM-08", "RU-05 RC-06", "RU-05 RB-03"], "it ignores it"),
  ...each("runc", "cgroup ownership", ["CO-01 CO-05", "CO-01 CO-04", "CO-01 without"], "it gives the cgroup away only where systemd manages it"),
  { runtime: "runc 1.1", test: "seccomp: SC-06 the answer of the listener", reason: "with run the listener does not see the call; 1.2 is right" },
  { runtime: "crun 1.8", test: "cpu: RC-03 a quota of -1", reason: "it does not know it" },
  { runtime: "crun 1.8", test: "cpu: RC-04 burst", reason: "it ignores it" },
  { runtime: "crun 1.8", test: "cpu: RC-04 a burst above", reason: "it ignores it" },
  { runtime: "crun 1.2", test: "cpu: RC-04 a burst above", reason: LEAVES },
  { runtime: "crun 1.8", test: "pids: RP-02 a limit of -1", reason: "it does not know it" },
  { runtime: "crun", test: "pids: RP-02 a limit of 0", reason: "it takes it for none" },
  { runtime: "crun", test: "cgroup paths: CG-03 zeros", reason: "it writes a memory limit of 0, which nothing can live with" },
  ...each("crun", "memory", ["RM-04 a swap below"], LEAVES),
  ...each("crun", "cpu", ["RC-03 a quota that the kernel", "RC-05 a period that", "RC-06 RC-07 a runtime above"], LEAVES),
  ...each("crun", "cpu", ["RC-08 a list of cpus that is none", "RC-09 a list of nodes that is none"], LEAVES),
  ...each("crun", "types of linux", CRUN_PASSES_OVER.split(" "), "it passes over a value of another type"),
  ...each("crun 1.8", "types of linux", "TO-02 TO-03 RDT-02 RDT-03 RDT-04 RDT-05 RDT-06 MP-02 MP-03 MP-04".split(" "), "it does not know the field"),
  ...each("crun", "types of linux", ["RB-05", "RB-06", "RB-07", "RB-12", "RB-13"], LEAVES),
  ...each("crun", "required of linux", ["RB-05", "RB-06 RB-07", "RB-12", "RB-13"], LEAVES),
  ...each("crun", "required of linux", ["DEV-04", "DEV-05", "RH-03", "RN-05", "SC-15", "SC-16"], "it takes what is missing for 0"),
  { runtime: "crun", test: "required of linux: RD-02", reason: "it takes what is missing for false" },
  { runtime: "crun", test: "required of linux: RR-02", reason: "there is no such controller, and it does not mind" },
  { runtime: "crun 1.8", test: "required of linux: MP-02", reason: "it does not know the field" },
  ...each("runc", "types of linux", ["ND-01", "ND-02", "RDT-05", "RDT-06", "MP-01", "MP-02", "MP-03", "MP-04"], "it does not know the field"),
  ...each("runc 1.1", "types of linux", ["TO-01", "TO-02", "TO-03"], "it does not know the field"),
  { runtime: "runc", test: "types of linux: SC-03", reason: "it takes numbers of 64 bits" },
  ...each("runc", "required of linux", ["DEV-04", "DEV-05", "SC-15", "SC-16"], "it takes what is missing for 0"),
  { runtime: "runc", test: "required of linux: RD-02", reason: "it takes what is missing for false" },
  { runtime: "runc", test: "required of linux: DEV-03", reason: "it makes no device" },
  { runtime: "runc", test: "required of linux: RB-06 RB-07", reason: "it does not look at it" },
  { runtime: "runc", test: "required of linux: MP-02", reason: "it does not know the field" },
  { runtime: "runc 1.1", test: "required of linux: PER-02", reason: "it does not know the field" },
  { runtime: "runc", test: "required of linux: SC-02", reason: "it sets no filter" },
  { runtime: "runc", test: "required of linux: SC-10", reason: "it passes over the rule" },
  ...each("runc", "values of linux", ["ND-02", "RDT-05", "MP-02", "MP-03", "MP-04"], "it does not know the field"),
  ...each("runc 1.1", "values of linux", ["RC-10", "PER-02"], "it does not know the field"),
  { runtime: "runc", test: "values of linux: RD-06", reason: "it takes any letters" },
  ...each("runc", "values of linux", ["SC-03", "SC-08", "SC-10", "SC-12"], "it passes over it"),
  ...each("runc", "values of linux", ["MSK-01", "ROP-01"], "it takes the path from the root"),
  { runtime: "runc", test: "values of linux: PER-03", reason: "it warns" },
  ...each("crun", "values of linux", ["RD-03", "RD-06", "RC-08", "RC-09", "RC-10", "RH-02", "RU-01"], LEAVES),
  ...each("crun 1.2", "values of linux", ["TO-01"], "it passes over it"),
  ...each("crun", "values of linux", ["RM-07", "SC-08", "SC-10", "RFP-01", "PER-03"], "it passes over it"),
  { runtime: "crun", test: "values of linux: DEV-02", reason: "it takes what it does not know for c" },
  { runtime: "crun", test: "values of linux: SC-04", reason: "it takes names without SCMP_ARCH_, too" },
  { runtime: "crun", test: "values of linux: SC-05", reason: "the container fails when start has succeeded" },
  ...each("crun", "values of linux", ["MSK-01", "ROP-01"], "it takes the path from the root"),
  { runtime: "crun 1.8", test: "values of linux: NS-01", reason: "it takes the last one" },
  ...each("crun 1.8", "values of linux", ["ND-02", "RDT-02", "RDT-04", "RDT-05", "MP-02", "MP-03", "MP-04"], "it does not know the field"),
  { runtime: "runc 1.1", test: "namespaces: NS-02 all eight", reason: "1.2 has time namespaces" },
  { runtime: "crun", test: "namespaces: NS-04 an empty path", reason: "it opens it" },
  { runtime: "crun 1.8", test: "namespaces: NS-04 a time namespace", reason: "it dies of it without a word" },
  { runtime: "crun 1.8", test: "values of linux: TO-01", reason: "it dies of time namespaces without a word" },
];
