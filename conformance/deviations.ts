/** Where runtimes do otherwise than the tests demand, and why the tests demand it nevertheless. */

import { each } from "./deviation.ts";
import type { Deviation } from "./deviation.ts";
import { LINUX_DEVIATIONS } from "./deviations-linux.ts";
import { RUNTIME_TOOLS_DEVIATIONS } from "./runtime-tools/deviations.ts";

/** It goes on where crun's parser meets another type than it expects. */
const CRUN_PASSES_OVER =
  "ROOT-03 MNT-03 MNT-04 MNT-06 MNT-07 PRC-01 PRC-02 PRC-03 PRC-04 PRC-05 PRC-07 PRC-08 PRC-10 PRC-11 PRC-12 PRC-13 PRC-14 PRC-16 " +
  "PRC-21 PRC-22 PRC-23 PRC-24 PRC-26 PRC-27 PRC-28 PRC-29 PRC-31 PRC-33 PRC-36 PRC-38 PRC-40 PRC-41 PRC-42 PRC-43 HK-01 ANN-01 TOP-05 TOP-06 UM-01 UM-02 SY-01";

const OF_SCHEDULING = ["PRC-30", "PRC-32", "PRC-34", "PRC-35", "PRC-39"];

const RUNC_1_1_IDMAPPED = ["MNT-06 MNT-07 uid", "MNT-06 MNT-07 what the", "MNT-06 MNT-07 one", "MNT-06 MNT-07 a new", "MNT-08", "MNT-09", "a file,"];

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

