/** Values of the wrong JSON type, and numbers out of range, in `linux`: each is an error that names its place. */

import { refusesAll, wrong } from "./refusals.ts";
import { suite } from "./suite.ts";

const test = suite("types of linux");

const TEXT = "x";
const OBJECT = {};
const LIST: readonly unknown[] = [];
/** What no field of a signed 64-bit number can hold, of an unsigned one, of 32 and of 16 bits. */
const INT64 = [TEXT, 1.5, OBJECT];
const UINT64 = [TEXT, -1, 1.5, OBJECT];
const UINT32 = [TEXT, -1, 1.5, 2 ** 32];
const UINT16 = [TEXT, -1, 1.5, 2 ** 16];

type Places = readonly (readonly [place: string, ...values: readonly unknown[]])[];

function throttle(what: string): Places {
  return [[`/linux/resources/blockIO/throttle${what}Device`, OBJECT, TEXT], [`/linux/resources/blockIO/throttle${what}Device/0`, TEXT, 1, LIST]];
}

/** By the row of the specification: where what is no value. */
const ROWS: Readonly<Record<string, Places>> = {
  "NS-01": [["/linux/namespaces", OBJECT, TEXT], ["/linux/namespaces/0", TEXT, 1]],
  "NS-02": [["/linux/namespaces/0/type", 7, OBJECT]],
  "NS-03": [["/linux/namespaces/0/path", 7, OBJECT]],
  "TO-01": [["/linux/timeOffsets", TEXT, 7, LIST], ["/linux/timeOffsets/monotonic", TEXT, 7]],
  "TO-02": [["/linux/timeOffsets/monotonic/secs", ...INT64]],
  "TO-03": [["/linux/timeOffsets/boottime/nanosecs", ...UINT32]],
  "DEV-01": [["/linux/devices", OBJECT, TEXT], ["/linux/devices/0", TEXT, 1]],
  "DEV-02": [["/linux/devices/0/type", 7, OBJECT]],
  "DEV-03": [["/linux/devices/0/path", 7, OBJECT]],
  "DEV-04": [["/linux/devices/0/major", ...INT64]],
  "DEV-05": [["/linux/devices/0/minor", ...INT64]],
  "DEV-06": [["/linux/devices/0/fileMode", "0666", -1, 1.5]],
  "DEV-07": [["/linux/devices/0/uid", ...UINT32]],
  "DEV-08": [["/linux/devices/0/gid", ...UINT32]],
  "ND-01": [["/linux/netDevices", TEXT, 7, ["nosuch0"]], ["/linux/netDevices/nosuch0", TEXT, 7]],
  "ND-02": [["/linux/netDevices/nosuch0/name", 7, OBJECT]],
  "CG-02": [["/linux/cgroupsPath", 7, OBJECT]],
  "CG-03": [["/linux/resources", TEXT, 7, LIST]],
  "RD-01": [["/linux/resources/devices", OBJECT, TEXT], ["/linux/resources/devices/0", TEXT, 1]],
  "RD-02": [["/linux/resources/devices/0/allow", "yes", 1]],
  "RD-03": [["/linux/resources/devices/0/type", 7, OBJECT]],
  "RD-04": [["/linux/resources/devices/0/major", ...INT64]],
  "RD-05": [["/linux/resources/devices/0/minor", ...INT64]],
  "RD-06": [["/linux/resources/devices/0/access", 7, LIST]],
  "RM-01": [["/linux/resources/memory", TEXT, 7, LIST]],
  "RM-02": [["/linux/resources/memory/limit", ...INT64, 2 ** 63]],
  "RM-03": [["/linux/resources/memory/reservation", ...INT64]],
  "RM-04": [["/linux/resources/memory/swap", ...INT64]],
  "RM-05": [["/linux/resources/memory/kernel", ...INT64]],
  "RM-06": [["/linux/resources/memory/kernelTCP", ...INT64]],
  "RM-07": [["/linux/resources/memory/swappiness", ...UINT64]],
  "RM-08": [["/linux/resources/memory/disableOOMKiller", "yes", 1]],
  "RM-09": [["/linux/resources/memory/useHierarchy", "yes", 1]],
  "RM-10": [["/linux/resources/memory/checkBeforeUpdate", "yes", 1]],
  "RC-01": [["/linux/resources/cpu", TEXT, 7, LIST]],
  "RC-02": [["/linux/resources/cpu/shares", ...UINT64]],
  "RC-03": [["/linux/resources/cpu/quota", ...INT64]],
  "RC-04": [["/linux/resources/cpu/burst", ...UINT64]],
  "RC-05": [["/linux/resources/cpu/period", ...UINT64]],
  "RC-06": [["/linux/resources/cpu/realtimeRuntime", ...INT64]],
  "RC-07": [["/linux/resources/cpu/realtimePeriod", ...UINT64]],
  "RC-08": [["/linux/resources/cpu/cpus", 7, LIST]],
  "RC-09": [["/linux/resources/cpu/mems", 7, LIST]],
  "RC-10": [["/linux/resources/cpu/idle", ...INT64]],
  "RB-01": [["/linux/resources/blockIO", TEXT, 7, LIST]],
  "RB-02": [["/linux/resources/blockIO/weight", ...UINT16]],
  "RB-03": [["/linux/resources/blockIO/leafWeight", ...UINT16]],
  "RB-04": [["/linux/resources/blockIO/weightDevice", OBJECT, TEXT], ["/linux/resources/blockIO/weightDevice/0", TEXT, 1]],
  "RB-05": [["/linux/resources/blockIO/weightDevice/0/major", ...INT64], ["/linux/resources/blockIO/weightDevice/0/minor", ...INT64]],
  "RB-06": [["/linux/resources/blockIO/weightDevice/0/weight", ...UINT16]],
  "RB-07": [["/linux/resources/blockIO/weightDevice/0/leafWeight", ...UINT16]],
  "RB-08": throttle("ReadBps"),
  "RB-09": throttle("WriteBps"),
  "RB-10": throttle("ReadIOPS"),
  "RB-11": throttle("WriteIOPS"),
  "RB-12": [["/linux/resources/blockIO/throttleReadBpsDevice/0/major", ...INT64], ["/linux/resources/blockIO/throttleReadBpsDevice/0/minor", ...INT64]],
  "RB-13": [["/linux/resources/blockIO/throttleReadBpsDevice/0/rate", ...UINT64]],
  "RH-01": [["/linux/resources/hugepageLimits", OBJECT, TEXT], ["/linux/resources/hugepageLimits/0", TEXT, 1]],
  "RH-02": [["/linux/resources/hugepageLimits/0/pageSize", 7, OBJECT]],
  "RH-03": [["/linux/resources/hugepageLimits/0/limit", ...UINT64]],
  "RN-01": [["/linux/resources/network", TEXT, 7, LIST]],
  "RN-02": [["/linux/resources/network/classID", ...UINT32]],
  "RN-03": [["/linux/resources/network/priorities", OBJECT, TEXT], ["/linux/resources/network/priorities/0", TEXT, 1]],
  "RN-04": [["/linux/resources/network/priorities/0/name", 7, OBJECT]],
  "RN-05": [["/linux/resources/network/priorities/0/priority", ...UINT32]],
  "RP-01": [["/linux/resources/pids", TEXT, 7, LIST]],
  "RP-02": [["/linux/resources/pids/limit", ...INT64]],
  "RR-01": [["/linux/resources/rdma", TEXT, 7, ["x"]], ["/linux/resources/rdma/mlx5_0", TEXT, 7]],
  "RR-02": [["/linux/resources/rdma/mlx5_0/hcaHandles", ...UINT32]],
  "RR-03": [["/linux/resources/rdma/mlx5_0/hcaObjects", ...UINT32]],
  "RU-01": [["/linux/resources/unified", TEXT, 7, ["x"]], ["/linux/resources/unified/memory.max", 7, OBJECT]],
  "RDT-01": [["/linux/intelRdt", TEXT, 7, LIST]],
  "RDT-02": [["/linux/intelRdt/closID", 7, OBJECT]],
  "RDT-03": [["/linux/intelRdt/l3CacheSchema", 7, OBJECT]],
  "RDT-04": [["/linux/intelRdt/memBwSchema", 7, OBJECT]],
  "RDT-05": [["/linux/intelRdt/schemata", TEXT, OBJECT], ["/linux/intelRdt/schemata/0", 7, OBJECT]],
  "RDT-06": [["/linux/intelRdt/enableMonitoring", "yes", 1]],
  "MP-01": [["/linux/memoryPolicy", TEXT, 7, LIST]],
  "MP-02": [["/linux/memoryPolicy/mode", 7, OBJECT]],
  "MP-03": [["/linux/memoryPolicy/nodes", 0, LIST]],
  "MP-04": [["/linux/memoryPolicy/flags", TEXT, OBJECT], ["/linux/memoryPolicy/flags/0", 7, OBJECT]],
  "SC-01": [["/linux/seccomp", TEXT, 7, LIST]],
  "SC-02": [["/linux/seccomp/defaultAction", 7, OBJECT]],
  "SC-03": [["/linux/seccomp/defaultErrnoRet", ...UINT32]],
  "SC-04": [["/linux/seccomp/architectures", TEXT, OBJECT], ["/linux/seccomp/architectures/0", 7, OBJECT]],
  "SC-05": [["/linux/seccomp/flags", TEXT, OBJECT], ["/linux/seccomp/flags/0", 7, OBJECT]],
  "SC-06": [["/linux/seccomp/listenerPath", 7, OBJECT]],
  "SC-08": [["/linux/seccomp/listenerMetadata", 7, OBJECT]],
  "SC-09": [["/linux/seccomp/syscalls", TEXT, OBJECT], ["/linux/seccomp/syscalls/0", TEXT, 1]],
  "SC-10": [["/linux/seccomp/syscalls/0/names", "acct", OBJECT], ["/linux/seccomp/syscalls/0/names/0", 7, OBJECT]],
  "SC-11": [["/linux/seccomp/syscalls/0/action", 7, OBJECT]],
  "SC-12": [["/linux/seccomp/syscalls/0/errnoRet", ...UINT32]],
  "SC-14": [["/linux/seccomp/syscalls/0/args", TEXT, OBJECT], ["/linux/seccomp/syscalls/0/args/0", TEXT, 1]],
  "SC-15": [["/linux/seccomp/syscalls/0/args/0/index", ...UINT32]],
  "SC-16": [["/linux/seccomp/syscalls/0/args/0/value", ...UINT64, 2 ** 64]],
  "SC-17": [["/linux/seccomp/syscalls/0/args/0/valueTwo", ...UINT64, 2 ** 64]],
  "SC-18": [["/linux/seccomp/syscalls/0/args/0/op", 7, OBJECT]],
  "RFP-01": [["/linux/rootfsPropagation", 7, OBJECT]],
  "MSK-01": [["/linux/maskedPaths", TEXT, OBJECT], ["/linux/maskedPaths/0", 7, OBJECT]],
  "ROP-01": [["/linux/readonlyPaths", TEXT, OBJECT], ["/linux/readonlyPaths/0", 7, OBJECT]],
  "LBL-01": [["/linux/mountLabel", 7, OBJECT]],
  "PER-01": [["/linux/personality", TEXT, 7, LIST]],
  "PER-02": [["/linux/personality/domain", 7, OBJECT]],
  "PER-03": [["/linux/personality/flags", TEXT, OBJECT], ["/linux/personality/flags/0", 7, OBJECT]],
};

for (const [row, places] of Object.entries(ROWS)) {
  const names = places.map(([place]) => place).join(" and ");
  test(`${row} what is no value of ${names} is an error`, (t) => refusesAll(t, places.flatMap(([place, ...values]) => values.map((value) => wrong(place, value)))));
}

test.run();
