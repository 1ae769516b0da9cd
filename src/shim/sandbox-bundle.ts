/** The bundle of a pod's own container, which holds the pod's namespaces and the files that its containers share. */

import { join } from "node:path";
import type { Config, IdMapping, Mount } from "../spec/config.ts";
import { chownSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "../native/files.ts";
import { installedFile } from "../native/native.ts";
import type { PodSandboxConfig } from "./generated/sandbox.ts";
import type { Mount as RootfsMount } from "./generated/types.ts";
import { RpcError } from "./rpc-error.ts";

/** What containerd says of a pod. */
export interface Pod {
  readonly id: string;
  readonly bundle: string;
  readonly config: Partial<PodSandboxConfig>;
  /** Empty: the node's. */
  readonly netns: string;
  /** The user namespace that the network's belongs to, where the pod is to have one of its own. */
  readonly userns: string | undefined;
}

/** Modes of a namespace. */
const POD = 0;
const NODE = 2;

/** tsrun-init by this name waits and reaps (addon/init/pause.cc). It is a copy: containers may come to see it. */
const PAUSE = "/pause";
const PAUSE_SHARES = 2;
/** Where containers find what is the pod's, and its name in the pod's own root. */
const FILES: Readonly<Record<string, string>> = { "/etc/hosts": "hosts", "/etc/hostname": "hostname", "/etc/resolv.conf": "resolv.conf" };
const SHM = "/dev/shm";
/** The pod's own root; containerd wants the bundle's "rootfs" to be empty in the end. */
const ROOT = "pod";
/** Mounted on the bundle's "rootfs", which ends with the pod in any case. As large as other engines make it. */
export const SHM_MOUNT: RootfsMount = { type: "tmpfs", source: "shm", target: "", options: ["nosuid", "noexec", "nodev", "mode=1777", "size=65536k"] };

function modes({ config }: Pick<Pod, "config">): { readonly network: number; readonly pid: number; readonly ipc: number } {
  const { network = POD, pid = POD, ipc = POD } = config.linux?.security_context?.namespace_options ?? {};
  return { network, pid, ipc };
}

/** Whose ids are the pod's, where it has a user namespace of its own. */
export function idMappings({ config }: Pick<Pod, "config">): { readonly uidMappings: IdMapping[]; readonly gidMappings: IdMapping[] } | undefined {
  const { userns_options: users } = config.linux?.security_context?.namespace_options ?? {};
  if (users === undefined || users.mode === NODE) return undefined;
  if (users.mode !== POD) throw new RpcError("INVALID_ARGUMENT", `cannot make the pod: a user namespace of mode ${users.mode} is not supported`);
  const [uidMappings, gidMappings] = [users.uids ?? [], users.gids ?? []].map((mappings) =>
    mappings.map(({ host_id: hostID = 0, container_id: containerID = 0, length: size = 0 }) => ({ containerID, hostID, size })),
  );
  return { uidMappings: uidMappings ?? [], gidMappings: gidMappings ?? [] };
}

/** The host's ids of the pod's root, where they are not the host's own. */
function rootOf(pod: Pod): { readonly uid: number; readonly gid: number } | undefined {
  const mappings = idMappings(pod);
  return mappings === undefined ? undefined : { uid: rootIn(mappings.uidMappings), gid: rootIn(mappings.gidMappings) };
}

function rootIn(mappings: readonly IdMapping[]): number {
  const mapping = mappings.find(({ containerID, size }) => containerID === 0 && size > 0);
  if (mapping === undefined) throw new RpcError("INVALID_ARGUMENT", "cannot make the pod: its user namespace has no root");
  return mapping.hostID;
}

/** Writes the bundle, whose root is a folder of the pod's own. */
export function writeSandboxBundle(pod: Pod): void {
  const rootfs = join(pod.bundle, ROOT);
  const config = sandboxConfig(pod);
  const root = rootOf(pod);
  mkdirSync(rootfs, { mode: 0o711 });
  mkdirSync(join(rootfs, "dev"), { mode: 0o755 });
  writeFileSync(join(rootfs, PAUSE), readFileSync(installedFile("tsrun-init")), { mode: 0o755 });
  writeFileSync(join(rootfs, "hosts"), existsSync("/etc/hosts") ? readFileSync("/etc/hosts") : "");
  writeFileSync(join(rootfs, "hostname"), `${hostnameOf(pod)}\n`);
  writeFileSync(join(rootfs, "resolv.conf"), resolvConf(pod));
  // The files alone: who owned the folder could put a link to a file of the host in the place of one that is mounted later.
  if (root !== undefined) for (const name of Object.values(FILES)) chownSync(join(rootfs, name), root.uid, root.gid);
  writeFileSync(join(pod.bundle, "config.json"), JSON.stringify(config));
}

function hostnameOf(pod: Pod): string {
  const { hostname = "" } = pod.config;
  return hostname === "" && modes(pod).network === NODE ? readFileSync("/proc/sys/kernel/hostname", "utf8").trim() : hostname;
}

/** resolv.conf(5). */
function resolvConf({ config: { dns_config: dns } }: Pod): string | Uint8Array {
  const { servers = [], searches = [], options = [] } = dns ?? {};
  if (servers.length + searches.length + options.length === 0) return existsSync("/etc/resolv.conf") ? readFileSync("/etc/resolv.conf") : "";
  let text = searches.length > 0 ? `search ${searches.join(" ")}\n` : "";
  for (const server of servers) text += `nameserver ${server}\n`;
  return options.length > 0 ? `${text}options ${options.join(" ")}\n` : text;
}

function sandboxConfig(pod: Pod): Config {
  const { network, pid, ipc } = modes(pod);
  const { cgroup_parent: parent = "", security_context: security, sysctls = {} } = pod.config.linux ?? {};
  const hasNetwork = network !== NODE;
  const namespaces = [{ type: "mount" as const }, ...(pid === NODE ? [] : [{ type: "pid" as const }]), ...(ipc === NODE ? [] : [{ type: "ipc" as const }])];
  const mappings = idMappings(pod);
  // In a user namespace that is joined there is a mapping already.
  const users = mappings === undefined ? [] : [{ type: "user" as const, ...(pod.userns === undefined ? {} : { path: pod.userns }) }];
  const own = hasNetwork ? [{ type: "uts" as const }, pod.netns === "" ? { type: "network" as const } : { type: "network" as const, path: pod.netns }] : [];
  return {
    ociVersion: "1.1.0",
    process: {
      cwd: "/",
      args: [PAUSE],
      user: { uid: Number(security?.run_as_user?.value ?? 0n), gid: Number(security?.run_as_group?.value ?? 0n) },
      capabilities: { bounding: [], effective: [], permitted: [], inheritable: [], ambient: [] },
      noNewPrivileges: true,
    },
    root: { path: ROOT, readonly: true },
    // Its own root may make nothing in the pod's.
    mounts: [{ destination: "/dev", type: "tmpfs", source: "tmpfs", options: ["nosuid", "mode=755", "size=64k"] }],
    ...(hasNetwork && hostnameOf(pod) !== "" ? { hostname: hostnameOf(pod) } : {}),
    linux: {
      namespaces: [...users, ...namespaces, ...own],
      ...(pod.userns === undefined ? mappings : {}),
      sysctl: { ...sysctls },
      resources: { cpu: { shares: PAUSE_SHARES } },
      ...(parent === "" ? {} : { cgroupsPath: cgroupsPath(parent, pod.id) }),
    },
  };
}

/** As containerd names those of its containers. */
function cgroupsPath(parent: string, id: string): string {
  return parent.endsWith(".slice") ? `${parent.slice(parent.lastIndexOf("/") + 1)}:cri-containerd:${id}` : join(parent, id);
}

/** A container's config with the pod's files, where the container has none of its own there. */
export function withPodFiles(config: Config, pod: Pod): Config {
  const root = join(pod.bundle, ROOT);
  const shm = modes(pod).ipc === NODE ? SHM : join(pod.bundle, "rootfs");
  const mounts: Mount[] = [];
  const taken = new Set<string>();
  for (const mount of config.mounts ?? []) {
    taken.add(mount.destination);
    // What engines put there unless they are told otherwise.
    mounts.push(mount.destination === SHM && mount.type === "tmpfs" ? bind(SHM, shm, false) : mount);
  }
  for (const [destination, name] of Object.entries(FILES)) {
    if (!taken.has(destination)) mounts.push(bind(destination, join(root, name), config.root?.readonly === true));
  }
  if (!taken.has(SHM)) mounts.push(bind(SHM, shm, false));
  return { ...config, mounts };
}

function bind(destination: string, source: string, readOnly: boolean): Mount {
  return { destination, type: "bind", source, options: ["rbind", "rprivate", readOnly ? "ro" : "rw"] };
}
