/** `exec`: a further process in a container that exists. */

import { isFrozen } from "../cgroup/freeze.ts";
import { ConfigError, formatProblem } from "../errors.ts";
import type { Place } from "../errors.ts";
import { SIGCONT, SIGSTOP } from "../linux/signals.ts";
import { closeSync, readFileSync } from "../native/files.ts";
import { native } from "../native/native.ts";
import type { Spawned } from "../native/native.ts";
import { forget, ready } from "../native/waiter.ts";
import { planExec } from "../plan/exec.ts";
import type { Plan } from "../plan/step.ts";
import type { Config, Process } from "../spec/config.ts";
import { changedProcess, completedProcess, isChanged } from "../spec/exec-process.ts";
import type { ProcessChanges } from "../spec/exec-process.ts";
import { readStoredConfig } from "../spec/stored.ts";
import { checkConsole } from "./console.ts";
import type { ConsoleOptions } from "./console.ts";
import { execEntrance } from "./exec-cgroup.ts";
import type { ExecEntrance } from "./exec-cgroup.ts";
import { execRunners } from "./exec-steps.ts";
import { Execution } from "./execution.ts";
import type { Inheritance } from "./execution.ts";
import { forward } from "./foreground.ts";
import type { Foreground, Program } from "./foreground.ts";
import { writePidFile } from "./pid-file.ts";
import { probeHost } from "./probe.ts";
import type { Resctrl } from "./resctrl.ts";
import { refuseProfiles } from "./security-modules.ts";
import type { StoredState } from "./state.ts";
import { requireStatus, statusOf } from "./status.ts";
import type { Status } from "./status.ts";
import { inWords } from "./store.ts";
import type { Store } from "./store.ts";
import { placeIn, telling } from "./telling.ts";

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
  readonly inheritance: Inheritance;
  readonly warn: (message: string) => void;
  /** Gives up, with the signal's reason, as long as the program does not run. */
  readonly abort?: AbortSignal;
  /** Fails this step of the plan, for tests. */
  readonly fault?: number;
}

/** What is to be run: as the container's own process with changes, or written down whole, as `process` of a config. */
export type ExecProcess = { readonly changes: ProcessChanges } | { readonly bytes: Uint8Array; readonly name: string };

/** Runs a program in a container, and resolves when it runs; the caller is its parent, and has to wait for its end. */
export async function exec(options: ExecOptions): Promise<Spawned> {
  const { execution, state } = await prepare(options);
  await begin(execution, state);
  return execution.init;
}

/** The same, and waits for the program's end. */
export async function execInForeground(
  options: ExecOptions,
  foreground: Foreground,
): Promise<{ readonly code: number; readonly signal: number }> {
  const { execution, state } = await prepare(options);
  foreground.starting();
  await begin(execution, state);
  const { pidfd } = execution.init;
  foreground.running(program(pidfd));
  await ready(pidfd);
  const ending = native().waitPidfd(pidfd) ?? { code: 0, signal: 0 };
  forget(pidfd);
  closeSync(pidfd);
  await foreground.ended();
  return ending;
}

/** What would be done, without doing it. */
export async function explainExec(options: Omit<ExecOptions, "inheritance">): Promise<Plan> {
  return (await decide(options)).plan;
}

interface Prepared {
  readonly execution: Execution;
  readonly state: StoredState;
}

/** Up to a process in the container that waits for the word to begin, or nothing at all. */
async function prepare(options: ExecOptions): Promise<Prepared> {
  const { id, inheritance, fault, abort, warn } = options;
  const decision = await decide(options);
  const { plan, state } = decision;
  const place = placeOfStep(options);
  for (const warning of plan.warnings) {
    const where = place(warning.pointer);
    warn(where === undefined ? warning.message : formatProblem("config.json", { ...warning, ...where }));
  }
  const execution = new Execution(plan, {
    inheritance,
    runners: execRunners({ options, ...decision }),
    telling: telling({ purpose: `exec in container "${id}"`, plan, place, cgroup: () => state.cgroup?.directories ?? [], warn }),
    fault,
    abort,
  });
  try {
    await execution.untilCreated();
    if (options.pidFile !== undefined) writePidFile(options.pidFile, execution.init.pid);
    return { execution, state };
  } catch (error) {
    await giveUp(execution, state);
    throw error;
  }
}

