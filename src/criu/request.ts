/** What is asked of criu, from what the caller chose and what is known of the container. Pure. */

import { CLONE_NEWNET } from "../linux/clone-flags.ts";
import type { ExternalMount } from "../plan/external-mounts.ts";
import type { Hierarchy } from "../resources/layout.ts";
import type { CgroupsMode, CheckpointChoices, RestoreChoices } from "./choices.ts";
import { CgroupMode, RequestType } from "./generated/rpc.ts";
import type { CgroupRoot, InheritedDescriptor, JoinedNamespace, Options, Request } from "./generated/rpc.ts";

export const DUMP_LOG = "dump.log";
export const RESTORE_LOG = "restore.log";
/** All but what is for criu's own developers. */
const LOG_LEVEL = 4;

const CGROUP_MODES: Readonly<Record<CgroupsMode, number>> = {
  soft: CgroupMode.SOFT,
  full: CgroupMode.FULL,
  strict: CgroupMode.STRICT,
  ignore: CgroupMode.IGNORE,
};

interface Facts {
  /** Descriptors of this process, which criu opens again. */
  readonly images: number;
  readonly work: number | undefined;
  readonly root: string;
  readonly configFile: string | undefined;
}

export interface CheckpointFacts extends Facts {
  readonly pid: number;
  /** A cgroup that holds all processes, and stops them. */
  readonly freezer: string | undefined;
  /** `mnt[/data]:/data`, `net[4026531840]:extRootNetNS`. */
  readonly external: readonly string[];
}

export interface RestoreFacts extends Facts {
  readonly external: readonly ExternalMount[];
  readonly inherited: readonly InheritedDescriptor[];
  readonly joined: readonly JoinedNamespace[];
  /** The container's cgroup, and the hierarchies that it is in. */
  readonly cgroupPath: string;
  readonly hierarchies: readonly Pick<Hierarchy, "version" | "controllers" | "name">[];
}

export function checkpointRequest(choices: CheckpointChoices, facts: CheckpointFacts): Partial<Request> {
  const { preDump = false, leaveRunning = false, tcpSkipInFlight = false, linkRemap = false, parentPath, pageServer } = choices;
  const opts: Partial<Options> = {
    ...common(choices, facts),
    log_file: DUMP_LOG,
    pid: facts.pid,
    leave_running: leaveRunning,
    tcp_skip_in_flight: tcpSkipInFlight,
    link_remap: linkRemap,
    freeze_cgroup: facts.freezer,
    external: facts.external,
    ...(parentPath === undefined ? {} : { parent_img: parentPath, track_mem: true }),
    ...(pageServer === undefined ? {} : { ps: pageServer }),
  };
  return { type: preDump ? RequestType.PRE_DUMP : RequestType.DUMP, opts };
}

export function restoreRequest(choices: RestoreChoices, facts: RestoreFacts): Partial<Request> {
  const { lsmProfile, lsmMountContext } = choices;
  const opts: Partial<Options> = {
    ...common(choices, facts),
    log_file: RESTORE_LOG,
    // The restored process is this one's child, and not criu's, so that its end can be waited for.
    rst_sibling: true,
    evasive_devices: true,
    external: mountSources(facts.external),
    inherit_fd: facts.inherited,
    join_ns: facts.joined,
    cg_root: cgroupRoots(facts),
    lsm_profile: lsmProfile,
    lsm_mount_context: lsmMountContext,
  };
  return { type: RequestType.RESTORE, opts };
}

function common(choices: CheckpointChoices | RestoreChoices, { images, work, root, configFile }: Facts): Partial<Options> {
  const { tcpEstablished = false, extUnixSk = false, shellJob = false, fileLocks = false, autoDedup = false, lazyPages = false, manageCgroupsMode } = choices;
  return {
    images_dir_fd: images,
    work_dir_fd: work,
    root,
    config_file: configFile,
    log_level: LOG_LEVEL,
    notify_scripts: true,
    orphan_pts_master: true,
    tcp_established: tcpEstablished,
    ext_unix_sk: extUnixSk,
    shell_job: shellJob,
    file_locks: fileLocks,
    auto_dedup: autoDedup,
    lazy_pages: lazyPages,
    manage_cgroups: true,
    manage_cgroups_mode: manageCgroupsMode === undefined ? CgroupMode.DEFAULT : CGROUP_MODES[manageCgroupsMode],
    // Devices are the engine's: it puts them there again, by a hook.
    empty_ns: CLONE_NEWNET,
  };
}

/** One name stands for one source. */
function mountSources(mounts: readonly ExternalMount[]): string[] {
  const sources = new Map(mounts.map(({ name, source }) => [name, source]));
  return [...sources].map(([name, source]) => `mnt[${name}]:${source}`);
}

/** Where the cgroups of the images are to be found now, by the names in /proc/PID/cgroup; that of v2 has none. */
function cgroupRoots({ cgroupPath: path, hierarchies }: RestoreFacts): Partial<CgroupRoot>[] {
  return hierarchies.flatMap(({ version, controllers, name }) => {
    const names = version === 2 ? [""] : name === undefined ? controllers : [`name=${name}`];
    return names.map((ctrl) => ({ ctrl, path }));
  });
}
