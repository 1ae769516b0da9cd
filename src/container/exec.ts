/** `exec`: a further process in a container that exists. */

import type { CgroupDirectory } from "../cgroup/cgroup.ts";
import { isFrozen } from "../cgroup/freeze.ts";
import { formatProblem } from "../errors.ts";
import type { Place, Problem } from "../errors.ts";
import { SIGCONT, SIGSTOP } from "../linux/signals.ts";
import { closeSync, readFileSync } from "../native/files.ts";
import type { Spawned } from "../native/native.ts";
import { ended } from "../native/waiter.ts";
import { planExec } from "../plan/exec.ts";
import type { ProgramLabelPlan } from "../plan/labels.ts";
import type { SeccompPlan } from "../plan/seccomp-filter.ts";
import type { Plan } from "../plan/step.ts";
import type { Config, Process } from "../spec/config.ts";
import { changedProcess, completedProcess, isChanged } from "../spec/exec-process.ts";
import type { ProcessChanges } from "../spec/exec-process.ts";
import { placeOf } from "../spec/positions.ts";
import { readStoredConfig } from "../spec/stored.ts";
import { checkConsole } from "./console.ts";
import type { Console, ConsoleOptions } from "./console.ts";
import { execEntrance, hasInnerCgroups } from "./exec-cgroup.ts";
import type { ExecEntrance } from "./exec-cgroup.ts";
import { execRunners } from "./exec-steps.ts";
import { Execution } from "./execution.ts";
import type { Inheritance } from "./execution.ts";
import { forward } from "./foreground.ts";
import type { Foreground, Program } from "./foreground.ts";
import { writePidFile } from "./pid-file.ts";
import { probeProcessHost } from "./process-host.ts";
import type { Resctrl } from "./resctrl.ts";
import type { StoredState } from "./state.ts";
import { requireStatus, roughStatusOf } from "./status.ts";
import type { Status } from "./status.ts";
import { inWords } from "./store.ts";
import type { Store } from "./store.ts";
import { telling } from "./telling.ts";

export interface ExecOptions extends ConsoleOptions {
  readonly store: Store;
  /** The container's. */
  readonly id: string;
  readonly process: ExecProcess;
  /** Sub-cgroups to run in: `[controllers:]path`, each below the container's own. */
  readonly cgroup?: readonly string[];
  /** In a paused container the process begins when that is resumed. */
  readonly ignorePaused?: boolean;
  readonly pidFile?: string;
  /** A unix socket that gets the process's pidfd. */
  readonly pidfdSocket?: string;
  readonly inheritance: Inheritance;
  readonly warn: (message: string) => void;
  /** Fails this step of the plan, for tests. */
  readonly fault?: number;
}

/** What is to be run: as the container's own process with changes, or written down whole, as `process` of a config. */
export type ExecProcess = { readonly changes: ProcessChanges } | { readonly bytes: Uint8Array; readonly name: string };

/** Who hears the signals that the runtime gets. */
export interface Attendant {
  /** Gives up, with the signal's reason, as long as the program does not run. */
  readonly abort: AbortSignal;
  /** Shows the terminal, where there is one. */
  readonly console?: Console | undefined;
  /** The program is about to begin. */
  starting?(): void;
}

/**
 * Calls the attendant: before anything is done where a terminal is to be shown, else when there is something to give up,
 * while the process is on its way. A signal that comes before that may simply end the runtime.
 */
export type Attend<Called> = (terminal: boolean) => Promise<Called>;

/** Runs a program in a container, and resolves when it runs; the caller is its parent, and has to wait for its end. */
export async function exec(options: ExecOptions, attend?: Attend<Attendant>): Promise<Spawned> {
  const request = await read(options);
  return (await launch(request, options, async () => attend?.(false))).process;
}

/** The same, and waits for the program's end. */
export async function execInForeground(
  options: ExecOptions,
  attend: Attend<Attendant & Foreground>,
): Promise<{ readonly code: number; readonly signal: number }> {
  const request = await read(options);
  const early = request.process.terminal === true ? await attend(true) : undefined;
  const shown = early?.console === undefined ? options : { ...options, console: early.console };
  const { process, attendant } = await launch(request, shown, async () => early ?? attend(false));
  const { pidfd } = process;
  attendant.running(program(pidfd));
  const ending = await ended(pidfd);
  closeSync(pidfd);
  await attendant.ended();
  return ending;
}

/** What would be done, without doing it. */
export async function explainExec(options: Omit<ExecOptions, "inheritance">): Promise<Plan> {
  return (await plan(await read(options), options)).plan;
}

/** What is asked for, and of whom. */
export interface ExecRequest {
  readonly state: StoredState;
  readonly status: Status;
  readonly config: Config;
  readonly process: Process;
}

async function read({ store, id, process, ignorePaused = false }: Omit<ExecOptions, "inheritance">): Promise<ExecRequest> {
  const state = store.load(id, "exec in");
  const status = roughStatusOf(store, state);
  if (status !== "paused" || !ignorePaused) requireStatus("exec", id, status);
  // What `create` kept: later changes of the bundle mean nothing.
  const stored = await readStoredConfig(configText({ store, id }), async () => (await import("../spec/parse.ts")).parseConfig);
  const config = state.restored === true ? inTimeNamespace(stored) : stored;
  return { state, status, config, process: await processOf(config, process) };
}

/** The clocks of a further process are to be those of the others. */
function inTimeNamespace(config: Config): Config {
  const namespaces = config.linux?.namespaces ?? [];
  if (namespaces.some(({ type }) => type === "time")) return config;
  return { ...config, linux: { ...config.linux, namespaces: [...namespaces, { type: "time" }] } };
}

