/** `restore`: criu makes a container's processes again from the images of a checkpoint. */

import { join } from "node:path";
import { checkConsole, handOverConsole } from "../container/console.ts";
import type { ConsoleOptions } from "../container/console.ts";
import { cgroupToBe, draftState, groupToBe, makeHandlers, readBundle, realBundle, undo } from "../container/create.ts";
import type { Created } from "../container/create.ts";
import { CreateSteps } from "../container/create-steps.ts";
import type { Handlers } from "../container/create-steps.ts";
import { Execution } from "../container/execution.ts";
import type { Inheritance } from "../container/execution.ts";
import { makeNotifyFolder, notifyFolder } from "../container/notify.ts";
import { writePidFile } from "../container/pid-file.ts";
import { probeHost } from "../container/probe.ts";
import { runPoststart } from "../container/start.ts";
import type { StoredState } from "../container/state.ts";
import { startTimeOf } from "../container/status.ts";
import { checkId } from "../container/store.ts";
import type { Lock, Store } from "../container/store.ts";
import { placeIn, telling, withPlaces } from "../container/telling.ts";
import { tellWarnings } from "../container/warnings.ts";
import { CriuError } from "../errors.ts";
import { closeSync, existsSync, mkdirSync, rmdirSync } from "../native/files.ts";
import { native } from "../native/native.ts";
import type { Spawned } from "../native/native.ts";
import { ended } from "../native/waiter.ts";
import { usableLayout } from "../plan/cgroup.ts";
import { planRestore } from "../plan/restore.ts";
import type { RestorePlan } from "../plan/restore.ts";
import type { Config } from "../spec/config.ts";
import type { RestoreChoices } from "./choices.ts";
import { inheritedStreams } from "./descriptors.ts";
import { configFile, isOfUserNamespace, openFolders, refuseUnsearchable } from "./folders.ts";
import type { Folders } from "./folders.ts";
import { refusal } from "./log.ts";
import { HOST, hostMounts } from "./mounts.ts";
import { openNamespaces } from "./namespaces.ts";
import { setUpNetwork } from "./network.ts";
import { notifyMount } from "./notify.ts";
import { SOCKET, findCriu, requireFeature } from "./program.ts";
import { RESTORE_LOG, restoreRequest } from "./request.ts";
import type { RestoreFacts } from "./request.ts";
import { converse, endWorker } from "./worker.ts";
import type { Notice, Worker } from "./worker.ts";

export interface RestoreOptions extends ConsoleOptions {
  readonly store: Store;
  readonly id: string;
  /** The bundle's absolute path. */
  readonly bundle: string;
  readonly choices: RestoreChoices;
  readonly pidFile?: string;
  /** Gives up, and undoes what was done, with the signal's reason. */
  readonly abort?: AbortSignal;
  readonly inheritance: Inheritance;
  /** The caller's environment, for criu and for hooks without their own. */
  readonly environment: readonly string[];
  readonly warn: (message: string) => void;
}

/** Resolves when the container runs again, and its poststart hooks are done; who restores is its process's parent. */
export async function restore(given: RestoreOptions): Promise<Created> {
  const options = { ...given, bundle: realBundle(given.bundle) };
  const { store, id, bundle, choices, environment, inheritance } = options;
  checkId(id);
  const purpose = `restore container "${id}"`;
  const { config, bytes } = readBundle(bundle);
  checkConsole(config.process, options);
  const criu = await findCriu({ purpose, environment, inherited: inheritance });
  if (choices.lazyPages === true) await requireFeature(criu, "lazy_pages");
  const lock = store.claim(id);
  const { state, pidfd } = await new Restoration({ options, purpose, config, bytes, criu: criu.path, lock }).run();
  try {
    await runPoststart({ ...options, inherited: inheritance }, state);
  } catch (error) {
    native().waitPidfd(pidfd);
    closeSync(pidfd);
    throw error;
  } finally {
    lock.release();
  }
  return { state, pidfd };
}

