/** `mounts`: each entry as steps of the mount API (config.md#mounts). */

import type { Problem } from "../errors.ts";
import { findMountOnlyOption, fitsFsconfig, parseMountOptions, splitDataOption } from "../linux/mount-options.ts";
import type { ParsedMount } from "../linux/mount-options.ts";
import {
  MNT_DETACH,
  MOUNT_ATTR_RDONLY,
  MS_BIND,
  MS_RDONLY,
  MS_REC,
  MS_REMOUNT,
  OPEN_TREE_CLOEXEC,
  OPEN_TREE_CLONE,
} from "../linux/mount-flags.ts";
import { AT_EMPTY_PATH, AT_RECURSIVE, RESOLVE_NO_SYMLINKS } from "../linux/open-flags.ts";
import type { Mount } from "../spec/config.ts";
import type { CgroupPlan } from "./cgroup.ts";
import { cgroupMount } from "./cgroup-mounts.ts";
import { absolute, isNew } from "./context.ts";
import type { PlanContext } from "./context.ts";
import { isDestination } from "./destination.ts";
import { applyIdmap } from "./idmap.ts";
import { fileSystemLabel, mountLabel, rootLabel } from "./labels.ts";
import type { FileSystemLabel } from "./labels.ts";
import { sourcePropagation } from "./propagation.ts";
import { init } from "./step.ts";
import type { Fd, InitOp, Step } from "./step.ts";
import { ANY, DIRECTORY, MOVE_TO_FD } from "./targets.ts";



/** File systems that a link in the image must not put elsewhere: labels and limits are set through them (CVE-2019-19921). */
const NEVER_LINKED: ReadonlySet<string> = new Set(["proc", "sysfs"]);

/** One mount that is being planned. */
export interface Entry {
  readonly mount: Mount;
  readonly index: number;
  readonly options: ParsedMount;
  readonly reason: { readonly at: string; readonly what: string };
}

/**
 * Opens the sources of bind mounts with the host's privileges, where init has a stage that still holds them: root of a
 * user namespace may not be able to reach them. Otherwise each is opened when its turn comes.
 */
export function bindSources(context: PlanContext): Step[] {
  if (!opensEarly(context)) return [];
  const steps = init([{ op: "chdir", path: context.rootfs }], {
    at: "/root/path",
    what: `open the root file system "${context.rootfs}"`,
  });
  return [...steps, ...openSources(context)];
}

/** Only the sources, each by its path among the host's mounts. */
export function openSources(context: PlanContext): Step[] {
  const steps: Step[] = [];
  for (const entry of entries(context)) {
    if (entry.options.bind !== undefined) steps.push(...init(openHostSource(context, entry), entry.reason));
  }
  return steps;
}

/** All mounts, in the order of the config. Those of type "cgroup" need to know of the container's cgroup. */
export function mounts(context: PlanContext, cgroup?: CgroupPlan): Step[] {
  const steps: Step[] = [];
  const label = mountLabel(context);
  for (const entry of entries(context)) steps.push(...mountSteps(context, entry, { cgroup, label }));
  return steps;
}

interface Surroundings {
  readonly cgroup: CgroupPlan | undefined;
  readonly label: FileSystemLabel | undefined;
}

function mountSteps(context: PlanContext, entry: Entry, { cgroup, label }: Surroundings): Step[] {
  if (entry.options.remount) return init(remount(entry), entry.reason);
  if (entry.options.bind !== undefined) return init(bindMount(context, entry), entry.reason);
  if ((entry.mount.type ?? "") === "") return init(change(entry), entry.reason);
  if (entry.mount.type === "cgroup" && cgroup !== undefined) return cgroupMount(context, { ...entry, cgroup, label });
  const { mount, options } = isReadonlyDev(entry) ? { ...entry, options: writable(entry.options) } : entry;
  return init(newMount({ mount, options, label }, applyIdmap("mount", context, entry)), entry.reason);
}

/** A /dev that is to be read-only becomes so when its devices and the console are in it. */
export function finishDev(context: PlanContext): Step[] {
  return entries(context).filter(isReadonlyDev).flatMap(({ mount, reason }) => {
    const ops: InitOp[] = [
      { op: "open_target", root: "rootfs", path: mount.destination, kind: ANY, resolve: 0, to: "target" },
      readonly("target"),
    ];
    return init(ops, reason);
  });
}

