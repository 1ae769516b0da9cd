/** Namespaces: which are cloned, joined or unshared, when, and with whose privileges (config-linux.md#namespaces). */

import { CLONE_NEWCGROUP, CLONE_NEWTIME, CLONE_NEWUSER } from "../linux/clone-flags.ts";
import { NAMESPACES } from "../linux/namespaces.ts";
import type { NamespaceKind } from "../linux/namespaces.ts";
import type { CgroupPlan } from "./cgroup.ts";
import { isNew } from "./context.ts";
import type { PlanContext } from "./context.ts";
import { formatMap } from "./idmap.ts";
import type { OpenedIdmaps } from "./idmap.ts";
import type { IntelRdtPlan } from "./intel-rdt.ts";
import { init, runtime } from "./step.ts";
import type { Fd, IdmapWriter, InitOp, Step } from "./step.ts";
import type { IdMapping } from "../spec/config.ts";
import { becomeRoot } from "./user-namespace.ts";
import { writeTimeOffsets } from "./time-offsets.ts";

export interface OpenedNamespaces {
  readonly steps: readonly Step[];
  readonly fds: readonly Fd[];
}

/**
 * The order of joining: the user namespace has its own place; the mount namespace comes last, because the others were
 * opened by path in the runtime's.
 */
const JOINED: readonly NamespaceKind[] = NAMESPACES.filter(({ type }) => type !== "user" && type !== "mount").concat(
  NAMESPACES.filter(({ type }) => type === "mount"),
);

const PR_SET_DUMPABLE = 4;

/** Unshared by init itself when their time has come, never part of a clone. */
const NEVER_CLONED = new Set(["cgroup", "time", "user"]);

/** Opens what is joined while its path means what the caller means by it: in the runtime's mount namespace. */
export function openNamespaces(context: PlanContext): OpenedNamespaces {
  const steps: Step[] = [];
  const fds: Fd[] = [];
  (context.config.linux?.namespaces ?? []).forEach(({ type, path }, index) => {
    if (path === undefined || path === "") return;
    const to = namespaceFd(type);
    fds.push(to);
    const at = `/linux/namespaces/${index}/path`;
    steps.push(runtime({ op: "open_namespace", path, type, to, at, what: `open the ${type} namespace "${path}"` }));
  });
  return { steps, fds };
}

/** Starts init: with one stage it is born in its namespaces, with two only the second stage is. */
export function spawnInit(
  context: PlanContext,
  opened: { readonly cgroup: CgroupPlan; readonly rdt: IntelRdtPlan; readonly namespaces: OpenedNamespaces; readonly idmaps: OpenedIdmaps },
): Step[] {
  const { cgroup, rdt, namespaces, idmaps } = opened;
  const steps: Step[] = [];
  const inherit = [...namespaces.fds, ...idmaps.fds, ...cgroup.entries, ...cgroup.late, ...rdt.entries];
  if (context.waitForStart) {
    steps.push(runtime({ op: "exec_fifo", to: "exec fifo", what: "make the exec fifo" }));
    inherit.push("exec fifo");
  }
  const flags = context.twoStages ? 0 : clonedFlags(context);
  const intoCgroup = cgroup.intoCgroup;
  steps.push(runtime({ op: "spawn", flags, inherit, intoCgroup, at: "/linux/namespaces", what: "start the container's init" }));
  return steps;
}

/** From the host's namespaces into the container's. */
export function enterNamespaces(context: PlanContext, { fds }: OpenedNamespaces): Step[] {
  const joins = fds.length === 0 ? [] : JOINED.filter(({ type }) => fds.includes(namespaceFd(type)));
  const steps: Step[] = [];
  if (!context.twoStages) {
    for (const kind of joins) steps.push(...join(context, kind, false));
    return steps;
  }
  // With the host's privileges first: a namespace that belongs to the host cannot be entered later. One that belongs to
  // the container's user namespace refuses now, and is entered then.
  if (context.hasUserNamespace) {
    for (const kind of joins) steps.push(...join(context, kind, true));
    steps.push(...enterUserNamespace(context));
  }
  for (const kind of joins) steps.push(...join(context, kind, false));
  if (isNew(context, "time")) {
    steps.push(...init([{ op: "unshare", flags: CLONE_NEWTIME }], reason(context, "time", "make")));
    steps.push(...writeTimeOffsets(context));
  }
  const what = "clone init into the container's namespaces";
  steps.push(...init([{ op: "clone", flags: clonedFlags(context) }], { at: "/linux/namespaces", what }));
  return steps;
}