/** What a restoration begins with. */
interface Beginning {
  readonly options: RestoreOptions;
  /** What follows `cannot` in errors. */
  readonly purpose: string;
  readonly config: Config;
  readonly bytes: Uint8Array;
  /** The program's path. */
  readonly criu: string;
  readonly lock: Lock;
}

interface Planned {
  readonly plan: RestorePlan;
  readonly draft: StoredState;
}

/** One way from images to a running container; what fails on it leaves nothing behind. */
class Restoration {
  readonly #options: RestoreOptions;
  readonly #purpose: string;
  readonly #config: Config;
  readonly #bytes: Uint8Array;
  readonly #criu: string;
  readonly #lock: Lock;
  readonly #steps: CreateSteps;
  readonly #handlers: Handlers;
  /** An empty directory that criu has the root mounted on. */
  readonly #place: string;
  #execution: Execution | undefined;
  #restored: Created | undefined;

  constructor({ options, purpose, config, bytes, criu, lock }: Beginning) {
    this.#options = options;
    this.#purpose = purpose;
    this.#config = config;
    this.#bytes = bytes;
    this.#criu = criu;
    this.#lock = lock;
    this.#place = join(options.store.directory(options.id), "criu-root");
    this.#handlers = makeHandlers({ options, config, host: probeHost(options.store.root) });
    this.#steps = new CreateSteps(this.#handlers);
  }

