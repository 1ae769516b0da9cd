/** Device nodes and the links of /dev (config-linux.md#devices, #default-devices, runtime-linux.md). */

import { DEFAULT_DEVICES, DEFAULT_DEVICE_MODE, DEFAULT_SYMLINKS } from "../linux/devices.ts";
import { parseMountOptions } from "../linux/mount-options.ts";
import { OPEN_TREE_CLOEXEC, OPEN_TREE_CLONE } from "../linux/mount-flags.ts";
import type { Device } from "../spec/config.ts";
import type { PlanContext } from "./context.ts";
import { isDestination } from "./destination.ts";
import { init } from "./step.ts";
import type { InitOp, Step } from "./step.ts";
import { FILE, MOVE_TO_FD } from "./targets.ts";

const S_IFCHR = 0o020000;
const S_IFBLK = 0o060000;
const S_IFIFO = 0o010000;
const TYPES: Readonly<Record<Device["type"], number>> = { c: S_IFCHR, u: S_IFCHR, b: S_IFBLK, p: S_IFIFO };

interface Node extends Device {
  readonly at: string;
  readonly isDefault?: true;
}

/** The default devices, but for those that the config redefines, then the config's, then the links. */
export function devices(context: PlanContext): Step[] {
  const listed = (context.config.linux?.devices ?? []).map((device, index): Node => ({ ...device, at: `/linux/devices/${index}` }));
  const steps: Step[] = [];
  if (!bringsItsOwnDev(context)) {
    const redefined = new Set(listed.map(({ path }) => path));
    for (const { path, major, minor } of DEFAULT_DEVICES) {
      if (redefined.has(path)) continue;
      steps.push(...device(context, { type: "c", path, major, minor, fileMode: DEFAULT_DEVICE_MODE, at: "/linux/devices", isDefault: true }));
    }
  }
  for (const node of listed) steps.push(...device(context, node));
  return bringsItsOwnDev(context) ? steps : [...steps, ...links(context)];
}

/** A /dev that is bound from elsewhere has what it has, and is not ours to change. */
function bringsItsOwnDev({ config }: PlanContext): boolean {
  let bound = false;
  for (const { destination, options = [] } of config.mounts ?? []) {
    if (isDestination(destination, "/dev")) bound = parseMountOptions(options).bind !== undefined;
  }
  return bound;
}

function device(context: PlanContext, node: Node): Step[] {
  const reason = { at: node.at, what: `make the device "${node.path}"` };
  // Only the initial user namespace may make device nodes: elsewhere the host's are bound.
  if (node.type !== "p" && (context.hasUserNamespace || context.host.inUserNamespace())) return init(bindDevice(node), reason);
  const { fileMode = DEFAULT_DEVICE_MODE, major = 0, minor = 0, uid = 0, gid = 0 } = node;
  const isFifo = node.type === "p";
  // Engines pass the type's bits along with the permissions.
  const mode = TYPES[node.type] | (fileMode & 0o7777);
  const numbers = isFifo ? { major: 0, minor: 0 } : { major, minor };
  return init([{ op: "mknod", root: "rootfs", path: node.path, mode, ...numbers, uid, gid }], reason);
}

function bindDevice({ path, type, major = 0, minor = 0, isDefault }: Node): InitOp[] {
  return [
    { op: "open_tree", path, flags: OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC, to: "device" },
    // The host may call another device by this name, but not by the names of the default ones.
    ...(isDefault ? [] : [{ op: "check_device", fd: "device", mode: TYPES[type], major, minor } as const]),
    { op: "open_target", root: "rootfs", path, kind: FILE, resolve: 0, to: "target" },
    { op: "move_mount", from: "device", to: "target", flags: MOVE_TO_FD },
  ];
}

function links({ config }: PlanContext): Step[] {
  let hasProc = false;
  for (const { destination } of config.mounts ?? []) hasProc ||= isDestination(destination, "/proc");
  const steps: Step[] = [];
  for (const { path, target, needs } of DEFAULT_SYMLINKS) {
    if (needs !== undefined && !hasProc) continue;
    // The image's own ptmx would be the host's, or nothing.
    const op: InitOp = { op: "symlink", root: "rootfs", path, target, replace: needs === undefined };
    steps.push(...init([op], { what: `link "${path}" to "${target}"` }));
  }
  return steps;
}
