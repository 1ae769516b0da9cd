/** The root file system: cut off from the host's mounts, attached, and made the root (config.md#root). */

import {
  MNT_DETACH,
  MOUNT_ATTR_RDONLY,
  MOVE_MOUNT_F_EMPTY_PATH,
  MOVE_MOUNT_T_EMPTY_PATH,
  MS_PRIVATE,
  MS_RDONLY,
  MS_REC,
  MS_SLAVE,
  OPEN_TREE_CLOEXEC,
  OPEN_TREE_CLONE,
} from "../linux/mount-flags.ts";
import { AT_EMPTY_PATH, AT_RECURSIVE, O_PATH, openFlags } from "../linux/open-flags.ts";
import { isNew } from "./context.ts";
import type { PlanContext } from "./context.ts";
import { opensEarly } from "./mounts.ts";
import { PROPAGATION, cutOffPropagation, isShared } from "./propagation.ts";
import { init, runtime } from "./step.ts";
import type { InitOp, Step } from "./step.ts";
import { DIRECTORY } from "./targets.ts";

const MOVE_TO_FD = MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH;

/** Without a mount namespace all that is mounted would stay with the host, and here is what takes it away in one. */
export function ownRootMount({ config, rootfs, namespaces, hasUserNamespace }: PlanContext): Step[] {
  if (namespaces.has("mount")) return [];
  if ((config.mounts ?? []).length === 0 && config.root?.readonly !== true && !hasUserNamespace) return [];
  return [runtime({ op: "attach_root", path: rootfs, at: "/root/path", what: `give "${rootfs}" a mount of its own` })];
}

/** Attaches a copy of the root's mounts on the root's own path, where hooks look for it. */
export function prepareRootfs(context: PlanContext): Step[] {
  // Files are made with the modes that the plan names.
  const umask = init([{ op: "umask", mask: 0 }], { what: "clear the umask" });
  const reason = { at: "/root/path", what: `open the root file system "${context.rootfs}"` };
  const { O_DIRECTORY } = openFlags(context.host.arch);
  if (!isNew(context, "mount")) {
    const open: InitOp = { op: "openat2", path: context.rootfs, flags: O_PATH | O_DIRECTORY, mode: 0, resolve: 0, to: "rootfs" };
    return [...umask, ...init([open], reason)];
  }
  const steps = [...umask, ...cutOff(context)];
  const clone = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE | AT_EMPTY_PATH;
  const ops: InitOp[] = [
    // Where there was a first stage with the host's privileges, it went there: root of a user namespace may not be able to.
    ...(opensEarly(context) ? [] : [{ op: "chdir", path: context.rootfs } as const]),
    { op: "open_tree", path: "", flags: clone, to: "rootfs" },
  ];
  if (isShared(context)) {
    // The host would see the container's mounts otherwise: its root file system is in the same peer group.
    ops.push({ op: "mount_setattr", fd: "rootfs", flags: AT_RECURSIVE, set: 0, clear: 0, propagation: MS_PRIVATE });
  }
  ops.push({ op: "move_mount", from: "rootfs", flags: MOVE_TO_FD });
  return [...steps, ...init(ops, reason)];
}

/** Mounts of the container must never reach the host; mounts of the host may reach the container. */
function cutOff(context: PlanContext): Step[] {
  const ops: InitOp[] = [{ op: "mount", source: "", target: "/", type: "", flags: cutOffPropagation(context) | MS_REC, data: "" }];
  if (isShared(context)) {
    const target = context.host.mountPointOf(context.rootfs);
    ops.push({ op: "mount", source: "", target, type: "", flags: MS_PRIVATE, data: "" });
  }
  return init(ops, { at: "/linux/rootfsPropagation", what: "cut the mounts off from the host's" });
}