/** What is left to do inside: the namespaces that a clone cannot make, and a network without a way to itself. */
export function finishNamespaces(context: PlanContext): Step[] {
  const steps: Step[] = [];
  // After the last move into a cgroup: the namespace's root is the cgroup that the process is in now.
  if (isNew(context, "cgroup")) {
    steps.push(...init([{ op: "unshare", flags: CLONE_NEWCGROUP }], reason(context, "cgroup", "make")));
  }
  if (isNew(context, "network")) {
    steps.push(...init([{ op: "lo_up" }], { ...reason(context, "network", "make"), what: 'bring up the interface "lo"' }));
  }
  const { hostname, domainname } = context.config;
  if (hostname !== undefined && hostname !== "") {
    steps.push(...init([{ op: "sethostname", name: hostname }], { at: "/hostname", what: `set the hostname "${hostname}"` }));
  }
  if (domainname !== undefined && domainname !== "") {
    const what = `set the domainname "${domainname}"`;
    steps.push(...init([{ op: "setdomainname", name: domainname }], { at: "/domainname", what }));
  }
  return steps;
}

function enterUserNamespace(context: PlanContext): Step[] {
  const steps: Step[] = [];
  if (isNew(context, "user")) {
    const { uidMappings = [], gidMappings = [] } = context.config.linux ?? {};
    steps.push(...init([{ op: "unshare", flags: CLONE_NEWUSER }], reason(context, "user", "make")));
    const what = "write the user namespace's id maps";
    const writer = idmapWriter(context);
    // To anybody but root the files of a process that cannot be dumped belong to root (proc(5)).
    if (writer !== "root") steps.push(...init([dumpable(1)], { at: "/linux/uidMappings", what: "let the runtime write the id maps" }));
    steps.push(...init([{ op: "gate", name: "idmap", count: 0 }], { at: "/linux/uidMappings", what }));
    const maps = { uid: formatMap(uidMappings), gid: formatMap(gidMappings) };
    steps.push(runtime({ op: "write_idmap", ...maps, writer, at: "/linux/uidMappings", what }));
    if (writer !== "root") steps.push(...init([dumpable(0)], { at: "/linux/uidMappings", what: "let nobody look into init again" }));
  } else {
    const ops: InitOp[] = [{ op: "setns", fd: namespaceFd("user"), type: CLONE_NEWUSER, attempt: false }];
    steps.push(...init(ops, reason(context, "user", "join")));
  }
  // What init makes then belongs to the container.
  return [...steps, ...becomeRoot(context)];
}

function dumpable(value: 0 | 1): InitOp {
  return { op: "prctl", option: PR_SET_DUMPABLE, arg2: value, arg3: 0, arg4: 0, arg5: 0 };
}

/** Who may write the maps of the container's new user namespace. */
export function idmapWriter({ config: { linux }, host }: Pick<PlanContext, "config" | "host">): IdmapWriter {
  if (host.uid === 0) return "root";
  const isOwn = (mappings: readonly IdMapping[] | undefined, id: number): boolean => mappings?.length === 1 && mappings[0]?.size === 1 && mappings[0].hostID === id;
  return isOwn(linux?.uidMappings, host.uid) && isOwn(linux?.gidMappings, host.gid) ? "user" : "newuidmap";
}

function join(context: PlanContext, { type, flag }: NamespaceKind, attempt: boolean): Step[] {
  const ops: InitOp[] = [{ op: "setns", fd: namespaceFd(type), type: flag, attempt }];
  return init(ops, reason(context, type, "join"));
}

function clonedFlags(context: PlanContext): number {
  let flags = 0;
  for (const { type, flag } of NAMESPACES) if (!NEVER_CLONED.has(type) && isNew(context, type)) flags += flag;
  return flags;
}

function reason(context: PlanContext, type: string, verb: string): { at: string; what: string } {
  const { namespaces = [] } = context.config.linux ?? {};
  let index = 0;
  while (index < namespaces.length && namespaces[index]?.type !== type) index++;
  return { at: `/linux/namespaces/${index}`, what: `${verb} the ${type} namespace` };
}

function namespaceFd(type: string): Fd {
  return `${type} namespace`;
}
