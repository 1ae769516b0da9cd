/** Annotations that other runtimes obey, and what becomes of them here; docs/annotations.md says why. */

/** Keeps the groups of who calls the runtime: podman sets it for `--group-add keep-groups`. */
export const KEEP_GROUPS = "run.oci.keep_original_groups";
/** Where what hooks write is appended. */
export const HOOKS_STDOUT = "run.oci.hooks.stdout";
export const HOOKS_STDERR = "run.oci.hooks.stderr";

/** A file of options for criu, at a checkpoint and at a restore. */
export const CRIU_CONFIG = "org.criu.config";

/** Properties of the unit, where systemd manages the cgroup. */
export const UNIT_PROPERTY = "org.systemd.property.";

/** All that the table below is about begin so. */
export const FOREIGN_PREFIX = "run.oci.";

interface Foreign {
  /** To pass over it would be unsafe, or make another container than the one that is asked for. */
  readonly treatment: "refused" | "ignored";
  readonly reason: string;
  /** A value that asks for nothing. */
  readonly empty?: string;
}

export const FOREIGN: Readonly<Record<string, Foreign>> = {
  "run.oci.handler": { treatment: "refused", reason: "containers in virtual machines and WebAssembly are not supported" },
  "run.oci.seccomp_bpf_data": { treatment: "refused", reason: "a filter that is compiled already is not supported: use linux.seccomp" },
  "run.oci.seccomp_fail_unknown_syscall": { treatment: "refused", reason: "system calls that the kernel's library does not know are passed over", empty: "0" },
  "run.oci.seccomp.plugins": { treatment: "refused", reason: "plugins are not supported: use linux.seccomp.listenerPath" },
  "run.oci.seccomp.receiver": { treatment: "ignored", reason: "use linux.seccomp.listenerPath" },
  "run.oci.pidfd_receiver": { treatment: "ignored", reason: "use --pidfd-socket" },
  "run.oci.systemd.subgroup": { treatment: "ignored", reason: "the container is in the unit's own cgroup", empty: "" },
  "run.oci.systemd.force_cgroup_v1": { treatment: "ignored", reason: "a container's cgroups are of the host's version" },
  "run.oci.delegate-cgroup": { treatment: "ignored", reason: "there is no sub-cgroup for the container's own use" },
};

/** What a key and its value ask for that cannot be had; undefined: nothing. */
export function foreignAnnotation(key: string, value: string): Foreign | undefined {
  if (!key.startsWith(FOREIGN_PREFIX) || !Object.hasOwn(FOREIGN, key)) return undefined;
  const foreign = FOREIGN[key];
  return foreign?.empty === value ? undefined : foreign;
}
