/** Values of the wrong JSON type, and numbers out of range: each is an error that names its place (config.md#valid-values). */

import { refusesAll, wrong } from "./refusals.ts";
import { suite } from "./suite.ts";

const test = suite("types");

const TEXT = "x";
const OBJECT = {};
const LIST: readonly unknown[] = [];
const DEADLINE = { policy: "SCHED_DEADLINE", runtime: 1_000_000, deadline: 2_000_000, period: 2_000_000 };

/** By the row of the specification: where what is no value. */
const ROWS: Readonly<Record<string, readonly (readonly [place: string, ...values: readonly unknown[]])[]>> = {
  "TOP-01": [["/ociVersion", 1, 1.2, OBJECT, LIST]],
  "ROOT-01": [["/root", TEXT, 7, LIST]],
  "ROOT-02": [["/root/path", 7, OBJECT, true]],
  "ROOT-03": [["/root/readonly", TEXT, 1, OBJECT]],
  "MNT-01": [["/mounts", OBJECT, TEXT, 1], ["/mounts/0", TEXT, 1, LIST]],
  "MNT-02": [["/mounts/0/destination", 7, OBJECT, LIST]],
  "MNT-03": [["/mounts/0/source", 7, OBJECT]],
  "MNT-04": [["/mounts/0/options", TEXT, OBJECT, 1], ["/mounts/0/options/0", 7, OBJECT]],
  "MNT-05": [["/mounts/0/type", 7, LIST]],
  "MNT-06": [["/mounts/0/uidMappings", OBJECT, TEXT]],
  "MNT-07": [["/mounts/0/gidMappings", OBJECT, TEXT]],
  "MNT-08": [
    ["/mounts/0/uidMappings/0", TEXT, 1],
    ["/mounts/0/gidMappings/0/containerID", TEXT, -1, 1.5, 2 ** 32],
    ["/mounts/0/gidMappings/0/hostID", TEXT, -1, 1.5, 2 ** 32],
    ["/mounts/0/gidMappings/0/size", TEXT, -1, 1.5, 2 ** 32],
  ],
  "PRC-01": [["/process", TEXT, 7, LIST]],
  "PRC-02": [["/process/terminal", "yes", 1, LIST]],
  "PRC-03": [["/process/consoleSize", TEXT, 1]],
  "PRC-04": [["/process/consoleSize/height", -1, TEXT, 1.5, LIST]],
  "PRC-05": [["/process/consoleSize/width", -1, TEXT, 1.5, LIST]],
  "PRC-06": [["/process/cwd", 7, OBJECT, LIST]],
  "PRC-07": [["/process/env", OBJECT, "A=1"], ["/process/env/0", 7, OBJECT]],
  "PRC-08": [["/process/args", OBJECT, "sh"], ["/process/args/0", 7, LIST]],
  "PRC-10": [["/process/user", TEXT, 0, LIST]],
  "PRC-11": [["/process/user/uid", TEXT, -1, 1.5, 2 ** 32, OBJECT]],
  "PRC-12": [["/process/user/gid", TEXT, -1, 1.5, 2 ** 32, OBJECT]],
  "PRC-13": [["/process/user/umask", "022", -1, 1.5, 2 ** 32]],
  "PRC-14": [["/process/user/additionalGids", 7, OBJECT], ["/process/user/additionalGids/0", "x", -1, 2 ** 32]],
  "PRC-16": [["/process/rlimits", OBJECT, TEXT], ["/process/rlimits/0", TEXT, 1]],
  "PRC-17": [["/process/rlimits/0/type", 7, LIST]],
  "PRC-18": [["/process/rlimits/0/soft", TEXT, -1, 1.5]],
  "PRC-19": [["/process/rlimits/0/hard", TEXT, -1, 1.5]],
  "PRC-21": [["/process/capabilities", TEXT, 7]],
  "PRC-22": [["/process/capabilities/effective", "CAP_KILL", OBJECT, 7]],
  "PRC-23": [["/process/capabilities/bounding", "CAP_KILL", OBJECT, 7]],
  "PRC-24": [["/process/capabilities/inheritable", "CAP_KILL", OBJECT, 7]],
  "PRC-25": [["/process/capabilities/permitted", "CAP_KILL", OBJECT, 7]],
  "PRC-26": [["/process/capabilities/ambient", "CAP_KILL", OBJECT, 7]],
  "PRC-27": [["/process/noNewPrivileges", "yes", 1, LIST]],
  "PRC-28": [["/process/oomScoreAdj", "100", 1.5, OBJECT]],
  "PRC-29": [["/process/scheduler", "SCHED_OTHER", 3, LIST]],
  "PRC-30": [["/process/scheduler/policy", 0, "SCHED_NORMAL", "FIFO", "sched_other", "SCHED_EXT"]],
  "PRC-31": [["/process/scheduler", ...["5", 1.5, 2 ** 31, -21].map((nice) => ({ policy: "SCHED_OTHER", nice }))]],
  "PRC-32": [["/process/scheduler", ...["5", 1.5, 2 ** 31, -1, 0].map((priority) => ({ policy: "SCHED_FIFO", priority }))]],
  "PRC-33": [["/process/scheduler", ...["RESET_ON_FORK", [7], ["SCHED_RESET_ON_FORK"], [""]].map((flags) => ({ policy: "SCHED_OTHER", flags }))]],
  "PRC-34": [["/process/scheduler", ...["1", -1, 1.5].map((runtime) => ({ ...DEADLINE, runtime }))]],
  "PRC-35": [["/process/scheduler", ...["1", -1, 1.5].map((deadline) => ({ ...DEADLINE, deadline }))]],
  "PRC-36": [["/process/scheduler", ...["1", -1, 1.5].map((period) => ({ ...DEADLINE, period }))]],
  "PRC-38": [["/process/ioPriority", "IOPRIO_CLASS_BE", 3, LIST]],
  "PRC-39": [["/process/ioPriority", ...[2, "BE", "", "ioprio_class_be"].map((name) => ({ class: name, priority: 1 }))]],
  "PRC-40": [["/process/ioPriority", ...["1", 1.5, 2 ** 31].map((priority) => ({ class: "IOPRIO_CLASS_BE", priority }))]],
  "PRC-41": [["/process/execCPUAffinity", "0-3", 3, LIST]],
  "PRC-42": [["/process/execCPUAffinity/initial", 0, LIST, "a", "3-1", "0x1"]],
  "PRC-43": [["/process/execCPUAffinity/final", 0, LIST, "a", "3-1", "0x1"]],
  "HK-01": [["/hooks", TEXT, 7, LIST]],
  "HK-02": [["/hooks/createRuntime/0", TEXT], ["/hooks/createRuntime/0/path", 7, OBJECT]],
  "ANN-01": [["/annotations", TEXT, 7, ["a"]]],
  "ANN-03": [["/annotations/key", 7, true, OBJECT, LIST]],
  "TOP-05": [["/hostname", 7, LIST]],
  "TOP-06": [["/domainname", 7, LIST]],
  "TOP-09": [["/linux", TEXT, 7, LIST]],
  "UM-01": [["/linux/uidMappings", OBJECT, TEXT], ["/linux/uidMappings/0", TEXT, 1]],
  "UM-02": [["/linux/gidMappings", OBJECT, TEXT], ["/linux/gidMappings/0", TEXT, 1]],
  "SY-01": [["/linux/sysctl", TEXT, 7, ["a"]], ["/linux/sysctl/net.ipv4.ip_forward", 1, true]],
};

for (const [row, places] of Object.entries(ROWS)) {
  const names = places.map(([place]) => place).join(" and ");
  test(`${row} what is no value of ${names} is an error`, (t) => refusesAll(t, places.flatMap(([place, ...values]) => values.map((value) => wrong(place, value)))));
}

test.run();
