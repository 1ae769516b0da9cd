/** One container of containerd: its init, its execs, and what containerd is told of them. */

import { join } from "node:path";
import { freeze, thaw } from "../cgroup/freeze.ts";
import type { OomWatch } from "../cgroup/oom.ts";
import { pidsOf } from "../cgroup/processes.ts";
import { create } from "../container/create.ts";
import { deleteContainer } from "../container/delete.ts";
import { kill } from "../container/kill.ts";
import { killPid } from "../container/processes.ts";
import { start } from "../container/start.ts";
import type { StoredState } from "../container/state.ts";
import { Store } from "../container/store.ts";
import { killAll } from "../cgroup/kill.ts";
import { SIGKILL } from "../linux/signals.ts";
import type { Config } from "../spec/config.ts";
import { closeSync } from "../native/files.ts";
import { native } from "../native/native.ts";
import { ConfigError, NoSuchContainerError, StatusError } from "../errors.ts";
import { writeRecord } from "./bundle.ts";
import type { BundleRecord } from "./bundle.ts";
import type { Publisher } from "./events.ts";
import { Execs } from "./execs.ts";
import { TaskCreate, TaskDelete, TaskEvent, TaskExit, TaskStart } from "./generated/events.ts";
import type { CheckpointTaskRequest, CreateTaskRequest, ExecProcessRequest } from "./generated/task.ts";
import type { Any } from "./generated/types.ts";
import { log, messageOf } from "./log.ts";
import type { Options } from "./options.ts";
import { Process } from "./process.ts";
import { mountRootfs, unmountRootfs } from "./rootfs.ts";
import { RpcError } from "./rpc-error.ts";
import { Stdio } from "./stdio.ts";
import type { StdioOptions } from "./stdio.ts";

/** How long whoever stops the container waits for execs that are about to run. */
const START_MILLISECONDS = 10_000;

/** What all tasks of a shim have in common. */
export interface Context {
  readonly namespace: string;
  readonly socket: string;
  /** The environment for hooks without their own. */
  readonly environment: readonly string[];
  readonly publisher: Publisher;
  /** What containers have besides what their configs say. */
  readonly change?: (config: Config) => Config;
}

export class Task {
  readonly id: string;
  readonly bundle: string;
  readonly init: Process;
  readonly execs: Execs;
  readonly #store: Store;
  /** Undefined until a container is made from a checkpoint. */
  #state: StoredState | undefined;
  #checkpoint: Checkpointed | undefined;
  /** Ends a restore that is under way. */
  #restoring: AbortController | undefined;
  readonly #mounted: boolean;
  readonly #context: Context;
  #oom: OomWatch | undefined;
  /** Resolves when the end of init was told: nothing may be told of the container after it but its delete. */
  #exitTold: Promise<void> = Promise.resolve();
  #startTold = false;
  #oomWaits = false;
  #isPaused = false;
  #isDeleted = false;
  /** Resolves when nobody is about to stop all processes. */
  #freezing: Promise<unknown> = Promise.resolve();
  /** One operation after the other: each holds the container's lock, and a wait for it would stop the whole shim. */
  #queue: Promise<unknown> = Promise.resolve();

  private constructor(facts: {
    readonly request: CreateTaskRequest;
    readonly context: Context;
    readonly store: Store;
    readonly state?: StoredState;
    readonly checkpoint?: Checkpointed;
    readonly init: Process;
    readonly owner: StdioOptions["owner"];
  }) {
    this.id = facts.request.id;
    this.bundle = facts.request.bundle;
    this.init = facts.init;
    this.#store = facts.store;
    this.#state = facts.state;
    this.#checkpoint = facts.checkpoint;
    this.#mounted = facts.request.rootfs.length > 0;
    this.#context = facts.context;
    const { namespace, publisher } = facts.context;
    this.execs = new Execs({ id: this.id, namespace, store: facts.store, publisher, owner: facts.owner });
  }

