/** Where runtimes do otherwise than the tests demand, and why the tests demand it nevertheless. */

import { each } from "./deviation.ts";
import type { Deviation } from "./deviation.ts";
import { CONFIG_DEVIATIONS } from "./deviations-config.ts";
import { LINUX_DEVIATIONS } from "./deviations-linux.ts";
import { RUNTIME_TOOLS_DEVIATIONS } from "./runtime-tools/deviations.ts";

/** What runc 1.1 does not know: it starts the container, whatever the fields say. */
const UNKNOWN_TO_RUNC_1_1: Readonly<Record<string, readonly string[]>> = {
  scheduling: [
    "PRC-29 PRC-30 the policy SCHED_BATCH", "PRC-29 PRC-30 the policy SCHED_IDLE", "PRC-29 a user namespace",
    "PRC-30", "PRC-31", "PRC-32 a priority", "PRC-33", "PRC-34", "PRC-35", "PRC-36",
    "PRC-38 PRC-39 PRC-40", "PRC-38 a user namespace", "PRC-39", "PRC-40",
  ],
  personality: [
    "PER-01 PER-02 LINUX32", "PER-01 the personality outlives", "PER-02", "PER-03",
  ],
  "time offsets": [
    "TO-01 TO-02 TO-03 the clocks", "TO-01 a clock", "TO-01 the", "TO-01 offsets without", "TO-02 a clock can be behind",
  ],
};

/** No version of runc before 1.4 knows memory policies. */
const MEMORY_POLICY = [
  "MP-01 MP-02 MPOL_BIND", "MP-01 MP-02 MPOL_INTERLEAVE", "MP-01 MP-02 MPOL_PREFERRED", "MP-01 MP-02 MPOL_WEIGHTED_INTERLEAVE",
  "MP-01 MP-02 MPOL_LOCAL", "MP-02", "MP-03", "MP-04",
];

/** crun ends with 1, where 255 tells a failure of exec from one of the program. */
const CRUN_EXEC_ENDS_WITH_1 = [
  "--user x", "--user 1:", "--user :1", "--user 1x", "--user -1", "--user root", "--user 99999999999", "--user 4294967295",
  "--cwd that is missing", "a program that is missing", "a script whose interpreter", "PATH is that", "without a command",
  "in a container that does not exist", "in a stopped container", "a pid file that cannot be written", "with a user namespace an id without",
];

export const DEVIATIONS: readonly Deviation[] = [
  ...CONFIG_DEVIATIONS,
  ...RUNTIME_TOOLS_DEVIATIONS,
  ...each("runc", "official samples", ["minimal.json", "zos-minimal.json", "freebsd-minimal.json"], "it wants a process at create"),
  ...each("crun", "official samples", ["minimal", "zos", "freebsd"], "it wants a linux object"),
  { runtime: "runc 1.1", test: "official samples: minimal-for-start.json", reason: "it needs a /proc in the container" },
  { runtime: "runc 1.3", test: "official samples: minimal-for-start.json", reason: "it finds no program without a PATH" },
  ...Object.entries(UNKNOWN_TO_RUNC_1_1).flatMap(([suite, titles]) => each("runc 1.1", suite, titles, "it does not know the field")),
  ...each("runc 1.1", "memory policy", MEMORY_POLICY, "it does not know the field"),
  ...each("runc 1.3", "memory policy", MEMORY_POLICY, "it does not know the field"),
  ...each("runc 1.3", "scheduling", ["PRC-29 a user namespace", "PRC-38 a user namespace"], "it sets it when it has no privileges left"),
  { runtime: "runc 1.3", test: "personality: PER-03", reason: "it warns" },
  ...each("runc", "labels", ["PRC-20 where", "PRC-37 where", "LBL-01 where"], "it is an error"),
  { runtime: "crun", test: "labels: PRC-37 where", reason: "it is an error" },
  ...each("crun", "labels", ["PRC-20 where", "LBL-01 where"], "it says nothing"),
  { runtime: "crun", test: "mounts: MNT-02 a relative destination", reason: "it says nothing" },
  ...each("crun", "scheduling", ["PRC-31 a nice value", "PRC-34 a runtime"], "it leaves the check to the kernel, which has none"),
  { runtime: "crun", test: "personality: PER-03", reason: "it does not look at them" },
  { runtime: "crun", test: "time offsets: TO-01 the clocks are off in a user", reason: "it may not open the file any more" },
  { runtime: "crun", test: "time offsets: TO-01 an unknown clock", reason: "it passes over it" },
  ...["runc 1.1", "crun"].flatMap((runtime) => each(runtime, "command line", ["--pidfd-socket", "a --pidfd-socket"], "it does not know the option")),
  { runtime: "runc 1.1", test: "mount options: MNT-03 a tmpfs without a mode", reason: "it takes the directory's where the config names one, too" },
  { runtime: "runc 1.1", test: "exec affinity: what the caller is restricted to", reason: "1.2 takes it back" },
  { runtime: "runc 1.1", test: "command line: --root of / is an error", reason: "1.3 refuses it, too" },
  { runtime: "runc 1.1", test: "namespaces: TOP-06", reason: "1.2 has it" },
  { runtime: "runc", test: "namespaces: a container without any namespaces", reason: "it needs a /proc in the container" },
  { runtime: "runc 1.3", test: "kill, delete, run: kill --all sends the signal to each", reason: "since 1.2 it is the same as without" },
  { runtime: "runc 1.1", test: "checkpoint: checkpoint has runc's options", reason: "1.3 has --tcp-skip-in-flight and --link-remap" },
  ...each("crun", "checkpoint", ["checkpoint has runc's options", "restore has runc's options"], "it has not all of them"),
  { runtime: "runc 1.1", test: "update: --cpu-idle", reason: "1.2 has it" },
  { runtime: "runc 1.1", test: "update: --cpu-burst", reason: "1.2 has it" },
  { runtime: "runc 1.1", test: "attacks: CVE-2025-31133 a mask holds though the image's /dev/null is a link", reason: "1.2.8 has the fix" },
  { runtime: "runc 1.1", test: "attacks: CVE-2026-41579", reason: "1.3.6 has the fix" },
  { runtime: "runc", test: "features: FE-04 every mount option", reason: "it passes \"defaults\" on to the file system" },
  ...LINUX_DEVIATIONS,
  ...each("crun", "exec", CRUN_EXEC_ENDS_WITH_1, "a failure of exec ends with 1"),
  ...each("crun", "exec", ["user, groups, directory", "noNewPrivileges is"], "it does not take over noNewPrivileges"),
  { runtime: "crun", test: "exec: --user takes numbers", reason: "without a group it takes group 0, and no further groups" },
  { runtime: "crun", test: "exec: --additional-gids", reason: "it has no such option" },
  { runtime: "crun", test: "exec: CVE-2022-29162", reason: "--cap replaces the container's own" },
  { runtime: "runc 1.1", test: "exec: user, groups, directory", reason: "it leaves the caller's umask" },
  { runtime: "runc 1.1", test: "exec: a script whose interpreter", reason: "it ends with 1" },
  { runtime: "crun", test: "rootless: his states in XDG_RUNTIME_DIR are sticky", reason: "they are not" },
  { runtime: "runc", test: "exec: --user 99999999999", reason: "it takes the number's lower half" },
  { runtime: "runc", test: "exec: the container's own process is asked for nothing", reason: "it reads the bundle's config again" },
];