function isReadonlyDev({ mount: { destination }, options }: Entry): boolean {
  if (options.bind !== undefined || options.remount) return false;
  return (options.attrSet & MOUNT_ATTR_RDONLY) !== 0 && isDestination(destination, "/dev");
}

/** The same options, but for being read-only. */
function writable(options: ParsedMount): ParsedMount {
  return {
    ...options,
    attrSet: options.attrSet & ~MOUNT_ATTR_RDONLY,
    msFlags: options.msFlags & ~MS_RDONLY,
    superblockSet: options.superblockSet.filter((name) => name !== "ro"),
  };
}

function readonly(fd: Fd): InitOp {
  return { op: "mount_setattr", fd, flags: 0, set: MOUNT_ATTR_RDONLY, clear: 0, propagation: 0 };
}

/** What `mounts` asks for, each with its reason. */
export function entries(context: PlanContext): Entry[] {
  return (context.config.mounts ?? []).map((mount, index) => {
    const options = parseMountOptions(mount.options ?? []);
    const name = mount.source ?? mount.type ?? "none";
    const what = `mount "${name}" on "${mount.destination}"`;
    const entry = { mount, index, options, reason: { at: `/mounts/${index}`, what } };
    return sysfsNeedsHost(context, entry) ? hostSysfs(entry) : entry;
  });
}

/** They are deprecated (config.md#mounts, "destination"). */
export function relativeDestinations({ config }: PlanContext): Problem[] {
  const warnings: Problem[] = [];
  const mounts = config.mounts ?? [];
  for (let index = 0; index < mounts.length; index++) {
    const destination = mounts[index]?.destination ?? "/";
    if (destination.startsWith("/")) continue;
    const message = `the relative path ${JSON.stringify(destination)} is taken from "/", and such paths are deprecated`;
    warnings.push({ pointer: `/mounts/${index}/destination`, message });
  }
  return warnings;
}

/** Stage 1 of a user namespace's container runs with the host's privileges, if the runtime has them. */
export function opensEarly({ twoStages, host }: PlanContext): boolean {
  return twoStages && host.uid === 0;
}

/** With its ids mapped, which the host's privileges are needed for, too. */
function openSource(context: PlanContext, entry: Entry): InitOp[] {
  const { mount, index, options } = entry;
  const flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | (options.bind === "rbind" ? AT_RECURSIVE : 0);
  const to = mountFd(context, index);
  return [{ op: "open_tree", path: absolute(mount.source ?? "", context.bundle), flags, to }, ...applyIdmap(to, context, entry)];
}

/** In the host's mount namespace: from there it must be cut off, as the whole namespace is where init has none of its own yet. */
function openHostSource(context: PlanContext, entry: Entry): InitOp[] {
  const fd = mountFd(context, entry.index);
  return [...openSource(context, entry), ...sourcePropagation(context).map((flags): InitOp => propagate(fd, flags | MS_REC))];
}

function bindMount(context: PlanContext, entry: Entry): InitOp[] {
  const { mount, index, options } = entry;
  const fd = mountFd(context, index);
  return [
    ...(opensEarly(context) ? [] : openSource(context, entry)),
    ...attributes(fd, options),
    { op: "open_target", root: "rootfs", path: mount.destination, kind: ANY, resolve: 0, like: fd, to: "target" },
    { op: "move_mount", from: fd, to: "target", flags: MOVE_TO_FD },
    ...becomeRootfs(fd, mount),
    ...propagation(fd, options),
  ];
}

interface NewMount extends Pick<Entry, "mount" | "options"> {
  readonly label?: FileSystemLabel | undefined;
}