  /** Makes the container; a failure leaves nothing, and is told to nobody but the caller. */
  static async create(request: CreateTaskRequest, options: Options, { abort, ...context }: Context & { readonly abort?: AbortSignal }): Promise<Task> {
    const { id, bundle, rootfs: mounts, terminal, stdin, stdout, stderr } = request;
    const root = join(options.root, context.namespace);
    const store = new Store(root);
    const rootfs = join(bundle, "rootfs");
    const owner = { uid: options.ioUid, gid: options.ioGid };
    const record = { root, mounted: mounts.length > 0, socket: context.socket };
    writeRecord(bundle, { ...record, pid: 0 });
    const stdio = await Stdio.open({ terminal, stdin, stdout, stderr }, { direct: true, owner, containerId: id, namespace: context.namespace });
    try {
      abort?.throwIfAborted();
      await mountRootfs(rootfs, mounts);
      const init = new Process(id, stdio.paths);
      if (request.checkpoint !== "") {
        // Its Start makes it: there are no processes that could wait for that.
        const task = new Task({ request, context, store, init, owner, checkpoint: { stdio, record, imagePath: request.checkpoint } });
        task.#publishCreate(request);
        task.#exitTold = task.#watchInit();
        return task;
      }
      const { state, pidfd } = await create({
        store,
        id,
        bundle,
        noPivot: options.noPivotRoot,
        noNewKeyring: options.noNewKeyring,
        // A kubelet whose driver is systemd says so by the path alone.
        systemdCgroup: options.systemdCgroup || "auto",
        ...(terminal ? { console: stdio.console } : {}),
        inheritance: { stdio: stdio.given, preserved: [], ignored: 0n, blocked: 0n },
        environment: context.environment,
        ...(abort === undefined ? {} : { abort }),
        ...(context.change === undefined ? {} : { change: context.change }),
        warn: (message) => log("warning", message),
      });
      stdio.childHasThem();
      await keepRecord({ store, id, pidfd, environment: context.environment }, () => writeRecord(bundle, { ...record, pid: state.pid }));
      init.attach({ pid: state.pid, pidfd }, stdio);
      const task = new Task({ request, context, store, state, init, owner });
      task.#publishCreate(request);
      task.#exitTold = task.#watchInit();
      return task;
    } catch (error) {
      stdio.childHasThem();
      stdio.close();
      if (mounts.length > 0) unmountRootfs(rootfs);
      throw new RpcError("UNKNOWN", `OCI runtime create failed: ${messageOf(error)}`, { cause: error });
    }
  }

  /** Whether somebody waits for this child, or may come to. */
  knows(pid: number): boolean {
    return this.init.isStarting || this.init.pid === pid || this.execs.knows(pid);
  }

