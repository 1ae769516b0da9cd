/** From root to the program's user: ids, capabilities, no_new_privs, the filter, in the one order that works. */

import { KEEP_GROUPS } from "../spec/annotations.ts";
import { findProgram, limits, environmentValue } from "./process.ts";
import type { CapabilityPlan } from "./capabilities.ts";
import type { ProcessContext } from "./context.ts";
import { memoryPolicy, personality, scheduler } from "./scheduling.ts";
import { loadFilter } from "./seccomp-filter.ts";
import type { SeccompPlan } from "./seccomp-filter.ts";
import { init } from "./step.ts";
import type { InitOp, Step } from "./step.ts";

const PR_SET_KEEPCAPS = 8;
const PR_SET_NO_NEW_PRIVS = 38;
export const DEFAULT_UMASK = 0o022;
/** To load a filter without no_new_privs. */
const CAP_SYS_ADMIN = 1n << 21n;

interface Identity {
  readonly capabilities: CapabilityPlan;
  readonly seccomp: SeccompPlan | undefined;
}

/** The steps between a finished root file system and the gate "created". */
export function dropIdentity(context: ProcessContext, identity: Identity): Step[] {
  return [...asRoot(context), ...limits(context), ...scheduling(context), ...becomeUser(context, identity), ...restrictCalls(context, identity)];
}

/** After the limits, which may be what allows it. */
function scheduling(context: ProcessContext): Step[] {
  const { process, linux } = context.config;
  if (process === undefined) return [];
  return [...scheduler(process, context), ...memoryPolicy(linux), ...personality(linux)];
}

/** With no_new_privs anybody may load a filter; without, CAP_SYS_ADMIN must live until it is loaded. */
function filterNeeds({ config }: ProcessContext, { seccomp }: Identity): bigint {
  return seccomp !== undefined && config.process?.noNewPrivileges !== true ? CAP_SYS_ADMIN : 0n;
}

/** What only root may do, and what the user finds done. */
export function asRoot({ config: { process } }: ProcessContext): Step[] {
  if (process === undefined) return [];
  const { uid = 0, umask = DEFAULT_UMASK } = process.user ?? {};
  const steps: Step[] = [
    ...init([{ op: "umask", mask: umask }], { at: "/process/user/umask", what: "set the umask" }),
    ...init([{ op: "cwd", path: process.cwd, make: false, attempt: true }], cwdReason(process.cwd)),
    ...init([{ op: "fchown_stdio", uid, terminal: process.terminal === true }], { at: "/process/user/uid", what: "give the standard streams to the user" }),
  ];
  // HOME comes from the container's own passwd; a program without one is a surprise to many.
  if ((environmentValue(process.env ?? [], "HOME") ?? "") === "") {
    steps.push(...init([{ op: "home", uid }], { at: "/process/env", what: "find the user's home" }));
  }
  return steps;
}

/** From root to the user and his capabilities, and to a program that he may execute. */
export function becomeUser(context: ProcessContext, identity: Identity): Step[] {
  const { capabilities } = identity;
  const { process } = context.config;
  if (process === undefined) return [];
  const { uid = 0, gid = 0, additionalGids } = process.user ?? {};
  const steps: Step[] = [];
  // The bounding set needs CAP_SETPCAP, which setresuid takes away unless the capabilities are kept.
  steps.push(
    ...init([{ op: "capbset_drop", keep: capabilities.bounding }], {
      at: "/process/capabilities/bounding",
      what: "drop capabilities from the bounding set",
    }),
  );
  steps.push(...setIds(context, { uid, gid, additionalGids }));
  steps.push(...setCapabilities(capabilities, filterNeeds(context, identity), "set the capabilities"));
  // With the user's rights: root's may not reach a directory on a network file system that knows no root.
  steps.push(...init([{ op: "cwd", path: process.cwd, make: false, attempt: false }], cwdReason(process.cwd)));
  if (process.noNewPrivileges === true) {
    const op: InitOp = { op: "prctl", option: PR_SET_NO_NEW_PRIVS, arg2: 1, arg3: 0, arg4: 0, arg5: 0 };
    steps.push(...init([op], { at: "/process/noNewPrivileges", what: "set no_new_privs" }));
  }
  steps.push(...findProgram(context));
  return steps;
}

/** The filter, and the end of what only its loading needed. */
export function restrictCalls(context: ProcessContext, identity: Identity): Step[] {
  const { capabilities, seccomp } = identity;
  if (context.config.process === undefined || seccomp === undefined) return [];
  const steps = loadFilter(seccomp);
  const helper = filterNeeds(context, identity);
  // The helper leaves with the filter in place; a program that has the capability anyway loses nothing.
  if ((capabilities.permitted & capabilities.effective & helper) !== helper) {
    steps.push(...setCapabilities(capabilities, 0n, "drop CAP_SYS_ADMIN again", false));
  }
  return steps;
}

function setIds(
  { config, hasUserNamespace, host }: ProcessContext,
  ids: { readonly uid: number; readonly gid: number; readonly additionalGids: readonly number[] | undefined },
): Step[] {
  const { uid, gid, additionalGids = [] } = ids;
  const ops: Step[] = [];
  // An unprivileged user's namespace may not call setgroups at all (user_namespaces(7)).
  const isLeft = hasUserNamespace && host.uid !== 0 && additionalGids.length === 0;
  if (!isLeft && (config.annotations?.[KEEP_GROUPS] ?? "0") === "0") {
    ops.push(...init([{ op: "setgroups", gids: additionalGids }], { at: "/process/user/additionalGids", what: "set the groups" }));
  }
  ops.push(...init([{ op: "setresgid", gid }], { at: "/process/user/gid", what: `become group ${gid}` }));
  const keep: InitOp = { op: "prctl", option: PR_SET_KEEPCAPS, arg2: 1, arg3: 0, arg4: 0, arg5: 0 };
  ops.push(...init([keep, { op: "setresuid", uid }], { at: "/process/user/uid", what: `become user ${uid}` }));
  return ops;
}

function setCapabilities(capabilities: CapabilityPlan, more: bigint, what: string, withAmbient = true): Step[] {
  const { effective, permitted, inheritable, ambient } = capabilities;
  const ops: InitOp[] = [{ op: "capset", effective: effective | more, permitted: permitted | more, inheritable }];
  const steps: Step[] = init(ops, { at: "/process/capabilities", what });
  if (withAmbient && ambient !== 0n) {
    steps.push(...init([{ op: "ambient", set: ambient }], { at: "/process/capabilities/ambient", what: "raise ambient capabilities" }));
  }
  return steps;
}

function cwdReason(cwd: string): { at: string; what: string } {
  return { at: "/process/cwd", what: `enter the working directory "${cwd}"` };
}
