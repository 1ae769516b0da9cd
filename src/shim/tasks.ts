/** The task service: containerd.task.v2.Task, and v3, whose messages are the same. */

import { Task } from "./task.ts";
import type { Context } from "./task.ts";
import {
  CheckpointTaskRequest,
  CloseIORequest,
  ConnectResponse,
  CreateTaskRequest,
  CreateTaskResponse,
  DeleteResponse,
  Empty,
  ExecProcessRequest,
  KillRequest,
  PidsResponse,
  ProcessRequest,
  ResizePtyRequest,
  ShutdownRequest,
  StartResponse,
  StateResponse,
  StatsResponse,
  Status,
  UpdateTaskRequest,
  WaitResponse,
} from "./generated/task.ts";
import { ProcessDetails } from "./generated/options.ts";
import { JoinRequest } from "./generated/shim.ts";
import type { Any } from "./generated/types.ts";
import { SHIM_SERVICE } from "./listen.ts";
import { SIGKILL } from "../linux/signals.ts";
import { rmSync } from "../native/files.ts";
import { removeRecord } from "./bundle.ts";
import { Members } from "./members.ts";
import { encode } from "../protobuf/messages.ts";
import { readOptions } from "./options.ts";
import type { Process } from "./process.ts";
import { RpcError } from "./rpc-error.ts";
import type { SandboxMethod, SandboxService } from "./sandbox.ts";
import { method } from "./server.ts";
import type { Method, Services } from "./server.ts";
import { ZERO_TIME } from "./time.ts";

const SANDBOX_SERVICE = "containerd.runtime.sandbox.v1.Sandbox";
const SANDBOX_METHODS: readonly SandboxMethod[] = ["CreateSandbox", "StartSandbox", "Platform", "StopSandbox", "WaitSandbox", "SandboxStatus", "PingSandbox", "ShutdownSandbox", "SandboxMetrics"];
const VERSION = "v2";
const PROCESS_DETAILS = "containerd.runc.v1.ProcessDetails";

/** What happens to the shim as a whole. */
interface Events {
  /** Called once, when it is to end: the last task is gone and containerd asks for it, or end() was called. */
  readonly shutDown: () => void;
  /** There is no task any more, or somebody was promised a place. */
  readonly idle: () => void;
}

/** A task that is being made. */
interface Making {
  /** Resolves when it is made, or cannot be. */
  readonly done: Promise<unknown>;
  readonly abort: AbortController;
}

/** The tasks of one shim, by their ids. */
export class TaskService {
  /** Undefined while one is being made; then it is in the other map, too. */
  readonly #tasks = new Map<string, Task | undefined>();
  readonly #making = new Map<string, Making>();
  readonly #context: Context;
  readonly #events: Events;
  readonly members: Members = new Members(() => this.#tasks.size);

  #sandbox: SandboxService | undefined;
  /** Bundles of containers that are gone, of which "delete" is to know until the shim's socket is gone, too. */
  readonly #kept = new Map<string, string>();

  constructor(context: Context, events: Events) {
    this.#context = { ...context, change: (config) => this.#sandbox?.change(config) ?? config };
    this.#events = events;
  }

  /** Whether somebody waits for this child, or may come to. */
  knows(pid: number): boolean {
    for (const task of this.#tasks.values()) if (task === undefined || task.knows(pid)) return true;
    return this.#sandbox?.knows(pid) ?? false;
  }

  get services(): Services {
    const methods = this.#methods();
    return { "containerd.task.v2.Task": methods, "containerd.task.v3.Task": methods, [SANDBOX_SERVICE]: this.#ofSandbox(), [SHIM_SERVICE]: this.#own() };
  }

  /** Few pods are made in this way, so what makes them is loaded when it is called. */
  #ofSandbox(): Readonly<Record<string, Method>> {
    const methods: Record<string, Method> = {};
    for (const name of SANDBOX_METHODS) methods[name] = async (payload) => (await this.#sandboxService()).methods[name](payload);
    return methods;
  }

  async #sandboxService(): Promise<SandboxService> {
    const { SandboxService: Service } = await import("./sandbox.ts");
    this.#sandbox ??= new Service(this.#context, (id, bundle) => {
      if (bundle !== undefined) this.#kept.set(id, bundle);
      this.#shutdown(id);
      this.#events.idle();
    });
    return this.#sandbox;
  }