export const DEVIATIONS: readonly Deviation[] = [
  ...RUNTIME_TOOLS_DEVIATIONS,
  ...each("runc", "official schema", ["the sample minimal.json", "the sample zos-minimal.json", "the sample freebsd-minimal.json"], "it wants a process at create"),
  ...each("crun", "official schema", ["the sample minimal", "the sample zos", "the sample freebsd"], "it wants a linux object"),
  { runtime: "runc 1.1", test: "official schema: the sample minimal-for-start.json", reason: "it needs a /proc in the container" },
  { runtime: "runc 1.3", test: "official schema: the sample minimal-for-start.json", reason: "it finds no program without a PATH" },
  { runtime: "runc", test: "state: ST-03 the status that hooks", reason: "up to 1.5 it runs poststart hooks in create" },
  { runtime: "crun", test: "state: ST-01", reason: "hooks get 1.0, which is no version as in SemVer" },
  { runtime: "crun", test: "state: ST-03 the status that hooks", reason: "startContainer hooks get starting" },
  { runtime: "crun", test: "state: ST-08", reason: "startContainer hooks get starting" },
  { runtime: "runc", test: "general: TOP-03", reason: "it needs a /proc in the container" },
  { runtime: "runc", test: "general: TOP-09", reason: "it needs a /proc in the container" },
  { runtime: "crun", test: "general: TOP-03", reason: "it wants a list of mounts" },
  { runtime: "crun", test: "general: TOP-09", reason: "it wants a linux object" },
  { runtime: "runc", test: "config: G-02 a name that is there twice", reason: "it takes the last one" },
  { runtime: "runc", test: "config: ANN-02", reason: "it takes an empty key" },
  { runtime: "runc", test: "config: TOP-01 a version that is none", reason: "it does not look at the version" },
  { runtime: "runc", test: "required: TOP-01", reason: "it does not look at the version" },
  ...each("runc", "required", ["MNT-08", "PRC-11", "PRC-12", "UM-03", "UM-04"], "it takes what is missing for 0"),
  { runtime: "runc", test: "required: HK-02", reason: "it finds out when it runs the hook" },
  ...each("crun", "required", ["MNT-08", "PRC-11", "PRC-12", "UM-03", "UM-04"], "it takes what is missing for 0"),
  { runtime: "runc 1.3", test: "required: PRC-40", reason: "it takes what is missing for 0" },
  { runtime: "crun 1.28", test: "required: PRC-40", reason: "it takes what is missing for 0" },
  ...each("runc 1.1", "required", ["PRC-30", "PRC-39", "PRC-40"], "it does not know the field"),
  ...each("crun 1.8", "required", ["PRC-30", "PRC-39", "PRC-40"], "it does not know the field"),
  ...each("runc 1.1", "types", [...OF_SCHEDULING, "PRC-29", "PRC-31", "PRC-33", "PRC-36", "PRC-38", "PRC-40", "PRC-41", "PRC-42", "PRC-43"], "it does not know the field"),
  ...each("crun 1.8", "types", OF_SCHEDULING, "it does not know the field"),
  { runtime: "crun", test: "required: PRC-08", reason: "it starts a container without a program" },
  ...each("crun", "types", CRUN_PASSES_OVER.split(" "), "it passes over a value of another type"),
  ...Object.entries(UNKNOWN_TO_RUNC_1_1).flatMap(([suite, titles]) => each("runc 1.1", suite, titles, "it does not know the field")),
  ...each("runc 1.1", "memory policy", MEMORY_POLICY, "it does not know the field"),
  ...each("runc 1.3", "memory policy", MEMORY_POLICY, "it does not know the field"),
  ...each("runc 1.3", "scheduling", ["PRC-29 a user namespace", "PRC-38 a user namespace"], "it sets it when it has no privileges left"),
  { runtime: "runc 1.3", test: "personality: PER-03", reason: "it warns" },
  ...each("crun", "scheduling", ["PRC-31 a nice value", "PRC-34 a runtime"], "it leaves the check to the kernel, which has none"),
  { runtime: "crun", test: "personality: PER-03", reason: "it does not look at them" },
  { runtime: "crun", test: "time offsets: TO-01 the clocks are off in a user", reason: "it may not open the file any more" },
  { runtime: "crun", test: "time offsets: TO-01 an unknown clock", reason: "it passes over it" },
  { runtime: "runc 1.1", test: "command line: --root of / is an error", reason: "1.3 refuses it, too" },
  { runtime: "runc", test: "lifecycle: TOP-04", reason: "it wants a process at create" },
  { runtime: "runc", test: "lifecycle: PRC-01", reason: "it wants a process at create" },
  { runtime: "runc", test: "lifecycle: OP-07 delete of a created container", reason: "it kills it and succeeds, against the specification" },
  { runtime: "runc 1.1", test: "lifecycle: CG-01 create refuses a cgroup that holds processes", reason: "it warns, 1.2 refuses" },
  { runtime: "runc", test: "lifecycle: OP-07 delete leaves a cgroup that was there before", reason: "it removes it, though it did not make it" },
  { runtime: "runc 1.1", test: "lifecycle: delete ends what is left", reason: "it warns while it tries again" },
  { runtime: "runc 1.1", test: "lifecycle: delete --force ends all of a container", reason: "it warns while it tries again" },
  { runtime: "runc", test: "hooks: HK-14 create does not run", reason: "up to 1.5 it runs poststart hooks in create" },
  { runtime: "runc", test: "hooks: HK-14 poststart runs when", reason: "up to 1.5 it runs poststart hooks in create" },
  { runtime: "runc 1.1", test: "hook failures: HK-14 run with", reason: "the error does not name the hook's kind" },
  { runtime: "runc", test: "hook failures: HK-14 a", reason: "up to 1.5 it runs poststart hooks in create" },
  { runtime: "runc", test: "hooks: HK-01 OP-08 run runs all six", reason: "up to 1.5 it runs poststart hooks in create" },
  { runtime: "runc", test: "hooks: the status on standard input", reason: "it says creating before init is ready; poststart hooks run in create" },
  { runtime: "runc", test: "hooks: poststart and poststop run in the bundle", reason: "they run where the caller stands" },
  { runtime: "runc", test: "hooks: a hook that leaves a daemon", reason: "it waits until nobody has the hook's output open any more" },
  { runtime: "runc", test: "hooks: a daemon that a createContainer hook leaves", reason: "it waits until nobody has the hook's output open any more" },
  { runtime: "runc 1.1", test: "hook failures: the error of a hook that fails names", reason: "it names the place in the list only" },
  { runtime: "runc", test: "hook failures: HK-13 a startContainer hook that fails", reason: "start has succeeded by then" },
  { runtime: "runc 1.1", test: "hook failures: HK-13 run with a startContainer hook that fails", reason: "the error does not name the hook's kind" },
  { runtime: "runc", test: "hook failures: HK-05 a startContainer hook that takes longer", reason: "start has succeeded by then" },
  { runtime: "runc", test: "hook failures: HK-15 a poststop hook that fails", reason: "it is an error of delete, against the specification" },
  { runtime: "runc 1.1", test: "hook failures: HK-15 run with a poststop hook", reason: "the warning does not name the hook's kind" },
  { runtime: "runc", test: "hook failures: HK-05 a poststop hook that takes longer", reason: "it is an error of delete, against the specification" },
  { runtime: "runc", test: "hook failures: HK-02", reason: "it runs relative paths" },
  { runtime: "runc 1.1", test: "process: PRC-16", reason: "it takes the last one, against the specification" },
  { runtime: "runc", test: "process: HOME is / where the container's passwd is a directory", reason: "it leaves HOME empty" },
  { runtime: "runc 1.1", test: "process: rlimits that the config does not name", reason: "Go has raised the soft limit of open files" },
  { runtime: "runc 1.3", test: "capabilities: PRC-22 to PRC-26 empty sets, and no sets", reason: "without any sets it leaves the caller's" },
  { runtime: "runc", test: "capabilities: PRC-21 a capability that the caller", reason: "it is an error" },
  { runtime: "runc", test: "terminal: a console socket in the working directory", reason: "it takes it relative to the bundle" },
  { runtime: "runc 1.3", test: "descriptors: RL-01 init, waiting for start", reason: "it holds a procfs of its own and its sealed binary" },
  ...each("runc 1.1", "idmapped mounts", RUNC_1_1_IDMAPPED, "it has no idmapped mounts"),
  { runtime: "runc 1.3", test: "idmapped mounts: MNT-09 empty mappings", reason: "where a list is given, both must have entries" },
  { runtime: "runc 1.3", test: "idmapped mounts: MNT-06 MNT-07 a new file system", reason: "bind mounts only" },
  { runtime: "crun", test: "idmapped mounts: MNT-06 MNT-07 a new file system", reason: "the new root has the first user's ids, or (1.8) it fails" },
  ...each("crun 1.8", "idmapped mounts", ["MNT-09 idmap is for", "MNT-09 without mappings those of the user", "MNT-09 mappings without"], "it binds without what is below"),
  { runtime: "crun 1.8", test: "idmapped mounts: MNT-09 without mappings and", reason: "it passes over the option" },
  { runtime: "runc", test: "mounts: ROOT-02 a root that is a link", reason: "it refuses one" },
  { runtime: "runc", test: 'mount options: MNT-04 "defaults" on a new file system', reason: "it takes it for an option of the file system" },
  { runtime: "runc 1.3", test: 'mount options: MNT-04 a bind mount with "defaults"', reason: "it takes it for an option of the file system" },
  { runtime: "runc", test: 'mount options: MNT-04 a bind mount with "ro" of a mount with "nosuid', reason: "to change one flag it clears the others" },
  { runtime: "runc", test: 'mount options: MNT-04 a bind mount with "suid" of a mount', reason: "to change one flag it clears the others, or (1.1) none" },
  { runtime: "runc", test: 'mount options: MNT-04 a bind mount with "dev exec" of a mount', reason: "to change one flag it clears the others, or (1.1) none" },
  { runtime: "runc 1.1", test: 'mount options: MNT-04 a bind mount with "rw" of a mount with "ro"', reason: "it takes no flag away" },
  { runtime: "runc 1.1", test: 'mount options: MNT-04 "ratime"', reason: "a defect that 1.2 has no more" },
  { runtime: "runc 1.1", test: "namespaces: TOP-06", reason: "1.2 has it" },
  { runtime: "runc", test: "namespaces: a container without any namespaces", reason: "it needs a /proc in the container" },
  { runtime: "runc 1.1", test: "user namespace: a user namespace by its path", reason: "it wants mappings, too" },
  { runtime: "runc", test: "user namespace: UM-01 mappings without", reason: "it ignores them" },
  { runtime: "runc 1.3", test: "kill, delete, run: kill --all sends the signal to each", reason: "since 1.2 it is the same as without" },
  { runtime: "runc", test: "resources: RM-06", reason: "it warns and ignores it" },
  { runtime: "runc", test: "resources: RB-06", reason: "it takes it" },
  { runtime: "runc 1.1", test: "resources: RH-01", reason: "it limits pages in use only" },
  { runtime: "runc 1.1", test: "config: G-02 what is no JSON", reason: "null makes it panic" },
  { runtime: "runc 1.1", test: "attacks: CVE-2025-31133 a mask holds though the image's /dev/null is a link", reason: "1.2.8 has the fix" },
  { runtime: "runc 1.1", test: "attacks: CVE-2026-41579", reason: "1.3.6 has the fix" },
  { runtime: "tsrun", test: "rootless:", reason: "it does not yet do without cgroups where the user may make none" },
  { runtime: "runc", test: "features: FE-04 every mount option", reason: "it passes \"defaults\" on to the file system" },
  ...each("crun", "network devices", ["ND-01 a device that cannot leave"], "the error does not name the device"),
  ...each("crun", "network devices", ["ND-01 devices want a network namespace"], "it leaves the device where it is, and runs"),
  ...each("crun", "network devices", ["ND-03 a name that ends in %d"], "it looks for the device under the template"),
  ...each("crun", "network devices", ["ND-03 a name that is taken", "G-06"], "what was moved ends with the namespace"),
  ...LINUX_DEVIATIONS,
  { runtime: "runc 1.1", test: "exec: user, groups, directory", reason: "it leaves the caller's umask" },
  { runtime: "runc 1.1", test: "exec: a script whose interpreter", reason: "it ends with 1" },
  { runtime: "runc", test: "exec: --user 99999999999", reason: "it takes the number's lower half" },
  { runtime: "runc", test: "exec: the container's own process is asked for nothing", reason: "it reads the bundle's config again" },
  { runtime: "runc 1.3", test: "mount options: MNT-04 options of a file system on a bind mount", reason: "it refuses them, where 1.1 and crun pass over them" },
];