function configText({ store, id }: Pick<ExecOptions, "store" | "id">): string {
  try {
    return readFileSync(`${store.directory(id)}/config.json`, "utf8");
  } catch (error) {
    throw inWords(`read the config of container "${id}"`, error);
  }
}

async function processOf({ process: own }: Config, asked: ExecProcess): Promise<Process> {
  if ("changes" in asked) return changedProcess(own, asked.changes);
  const { parseProcessBytes } = await import("../spec/parse.ts");
  return completedProcess(own, parseProcessBytes(asked.bytes, asked.name));
}

interface Planned {
  readonly plan: Plan;
  readonly entrance: ExecEntrance;
}

async function plan(request: ExecRequest, options: Omit<ExecOptions, "inheritance">): Promise<Planned> {
  const { state, status, config, process } = request;
  const terminalSize = checkConsole(process, options);
  const seccomp = await seccompOf(request, options.store);
  const labels = await labelsOf(request);
  // CLONE_INTO_CGROUP into a frozen cgroup would hold up the runtime itself, and the container may freeze those below its
  // own whenever it likes; and an affinity may have to come before.
  const asked = options.cgroup ?? [];
  const intoCgroup = status !== "paused" && asked.length === 0 && (process.execCPUAffinity?.initial ?? "") === "" && !hasInnerCgroups(state);
  const entrance = execEntrance(state, { asked, intoCgroup });
  const planned = planExec(config, process, probeProcessHost(), {
    id: state.id,
    noNewKeyring: state.noNewKeyring === true,
    cgroup: entrance.cgroup,
    ...(state.resctrl === undefined ? {} : { resctrl: groupsOf(state.resctrl) }),
    ...(seccomp === undefined ? {} : { seccomp }),
    ...(labels === undefined ? {} : { labels }),
    ...(terminalSize === undefined ? {} : { terminalSize }),
  });
  return { plan: planned, entrance };
}

function groupsOf({ group, monitor }: Resctrl): string[] {
  return monitor === undefined ? [group] : [group, monitor];
}

async function seccompOf({ config, process }: ExecRequest, { root }: Store): Promise<SeccompPlan | undefined> {
  if (config.linux?.seccomp === undefined) return undefined;
  const [{ seccompPlan }, { probeHost }] = await Promise.all([import("../plan/seccomp.ts"), import("./probe.ts")]);
  return seccompPlan({ config: { ...config, process }, host: probeHost(root) });
}

async function labelsOf({ state, config, process }: ExecRequest): Promise<ProgramLabelPlan | undefined> {
  if ((process.apparmorProfile ?? "") === "" && (process.selinuxLabel ?? "") === "") return undefined;
  const [{ joiningLabels }, host] = await Promise.all([import("../plan/labels.ts"), import("./security-modules.ts")]);
  return joiningLabels({ config: { ...config, process }, host, noNewKeyring: state.noNewKeyring === true });
}

/** Up to a program that runs in the container, or nothing at all. */
async function launch<Called extends Attendant | undefined>(
  request: ExecRequest,
  options: ExecOptions,
  attend: () => Promise<Called>,
): Promise<{ readonly process: Spawned; readonly attendant: Called }> {
  const { inheritance, fault, pidFile, pidfdSocket, warn } = options;
  const { plan: planned, entrance } = await plan(request, options);
  const place = placeOfStep(options);
  for (const warning of planned.warnings) tell(warning, { place, warn });
  const runners = execRunners({ ...request, options, directories: entrance.directories });
  const cgroup = (): readonly CgroupDirectory[] => request.state.cgroup?.directories ?? [];
  const told = telling({ purpose: `exec in container "${request.state.id}"`, plan: planned, place, cgroup, warn });
  const execution = new Execution(planned, { inheritance, runners, telling: told, fault });
  try {
    await execution.begin();
    const attendant = await attend();
    if (attendant !== undefined) execution.endOn(attendant.abort);
    await execution.untilCreated();
    if (pidFile !== undefined) writePidFile(pidFile, execution.init.pid);
    if (pidfdSocket !== undefined) (await import("./pidfd-socket.ts")).sendPidfd(pidfdSocket, execution.init.pidfd, "setns");
    attendant?.starting?.();
    execution.go();
    await execution.untilExecuted();
    execution.cleanup.release();
    execution.close();
    return { process: execution.init, attendant };
  } catch (error) {
    await giveUp(execution, request.state);
    throw error;
  }
}

/** A process that stands frozen with its container dies when that is resumed, and nobody waits for that. */
async function giveUp(execution: Execution, { cgroup }: StoredState): Promise<void> {
  if (isFrozen(cgroup?.directories ?? [])) execution.abandon();
  else await execution.cleanup.run();
  execution.close();
}

type Places = (pointer: string) => Place | undefined;

/** A pointer into `process` means what was asked for, where that says it, else the container's config. */
function placeOfStep({ process, store, id }: Pick<ExecOptions, "process" | "store" | "id">): Places {
  return (pointer) => {
    const inner = pointer.startsWith("/process") ? pointer.slice("/process".length) : undefined;
    if (inner !== undefined && "bytes" in process) return { ...placeOf(new TextDecoder().decode(process.bytes), inner), file: process.name };
    if (inner !== undefined && "changes" in process && isChanged(process.changes, inner)) return undefined;
    return placeOf(configText({ store, id }), pointer);
  };
}

function tell(warning: Problem, { place, warn }: { readonly place: Places; readonly warn: (message: string) => void }): void {
  const where = place(warning.pointer);
  warn(where === undefined ? warning.message : formatProblem("config.json", { ...warning, ...where }));
}

function program(pidfd: number): Program {
  const signal = (number: number): void => forward(pidfd, number);
  return {
    signal,
    stop: () => Promise.resolve(signal(SIGSTOP)),
    continue: () => signal(SIGCONT),
  };
}
