/** The programs of the validation suite that a runtime does not pass, though it could. */

import type { Deviation } from "../deviation.ts";

const ROWS: readonly (readonly [runtime: string, program: string, reason: string])[] = [
  ["runc", "delete", "it kills a created container, against the specification"],
  ["runc", "hooks_stdin", "it says creating to prestart hooks, and runs poststart hooks in create"],
  ["runc", "linux_cgroups_devices", "its own rules come before the config's"],
  ["runc", "linux_cgroups_relative_devices", "its own rules come before the config's"],
  ["runc", "linux_cgroups_memory", "it does not write kernelTCP"],
  ["runc", "linux_cgroups_relative_memory", "it does not write kernelTCP"],
  ["runc 1.3", "linux_devices", "it compares the number of a fifo, which has none"],
  ["runc", "linux_mount_label", "it labels mounts though the kernel has no SELinux"],
  ["runc", "linux_process_apparmor_profile", "it sets a profile though the kernel has no AppArmor"],
  ["runc 1.1", "linux_rootfs_propagation", "a defect that 1.2 has no more"],
  ["runc", "linux_seccomp", "it asks for the working directory when the filter, which forbids it, is loaded"],
  ["runc 1.3", "mounts", "it refuses a bind mount with options of a file system"],
  ["runc", "poststart", "it runs poststart hooks in create"],
  ["runc", "poststop_fail", "a poststop hook that fails is an error of delete, against the specification"],
  ["runc", "process_capabilities", "a capability that it cannot grant is an error"],
  ["runc 1.3", "process_rlimits", "its own memory is limited when it still needs it"],
  ["runc", "start", "it wants a process at create"],
  ["crun", "delete", "it kills a created container, against the specification"],
  ["crun", "process_capabilities", "a capability that it cannot grant is an error"],
  ["crun", "start", "start of a container without process says that it succeeded"],
];

const CRUN_HOOKS = ["hooks", "poststart", "poststop", "poststop_fail"];

export const RUNTIME_TOOLS_DEVIATIONS: readonly Deviation[] = [
  ...ROWS.map(([runtime, program, reason]) => ({ runtime, test: `runtime-tools: ${program}`, reason, wholeTitle: true as const })),
  ...CRUN_HOOKS.map((program) => ({
    runtime: "crun",
    test: `runtime-tools: ${program}`,
    reason: "it dies of a broken pipe when a hook ends before it has read the state",
    wholeTitle: true as const,
    byChance: true as const,
  })),
  {
    runtime: "runc 1.1",
    test: "runtime-tools: process_rlimits",
    reason: "its own memory is limited when it still needs it",
    wholeTitle: true,
    byChance: true,
  },
];
