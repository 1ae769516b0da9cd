/** The process: what it is given early, and how it becomes the program (config.md#process). */

import { RLIMITS } from "../linux/rlimits.ts";
import { O_PATH, O_WRONLY, openFlags } from "../linux/open-flags.ts";
import type { PlanContext, PlanOptions, ProcessContext } from "./context.ts";
import { ioPriority } from "./scheduling.ts";
import { init } from "./step.ts";
import type { InitOp, Step } from "./step.ts";

const DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
const EINVAL = 22;

/** What may need the host's privileges: a user namespace would take them away. */
export function earlyProcess(context: ProcessContext): Step[] {
  return [...oomScore(context), ...ioPriority(context.config.process), ...(context.hasUserNamespace ? raiseLimits(context) : [])];
}

export function oomScore({ config }: ProcessContext): Step[] {
  const { oomScoreAdj } = config.process ?? {};
  if (oomScoreAdj === undefined) return [];
  // The host's own /proc, which is trusted, before there is anything of the container.
  const ops: InitOp[] = [
    { op: "openat2", path: "/proc/self/oom_score_adj", flags: O_WRONLY, mode: 0, resolve: 0, to: "oom_score_adj" },
    { op: "write", fd: "oom_score_adj", data: `${oomScoreAdj}` },
  ];
  return init(ops, { at: "/process/oomScoreAdj", what: `set oom_score_adj to ${oomScoreAdj}` });
}

/** As far up as the limits may have to go: anybody may lower them later. */
export function raiseLimits({ config }: ProcessContext): Step[] {
  const steps: Step[] = [];
  (config.process?.rlimits ?? []).forEach(({ type, hard }, index) => {
    const op: InitOp = { op: "raise_rlimit", resource: RLIMITS.indexOf(type), hard };
    steps.push(...init([op], { at: `/process/rlimits/${index}`, what: `raise ${type} to ${hard}` }));
  });
  return steps;
}

/** A session keyring of the container's own, owned by its user namespace: the caller's keys are not its business. */
export function keyring({ id, noNewKeyring }: ProcessContext): Step[] {
  return noNewKeyring ? [] : init([{ op: "session_keyring", name: `_ses.${id}` }], { what: "join a session keyring" });
}

/** The limits themselves are among the last things: a small address space or file size is the program's to live with. */
export function limits({ config }: ProcessContext): Step[] {
  const { rlimits = [] } = config.process ?? {};
  return rlimits.map(({ type, soft, hard }, index): Step => {
    const op: InitOp = { op: "setrlimit", resource: RLIMITS.indexOf(type), soft, hard };
    return { by: "init", at: `/process/rlimits/${index}`, what: `set ${type} to soft ${soft} and hard ${hard}`, ...op };
  });
}

/** Finds the program while `create` can still tell the caller that there is none. */
export function findProgram({ config }: ProcessContext): Step[] {
  const name = config.process?.args?.[0];
  if (name === undefined) return [];
  const path = environmentValue(config.process?.env ?? [], "PATH") ?? DEFAULT_PATH;
  return init([{ op: "lookup", name, path }], { at: "/process/args/0", what: `execute "${name}"` });
}

/** The end of `create`, and the beginning of `start`. */
export function waitForStart(context: PlanContext): Step[] {
  const created = init([{ op: "gate", name: "created", count: 0 }], { what: "finish creating the container" });
  if (!context.waitForStart) return created;
  const what = "wait at the exec fifo";
  const fifo = { proc: "proc", fifo: "exec fifo" };
  // A filter may refuse it, and after the gate there is nobody who could be told.
  const tried = context.config.linux?.seccomp === undefined ? [] : init([{ op: "try_fifo", ...fifo }], { at: "/linux/seccomp", what });
  return [...tried, ...created, ...init([{ op: "open_fifo", ...fifo }], { what })];
}

export function program({ config, listenFds = 0 }: ProcessContext & Pick<PlanOptions, "listenFds">): Step[] {
  const { args = [], env = [] } = config.process ?? {};
  if (args.length === 0) {
    // `start` refuses a container without a program; what has none must never get past here.
    return init([{ op: "fail", errno: EINVAL }], { at: "/process", what: "execute a program" });
  }
  const ops: InitOp[] = [{ op: "execve", args, env: uniqueEnvironment(listenFds === 0 ? env : [...env, ...listenEnvironment(listenFds)]) }];
  return init(ops, { at: "/process/args", what: `execute "${args[0]}"` });
}

/** sd_listen_fds(3): they are for the process with this pid, which in a pid namespace of its own is 1. */
function listenEnvironment(count: number): string[] {
  return [`LISTEN_FDS=${count}`, "LISTEN_PID=1"];
}

/** A procfs of our own: nothing that is mounted in the container stands between us and the kernel's files. */
export function ownProc(context: PlanContext): Step[] {
  const { O_DIRECTORY } = openFlags(context.host.arch);
  const hostPids = !context.namespaces.has("pid");
  const ops: InitOp[] =
    context.hasUserNamespace && hostPids
      ? // A user namespace may not mount the procfs of a pid namespace that is not its own.
        [{ op: "openat2", path: "/proc", flags: O_PATH | O_DIRECTORY, mode: 0, resolve: 0, to: "proc" }]
      : [
          { op: "fsopen", type: "proc", to: "procfs" },
          { op: "fsconfig_create", fd: "procfs" },
          { op: "fsmount", fd: "procfs", attributes: 0, to: "proc" },
        ];
  return init(ops, { what: "open a procfs of init's own" });
}

/** Of several entries for one name the last wins, and is kept once. */
export function uniqueEnvironment(env: readonly string[]): readonly string[] {
  const last = new Map<string, string>();
  for (const entry of env) {
    const name = entry.slice(0, Math.max(0, entry.indexOf("=")));
    // An empty HOME counts as none, and init fills it in.
    if (entry === "HOME=") last.delete("HOME");
    else last.set(name === "" ? entry : name, entry);
  }
  return [...last.values()];
}

export function environmentValue(env: readonly string[], name: string): string | undefined {
  let value: string | undefined;
  for (const entry of env) if (entry.startsWith(`${name}=`)) value = entry.slice(name.length + 1);
  return value;
}
