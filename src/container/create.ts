/** `create`: from a bundle to a container that waits, or nothing at all (runtime.md#create). */

import { join, resolve } from "node:path";
import { ConfigError } from "../errors.ts";
import type { Cgroup } from "../cgroup/cgroup.ts";
import type { Host } from "../host.ts";
import { existsSync, readFileSync, statSync } from "../native/files.ts";
import { native } from "../native/native.ts";
import { usableLayout } from "../plan/cgroup.ts";
import { plan as makePlan } from "../plan/plan.ts";
import type { PlanOptions } from "../plan/context.ts";
import type { Plan } from "../plan/step.ts";
import type { Config } from "../spec/config.ts";
import { parseConfigBytes } from "../spec/parse.ts";
import { stateDocument } from "../spec/state.ts";
import { checkConsole, handOverConsole } from "./console.ts";
import type { ConsoleOptions, TerminalSize } from "./console.ts";
import { CreateSteps } from "./create-steps.ts";
import type { Handlers } from "./create-steps.ts";
import { Execution } from "./execution.ts";
import type { Inheritance } from "./execution.ts";
import { writePidFile } from "./pid-file.ts";
import { probeHost } from "./probe.ts";
import type { LastStep, StoredState } from "./state.ts";
import { startTimeOf } from "./status.ts";
import { bootId, checkId, inWords } from "./store.ts";
import type { Lock, Store } from "./store.ts";
import { placeIn, telling, withPlaces } from "./telling.ts";
import { tellWarnings } from "./warnings.ts";

const MOST_CONFIG_BYTES = 16 * 1024 * 1024;

export interface CreateOptions extends ConsoleOptions {
  readonly store: Store;
  readonly id: string;
  /** The bundle's absolute path. */
  readonly bundle: string;
  readonly noPivot?: boolean;
  readonly noNewKeyring?: boolean;
  readonly systemdCgroup?: boolean | "auto";
  /** How many of the preserved descriptors are sockets to listen on; they are the first. */
  readonly listenFds?: number;
  /** Where init's pid is written: digits only. */
  readonly pidFile?: string;
  /** A unix socket that gets init's pidfd. */
  readonly pidfdSocket?: string;
  /** What the caller adds to the config that the bundle has. */
  readonly change?: (config: Config) => Config;
  /** The caller's NOTIFY_SOCKET: the program gets a way to say that it is ready (sd_notify(3)). */
  readonly notifySocket?: string;
  /** Gives up, and undoes what was done, with the signal's reason. */
  readonly abort?: AbortSignal;
  readonly inheritance: Inheritance;
  /** The caller's environment, for hooks without their own. */
  readonly environment: readonly string[];
  readonly warn: (message: string) => void;
  /** Fails this step of the plan, for tests. */
  readonly fault?: number;
}

/** What hooks, a terminal and a seccomp listener need. */
type HandlerOptions = Pick<CreateOptions, "store" | "id" | "bundle" | "environment" | "inheritance" | "abort" | keyof ConsoleOptions>;

/** A container whose init waits at the gate "created", under lock. */
export interface Creation {
  readonly execution: Execution;
  readonly state: StoredState;
  readonly config: Config;
  readonly lock: Lock;
}

/** A bundle without links in its path, as other runtimes tell it to hooks and engines; where there is none, as it was given. */
export function realBundle(bundle: string): string {
  try {
    return native().realpath(bundle);
  } catch {
    // Who reads its config.json has the better words.
    return bundle;
  }
}

