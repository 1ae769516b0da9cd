/** The features document: what this runtime knows of the specification, from the tables that the code uses (features.md). */

import { ARCHITECTURES } from "../linux/architectures.ts";
import { CAPABILITIES } from "../linux/capabilities.ts";
import { MEMORY_POLICIES, MEMORY_POLICY_FLAGS } from "../linux/memory-policy.ts";
import { MOUNT_OPTIONS } from "../linux/mount-options.ts";
import { NAMESPACES } from "../linux/namespaces.ts";
import { native } from "../native/native.ts";
import { CONTEXT_TYPE } from "../plan/labels.ts";
import {
  ACTIONS,
  FLAGS,
  OPERATORS,
  SECCOMP_FILTER_FLAG_NEW_LISTENER,
  SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV,
} from "../seccomp/names.ts";
import { isOlder } from "../seccomp/rules.ts";
import { CRIU_CONFIG, HOOKS_STDERR, HOOKS_STDOUT, KEEP_GROUPS, UNIT_PROPERTY } from "../spec/annotations.ts";
import { HOOK_POINTS } from "../spec/checks/hooks.ts";
import { OCI_VERSION } from "../spec/default-config.ts";
import { STOP_SIGNAL } from "../spec/stop-signal.ts";

interface Enabled {
  readonly enabled: boolean;
}

/** Every field is there: what is absent would mean "unknown", an empty list "nothing". */
export interface Features {
  readonly ociVersionMin: string;
  readonly ociVersionMax: string;
  readonly hooks: readonly string[];
  readonly mountOptions: readonly string[];
  readonly linux: LinuxFeatures;
  readonly annotations: Readonly<Record<string, string>>;
  readonly potentiallyUnsafeConfigAnnotations: readonly string[];
}

/** features-linux.md. */
export interface LinuxFeatures {
  readonly namespaces: readonly string[];
  readonly capabilities: readonly string[];
  readonly cgroup: {
    readonly v1: boolean;
    readonly v2: boolean;
    readonly systemd: boolean;
    readonly systemdUser: boolean;
    readonly rdma: boolean;
  };
  readonly seccomp: Enabled & {
    readonly actions: readonly string[];
    readonly operators: readonly string[];
    readonly archs: readonly string[];
    readonly knownFlags: readonly string[];
    readonly supportedFlags: readonly string[];
  };
  readonly apparmor: Enabled;
  readonly selinux: Enabled;
  readonly intelRdt: Enabled & { readonly schemata: boolean; readonly monitoring: boolean };
  readonly memoryPolicy: { readonly modes: readonly string[]; readonly flags: readonly string[] };
  readonly mountExtensions: { readonly idmap: Enabled };
  readonly netDevices: Enabled;
}

/** What only the program knows of itself. */
export interface ProgramFacts {
  readonly version: string;
  readonly commit?: string | undefined;
  readonly hasCheckpoint: boolean;
}

const OCI_VERSION_MIN = "1.0.0";

/** Annotations of a config that change what this runtime does; one that ends in "." is a prefix. */
const UNSAFE_ANNOTATIONS: readonly string[] = [STOP_SIGNAL, CONTEXT_TYPE, KEEP_GROUPS, HOOKS_STDOUT, HOOKS_STDERR, CRIU_CONFIG, UNIT_PROPERTY];

/** Keys in the order in which runc prints them. */
export function features(program: ProgramFacts): Features {
  return {
    ociVersionMin: OCI_VERSION_MIN,
    ociVersionMax: OCI_VERSION,
    hooks: HOOK_POINTS,
    mountOptions: Object.keys(MOUNT_OPTIONS).sort(),
    linux: linuxFeatures(),
    annotations: annotations(program),
    potentiallyUnsafeConfigAnnotations: UNSAFE_ANNOTATIONS,
  };
}

function linuxFeatures(): LinuxFeatures {
  return {
    namespaces: NAMESPACES.map(({ type }) => type).sort(),
    capabilities: CAPABILITIES,
    cgroup: { v1: true, v2: true, systemd: true, systemdUser: true, rdma: true },
    seccomp: seccompFeatures(),
    apparmor: { enabled: true },
    selinux: { enabled: true },
    intelRdt: { enabled: true, schemata: true, monitoring: true },
    memoryPolicy: { modes: MEMORY_POLICIES, flags: Object.keys(MEMORY_POLICY_FLAGS) },
    mountExtensions: { idmap: { enabled: true } },
    netDevices: { enabled: true },
  };
}

function seccompFeatures(): LinuxFeatures["seccomp"] {
  const version = native().seccompLibrary();
  const known = Object.keys(FLAGS);
  return {
    enabled: true,
    actions: ACTIONS.map(({ name }) => name).sort(),
    operators: Object.keys(OPERATORS).sort(),
    archs: ARCHITECTURES.filter(({ libseccompSince = "0" }) => !isOlder(version, libseccompSince)).map(({ scmp }) => scmp).sort(),
    knownFlags: known,
    supportedFlags: known.filter((name) => isSupportedFlag(FLAGS[name] ?? 0)),
  };
}

/** By the kernel alone: libseccomp only compiles, init passes the flags. */
function isSupportedFlag(flag: number): boolean {
  // The kernel takes it only where there is a listener to wait for.
  const listener = flag === SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV ? SECCOMP_FILTER_FLAG_NEW_LISTENER : 0;
  return native().seccompHasFlags(flag | listener);
}

/** As the other runtimes have them, under this one's name; sorted, as theirs are. */
function annotations({ version, commit, hasCheckpoint }: ProgramFacts): Record<string, string> {
  return {
    "io.github.seccomp.libseccomp.version": native().seccompLibrary(),
    "org.tsrun.checkpoint.enabled": `${hasCheckpoint}`,
    ...(commit === undefined ? {} : { "org.tsrun.commit": commit }),
    "org.tsrun.version": version,
  };
}