/** A new file system, made ready before it is attached where its destination is when its turn comes. */
export function newMount({ mount, options: given, label }: NewMount, idmap: readonly InitOp[] = []): InitOp[] {
  const fd = "mount";
  const option = label === undefined ? undefined : labelOption(mount, given, label);
  const attribute = label !== undefined && mount.type === LABELLED_BY_ATTRIBUTE ? [rootLabel(label, fd)] : [];
  const isOld = findMountOnlyOption(given) !== undefined || (option !== undefined && !fitsFsconfig(option));
  if (isOld && idmap.length + attribute.length === 0 && !given.tmpcopyup) {
    return [...mountByPath(mount, given, option), ...changeAttached(mount, given)];
  }
  // What is copied into it has to be written.
  const options = given.tmpcopyup ? writable(given) : given;
  const ops = isOld ? [...mountByPath(mount, options, option), ...takeOff(mount)] : configure(mount, options, option);
  ops.push(...attribute);
  if (given.tmpcopyup) ops.push({ op: "tmpcopyup", root: "rootfs", path: mount.destination, to: fd });
  ops.push(...idmap);
  if (options.attrSet !== given.attrSet) ops.push(readonly(fd));
  return [...ops, ...recursiveAttributes(fd, options), ...attach(fd, mount), ...propagation(fd, options)];
}

/** Option by option. */
function configure(mount: Mount, options: ParsedMount, label: FileSystemLabel | undefined): InitOp[] {
  return [
    { op: "fsopen", type: mount.type ?? "", to: "file system" },
    { op: "fsconfig_string", fd: "file system", key: "source", value: mount.source ?? mount.type ?? "none" },
    ...options.superblockSet.map((key): InitOp => ({ op: "fsconfig_flag", fd: "file system", key })),
    ...options.data.map(dataOption),
    ...modeOfCovered(mount, options),
    ...fileSystemLabel(label),
    { op: "fsconfig_create", fd: "file system" },
    { op: "fsmount", fd: "file system", attributes: options.attrSet, to: "mount" },
  ];
}

/** A tmpfs without "mode" is as open as the image's directory, and not open to all: engines count on it for /run or a home. */
function modeOfCovered({ destination: path, type }: Mount, { data }: ParsedMount): InitOp[] {
  if (type !== "tmpfs" || data.some((option) => option.startsWith("mode="))) return [];
  return [{ op: "fsconfig_mode", fd: "file system", root: "rootfs", path }];
}

/** By mount(2), for what fsconfig(2) has no words for; the destination is a descriptor all the same. */
function mountByPath(mount: Mount, options: ParsedMount, label: FileSystemLabel | undefined): InitOp[] {
  const { destination: path, type = "", source = mount.type ?? "none" } = mount;
  const resolve = NEVER_LINKED.has(type) ? RESOLVE_NO_SYMLINKS : 0;
  // In quotes, because labels hold commas.
  const data = [...options.data, ...(label === undefined ? [] : [`${label.key}="${label.value}"`])].join(",");
  return [
    { op: "open_target", root: "rootfs", path, kind: DIRECTORY, resolve, to: "target" },
    { op: "mount_at", fd: "target", source, type, flags: options.msFlags, data },
  ];
}

/** For what can only be done to a mount that is not attached. To unmount takes the kernel long, so it is not done for nothing. */
function takeOff({ destination: path }: Mount): InitOp[] {
  return [
    { op: "open_target", root: "rootfs", path, kind: DIRECTORY, resolve: 0, to: "target" },
    { op: "open_tree", dir: "target", path: "", flags: OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH, to: "mount" },
    { op: "umount_at", fd: "target", flags: MNT_DETACH },
  ];
}

/** The file systems of the kernel have labels of their own, or take none as an option. */
const NOT_LABELLED: ReadonlySet<string> = new Set(["proc", "sysfs", "cgroup", "cgroup2"]);
const LABELLED_BY_ATTRIBUTE = "mqueue";

/** The label, where the file system takes one as an option, and the config names none itself. */
function labelOption({ type = "" }: Mount, { data }: ParsedMount, label: FileSystemLabel): FileSystemLabel | undefined {
  if (type === LABELLED_BY_ATTRIBUTE || NOT_LABELLED.has(type)) return undefined;
  return data.some((option) => option.startsWith(`${label.key}=`)) ? undefined : label;
}

