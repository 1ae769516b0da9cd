/**
 * The order of everything when a further process joins a container (`exec`).
 *
 * Whoever is in the container sees the process only after the clone into its pid namespace. So all that takes rights is
 * done before, outside of anybody's sight: from the clone on, the process has the rights of its program, and no
 * descriptor of the host but the gate. Who may trace it then (CAP_SYS_PTRACE; it is not dumpable) gains nothing by it.
 */

import type { ProcessHost } from "../host.ts";
import { NAMESPACES } from "../linux/namespaces.ts";
import { O_PATH, openFlags } from "../linux/open-flags.ts";
import type { Config, Process } from "../spec/config.ts";
import { affinity } from "./affinity.ts";
import { planCapabilities } from "./capabilities.ts";
import { isNew, namespacesOf } from "./context.ts";
import type { ProcessContext } from "./context.ts";
import { asRoot, becomeUser, restrictCalls } from "./identity.ts";
import { enterIntelRdt, joinIntelRdt } from "./intel-rdt.ts";
import type { IntelRdtPlan } from "./intel-rdt.ts";
import type { ProgramLabelPlan } from "./labels.ts";
import { keyring, limits, oomScore, program, raiseLimits } from "./process.ts";
import { ioPriority, memoryPolicy, personality, scheduler } from "./scheduling.ts";
import type { SeccompPlan } from "./seccomp-filter.ts";
import { init, runtime } from "./step.ts";
import type { Fd, InitOp, Plan, Step } from "./step.ts";
import { openTerminal, session, useTerminal } from "./terminal.ts";
import { becomeRoot } from "./user-namespace.ts";

const PR_SET_DUMPABLE = 4;

export interface ExecOptions {
  /** The container's. */
  readonly id: string;
  readonly noNewKeyring: boolean;
  readonly cgroup: ExecCgroup;
  /** The groups of resctrl that the container is in. */
  readonly resctrl?: readonly string[];
  /** The container's filter. */
  readonly seccomp?: SeccompPlan;
  /** Those of the process, if it asks for any. */
  readonly labels?: ProgramLabelPlan;
  /** The terminal's size where the process names none. */
  readonly terminalSize?: { readonly height: number; readonly width: number };
}

/** The ways into the container's cgroup. */
export interface ExecCgroup {
  readonly path: string;
  /** Files into which the process writes itself. */
  readonly entries: readonly Fd[];
  /** It is born in the v2 cgroup (CLONE_INTO_CGROUP). */
  readonly intoCgroup: boolean;
  /** systemd moves it there. */
  readonly isAttached?: boolean;
}

/** Plans a further process. Pure; `process` is whole: what it inherits from the container's own is in it. */
export function planExec(config: Config, process: Process, host: ProcessHost, options: ExecOptions): Plan {
  const { cgroup, seccomp, labels, resctrl = [] } = options;
  const rdt = joinIntelRdt(resctrl);
  const namespaces = namespacesOf(config);
  const context: ProcessContext = { ...options, config: { ...config, process }, host, namespaces, hasUserNamespace: namespaces.has("user") };
  const identity = { capabilities: planCapabilities(context), seccomp };

  const steps: Step[] = [
    ...rdt.steps,
    ...spawnProcess(context, cgroup, rdt),

    ...affinity(context, "initial"),
    // First of all, as for the container's init: what it uses counts as the container's, and devices are judged for it.
    ...enterCgroup(cgroup),
    ...enterIntelRdt(rdt),
    ...affinity(context, "final"),
    // With the host's privileges, and its /proc.
    ...oomScore(context),
    ...ioPriority(process),
    ...(labels?.steps ?? []),
    ...raiseLimits(context),

    ...joinNamespaces(context),
    ...becomeRoot(context),
    ...keyring(context),
    ...ownTerminal(context),
    ...asRoot(context),
    ...memoryPolicy(config.linux),
    ...personality(config.linux),
    ...becomeUser(context, identity),

    ...intoSight(context),
    ...session(),
    ...useTerminal(context),
    // A small number of descriptors or processes would have hindered the clone.
    ...limits(context),
    // By the runtime from outside: under some policies a process may not clone, and by now it has no right to others.
    ...scheduler(process, { ...context, hasUserNamespace: true }),
    ...restrictCalls(context, identity),
    ...init([{ op: "gate", name: "created", count: 0 }], { what: "wait for the word to begin" }),
    ...program(context),
  ];
  return { steps, warnings: [...identity.capabilities.warnings, ...(labels?.warnings ?? [])] };
}

