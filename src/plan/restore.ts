/**
 * The order of everything before criu restores a container: its cgroup, a mount namespace for criu, and in that the root.
 *
 * criu wants the root to be a mount point that nothing is mounted over. What is mounted for it is mounted in a namespace
 * that ends with it: nothing of it stays, and nobody else sees it.
 */

import type { Host } from "../host.ts";
import { CLONE_NEWNS } from "../linux/clone-flags.ts";
import { MNT_DETACH, MS_REC, MS_SLAVE, OPEN_TREE_CLOEXEC, OPEN_TREE_CLONE } from "../linux/mount-flags.ts";
import { AT_RECURSIVE, O_PATH, openFlags } from "../linux/open-flags.ts";
import type { Config } from "../spec/config.ts";
import { cgroupEntry, cgroupMembership, lastLimits, lateLimits } from "./cgroup.ts";
import { absolute, planContext } from "./context.ts";
import type { PlanContext, PlanOptions } from "./context.ts";
import { externalMounts } from "./external-mounts.ts";
import type { ExternalMount } from "./external-mounts.ts";
import { ignoredOptions } from "./ignored-options.ts";
import { enterIntelRdt, intelRdt } from "./intel-rdt.ts";
import { entries } from "./mounts.ts";
import type { Entry } from "./mounts.ts";
import { init, runtime } from "./step.ts";
import type { InitOp, Plan, Step } from "./step.ts";
import { ANY, DIRECTORY, MOVE_TO_FD } from "./targets.ts";

export interface RestoreOptions extends PlanOptions {
  /** The program's path. */
  readonly criu: string;
  /** The descriptor by which it is spoken to. */
  readonly socket: number;
  /** An empty directory that the root is mounted on. */
  readonly place: string;
}

export interface RestorePlan extends Plan {
  readonly external: readonly ExternalMount[];
}

const CLONE = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE;

/** Plans what comes before criu. Pure. */
export function planRestore(config: Config, host: Host, options: RestoreOptions): RestorePlan {
  const context = planContext(config, host, options);
  const cgroup = cgroupMembership(context);
  const rdt = intelRdt(context);
  const inherit = [...cgroup.entries, ...cgroup.late, ...rdt.entries];
  const { criu, socket, environment } = options;

  const steps: Step[] = [
    ...cgroup.steps,
    ...rdt.steps,
    runtime({ op: "spawn", flags: CLONE_NEWNS, inherit, intoCgroup: cgroup.intoCgroup, what: "start criu" }),
    // First of all: what criu makes is where criu is.
    ...cgroupEntry(cgroup),
    ...lateLimits(cgroup),
    ...lastLimits(cgroup),
    ...enterIntelRdt(rdt),
    ...init([{ op: "umask", mask: 0 }], { what: "clear the umask" }),
    ...init([{ op: "mount", source: "", target: "/", type: "", flags: MS_SLAVE | MS_REC, data: "" }], { what: "cut criu's mounts off from the host's" }),
    ...mountTargets(context, options),
    ...mountRoot(context, options),
    ...init([{ op: "lookup", name: criu, path: "" }, { op: "execve", args: ["criu", "swrk", `${socket}`], env: environment }], { what: `execute "${criu}"` }),
  ];
  return { steps, warnings: ignoredOptions(context), external: externalMounts(context, cgroup) };
}

function mountRoot({ rootfs, host }: PlanContext, { place }: RestoreOptions): Step[] {
  const { O_DIRECTORY } = openFlags(host.arch);
  const ops: InitOp[] = [
    { op: "open_tree", path: rootfs, flags: CLONE, to: "rootfs" },
    { op: "openat2", path: place, flags: O_PATH | O_DIRECTORY, mode: 0, resolve: 0, to: "place" },
    { op: "move_mount", from: "rootfs", to: "place", flags: MOVE_TO_FD },
  ];
  return init(ops, { at: "/root/path", what: `open the root file system "${rootfs}"` });
}

/**
 * Makes what is to be mounted on and is not there, as `create` does: criu takes for granted that it is. What is bound is
 * bound for that, because there may be places in it; with the root that it is mounted in, it is taken away again.
 */
function mountTargets(context: PlanContext, options: RestoreOptions): Step[] {
  const all = entries(context).filter(({ mount, options: { remount } }) => !remount && (mount.type ?? "") !== "cgroup");
  const kept = all.filter(({ mount }) => !all.some((other) => isTmpfs(other) && mount.destination.startsWith(`${other.mount.destination}/`)));
  if (kept.length === 0) return [];
  const steps = mountRoot(context, options);
  for (const entry of kept) steps.push(...init(target(context, entry), entry.reason));
  return [...steps, ...init([{ op: "umount2", target: options.place, flags: MNT_DETACH }], { what: "take the places for mounts away" })];
}

/** criu puts back all that was in it. */
function isTmpfs({ mount, options }: Entry): boolean {
  return mount.type === "tmpfs" && options.bind === undefined;
}

function target({ bundle }: PlanContext, { mount: { destination: path, source = "" }, options: { bind } }: Entry): InitOp[] {
  if (bind === undefined) return [{ op: "open_target", root: "rootfs", path, kind: DIRECTORY, resolve: 0, to: "target" }];
  const flags = bind === "rbind" ? CLONE : OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC;
  return [
    { op: "open_tree", path: absolute(source, bundle), flags, to: "mount" },
    { op: "open_target", root: "rootfs", path, kind: ANY, resolve: 0, like: "mount", to: "target" },
    { op: "move_mount", from: "mount", to: "target", flags: MOVE_TO_FD },
  ];
}
