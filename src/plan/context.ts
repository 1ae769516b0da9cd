/** What the planners are given: the config, and how the caller wants the container. */

import { ConfigError } from "../errors.ts";
import type { Problem } from "../errors.ts";
import type { Host, ProcessHost } from "../host.ts";
import type { Config, Namespace, NamespaceType } from "../spec/config.ts";

export interface PlanOptions {
  readonly id: string;
  /** The bundle's absolute path. */
  readonly bundle: string;
  /** Wait for `start` at the exec fifo (create), or go on at once (run). */
  readonly waitForStart: boolean;
  /** Move the root and chroot into it instead of pivot_root(2), for a root on a ramdisk. */
  readonly noPivot: boolean;
  readonly noNewKeyring: boolean;
  /** The cgroup is a unit of systemd's, which `cgroupsPath` names; "auto": where it does name one. */
  readonly systemdCgroup?: boolean | "auto";
  /** The caller's environment, which hooks without `env` get, as `NAME=value`. */
  readonly environment: readonly string[];
  /** Sockets that somebody listens on for the program, from descriptor 3 on: sd_listen_fds(3). */
  readonly listenFds?: number;
  /** The terminal's size where the config names none. */
  readonly terminalSize?: { readonly height: number; readonly width: number };
}

/** What is known of a process of the container: of its first one, and of those that join it. */
export interface ProcessContext extends Pick<PlanOptions, "id" | "noNewKeyring" | "terminalSize"> {
  readonly config: Config;
  readonly host: ProcessHost;
  readonly namespaces: ReadonlyMap<NamespaceType, Namespace>;
  /** The container has a user namespace, new or joined: its root is not the host's. */
  readonly hasUserNamespace: boolean;
}

export interface PlanContext extends PlanOptions, ProcessContext {
  readonly host: Host;
  readonly rootfs: string;
  /** Init has two stages: some things must be done with the host's privileges before the last clone. */
  readonly twoStages: boolean;
}

export function planContext(config: Config, host: Host, options: PlanOptions): PlanContext {
  const namespaces = namespacesOf(config);
  const hasUserNamespace = namespaces.has("user");
  refuseOrdinaryUser(config, host, hasUserNamespace);
  const joinsPid = namespaces.get("pid")?.path !== undefined && namespaces.get("pid")?.path !== "";
  return {
    ...options,
    config,
    host,
    rootfs: absolute(config.root?.path ?? "", options.bundle),
    namespaces,
    hasUserNamespace,
    twoStages: hasUserNamespace || namespaces.has("time") || joinsPid,
  };
}

export function namespacesOf({ linux }: Config): ReadonlyMap<NamespaceType, Namespace> {
  const namespaces = new Map<NamespaceType, Namespace>();
  for (const namespace of linux?.namespaces ?? []) namespaces.set(namespace.type, namespace);
  return namespaces;
}

/** What only root may ask for (user_namespaces(7)). */
function refuseOrdinaryUser({ process, linux }: Config, host: Host, hasUserNamespace: boolean): void {
  if (host.uid === 0) return;
  const problems: Problem[] = [];
  if (!hasUserNamespace) {
    const message = 'must have a namespace of the type "user": without one only root can make a container';
    problems.push({ pointer: "/linux/namespaces", message, hint: '"tsrun spec --rootless" writes such a config' });
  }
  const groups = process?.user?.additionalGids ?? [];
  const mappings = linux?.gidMappings ?? [];
  if (groups.length > 0 && mappings.length === 1 && mappings[0]?.size === 1) {
    const message = "cannot be set in a user namespace that an ordinary user maps by himself";
    problems.push({ pointer: "/process/user/additionalGids", message, hint: "map more groups: newgidmap(1) allows what /etc/subgid grants" });
  }
  if (problems.length > 0) throw new ConfigError("config.json", problems);
}

/** A path that is relative to the bundle, made absolute (config.md#root). */
export function absolute(path: string, bundle: string): string {
  return path.startsWith("/") ? path : `${bundle}/${path}`;
}

/** The namespace is listed and has no path: the runtime makes it. */
export function isNew(context: ProcessContext, type: NamespaceType): boolean {
  const namespace = context.namespaces.get(type);
  return namespace !== undefined && (namespace.path === undefined || namespace.path === "");
}

/** The path of a namespace that is joined. */
export function joinedPath(context: ProcessContext, type: NamespaceType): string | undefined {
  const path = context.namespaces.get(type)?.path;
  return path === "" ? undefined : path;
}
