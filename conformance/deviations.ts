/** Where runtimes do otherwise than the tests demand, and why the tests demand it nevertheless. */

export interface Deviation {
  /** The beginning of the runtime's name and version: `runc 1.1`. */
  readonly runtime: string;
  /** The beginning of the suite's name and the test's title: `lifecycle: OP-07`. */
  readonly test: string;
  readonly reason: string;
}

export const DEVIATIONS: readonly Deviation[] = [
  { runtime: "runc 1.1", test: "command line: --root of / is an error", reason: "1.3 refuses it, too" },
  { runtime: "runc", test: "lifecycle: TOP-04", reason: "it wants a process at create" },
  { runtime: "runc", test: "lifecycle: OP-05 start of a container without process", reason: "it wants a process at create" },
  { runtime: "runc", test: "lifecycle: OP-07 delete of a created container", reason: "it kills it and succeeds, against the specification" },
  { runtime: "runc 1.1", test: "lifecycle: CG-01 create refuses a cgroup that holds processes", reason: "it warns, 1.2 refuses" },
  { runtime: "runc", test: "lifecycle: OP-07 delete leaves a cgroup that was there before", reason: "it removes it, though it did not make it" },
  { runtime: "runc 1.1", test: "lifecycle: delete ends what is left", reason: "it warns while it tries again" },
  { runtime: "runc 1.1", test: "lifecycle: delete --force ends all of a container", reason: "it warns while it tries again" },
  { runtime: "runc", test: "hooks: HK-14 create does not run", reason: "up to 1.5 it runs poststart hooks in create" },
  { runtime: "runc", test: "hooks: HK-14 poststart runs when", reason: "up to 1.5 it runs poststart hooks in create" },
  { runtime: "runc 1.1", test: "hooks: HK-14 run with", reason: "the error does not name the hook's kind" },
  { runtime: "runc", test: "hooks: HK-14 a", reason: "up to 1.5 it runs poststart hooks in create" },
  { runtime: "runc", test: "hooks: run runs all six kinds", reason: "up to 1.5 it runs poststart hooks in create" },
  { runtime: "runc", test: "hooks: the status on standard input", reason: "it says creating before init is ready; poststart hooks run in create" },
  { runtime: "runc", test: "hooks: poststart and poststop run in the bundle", reason: "they run where the caller stands" },
  { runtime: "runc", test: "hooks: a hook that leaves a daemon", reason: "it waits until nobody has the hook's output open any more" },
  { runtime: "runc", test: "hooks: a daemon that a createContainer hook leaves", reason: "it waits until nobody has the hook's output open any more" },
  { runtime: "runc 1.1", test: "hooks: the error of a hook that fails names", reason: "it names the place in the list only" },
  { runtime: "runc", test: "hooks: HK-13 a startContainer hook that fails", reason: "start has succeeded by then" },
  { runtime: "runc 1.1", test: "hooks: HK-13 run with a startContainer hook that fails", reason: "the error does not name the hook's kind" },
  { runtime: "runc", test: "hooks: HK-05 a startContainer hook that takes longer", reason: "start has succeeded by then" },
  { runtime: "runc", test: "hooks: HK-15 a poststop hook that fails", reason: "it is an error of delete, against the specification" },
  { runtime: "runc 1.1", test: "hooks: HK-15 run with a poststop hook", reason: "the warning does not name the hook's kind" },
  { runtime: "runc", test: "hooks: HK-05 a poststop hook that takes longer", reason: "it is an error of delete, against the specification" },
  { runtime: "runc", test: "hooks: HK-02", reason: "it runs relative paths" },
  { runtime: "runc", test: "process: HOME is / where the container's passwd is a directory", reason: "it leaves HOME empty" },
  { runtime: "runc 1.1", test: "process: rlimits that the config does not name", reason: "Go has raised the soft limit of open files" },
  { runtime: "runc 1.3", test: "capabilities: PRC-22 to PRC-26 empty sets, and no sets", reason: "without any sets it leaves the caller's" },
  { runtime: "runc", test: "capabilities: PRC-21 a capability that the caller", reason: "it is an error" },
  { runtime: "runc", test: "terminal: a console socket in the working directory", reason: "it takes it relative to the bundle" },
  { runtime: "runc 1.3", test: "descriptors: RL-01 init, waiting for start", reason: "it holds a procfs of its own and its sealed binary" },
  { runtime: "runc", test: "mounts: MNT-02 a relative destination", reason: "it warns that it is deprecated" },
  { runtime: "runc 1.1", test: "mounts: MNT-06", reason: "it has no idmapped mounts" },
  { runtime: "runc 1.1", test: "mounts: MNT-09", reason: "it has no idmapped mounts" },
  { runtime: "runc", test: "mounts: ROOT-02 a root that is a link", reason: "it refuses one" },
  { runtime: "runc 1.1", test: 'mounts: RFP-01 rootfsPropagation "shared"', reason: "a defect that 1.2 has no more" },
  { runtime: "runc 1.1", test: 'mounts: RFP-01 rootfsPropagation "unbindable"', reason: "a defect that 1.2 has no more" },
  { runtime: "runc", test: 'mount options: "defaults" on a new file system', reason: "it takes it for an option of the file system" },
  { runtime: "runc 1.3", test: 'mount options: a bind mount with "defaults"', reason: "it takes it for an option of the file system" },
  { runtime: "runc", test: 'mount options: a bind mount with "ro" of a mount with "nosuid', reason: "to change one flag it clears the others" },
  { runtime: "runc", test: 'mount options: a bind mount with "suid" of a mount', reason: "to change one flag it clears the others, or (1.1) none" },
  { runtime: "runc", test: 'mount options: a bind mount with "dev exec" of a mount', reason: "to change one flag it clears the others, or (1.1) none" },
  { runtime: "runc 1.1", test: "mount options: a bind mount cannot have options", reason: "it ignores them" },
  { runtime: "runc 1.1", test: 'mount options: a bind mount with "rw" of a mount with "ro"', reason: "it takes no flag away" },
  { runtime: "runc 1.1", test: 'mount options: "ratime"', reason: "a defect that 1.2 has no more" },
];
