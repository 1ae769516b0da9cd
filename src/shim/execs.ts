/** The execs of a task: further processes in its container, registered first and started later. */

import type { ExecOptions } from "../container/exec.ts";
import { TaskExecAdded, TaskExecStarted, TaskExit } from "./generated/events.ts";
import type { ExecProcessRequest } from "./generated/task.ts";
import { log, messageOf } from "./log.ts";
import { Process } from "./process.ts";
import type { Publisher } from "./events.ts";
import { RpcError } from "./rpc-error.ts";
import { Stdio } from "./stdio.ts";
import type { StdioOptions } from "./stdio.ts";

interface Exec {
  readonly process: Process;
  /** `process` of a config. */
  readonly spec: Uint8Array;
  /** Resolves when its end was told to containerd. */
  told: Promise<void>;
}

/** What they need of their task. */
interface Surroundings {
  readonly id: string;
  readonly namespace: string;
  readonly store: ExecOptions["store"];
  readonly publisher: Publisher;
  readonly owner: StdioOptions["owner"];
}

export class Execs {
  readonly #task: Surroundings;
  readonly #execs = new Map<string, Exec>();
  /** Those that are on their way into the container. */
  readonly #entering = new Set<Promise<void>>();
  #isOver = false;

  constructor(task: Surroundings) {
    this.#task = task;
  }

  /** Keeps what is to be run; nothing is executed yet. */
  add({ exec_id: id, terminal, stdin, stdout, stderr, spec }: ExecProcessRequest): void {
    if (id === "") throw new RpcError("INVALID_ARGUMENT", "cannot add an exec: it has no id");
    if (this.#execs.has(id)) throw new RpcError("ALREADY_EXISTS", `id ${id}`);
    const process = new Process(id, { terminal, stdin, stdout, stderr });
    this.#execs.set(id, { process, spec: withTerminal(spec?.value ?? new Uint8Array(), terminal), told: Promise.resolve() });
    this.#task.publisher.publish("/tasks/exec-added", TaskExecAdded, { container_id: this.#task.id, exec_id: id });
  }

  #find(id: string): Exec {
    const exec = this.#execs.get(id);
    if (exec === undefined) throw new RpcError("NOT_FOUND", `process does not exist ${id}`);
    return exec;
  }

  find(id: string): Process {
    return this.#find(id).process;
  }

  start(id: string): Promise<number> {
    const exec = this.#find(id);
    return exec.process.start(() => this.#begin(exec));
  }

  async #begin(exec: Exec): Promise<void> {
    const { id: containerId, namespace, owner } = this.#task;
    // What it starts may outlive it, and hold its streams.
    const stdio = await Stdio.open(exec.process.paths, { direct: false, owner, containerId, namespace });
    const entering = this.#enter(exec, stdio);
    this.#entering.add(entering);
    try {
      await entering;
    } finally {
      this.#entering.delete(entering);
    }
  }

  async #enter(exec: Exec, stdio: Stdio): Promise<void> {
    const { process, spec } = exec;
    const { id: container, store, publisher } = this.#task;
    try {
      // The client may have been slow with its streams, and the id be the next container's by now.
      if (this.#isOver) throw new RpcError("FAILED_PRECONDITION", `container ${container} init process is not running`);
      const { exec: run } = await import("../container/exec.ts");
      const child = await run({
        store,
        id: container,
        process: { bytes: spec, name: "the exec's process" },
        ...(process.paths.terminal ? { console: stdio.console } : {}),
        inheritance: { stdio: stdio.given, preserved: [], ignored: 0n, blocked: 0n },
        warn: (message) => log("warning", message),
      });
      stdio.childHasThem();
      process.attach(child, stdio);
    } catch (error) {
      stdio.childHasThem();
      stdio.close();
      throw new RpcError("UNKNOWN", `OCI runtime exec failed: ${messageOf(error)}`, { cause: error });
    }
    publisher.publish("/tasks/exec-started", TaskExecStarted, { container_id: container, exec_id: process.id, pid: process.pid });
    exec.told = this.#tell(process);
  }

  async #tell(process: Process): Promise<void> {
    const { status, at } = await process.reported;
    await process.startSettled();
    const { id: container_id, publisher } = this.#task;
    publisher.publish("/tasks/exit", TaskExit, { container_id, id: process.id, pid: process.pid, exit_status: status, exited_at: at });
  }

  /** One that is about to start is what it will be: who gives up a start that takes long wants no process to stay. */
  async kill(id: string, signal: number): Promise<void> {
    const { process } = this.#find(id);
    await process.startSettled();
    process.kill(signal);
  }

  async delete(id: string): Promise<Process> {
    const exec = this.#find(id);
    const { process } = exec;
    await process.startSettled();
    if (process.pid !== 0 && !process.hasEnded) throw new RpcError("UNKNOWN", "cannot delete a running process");
    // Nobody can start it any more, and who waits for it is told so.
    process.giveUp();
    await process.drained();
    await exec.told;
    // Somebody else's delete was first; by now the id may be another exec's.
    if (this.#execs.get(id) !== exec) throw new RpcError("NOT_FOUND", `process does not exist ${id}`);
    process.close();
    this.#execs.delete(id);
    return process;
  }

  /** Resolves when none is about to run, or with false after this time. */
  async startsSettled(milliseconds: number): Promise<boolean> {
    const starts = [...this.#execs.values()].filter(({ process }) => process.isStarting).map(({ process }) => process.startSettled());
    if (starts.length === 0) return true;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<false>((resolve) => (timer = setTimeout(() => resolve(false), milliseconds)));
    const settled = await Promise.race([Promise.all(starts).then(() => true), late]);
    clearTimeout(timer);
    return settled;
  }

  /** The container is over: none sets out into it any more. Resolves when nobody is on the way. */
  async over(): Promise<void> {
    this.#isOver = true;
    await Promise.allSettled(this.#entering);
  }

  /** Resolves when the end of each that runs was told. */
  async allTold(): Promise<void> {
    for (const { told } of this.#execs.values()) await told;
  }

  /** Whether the child is one of them, or may become one: then somebody waits for it. */
  knows(pid: number): boolean {
    for (const { process } of this.#execs.values()) if (process.pid === pid || process.isStarting) return true;
    return false;
  }

  /** The pids of those that run, with their ids. */
  pids(): ReadonlyMap<number, string> {
    const pids = new Map<number, string>();
    for (const { process } of this.#execs.values()) if (process.pid !== 0) pids.set(process.pid, process.id);
    return pids;
  }

  close(): void {
    this.#isOver = true;
    for (const { process } of this.#execs.values()) {
      process.giveUp();
      process.close();
    }
  }
}

/** Whether there is a terminal is the request's to say. */
function withTerminal(spec: Uint8Array, terminal: boolean): Uint8Array {
  let process: unknown;
  try {
    process = JSON.parse(new TextDecoder().decode(spec));
  } catch (error) {
    throw new RpcError("INVALID_ARGUMENT", `cannot read the exec's process: ${messageOf(error)}`, { cause: error });
  }
  if (typeof process !== "object" || process === null) throw new RpcError("INVALID_ARGUMENT", "cannot read the exec's process: it is no object");
  if ("terminal" in process ? process.terminal === terminal : !terminal) return spec;
  return new TextEncoder().encode(JSON.stringify({ ...process, terminal }));
}