/** Where the mount namespace is not the container's own its root is not either: that of the container's process must be entered. */
function ownRoot(context: ProcessContext): boolean {
  return !isNew(context, "mount");
}

function spawnProcess(context: ProcessContext, { entries, intoCgroup }: ExecCgroup, rdt: IntelRdtPlan): Step[] {
  const what = "open the container's process";
  const steps: Step[] = [runtime({ op: "open_init", to: "init", what })];
  const inherit = ["init", ...entries, ...rdt.entries];
  if (ownRoot(context)) {
    steps.push(runtime({ op: "open_root", to: "rootfs", what: "open the container's root" }));
    inherit.push("rootfs");
  }
  steps.push(runtime({ op: "spawn", flags: 0, inherit, intoCgroup, what: "start a process to join the container" }));
  return steps;
}

function enterCgroup({ entries, path, isAttached = false }: ExecCgroup): Step[] {
  const what = `enter the cgroup "${path}"`;
  const steps: Step[] = isAttached ? [...init([{ op: "gate", name: "cgroup", count: 0 }], { what }), runtime({ op: "cgroup_attach", what })] : [];
  for (let at = 0; at < entries.length; at++) {
    const fd = entries[at] ?? "";
    steps.push(...init([{ op: "write", fd, data: "0" }], { what: `enter the cgroup "${path}" (${fd})` }));
  }
  return steps;
}

/**
 * All in one call, through the process itself: whichever process has its number by now, none is taken for it, and the
 * privileges of the host count for each of them, whoever owns it (setns(2), "pidfd").
 */
function joinNamespaces(context: ProcessContext): Step[] {
  let type = 0;
  for (const kind of NAMESPACES) if (context.namespaces.has(kind.type)) type += kind.flag;
  const close: InitOp = { op: "close_fds", keep: "init", ...(ownRoot(context) ? { also: "rootfs" } : {}) };
  const steps = init([close], { what: "close what leads out of the container" });
  if (type !== 0) {
    steps.push(...init([{ op: "setns", fd: "init", type, attempt: false }], { at: "/linux/namespaces", what: "join the container's namespaces" }));
  }
  if (ownRoot(context)) {
    const ops: InitOp[] = [{ op: "fchdir", fd: "rootfs" }, { op: "chroot", path: "." }, { op: "chdir", path: "/" }];
    steps.push(...init(ops, { at: "/root/path", what: "enter the container's root" }));
  }
  return steps;
}

function ownTerminal(context: ProcessContext): Step[] {
  if (context.config.process?.terminal !== true) return [];
  const { O_DIRECTORY } = openFlags(context.host.arch);
  const open: InitOp = { op: "openat2", path: "/", flags: O_PATH | O_DIRECTORY, mode: 0, resolve: 0, to: "rootfs" };
  return [...init([open], { at: "/process/terminal", what: "open the container's root" }), ...openTerminal(context)];
}

/** Into the container's pid namespace, where its processes see this one. */
function intoSight(context: ProcessContext): Step[] {
  const terminal = context.config.process?.terminal === true;
  const steps = init([{ op: "close_fds", ...(terminal ? { keep: "pty slave" } : {}) }], { what: "close what leads out of the container" });
  // A change of ids may have made it dumpable again (fs.suid_dumpable of proc_sys_fs(5)).
  const hide: InitOp = { op: "prctl", option: PR_SET_DUMPABLE, arg2: 0, arg3: 0, arg4: 0, arg5: 0 };
  steps.push(...init([hide], { what: "hide from the container's processes" }));
  if (!context.namespaces.has("pid")) return steps;
  const what = "clone the process into the container's pid namespace";
  return [...steps, ...init([{ op: "clone", flags: 0 }], { at: "/linux/namespaces", what })];
}
