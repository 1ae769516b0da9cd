/** `create`: from a bundle to a container that waits, or nothing at all (runtime.md#create). */

import { basename, dirname, join } from "node:path";
import { CgroupError, ConfigError, HookError, StepError, SystemError, UsageError, formatPlace } from "../errors.ts";
import type { Place } from "../errors.ts";
import type { Cgroup } from "../cgroup/cgroup.ts";
import type { Host } from "../host.ts";
import { closeSync, existsSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "../native/files.ts";
import { native } from "../native/native.ts";
import { hintOf, stepError } from "../plan/describe.ts";
import { plan as makePlan } from "../plan/plan.ts";
import type { PlanOptions } from "../plan/context.ts";
import { absolute } from "../plan/context.ts";
import type { Plan } from "../plan/step.ts";
import type { Config } from "../spec/config.ts";
import { parseConfigBytes } from "../spec/parse.ts";
import { placeOf } from "../spec/positions.ts";
import { stateDocument } from "../spec/state.ts";
import { CreateSteps } from "./create-steps.ts";
import type { Handlers } from "./create-steps.ts";
import { Execution } from "./execution.ts";
import type { Inheritance, Telling } from "./execution.ts";
import { probeHost } from "./probe.ts";
import { refuseProfiles } from "./security-modules.ts";
import type { LastStep, StoredState } from "./state.ts";
import { startTimeOf } from "./status.ts";
import { bootId, checkId, inWords } from "./store.ts";
import type { Lock, Store } from "./store.ts";
import { tellWarnings } from "./warnings.ts";

const MOST_CONFIG_BYTES = 16 * 1024 * 1024;

export interface CreateOptions {
  readonly store: Store;
  readonly id: string;
  /** The bundle's absolute path. */
  readonly bundle: string;
  readonly noPivot?: boolean;
  readonly noNewKeyring?: boolean;
  /** Where init's pid is written: digits only. */
  readonly pidFile?: string;
  /** A unix socket that gets the terminal's master. */
  readonly consoleSocket?: string;
  /** Takes the terminal's master instead. */
  readonly console?: Console;
  /** Gives up, and undoes what was done, with the signal's reason. */
  readonly abort?: AbortSignal;
  readonly inheritance: Inheritance;
  /** The caller's environment, for hooks without their own. */
  readonly environment: readonly string[];
  readonly warn: (message: string) => void;
  /** Fails this step of the plan, for tests. */
  readonly fault?: number;
}

export interface TerminalSize {
  readonly height: number;
  readonly width: number;
}

/** Where the terminal is shown when it does not go to a console socket. */
export interface Console {
  /** Asked for before anything is done, when the process wants a terminal; throws where it cannot be shown. */
  size(): TerminalSize;
  /** Takes the terminal's master, and closes it. */
  take(master: number): void;
}

/** A container whose init waits at the gate "created", under lock. */
export interface Creation {
  readonly execution: Execution;
  readonly state: StoredState;
  readonly config: Config;
  readonly lock: Lock;
}

/** Reads and plans a bundle without doing anything. */
export function readBundle(bundle: string): { readonly config: Config; readonly bytes: Uint8Array } {
  const path = join(bundle, "config.json");
  try {
    const { size } = statSync(path);
    if (size > MOST_CONFIG_BYTES) {
      throw new ConfigError(path, [{ pointer: "", message: `must not be larger than ${MOST_CONFIG_BYTES} bytes, but it has ${size}` }]);
    }
    const bytes = readFileSync(path);
    return { config: parseConfigBytes(bytes), bytes };
  } catch (error) {
    throw inWords(`read "${path}"`, error);
  }
}

/** A container, and its init: who creates is its parent, and has to wait for its end (`native().waitPidfd`). */
export interface Created {
  readonly state: StoredState;
  /** The caller closes it. */
  readonly pidfd: number;
}

/** Creates a container that waits for `start` at its exec fifo. */
export async function create(options: CreateOptions): Promise<Created> {
  const creation = await prepare(options, { waitForStart: true });
  const { execution, lock, state } = creation;
  execution.go();
  execution.close();
  execution.cleanup.release();
  lock.release();
  return { state, pidfd: execution.init.pidfd };
}

/** All that `create` and `run` have in common: up to the gate "created", with everything undone on failure. */
export async function prepare(options: CreateOptions, { waitForStart }: { readonly waitForStart: boolean }): Promise<Creation> {
  const { store, id, bundle, warn } = options;
  checkId(id);
  const { config, bytes } = readBundle(bundle);
  refuseUnsupported(config, bytes, warn);
  const terminalSize = checkConsole(config, options);
  const host = probeHost(store.root);
  const plan = makePlan(config, host, planOptions(options, { waitForStart, terminalSize }));
  tellWarnings(plan.warnings, bytes, warn);

  const lock = store.claim(id);
  let draft: StoredState;
  try {
    draft = { ...draftState(config, plan, options), cgroup: cgroupToBe(host, plan), ...(await mountToBe(plan)), ...(await groupToBe(plan)) };
  } catch (error) {
    store.remove(id);
    lock.release();
    throw error;
  }
  let execution: Execution | undefined;
  try {
    // Before the first side effect: whatever happens to this process, the next command can see what there was to be.
    store.save(draft);
    store.saveConfig(id, bytes);
    const steps = new CreateSteps(makeHandlers({ options, config, host }));
    const { inheritance, fault, abort } = options;
    execution = new Execution(plan, { inheritance, runners: steps.runners, telling: telling({ plan, bytes, warn }), fault, abort });
    execution.cleanup.add(() => steps.close());
    await execution.untilCreated();
    const state = createdState(draft, execution.init.pid, steps.cgroup);
    store.save(state);
    if (options.pidFile !== undefined) writePidFile(options.pidFile, state.pid);
    return { execution, state, config, lock };
  } catch (error) {
    await undo(options, { execution, lock, draft });
    throw error;
  }
}

/** Nothing of a container that could not be created stays; its poststop hooks are the end of it (runtime.md#lifecycle). */
async function undo(
  { store, id, environment, inheritance, warn }: CreateOptions,
  { execution, lock, draft }: { readonly execution: Execution | undefined; readonly lock: Lock; readonly draft: StoredState },
): Promise<void> {
  for (const failure of (await execution?.cleanup.run()) ?? []) warn(`cannot clean up container "${id}": ${messageOf(failure)}`);
  execution?.close();
  store.remove(id);
  lock.release();
  if ((draft.hooks.poststop ?? []).length === 0) return;
  const { runPoststop } = await import("./delete.ts");
  await runPoststop(draft, { environment, inherited: inheritance, warn });
}

function planOptions(
  options: CreateOptions,
  { waitForStart, terminalSize }: { readonly waitForStart: boolean; readonly terminalSize: TerminalSize | undefined },
): PlanOptions {
  const { id, bundle, noPivot = false, noNewKeyring = false, environment } = options;
  const size = terminalSize === undefined ? {} : { terminalSize };
  return { id, bundle, waitForStart, noPivot, noNewKeyring, environment, ...size };
}

/** What the specification knows and tsrun does not do yet is an error, never silence. */
export function refuseUnsupported(config: Config, bytes: Uint8Array, warn: (message: string) => void): void {
  const problems = refuseProfiles(config, warn);
  if (problems.length === 0) return;
  const place = placeIn(bytes);
  throw new ConfigError("config.json", problems.map((problem) => ({ ...place(problem.pointer), ...problem })));
}

/** The terminal needs somebody to go to, before there is anything to undo; returns the size that it is to have there. */
function checkConsole({ process }: Config, { consoleSocket, console }: CreateOptions): TerminalSize | undefined {
  const terminal = process?.terminal === true;
  if (terminal && consoleSocket === undefined && console === undefined) {
    throw new UsageError("cannot allocate tty if tsrun will detach without setting console socket (config.json /process/terminal)");
  }
  if (consoleSocket !== undefined && (!terminal || console !== undefined)) {
    throw new UsageError("cannot use console socket if tsrun will not detach or allocate tty (config.json /process/terminal)");
  }
  return terminal ? console?.size() : undefined;
}

function draftState(config: Config, plan: Plan, { id, bundle }: CreateOptions): StoredState {
  const { poststart, poststop } = config.hooks ?? {};
  const created = plan.steps.findIndex((step) => step.op === "gate" && step.name === "created");
  const pid = config.linux?.namespaces?.find(({ type }) => type === "pid");
  return {
    version: 1,
    id,
    ociVersion: config.ociVersion,
    phase: "creating",
    bundle,
    rootfs: absolute(config.root?.path ?? "", bundle),
    ...(config.annotations === undefined ? {} : { annotations: config.annotations }),
    created: new Date().toISOString(),
    owner: `${process.geteuid?.() ?? 0}`,
    bootId: bootId(),
    pid: 0,
    startTime: 0,
    ownPidNamespace: pid !== undefined && (pid.path === undefined || pid.path === ""),
    hasProcess: config.process !== undefined && (config.process.args ?? []).length > 0,
    hooks: { ...(poststart === undefined ? {} : { poststart }), ...(poststop === undefined ? {} : { poststop }) },
    lastSteps: lastSteps(plan, created),
  };
}

/** What there will be, and what there is already: whoever cleans up after a crash must spare the latter. */
function cgroupToBe(host: Host, { steps }: Plan): Cgroup {
  const make = steps.find((step) => step.op === "cgroup_create");
  const path = make?.op === "cgroup_create" ? make.path : "";
  const layout = host.cgroups();
  const directories = layout.hierarchies.map(({ mountPoint, version, controllers }) => {
    const directory = mountPoint + path;
    return { version, controllers, path: directory, created: !existsSync(directory) };
  });
  return { path, directories, parents: [] };
}

/** As with the cgroup: what is there already is not to be taken away. */
async function mountToBe({ steps }: Plan): Promise<Pick<StoredState, "rootMount">> {
  const attach = steps.find((step) => step.op === "attach_root");
  if (attach?.op !== "attach_root") return {};
  const { rootMountToBe } = await import("./root-mount.ts");
  try {
    return { rootMount: rootMountToBe(attach.path) };
  } catch (error) {
    throw inWords(`open the root file system "${attach.path}"`, error);
  }
}

async function groupToBe(plan: Plan): Promise<Pick<StoredState, "resctrl">> {
  if (!plan.steps.some((step) => step.op === "resctrl_group")) return {};
  const { resctrlToBe } = await import("./resctrl.ts");
  const resctrl = resctrlToBe(plan);
  return resctrl === undefined ? {} : { resctrl };
}

function lastSteps({ steps }: Plan, after: number): LastStep[] {
  return steps.slice(after + 1).map(({ op, what, at }, offset) => ({
    index: after + 1 + offset,
    op,
    ...(what === undefined ? {} : { what }),
    ...(at === undefined ? {} : { at }),
  }));
}

function createdState(draft: StoredState, pid: number, cgroup: Cgroup | undefined): StoredState {
  return { ...draft, phase: "created", pid, startTime: startTimeOf(pid), ...(cgroup === undefined ? {} : { cgroup }) };
}

function makeHandlers({ options, config, host }: { options: CreateOptions; config: Config; host: Host }): Handlers {
  const { store, id, bundle, environment } = options;
  return {
    host,
    fifoPath: store.fifo(id),
    runHook: async ({ point, index }, pid) => {
      const { runHook } = await import("./hooks.ts");
      const hook = config.hooks?.[point]?.[index];
      if (hook === undefined) return;
      const state = stateDocument({ id, status: "created", pid, bundle, annotations: config.annotations });
      await runHook({ point, index, hook, state, cwd: bundle, environment, inherited: options.inheritance, abort: options.abort });
    },
    console: (master) => handOverConsole(master, options),
    seccompListener: async (listener, pid) => {
      const { sendListener } = await import("./seccomp-listener.ts");
      const state = stateDocument({ id, status: "creating", pid, bundle, annotations: config.annotations });
      await sendListener({ listener, pid, state, seccomp: config.linux?.seccomp });
    },
  };
}

interface Told {
  readonly plan: Plan;
  readonly bytes: Uint8Array;
  readonly warn: (message: string) => void;
}

function telling({ plan, bytes, warn }: Told): Telling {
  return {
    purpose: "create the container",
    warn: (step, errno) => {
      const failed = plan.steps[step];
      if (failed !== undefined) warn(stepError({ ...failed, index: step }, { errno, text: "" }, bareplace).message);
    },
    stepFailed: (step, error) => {
      const { op = "", what = op } = plan.steps[step] ?? {};
      const at = pointerOf(plan, step, error);
      const place = at === undefined ? undefined : placeIn(bytes)(at);
      if ((error instanceof HookError || error instanceof CgroupError) && place !== undefined) {
        const message = `${error.message} (${formatPlace("config.json", place)})`;
        return error instanceof HookError ? new HookError(message, { cause: error }) : new CgroupError(message, { cause: error });
      }
      if (!(error instanceof SystemError)) return error;
      const { errno, reason, action } = error;
      const detail = action === what ? reason : `cannot ${action}: ${reason}`;
      return new StepError({ step, op, action: what, errno, reason: detail, place, hint: hintOf({ op, what }, errno) }, { cause: error });
    },
    failure: ({ step, errno, text }) => {
      const failed = plan.steps[step] ?? { op: "gate" };
      return stepError({ ...failed, index: step }, { errno, text }, placeIn(bytes));
    },
  };
}

/** What asks for a step; for a controller that cannot be had it is the limit that needs it. */
function pointerOf({ steps }: Plan, step: number, error: unknown): string | undefined {
  const controller = error instanceof CgroupError ? error.controller : undefined;
  if (controller === undefined) return steps[step]?.at;
  return steps.find((other) => other.op === "cgroup_write" && other.controller === controller)?.at;
}

function bareplace(pointer: string): Place {
  return { pointer };
}

/** Line and column are looked for only now that there is something to report. */
export function placeIn(bytes: Uint8Array): (pointer: string) => Place {
  return (pointer) => placeOf(new TextDecoder().decode(bytes), pointer);
}

async function handOverConsole(master: number, { consoleSocket, console }: CreateOptions): Promise<void> {
  if (console !== undefined) {
    console.take(master);
    return;
  }
  let socket: number | undefined;
  try {
    socket = native().connectUnix(consoleSocket ?? "");
    native().send(socket, new TextEncoder().encode("/dev/pts/ptmx"), [master]);
  } finally {
    if (socket !== undefined) closeSync(socket);
    closeSync(master);
  }
}

/**
 * In one step, so that a reader never finds half a number; without a newline, because some read the whole file as one.
 * The folder may be one where others may write, so no link of theirs is followed.
 */
export function writePidFile(path: string, pid: number): void {
  const temporary = join(dirname(path), `.${basename(path)}`);
  try {
    rmSync(temporary, { force: true });
    writeFileSync(temporary, `${pid}`, { mode: 0o644, flag: "wx" });
    renameSync(temporary, path);
  } catch (error) {
    throw inWords(`write the pid file "${path}"`, error);
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