function attach(from: Fd, { destination, type }: Mount): InitOp[] {
  const resolve = NEVER_LINKED.has(type ?? "") ? RESOLVE_NO_SYMLINKS : 0;
  return [
    { op: "open_target", root: "rootfs", path: destination, kind: DIRECTORY, resolve, to: "target" },
    { op: "move_mount", from, to: "target", flags: MOVE_TO_FD },
    ...becomeRootfs(from, { destination }),
  ];
}

/** What is mounted on the root is the root from then on: the descriptor leads below it. */
function becomeRootfs(dir: Fd, { destination }: Pick<Mount, "destination">): InitOp[] {
  if (!/^(?:\/|\.{1,2}(?=\/|$))*$/.test(destination)) return [];
  return [{ op: "open_tree", dir, path: "", flags: OPEN_TREE_CLOEXEC | AT_EMPTY_PATH, to: "rootfs" }];
}

function dataOption(option: string): InitOp {
  const { key, value } = splitDataOption(option);
  if (value === undefined) return { op: "fsconfig_flag", fd: "file system", key };
  return { op: "fsconfig_string", fd: "file system", key, value };
}

/** What is on the destination already, changed. */
function remount({ mount, options }: Entry): InitOp[] {
  const flags = MS_REMOUNT | options.msFlags | (options.bind === undefined ? 0 : MS_BIND);
  const data = options.bind === undefined ? options.data.join(",") : "";
  return [
    { op: "open_target", root: "rootfs", path: mount.destination, kind: ANY, resolve: 0, to: "target" },
    { op: "mount_at", fd: "target", source: "", type: "", flags, data },
    ...changeAttached(mount, options),
  ];
}

/** The same without a word of mounting: attributes and propagation alone, as with mount(8). */
function change({ mount, options }: Entry): InitOp[] {
  return [
    { op: "open_target", root: "rootfs", path: mount.destination, kind: ANY, resolve: 0, to: "target" },
    ...attributes("target", options),
    ...propagation("target", options),
  ];
}

/** Propagation and recursive attributes of a mount that was made by its path's descriptor: it must be opened again. */
function changeAttached(mount: Mount, options: ParsedMount): InitOp[] {
  const changes = [...recursiveAttributes("target", options), ...propagation("target", options)];
  if (changes.length === 0) return [];
  return [
    { op: "open_target", root: "rootfs", path: mount.destination, kind: ANY, resolve: 0, to: "target" },
    ...changes,
  ];
}

function attributes(fd: Fd, options: ParsedMount): InitOp[] {
  const ops: InitOp[] = [];
  if (options.attrSet !== 0 || options.attrClr !== 0) {
    ops.push({ op: "mount_setattr", fd, flags: 0, set: options.attrSet, clear: options.attrClr, propagation: 0 });
  }
  return [...ops, ...recursiveAttributes(fd, options)];
}

function recursiveAttributes(fd: Fd, { recAttrSet: set, recAttrClr: clear }: ParsedMount): InitOp[] {
  if (set === 0 && clear === 0) return [];
  return [{ op: "mount_setattr", fd, flags: AT_RECURSIVE, set, clear, propagation: 0 }];
}

function propagation(fd: Fd, options: ParsedMount): InitOp[] {
  return options.propagation.map((flags): InitOp => propagate(fd, flags));
}

function propagate(fd: Fd, flags: number): InitOp {
  const recursive = (flags & MS_REC) !== 0;
  return { op: "mount_setattr", fd, flags: recursive ? AT_RECURSIVE : 0, set: 0, clear: 0, propagation: flags & ~MS_REC };
}

/** Only who owns the network namespace may mount its sysfs: a user namespace on the host's network gets the host's, bound. */
function sysfsNeedsHost(context: PlanContext, { mount, options }: Entry): boolean {
  if (options.bind !== undefined || options.remount) return false;
  return mount.type === "sysfs" && context.hasUserNamespace && !isNew(context, "network");
}

function hostSysfs(entry: Entry): Entry {
  const options = { ...entry.options, bind: "rbind" as const, superblockSet: [], data: [] };
  return { ...entry, mount: { ...entry.mount, source: "/sys" }, options };
}

/** Sources that were opened early wait under names of their own; otherwise one name after the other takes the place. */
function mountFd(context: PlanContext, index: number): Fd {
  return opensEarly(context) ? `mount ${index}` : "mount";
}