  #own(): Readonly<Record<string, Method>> {
    return {
      Join: method(JoinRequest, Empty, ({ id, most }) => {
        this.members.promise(id, most);
        this.#events.idle();
        return {};
      }),
    };
  }

  /** There is a task or a pod, one that is being made among them. */
  get isUsed(): boolean {
    return this.#tasks.size > 0 || this.#sandbox?.isThere === true;
  }

  #methods(): Readonly<Record<string, Method>> {
    return {
      Create: method(CreateTaskRequest, CreateTaskResponse, (request) => this.#create(request)),
      Start: method(ProcessRequest, StartResponse, async (request) => ({ pid: await this.#start(request) })),
      State: method(ProcessRequest, StateResponse, (request) => this.#state(request)),
      Delete: method(ProcessRequest, DeleteResponse, (request) => this.#delete(request)),
      Wait: method(ProcessRequest, WaitResponse, (request) => this.#wait(request)),
      Kill: method(KillRequest, Empty, (request) => this.#kill(request)),
      Pids: method(ProcessRequest, PidsResponse, ({ id }) => ({ processes: processesOf(this.#task(id)) })),
      ResizePty: method(ResizePtyRequest, Empty, (request) => {
        this.#process(request).resize(request.height, request.width);
        return {};
      }),
      CloseIO: method(CloseIORequest, Empty, (request) => {
        this.#process(request).closeStdin();
        return {};
      }),
      Connect: method(ProcessRequest, ConnectResponse, ({ id }) => ({
        shim_pid: process.pid,
        task_pid: this.#tasks.get(id)?.init.pid ?? 0,
        version: VERSION,
      })),
      Shutdown: method(ShutdownRequest, Empty, ({ id }) => this.#shutdown(id)),
      Pause: method(ProcessRequest, Empty, async ({ id }) => {
        await this.#task(id).pause();
        return {};
      }),
      Resume: method(ProcessRequest, Empty, async ({ id }) => {
        await this.#task(id).resume();
        return {};
      }),
      Exec: method(ExecProcessRequest, Empty, (request) => {
        this.#task(request.id).addExec(request);
        return {};
      }),
      Update: method(UpdateTaskRequest, Empty, async ({ id, resources }) => {
        await this.#task(id).update(resources?.value ?? new Uint8Array());
        return {};
      }),
      Checkpoint: method(CheckpointTaskRequest, Empty, async (request) => {
        await this.#task(request.id).checkpoint(request);
        return {};
      }),
      Stats: method(ProcessRequest, StatsResponse, async ({ id }) => ({ stats: await this.#task(id).stats() })),
    };
  }

  #create(request: CreateTaskRequest): Promise<Partial<CreateTaskResponse>> {
    const { id } = request;
    if (this.#tasks.has(id)) throw new RpcError("ALREADY_EXISTS", `task ${id}: already exists`);
    // Nobody would wait for its end.
    if (this.members.haveEnded) throw new RpcError("FAILED_PRECONDITION", "the shim is about to end");
    // The id is taken while the container is made.
    this.#tasks.set(id, undefined);
    this.members.settle(id);
    const abort = new AbortController();
    const making = this.#make(request, abort.signal);
    this.#making.set(id, { done: making.catch(() => undefined), abort });
    return making;
  }

  async #make(request: CreateTaskRequest, abort: AbortSignal): Promise<Partial<CreateTaskResponse>> {
    const { id } = request;
    try {
      const task = await Task.create(request, await readOptions(request.options), { ...this.#context, abort });
      this.#tasks.set(id, task);
      return { pid: task.init.pid };
    } catch (error) {
      this.#forget(id, request.bundle);
      throw error;
    } finally {
      this.#making.delete(id);
    }
  }

  /** A containerd that comes back, or whose client has gone, may want to be rid of what is only begun: a hook may go on for ever. */
  async #made(id: string, { isUnwanted = false }: { readonly isUnwanted?: boolean } = {}): Promise<void> {
    const making = this.#making.get(id);
    if (isUnwanted) making?.abort.abort(new RpcError("UNKNOWN", "it was killed"));
    await making?.done;
  }

  #task(id: string): Task {
    const task = this.#tasks.get(id);
    if (task === undefined) throw new RpcError("NOT_FOUND", "container not created");
    return task;
  }

  #process({ id, exec_id: execId }: { readonly id: string; readonly exec_id: string }): Process {
    const task = this.#task(id);
    return execId === "" ? task.init : task.execs.find(execId);
  }

  #start({ id, exec_id: execId }: ProcessRequest): Promise<number> {
    const task = this.#task(id);
    return execId === "" ? task.start() : task.startExec(execId);
  }

  #state(request: ProcessRequest): Partial<StateResponse> {
    const task = this.#task(request.id);
    const { pid, paths, ending, hasStarted } = this.#process(request);
    const { stdin, stdout, stderr, terminal } = paths;
    const running = task.isPaused ? Status.PAUSED : Status.RUNNING;
    const status = ending !== undefined ? Status.STOPPED : hasStarted ? running : Status.CREATED;
    return {
      id: request.id,
      bundle: task.bundle,
      pid,
      status,
      stdin,
      stdout,
      stderr,
      terminal,
      exit_status: ending?.status ?? 0,
      exited_at: ending?.at ?? ZERO_TIME,
      exec_id: request.exec_id,
    };
  }

  async #wait(request: ProcessRequest): Promise<Partial<WaitResponse>> {
    await this.#made(request.id);
    const { status, at } = await this.#process(request).reported;
    return { exit_status: status, exited_at: at };
  }

  async #kill({ id, exec_id: execId, signal, all }: KillRequest): Promise<Record<string, never>> {
    await this.#made(id, { isUnwanted: signal === SIGKILL });
    const task = this.#task(id);
    if (execId === "") task.kill(signal, all);
    else await task.execs.kill(execId, signal);
    return {};
  }

  async #delete({ id, exec_id: execId }: ProcessRequest): Promise<Partial<DeleteResponse>> {
    await this.#made(id, { isUnwanted: true });
    const task = this.#task(id);
    const { pid, ending } = execId === "" ? await this.#deleteTask(task) : await task.execs.delete(execId);
    return { pid, exit_status: ending?.status ?? 0, exited_at: ending?.at ?? ZERO_TIME };
  }

  async #deleteTask(task: Task): Promise<Process> {
    await task.delete();
    this.#forget(task.id, task.bundle);
    return task.init;
  }

  /** While the shim is there for others, nothing is left for "delete" to do, and the launcher can answer it by itself. */
  #forget(id: string, bundle: string): void {
    this.#tasks.delete(id);
    if (this.members.isEmpty) this.#kept.set(id, bundle);
    else removeRecord(bundle);
    if (this.#tasks.size === 0) this.#events.idle();
  }

  /** `id`: the container that containerd has no more to do with. */
  #shutdown(id: string): Record<string, never> {
    this.members.settle(id);
    const bundle = this.#kept.get(id);
    if (this.members.isEmpty) this.end();
    else if (bundle !== undefined) {
      // From now on the bundle may be that of the next container of this id, in another shim.
      this.#kept.delete(id);
      removeRecord(bundle);
    }
    return {};
  }

  /** Gives up the socket, once: from then on another shim may have its name. containerd asks for each container that is gone. */
  end(): void {
    if (this.members.haveEnded) return;
    this.members.end();
    // Whoever kills the shim from here on leaves nothing behind.
    rmSync(this.#context.socket, { force: true });
    for (const kept of this.#kept.values()) removeRecord(kept);
    this.#events.shutDown();
  }
}

/** With the id of the exec, where it is one. */
function processesOf(task: Task): { readonly pid: number; readonly info?: Any }[] {
  const execs = task.execs.pids();
  return task.pids().map((pid) => {
    const exec_id = execs.get(pid);
    return exec_id === undefined ? { pid } : { pid, info: { type_url: PROCESS_DETAILS, value: encode(ProcessDetails, { exec_id }) } };
  });
}
