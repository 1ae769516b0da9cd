/** One process of a task, init or exec: its streams, its start and its end. */

import { closeSync } from "../native/files.ts";
import { isNativeError, native } from "../native/native.ts";
import type { Spawned } from "../native/native.ts";
import { ended } from "../native/waiter.ts";
import type { Timestamp } from "./generated/types.ts";
import { RpcError } from "./rpc-error.ts";
import type { Patience, Stdio, StdioPaths } from "./stdio.ts";
import { now } from "./time.ts";

/** How a process ended: its exit status, or 128 and the signal's number. */
export interface Ending {
  readonly status: number;
  readonly at: Timestamp;
}

/** Clients of containerd stop reading when they learn of the end of a process, or of its deletion, so both wait for them. */
const BEFORE_END_IS_TOLD: Patience = { milliseconds: 1000, idleMilliseconds: 250 };
const BEFORE_DELETED: Patience = { milliseconds: 10_000, idleMilliseconds: 750 };
const SIGNALLED = 128;
/** Of a process that could not be started. */
const NEVER_RAN = 255;

export class Process {
  /** The exec's; init has the container's. */
  readonly id: string;
  readonly paths: StdioPaths;
  /** Resolves when it has ended, and was reaped. */
  readonly ended: Promise<Ending>;
  #reported: Promise<Ending> | undefined;
  #end: (ending: Ending) => void = () => {};
  #ending: Ending | undefined;
  #stdio: Stdio | undefined;
  #pid = 0;
  #started = false;
  #starting: Promise<unknown> | undefined;

  constructor(id: string, paths: StdioPaths) {
    this.id = id;
    this.paths = paths;
    this.ended = new Promise((resolve) => {
      this.#end = resolve;
    });
  }

  /** 0 as long as there is none. */
  get pid(): number {
    return this.#pid;
  }

  get ending(): Ending | undefined {
    return this.#ending;
  }

  get hasEnded(): boolean {
    return this.#ending !== undefined;
  }

  get hasStarted(): boolean {
    return this.#started;
  }

  /** How it ended, when that is to be told: when its client has what it wrote, or does not read. */
  get reported(): Promise<Ending> {
    this.#reported ??= this.#report();
    return this.#reported;
  }

  async #report(): Promise<Ending> {
    const ending = await this.ended;
    await this.#stdio?.drained(BEFORE_END_IS_TOLD);
    return ending;
  }

  /** The process is there, and its streams: from now on its end is waited for. */
  attach({ pid, pidfd }: Spawned, stdio: Stdio): void {
    this.#pid = pid;
    this.#stdio = stdio;
    void this.#wait(pidfd);
  }

  async #wait(pidfd: number): Promise<void> {
    const { code, signal } = await ended(pidfd);
    const at = now();
    closeSync(pidfd);
    this.#finish({ status: signal === 0 ? code : SIGNALLED + signal, at });
  }

  #finish(ending: Ending): void {
    this.#ending = ending;
    this.#end(ending);
  }

  /** There never will be a process. */
  giveUp(): void {
    if (this.#pid === 0 && this.#ending === undefined && !this.isStarting) this.#finish({ status: NEVER_RAN, at: now() });
  }

  /** Its start is under way, and its pid not known yet. */
  get isStarting(): boolean {
    return this.#starting !== undefined && this.#pid === 0 && this.#ending === undefined;
  }

  /** Runs the start of this process, once; who waits for one that could not start is told so. */
  start(begin: () => Promise<void>): Promise<number> {
    if (this.#ending !== undefined) return Promise.reject(new RpcError("UNKNOWN", "cannot start a stopped process"));
    if (this.#starting !== undefined) return Promise.reject(new RpcError("UNKNOWN", "cannot start a running process"));
    const result = begin().then(
      () => {
        this.#started = true;
        return this.#pid;
      },
      (error: unknown) => {
        if (this.#pid === 0) this.#finish({ status: NEVER_RAN, at: now() });
        throw error;
      },
    );
    // A macrotask later the answer has been written.
    this.#starting = result.catch(() => undefined).then(() => new Promise((resolve) => setTimeout(resolve, 0)));
    return result;
  }

  /** Resolves when no start is under way, and the answer to the last one is on its way. */
  async startSettled(): Promise<void> {
    await this.#starting;
  }

  /** kill(2): the pid is this process's until its end was waited for. */
  kill(signal: number): void {
    if (this.#ending !== undefined) throw new RpcError("NOT_FOUND", "process already finished");
    if (this.#pid === 0) throw new RpcError("FAILED_PRECONDITION", "process not created");
    try {
      native().kill(this.#pid, signal);
    } catch (error) {
      if (isNativeError(error) && error.code === "ESRCH") throw new RpcError("NOT_FOUND", "process already finished", { cause: error });
      throw error;
    }
  }

  resize(rows: number, columns: number): void {
    this.#stdio?.resize(rows, columns);
  }

  closeStdin(): void {
    this.#stdio?.closeStdin();
  }

  /** Resolves when what it wrote is with the client. */
  async drained(): Promise<void> {
    await this.#stdio?.drained(BEFORE_DELETED);
  }

  close(): void {
    this.#stdio?.close();
  }
}