async function begin(execution: Execution, state: StoredState): Promise<void> {
  try {
    execution.go();
    await execution.untilExecuted();
  } catch (error) {
    await giveUp(execution, state);
    throw error;
  }
  execution.cleanup.release();
  execution.close();
}

/** A process that stands frozen with its container dies when that is resumed, and nobody waits for that. */
async function giveUp(execution: Execution, { cgroup }: StoredState): Promise<void> {
  if (isFrozen(cgroup?.directories ?? [])) execution.abandon();
  else await execution.cleanup.run();
  execution.close();
}

/** All that a plan is made from, and the plan. */
export interface Decision {
  readonly state: StoredState;
  readonly status: Status;
  readonly config: Config;
  readonly entrance: ExecEntrance;
  readonly plan: Plan;
}

async function decide(options: Omit<ExecOptions, "inheritance">): Promise<Decision> {
  const { store, id, cgroup = [], ignorePaused = false } = options;
  const state = store.load(id, "exec in");
  const status = statusOf(store, state);
  if (status !== "paused" || !ignorePaused) requireStatus("exec", id, status);
  const config = await storedConfig(options);
  const process = await processOf(config, options.process);
  refuseUnsupported(process, options);
  const terminalSize = checkConsole(process, options);
  // CLONE_INTO_CGROUP into a frozen cgroup would hold up the runtime itself; and an affinity may have to come before.
  const intoCgroup = status !== "paused" && (process.execCPUAffinity?.initial ?? "") === "";
  const entrance = execEntrance(state, { asked: cgroup, intoCgroup });
  const plan = planExec(config, process, probeHost(store.root), {
    id,
    noNewKeyring: state.noNewKeyring === true,
    cgroup: entrance.cgroup,
    ...(state.resctrl === undefined ? {} : { resctrl: groupsOf(state.resctrl) }),
    ...(terminalSize === undefined ? {} : { terminalSize }),
  });
  return { state, status, config, entrance, plan };
}

function groupsOf({ group, monitor }: Resctrl): string[] {
  return monitor === undefined ? [group] : [group, monitor];
}

/** What `create` kept: later changes of the bundle mean nothing. */
async function storedConfig({ store, id }: Pick<ExecOptions, "store" | "id">): Promise<Config> {
  const text = configText({ store, id });
  return readStoredConfig(text, async () => (await import("../spec/parse.ts")).parseConfig);
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

function refuseUnsupported(process: Process, { warn }: Pick<ExecOptions, "warn">): void {
  const config: Config = { ociVersion: "", process };
  const problems = refuseProfiles(config, warn);
  if (problems.length > 0) throw new ConfigError("the process", problems);
}

/** A pointer into `process` means what was asked for, where that says it, else the container's config. */
function placeOfStep({ process, store, id }: Pick<ExecOptions, "process" | "store" | "id">): (pointer: string) => Place | undefined {
  const inConfig = (pointer: string): Place => placeIn(new TextEncoder().encode(configText({ store, id })))(pointer);
  return (pointer) => {
    if (!pointer.startsWith("/process")) return inConfig(pointer);
    const inner = pointer.slice("/process".length);
    if ("changes" in process) return isChanged(process.changes, inner) ? undefined : inConfig(pointer);
    return { ...placeIn(process.bytes)(inner), file: process.name };
  };
}

function program(pidfd: number): Program {
  const signal = (number: number): void => forward(pidfd, number);
  return {
    signal,
    stop: () => Promise.resolve(signal(SIGSTOP)),
    continue: () => signal(SIGCONT),
  };
}