/** Reads and plans a bundle without doing anything. */
export function readBundle(bundle: string): { readonly config: Config; readonly bytes: Uint8Array } {
  const path = join(bundle, "config.json");
  try {
    const { size, isFile } = statSync(path);
    // To open a fifo is to wait for who writes to it.
    if (!isFile()) throw new ConfigError(path, [{ pointer: "", message: "must be a file" }]);
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
export async function prepare(given: CreateOptions, { waitForStart }: { readonly waitForStart: boolean }): Promise<Creation> {
  const options = { ...given, bundle: realBundle(given.bundle) };
  const { store, id, bundle, warn } = options;
  checkId(id);
  const { config: written, bytes } = readBundle(bundle);
  const notify = options.notifySocket === undefined ? undefined : await import("./notify.ts");
  const changed = options.change === undefined ? written : options.change(written);
  const config = notify === undefined ? changed : notify.withNotifySocket(changed, notify.notifyFolder(store, id));
  const terminalSize = checkConsole(config.process, options);
  const host = probeHost(store.root);
  const plan = withPlaces(bytes, () => makePlan(config, host, planOptions(options, { waitForStart, terminalSize })));
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
    notify?.makeNotifyFolder(notify.notifyFolder(store, id));
    const steps = new CreateSteps(makeHandlers({ options, config, host }));
    const { inheritance, fault, abort } = options;
    execution = new Execution(plan, { inheritance, runners: steps.runners, telling: telling({ purpose: "create the container", plan, place: placeIn(bytes), cgroup: () => steps.cgroup?.directories ?? [], warn }), fault, abort });
    execution.cleanup.add(() => steps.close());
    await execution.begin();
    await execution.untilCreated();
    const state = createdState(draft, execution.init.pid, steps.cgroup);
    store.save(state);
    if (options.pidFile !== undefined) writePidFile(options.pidFile, state.pid);
    if (options.pidfdSocket !== undefined) (await import("./pidfd-socket.ts")).sendPidfd(options.pidfdSocket, execution.init.pidfd, "standard");
    return { execution, state, config, lock };
  } catch (error) {
    await undo(options, { execution, lock, draft });
    throw error;
  }
}

/** Nothing of a container that could not be created stays; its poststop hooks are the end of it (runtime.md#lifecycle). */
export async function undo(
  { store, id, environment, inheritance, warn }: Pick<CreateOptions, "store" | "id" | "environment" | "inheritance" | "warn">,
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
  const { id, bundle, noPivot = false, noNewKeyring = false, systemdCgroup = false, listenFds = 0, environment } = options;
  const size = terminalSize === undefined ? {} : { terminalSize };
  return { id, bundle, waitForStart, noPivot, noNewKeyring, systemdCgroup, listenFds, environment, ...size };
}

/** What is known of a container before any of it is made. */
export function draftState(config: Config, plan: Plan, { id, bundle, noNewKeyring = false }: Pick<CreateOptions, "id" | "bundle" | "noNewKeyring">): StoredState {
  const { poststart, poststop } = config.hooks ?? {};
  const created = plan.steps.findIndex((step) => step.op === "gate" && step.name === "created");
  const pid = config.linux?.namespaces?.find(({ type }) => type === "pid");
  return {
    version: 1,
    id,
    ociVersion: config.ociVersion,
    phase: "creating",
    bundle,
    rootfs: resolve(bundle, config.root?.path ?? ""),
    ...(config.annotations === undefined ? {} : { annotations: config.annotations }),
    created: new Date().toISOString(),
    owner: `${process.geteuid?.() ?? 0}`,
    bootId: bootId(),
    pid: 0,
    startTime: 0,
    ownPidNamespace: pid !== undefined && (pid.path === undefined || pid.path === ""),
    hasProcess: config.process !== undefined && (config.process.args ?? []).length > 0,
    ...(noNewKeyring ? { noNewKeyring } : {}),
    hooks: { ...(poststart === undefined ? {} : { poststart }), ...(poststop === undefined ? {} : { poststop }) },
    lastSteps: lastSteps(plan, created),
  };
}

/** What there will be, and what there is already: whoever cleans up after a crash must spare the latter. */
export function cgroupToBe(host: Host, { steps }: Plan): Cgroup {
  const make = steps.find((step) => step.op === "cgroup_create");
  const { path, unit } = make?.op === "cgroup_create" ? make : { path: "", unit: undefined };
  const layout = usableLayout(host, path);
  const directories = layout.hierarchies.map(({ mountPoint, version, controllers }) => {
    const directory = mountPoint + path;
    return { version, controllers, path: directory, created: !existsSync(directory) };
  });
  return { path, directories, parents: [], ...(unit === undefined ? {} : { unit: { name: unit.name, manager: unit.manager } }) };
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

/** As with the cgroup. */
export async function groupToBe(plan: Plan): Promise<Pick<StoredState, "resctrl">> {
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

/** What a container's steps need besides the plan. */
export function makeHandlers({ options, config, host }: { readonly options: HandlerOptions; readonly config: Config; readonly host: Host }): Handlers {
  const { store, id, bundle, environment } = options;
  return {
    host,
    id,
    environment,
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

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