  #publishCreate({ rootfs, stdin, stdout, stderr, terminal }: CreateTaskRequest): void {
    const io = { stdin, stdout, stderr, terminal };
    this.#context.publisher.publish("/tasks/create", TaskCreate, { container_id: this.id, bundle: this.bundle, rootfs, io, pid: this.init.pid });
  }

  /** The end of init is the end of the container. */
  async #watchInit(): Promise<void> {
    const { status, at } = await this.init.ended;
    // It never was there.
    if (this.init.pid === 0) return;
    const { reported } = this.init;
    // Processes outside of a pid namespace of its own would outlive it.
    const killOthers = (): void => {
      if (this.#state?.ownPidNamespace === false) killAll(this.#directories, killPid);
    };
    killOthers();
    await this.execs.over();
    // Those that have come in meanwhile.
    killOthers();
    await this.init.startSettled();
    await this.execs.allTold();
    await reported;
    this.#oom?.check();
    this.#oom?.close();
    this.#context.publisher.publish("/tasks/exit", TaskExit, { container_id: this.id, id: this.id, pid: this.init.pid, exit_status: status, exited_at: at });
  }

  #serially<T>(operation: () => Promise<T>): Promise<T> {
    const result = this.#queue.then(operation);
    this.#queue = result.catch(() => undefined);
    return result;
  }

  start(): Promise<number> {
    return this.#serially(() => this.init.start(() => this.#start()));
  }

  async #start(): Promise<void> {
    if (this.#checkpoint !== undefined) return await this.#restore(this.#checkpoint);
    // Before the program can be killed: what the watch finds at its beginning is not this container's.
    await this.#watchOom();
    try {
      await start({ store: this.#store, id: this.id, environment: this.#context.environment, warn: (message) => log("warning", message) });
    } catch (error) {
      throw new RpcError("UNKNOWN", `OCI runtime start failed: ${messageOf(error)}`, { cause: error });
    }
    this.#tellStart();
  }

  #tellStart(): void {
    this.#context.publisher.publish("/tasks/start", TaskStart, { container_id: this.id, pid: this.init.pid });
    this.#startTold = true;
    if (this.#oomWaits) this.#tellOom();
  }

  async #restore({ stdio, record, imagePath }: Checkpointed): Promise<void> {
    const { id, bundle } = this;
    const { environment } = this.#context;
    const { restoreTask } = await import("./checkpoint.ts");
    const restoring = new AbortController();
    this.#restoring = restoring;
    try {
      const { state, pidfd } = await restoreTask({ store: this.#store, id, bundle, environment }, { imagePath, stdio, abort: restoring.signal });
      stdio.childHasThem();
      this.#state = state;
      await keepRecord({ store: this.#store, id, pidfd, environment }, () => writeRecord(bundle, { ...record, pid: state.pid }));
      this.init.attach({ pid: state.pid, pidfd }, stdio);
    } catch (error) {
      throw new RpcError("UNKNOWN", `OCI runtime restore failed: ${messageOf(error)}`, { cause: error });
    } finally {
      this.#restoring = undefined;
    }
    this.#checkpoint = undefined;
    await this.#watchOom();
    this.#tellStart();
  }

  checkpoint(request: CheckpointTaskRequest): Promise<void> {
    return this.#serially(async () => {
      this.#requireRunning("checkpoint");
      const { checkpointTask } = await import("./checkpoint.ts");
      const { id, bundle } = this;
      await this.#betweenExecs("checkpoint", () => checkpointTask({ store: this.#store, id, bundle, environment: this.#context.environment }, request));
    });
  }

  async #watchOom(): Promise<void> {
    const { OomWatch: Watch } = await import("../cgroup/oom.ts");
    this.#oom = new Watch(this.#directories, () => this.#tellOom());
  }

  /** Not before the start was told. */
  #tellOom(): void {
    if (this.#startTold) this.#context.publisher.publish("/tasks/oom", TaskEvent, { container_id: this.id });
    else this.#oomWaits = true;
  }

  get #directories(): NonNullable<StoredState["cgroup"]>["directories"] {
    return this.#state?.cgroup?.directories ?? [];
  }

  get isPaused(): boolean {
    return this.#isPaused && !this.init.hasEnded;
  }

  pause(): Promise<void> {
    return this.#serially(async () => {
      this.#requireRunning("pause");
      if (this.#isPaused) throw new RpcError("UNKNOWN", "cannot pause a paused container");
      await this.#betweenExecs("pause", () => freeze(this.#directories));
      this.#isPaused = true;
      this.#context.publisher.publish("/tasks/paused", TaskEvent, { container_id: this.id });
    });
  }

  resume(): Promise<void> {
    return this.#serially(() => {
      this.#requireRunning("resume");
      if (!this.#isPaused) throw new RpcError("UNKNOWN", "cannot resume a running process");
      thaw(this.#directories);
      this.#isPaused = false;
      this.#context.publisher.publish("/tasks/resumed", TaskEvent, { container_id: this.id });
      return Promise.resolve();
    });
  }

  /**
   * None begins meanwhile, and none is half begun: a process that is born into a cgroup of v2 that is being frozen holds up
   * who makes it, and that is the whole shim, which nobody could then ask to let it go on.
   */
  #betweenExecs(verb: string, operation: () => Promise<void>): Promise<void> {
    const result = this.execs.startsSettled(START_MILLISECONDS).then((settled) => {
      if (!settled) throw new RpcError("UNKNOWN", `cannot ${verb} the container: an exec that is to be started still is not`);
      return operation();
    });
    this.#freezing = result.catch(() => undefined);
    return result;
  }

  #requireRunning(verb: string): void {
    if (this.init.hasEnded) throw new RpcError("UNKNOWN", `cannot ${verb} a stopped process`);
    if (!this.init.hasStarted) throw new RpcError("UNKNOWN", `cannot ${verb} task in created state`);
  }

  /** `resources`: the specification's Linux resources, as JSON. */
  update(resources: Uint8Array): Promise<void> {
    return this.#serially(async () => {
      if (this.init.hasEnded) throw new RpcError("UNKNOWN", "cannot update a stopped container");
      const { update } = await import("../container/update.ts");
      const { parseResources } = await import("../spec/resources-document.ts");
      const file = "the resources";
      try {
        await update({ store: this.#store, id: this.id, resources: parseResources(new TextDecoder().decode(resources), file), file, environment: this.#context.environment });
      } catch (error) {
        throw new RpcError(error instanceof ConfigError ? "INVALID_ARGUMENT" : "UNKNOWN", messageOf(error), { cause: error });
      }
    });
  }

  async stats(): Promise<Any> {
    const { readMetrics } = await import("./metrics.ts");
    if (this.init.hasEnded) throw new RpcError("NOT_FOUND", "cgroup does not exist");
    return readMetrics(this.#directories);
  }

  kill(signal: number, all: boolean): void {
    if (this.init.hasEnded && !all) throw new RpcError("NOT_FOUND", "process already finished");
    // There is no process yet that a signal could reach, and images may keep criu waiting for ever.
    if (this.#restoring !== undefined && signal === SIGKILL) return this.#restoring.abort(new RpcError("UNKNOWN", "it was killed"));
    try {
      kill({ store: this.#store, id: this.id, signal, all });
    } catch (error) {
      // It may have ended a moment ago, and this shim is yet to hear of it.
      const isOver = error instanceof StatusError && error.status === "stopped";
      if (this.init.hasEnded || isOver || error instanceof NoSuchContainerError) throw new RpcError("NOT_FOUND", "process already finished", { cause: error });
      throw error;
    }
  }

  /** The pids of all processes; init's as long as containerd has not taken note of its end. */
  pids(): number[] {
    const pids = pidsOf(this.#directories);
    return pids.length > 0 ? pids : [this.init.pid];
  }

  /** Starts one that was added. */
  async startExec(id: string): Promise<number> {
    for (let seen: Promise<unknown> | undefined; seen !== this.#freezing; await seen) seen = this.#freezing;
    if (this.init.hasEnded) throw new RpcError("FAILED_PRECONDITION", `container ${this.id} init process is not running`);
    return await this.execs.start(id);
  }

  addExec(request: ExecProcessRequest): void {
    if (this.init.hasEnded) throw new RpcError("UNKNOWN", "cannot exec in a stopped state");
    if (this.#isPaused) throw new RpcError("UNKNOWN", "cannot exec in a paused state");
    this.execs.add(request);
  }

  /** Removes the container, whose init has ended or never began. */
  delete(): Promise<void> {
    return this.#serially(async () => {
      // Somebody else's delete was first; by now the id may be another container's.
      if (this.#isDeleted) throw new RpcError("NOT_FOUND", "container not created");
      if (!this.init.hasEnded && this.init.hasStarted) throw new RpcError("FAILED_PRECONDITION", "cannot delete a running process");
      const environment = this.#context.environment;
      await deleteContainer({ store: this.#store, id: this.id, force: true, environment, warn: (message) => log("warning", message) });
      this.#forgetCheckpoint();
      const { status, at } = await this.init.ended;
      await this.#exitTold;
      await this.init.drained();
      this.init.close();
      this.execs.close();
      if (this.#mounted) unmountRootfs(join(this.bundle, "rootfs"));
      this.#isDeleted = true;
      this.#context.publisher.publish("/tasks/delete", TaskDelete, { container_id: this.id, pid: this.init.pid, exit_status: status, exited_at: at });
    });
  }

  /** Of a container that was never made from its images. */
  #forgetCheckpoint(): void {
    const { stdio } = this.#checkpoint ?? {};
    if (stdio === undefined) return;
    stdio.childHasThem();
    stdio.close();
    this.init.giveUp();
  }
}

/** A container that is still to be made from images. */
interface Checkpointed {
  readonly imagePath: string;
  readonly stdio: Stdio;
  readonly record: Omit<BundleRecord, "pid">;
}

/** A container of which "delete" could not be told is not kept: a disk may be full. */
async function keepRecord(
  { store, id, pidfd, environment }: { readonly store: Store; readonly id: string; readonly pidfd: number; readonly environment: readonly string[] },
  write: () => void,
): Promise<void> {
  try {
    write();
  } catch (error) {
    await deleteContainer({ store, id, force: true, environment, warn: (message) => log("warning", message) });
    native().waitPidfd(pidfd);
    closeSync(pidfd);
    throw error;
  }
}
