/** Points of the validation suite that no runtime can pass: the suite is of 2023 and tests, in parts, the specification 1.0. */

import type { Machine } from "./machine.ts";

export interface Expected {
  readonly program: string;
  /** The beginning of a failure: a point's text, or what judge() says. */
  readonly point: string;
  /** How often it fails, once if it is not there. */
  readonly times?: number;
  /** What stands against the point; the chapters and versions are the specification's. */
  readonly reason: string;
  /** Only on machines like this. */
  readonly where?: (machine: Machine) => boolean;
  /** It may pass as well, as two processes race. */
  readonly byChance?: true;
}

export const EXPECTED: readonly Expected[] = [
  {
    program: "hooks",
    point: "error: Hooks MUST be called in the listed order",
    reason: "config.md#posix-platform-hooks wants no such output: the program compares with lines that its own hooks do not write, after the file is gone",
  },
  {
    program: "misc_props",
    point: "implementations that are reading/processing this configuration file MUST NOT generate an error if they encounter an unknown annotation key",
    reason: "runtime.md#start: the program must be run, and the bundle has no /runtimetest; the annotation is in no other way unknown than in ANN-04",
  },
  {
    program: "pidfile",
    point: "create with '--pid-file' option works",
    reason: "runtime.md#kill: to kill a container that does not run is an error; its program, true, has ended, and the kill should succeed",
    byChance: true,
  },
  {
    program: "start",
    point: "`start` operation MUST generate an error if `process` was not set",
    reason: "runtime.md#start: what the point's own text says; the program wants the opposite",
  },
  {
    program: "start",
    point: "timeout in waiting for the container status",
    reason: "runtime.md#start: the container without a process, which cannot have been started, should have stopped",
  },
  {
    program: "prestart",
    point: "error: Pre-start hooks MUST be called after the `start` operation is called",
    reason: "config.md#prestart: create runs them since 1.1.0",
  },
  {
    program: "poststart_fail",
    point: "error: if any poststart hook fails, the runtime MUST log a warning",
    reason: "runtime.md#lifecycle, step 9: the failure is an error that stops the container since 1.3.0",
  },
  {
    program: "process_capabilities_fail",
    point: "exit status 1: Any value which cannot be mapped to a relevant kernel interface MUST cause an error",
    reason: "config.md#posix-process: an unknown capability is a warning since 1.1.0",
  },
  {
    program: "process_capabilities",
    point: "expected ",
    times: 5,
    reason: "config.md#posix-process: a capability that cannot be granted is a warning, and nobody here has CAP_SYS_RESOURCE",
    where: ({ sysResource }) => !sysResource,
  },
  {
    program: "linux_cgroups_memory",
    point: "memory kernel is set correctly",
    times: 6,
    reason: "the kernel takes what is written to memory.kmem.limit_in_bytes and forgets it",
    where: ({ forgetsKernelMemory }) => forgetsKernelMemory,
  },
  {
    program: "linux_cgroups_relative_memory",
    point: "memory kernel is set correctly",
    reason: "the kernel takes what is written to memory.kmem.limit_in_bytes and forgets it",
    where: ({ forgetsKernelMemory }) => forgetsKernelMemory,
  },
  {
    program: "linux_cgroups_blkio",
    point: "exit status 1",
    reason: "the kernel has no blkio.leaf_weight since 5.0",
    where: ({ files }) => !files.has("blkio/blkio.leaf_weight"),
  },
  {
    program: "linux_cgroups_relative_blkio",
    point: "exit status 1",
    reason: "the kernel has no blkio.leaf_weight since 5.0",
    where: ({ files }) => !files.has("blkio/blkio.leaf_weight"),
  },
];

/** Programs in which two processes race: one that fails is run again, up to so many times in all. */
export const RACES: readonly { readonly program: string; readonly runs: number; readonly reason: string }[] = [
  { program: "killsig", runs: 5, reason: "the signal may come before the shell has set its trap, and then means nothing to a container's first process" },
  { program: "poststart", runs: 20, reason: "the hook and the program, which has just been executed, append to one file" },
];