  async run(): Promise<Created> {
    const { store, id, pidFile } = this.#options;
    let planned: Planned;
    try {
      planned = await this.#plan();
    } catch (error) {
      store.remove(id);
      this.#lock.release();
      throw error;
    }
    const { plan, draft } = planned;
    try {
      // As with `create`: before the first side effect.
      store.save(draft);
      store.saveConfig(id, this.#bytes);
      mkdirSync(this.#place, { mode: 0o700 });
      makeNotifyFolder(notifyFolder(store, id));
      const restored = await this.#make(planned);
      if (pidFile !== undefined) writePidFile(pidFile, restored.state.pid);
      rmdirSync(this.#place);
      this.#execution?.cleanup.release();
      this.#execution?.close();
      if (this.#execution !== undefined) closeSync(this.#execution.init.pidfd);
      return restored;
    } catch (error) {
      await undo(this.#options, { execution: this.#execution, lock: this.#lock, draft });
      throw error;
    } finally {
      this.#steps.close();
      tellWarnings(plan.warnings, this.#bytes, this.#options.warn);
    }
  }

  async #plan(): Promise<Planned> {
    const { id, bundle, environment } = this.#options;
    const { host } = this.#handlers;
    const options = { id, bundle, environment, waitForStart: false, noPivot: false, noNewKeyring: false };
    const plan = withPlaces(this.#bytes, () => planRestore(this.#config, host, { ...options, criu: this.#criu, socket: SOCKET, place: this.#place }));
    return { plan, draft: { ...draftState(this.#config, plan, options), lastSteps: [], cgroup: cgroupToBe(host, plan), ...(await groupToBe(plan)) } };
  }

  async #make({ plan, draft }: Planned): Promise<Created> {
    // criu takes what it is to inherit away from its place, and wants to have standard streams itself: so they are there twice.
    const { stdio } = this.#options.inheritance;
    const first = SOCKET + 1;
    const streams = inheritedStreams(this.#options.choices.imagePath, first);
    const namespaces = openNamespaces(this.#config, { purpose: this.#purpose, first: first + stdio.length });
    const worker = await this.#start(plan, [...stdio, ...namespaces.fds]).finally(() => namespaces.close());
    const inherited = [...streams, ...namespaces.inherited];
    const external = [...hostMounts(plan.external, HOST), notifyMount(this.#options.store, this.#options.id)];
    await this.#ask(worker, { external, inherited, joined: namespaces.joined }, draft);
    if (this.#restored === undefined) throw new CriuError(`cannot ${this.#purpose}: criu says that it did, and not which process it is`);
    return this.#restored;
  }

  async #ask(worker: Worker & Spawned, known: Pick<RestoreFacts, "external" | "inherited" | "joined">, draft: StoredState): Promise<void> {
    const { choices, abort } = this.#options;
    const cgroupPath = this.#steps.cgroup?.path ?? "";
    const { hierarchies } = usableLayout(this.#handlers.host, cgroupPath);
    let folders: Folders | undefined;
    try {
      folders = openFolders(choices, { make: false, within: worker.pid });
      if (isOfUserNamespace(this.#config)) refuseUnsearchable(this.#purpose, folders.images, choices.imagePath);
      const facts = { ...known, ...folders, root: this.#place, configFile: configFile(this.#config.annotations), cgroupPath, hierarchies };
      const response = await converse(worker, restoreRequest(choices, facts), { purpose: this.#purpose, notified: (notice) => this.#notified(notice, draft), abort });
      if (!response.success) throw refusal(this.#purpose, response, join(folders.logs, RESTORE_LOG));
    } finally {
      if (folders === undefined) closeSync(worker.socket);
      else folders.close();
    }
  }

  /** Starts criu where the container is to be. */
  async #start(plan: RestorePlan, fds: readonly number[]): Promise<Worker & Spawned> {
    const { inheritance, warn, abort } = this.#options;
    const told = telling({ purpose: this.#purpose, plan, place: placeIn(this.#bytes), cgroup: () => this.#steps.cgroup?.directories ?? [], warn });
    const [socket, theirs] = native().socketpair();
    try {
      const runners = this.#steps.runners;
      this.#execution = new Execution(plan, { inheritance: { ...inheritance, preserved: [theirs, ...fds] }, runners, telling: told, abort });
      await this.#execution.begin();
      await this.#execution.untilExecuted();
      return { socket, ...this.#execution.init };
    } catch (error) {
      closeSync(socket);
      throw error;
    } finally {
      closeSync(theirs);
    }
  }

  async #notified({ script, pid, fds }: Notice, draft: StoredState): Promise<void> {
    const [fd, ...others] = fds;
    for (const other of others) closeSync(other);
    if (script === "orphan-pts-master" && fd !== undefined) return await handOverConsole(fd, this.#options);
    if (fd !== undefined) closeSync(fd);
    if (script === "setup-namespaces") await this.#setUp(pid);
    if (script === "post-restore") this.#keep(pid, draft);
  }

  /** The namespaces are there, and nothing runs in them yet. */
  async #setUp(pid: number): Promise<void> {
    const { prestart = [], createRuntime = [] } = this.#config.hooks ?? {};
    if (this.#execution !== undefined) setUpNetwork(this.#config, pid, this.#execution);
    for (const index of prestart.keys()) await this.#handlers.runHook({ by: "runtime", op: "run_hook", point: "prestart", index }, pid);
    for (const index of createRuntime.keys()) await this.#handlers.runHook({ by: "runtime", op: "run_hook", point: "createRuntime", index }, pid);
  }

  /** The processes are there, and about to run. */
  #keep(pid: number, draft: StoredState): void {
    const { cgroup } = this.#steps;
    // It is this process's child, so its pid is nobody else's until it was waited for.
    const pidfd = native().pidfdOpen(pid);
    this.#execution?.cleanup.add(() => endOf(pidfd));
    // A kernel without time namespaces has none to join.
    const restored = existsSync(`/proc/${pid}/ns/time`) ? { restored: true as const } : {};
    const state: StoredState = { ...draft, ...restored, phase: "created", pid, startTime: startTimeOf(pid), ...(cgroup === undefined ? {} : { cgroup }) };
    this.#options.store.save(state);
    this.#restored = { state, pidfd };
  }
}

async function endOf(pidfd: number): Promise<void> {
  endWorker(pidfd);
  await ended(pidfd);
  closeSync(pidfd);
}