/** The last that is done to the root before it is entered: the working directory must exist, then it may be read-only. */
export function finishRootfs({ config }: PlanContext): Step[] {
  const steps: Step[] = [];
  const cwd = config.process?.cwd ?? "/";
  if (cwd !== "/") {
    const op: InitOp = { op: "open_target", root: "rootfs", path: cwd, kind: DIRECTORY, resolve: 0, to: "target" };
    steps.push(...init([op], { at: "/process/cwd", what: `make the working directory "${cwd}"` }));
  }
  if (config.root?.readonly === true) {
    const op: InitOp = { op: "mount_setattr", fd: "rootfs", flags: 0, set: MOUNT_ATTR_RDONLY, clear: 0, propagation: 0 };
    steps.push(...init([op], { at: "/root/readonly", what: "make the root file system read-only" }));
  }
  return steps;
}

/** Makes the root the root, and lets go of all that leads elsewhere. */
export function enterRootfs(context: PlanContext): Step[] {
  const close: InitOp = { op: "close_fds", keep: "proc", ...(context.waitForStart ? { also: "exec fifo" } : {}) };
  return [...becomeRoot(context), ...init([close], { what: "close what leads out of the container" })];
}

function becomeRoot(context: PlanContext): Step[] {
  const steps = init([{ op: "fchdir", fd: "rootfs" }, ...switchRoot(context)], {
    at: "/root/path",
    what: `enter the root file system "${context.rootfs}"`,
  });
  const propagation = PROPAGATION[context.config.linux?.rootfsPropagation ?? ""];
  if (propagation === undefined || !isNew(context, "mount")) return steps;
  const op: InitOp = { op: "mount", source: "", target: "/", type: "", flags: propagation, data: "" };
  return [...steps, ...init([op], { at: "/linux/rootfsPropagation", what: "set the root's propagation" })];
}

/**
 * Without pivot_root(2) the host's mounts stay in the namespace, out of reach, but the kernel looks at them: where all of
 * a procfs is to be seen, anybody may mount another in a user namespace of his own, without the container's masks.
 */
function coverHostProc({ host, rootfs }: PlanContext): InitOp[] {
  const outside = host.fullProcAndSysMounts().filter((point) => !point.startsWith(`${rootfs}/`));
  return outside.flatMap((target): InitOp[] => [
    // Of a shared one the host would get the cover, too.
    { op: "mount", source: "", target, type: "", flags: MS_PRIVATE, data: "" },
    { op: "mount", source: "tmpfs", target, type: "tmpfs", flags: MS_RDONLY, data: "" },
  ]);
}

function switchRoot(context: PlanContext): InitOp[] {
  // Another's mount namespace, or the host's: its root is not ours to move.
  if (!isNew(context, "mount")) return [{ op: "chroot", path: "." }, { op: "chdir", path: "/" }];
  if (context.noPivot) {
    const { O_DIRECTORY } = openFlags(context.host.arch);
    return [
      ...coverHostProc(context),
      { op: "openat2", path: "/", flags: O_PATH | O_DIRECTORY, mode: 0, resolve: 0, to: "old root" },
      { op: "move_mount", from: "rootfs", to: "old root", flags: MOVE_TO_FD },
      { op: "chroot", path: "." },
      { op: "chdir", path: "/" },
    ];
  }
  const ops: InitOp[] = [];
  const { O_DIRECTORY } = openFlags(context.host.arch);
  if (isShared(context)) {
    ops.push({ op: "openat2", path: "/", flags: O_PATH | O_DIRECTORY, mode: 0, resolve: 0, to: "old root" });
  }
  // Both names are the current directory: the old root ends on top of the new one, and no directory is needed for it
  // (pivot_root(2), "pivot_root(".", ".")").
  ops.push({ op: "pivot_root", new_root: ".", put_old: "." });
  if (isShared(context)) {
    // To unmount the old root in a shared group would unmount the host's.
    ops.push({ op: "fchdir", fd: "old root" });
    ops.push({ op: "mount", source: "", target: ".", type: "", flags: MS_SLAVE | MS_REC, data: "" });
  }
  ops.push({ op: "umount2", target: ".", flags: MNT_DETACH }, { op: "chdir", path: "/" });
  return ops;
}
