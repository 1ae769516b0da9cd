/**
 * The order of everything when mounts are added to a container that is there, or taken away.
 *
 * A process of the runtime's own enters the container's namespaces, but neither its pid namespace, where its programs
 * would see it, nor its cgroup. What it opens there it reaches by descriptors below the container's root; its own root
 * stays the host's, so that no path of a step, and no /proc that a step goes through, is one of the container's making.
 */

import { UsageError } from "../errors.ts";
import type { Host } from "../host.ts";
import { MNT_DETACH } from "../linux/mount-flags.ts";
import { NAMESPACES } from "../linux/namespaces.ts";
import { O_PATH, RESOLVE_IN_ROOT, RESOLVE_NO_SYMLINKS, openFlags } from "../linux/open-flags.ts";
import type { Config, Mount } from "../spec/config.ts";
import { planContext } from "./context.ts";
import type { PlanContext } from "./context.ts";
import { openIdmaps } from "./idmap.ts";
import { ignoredOptions } from "./ignored-options.ts";
import { finishDev, mounts, openSources, relativeDestinations } from "./mounts.ts";
import { init, runtime } from "./step.ts";
import type { Fd, InitOp, Plan, Step } from "./step.ts";
import { becomeRoot } from "./user-namespace.ts";

/** The container that is changed. */
export interface Changed {
  readonly id: string;
  readonly bundle: string;
  /** As it was created with. */
  readonly config: Config;
  readonly host: Host;
}

/** Plans mounts for a container that is there. Pure. */
export function planAddedMounts(added: readonly Mount[], changed: Changed): Plan {
  const context = contextOf(added, changed);
  if (context.host.uid !== 0) refuseSources(added, changed);
  const idmaps = openIdmaps(context);
  const steps: Step[] = [
    ...enter(context, idmaps.steps, idmaps.fds, openSources(context)),
    ...init([{ op: "umask", mask: 0 }], { what: "clear the umask" }),
    ...mounts(context),
    ...finishDev(context),
    ...done(),
  ];
  return { steps, warnings: [...relativeDestinations(context), ...ignoredOptions(context)] };
}

/** Plans that what is mounted on these places of the container goes. Pure. */
export function planRemovedMounts(destinations: readonly string[], changed: Changed): Plan {
  const context = contextOf([], changed);
  const steps: Step[] = enter(context, [], [], []);
  for (const [index, path] of destinations.entries()) {
    const ops: InitOp[] = [
      // A link that a program of the container has put there could lead to a mask.
      { op: "openat2", dir: "rootfs", path, flags: O_PATH, mode: 0, resolve: RESOLVE_IN_ROOT | RESOLVE_NO_SYMLINKS, to: "target" },
      { op: "umount_at", fd: "target", flags: MNT_DETACH },
    ];
    steps.push(...init(ops, { at: `/mounts/${index}`, what: `unmount "${path}"` }));
  }
  return { steps: [...steps, ...done()], warnings: [] };
}

function contextOf(added: readonly Mount[], { id, bundle, config, host }: Changed): PlanContext {
  const options = { id, bundle, waitForStart: false, noPivot: false, noNewKeyring: true, environment: [] };
  const context = planContext({ ...config, mounts: added }, host, options);
  if (!context.namespaces.has("mount")) {
    throw new UsageError(`cannot change the mounts of container "${id}": it has no mount namespace of its own (/linux/namespaces)`);
  }
  // Sources are opened early: among the mounts of the container there are none of them.
  return { ...context, twoStages: true };
}

function refuseSources(added: readonly Mount[], { id }: Changed): void {
  const bound = added.find(({ options = [] }) => options.includes("bind") || options.includes("rbind"));
  if (bound === undefined) return;
  throw new UsageError(`cannot mount "${bound.source ?? ""}" on "${bound.destination}" in container "${id}": only root can show a running container what the host has`);
}

function enter(context: PlanContext, before: readonly Step[], inherited: readonly Fd[], early: readonly Step[]): Step[] {
  const { O_DIRECTORY } = openFlags(context.host.arch);
  // A pid namespace would be for children only, and there are none; the clocks do not matter.
  let type = 0;
  for (const kind of NAMESPACES) if (context.namespaces.has(kind.type) && kind.type !== "pid" && kind.type !== "time") type += kind.flag;
  const keep: InitOp[] = [{ op: "fchdir", fd: "host root" }, { op: "chroot", path: "." }, { op: "chdir", path: "/" }];
  return [
    runtime({ op: "open_init", to: "init", what: "open the container's process" }),
    runtime({ op: "open_root", to: "rootfs", what: "open the container's root" }),
    ...before,
    runtime({ op: "spawn", flags: 0, inherit: ["init", "rootfs", ...inherited], intoCgroup: false, what: "start a process to change the container's mounts" }),
    ...early,
    ...init([{ op: "openat2", path: "/", flags: O_PATH | O_DIRECTORY, mode: 0, resolve: 0, to: "host root" }], { what: "open the host's root" }),
    ...init([{ op: "setns", fd: "init", type, attempt: false }], { at: "/linux/namespaces", what: "join the container's namespaces" }),
    ...init(keep, { what: "keep the host's root" }),
    ...becomeRoot(context),
  ];
}

function done(): Step[] {
  return init([{ op: "gate", name: "created", count: 0 }], { what: "wait for the end" });
}
