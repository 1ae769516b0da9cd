/** Runs a plan: the runtime's own steps here, init's in init, and the two meet at gates. */

import { closeEntry, entryDescriptors } from "../cgroup/entry.ts";
import type { EntryDescriptors } from "../cgroup/entry.ts";
import type { CgroupDirectory } from "../cgroup/cgroup.ts";
import { InitError, SystemError } from "../errors.ts";
import { SIGKILL } from "../linux/signals.ts";
import { closeSync } from "../native/files.ts";
import { Gate } from "../native/init.ts";
import type { InitFailure, InitMessage } from "../native/init.ts";
import { installedFile, native } from "../native/native.ts";
import type { Spawned } from "../native/native.ts";
import { forget, ready } from "../native/waiter.ts";
import { encodePlan } from "../plan/encode.ts";
import { isEntry } from "../plan/cgroup-entry.ts";
import type { Fd, Plan, RuntimeOp, RuntimeStep } from "../plan/step.ts";
import { Cleanup } from "./cleanup.ts";
import { deathAsInit, isUnasked } from "./executed.ts";
import { inWords } from "./store.ts";

/** What the caller gave to the container's process. */
export interface Inheritance {
  /** Standard input, output and error. */
  readonly stdio: readonly [number, number, number];
  /** What the program finds from 3 on; -1: nothing. */
  readonly preserved: readonly number[];
  readonly nofile?: readonly [soft: bigint, hard: bigint];
  readonly ignored?: bigint;
  readonly blocked?: bigint;
}

/** What is needed to tell what goes wrong. */
export interface Telling {
  /** What the plan is for, in the words that follow `cannot`: `create the container`. */
  readonly purpose: string;
  warn(step: number, errno: number, value: number): Promise<void>;
  /** An error of one of the runtime's own steps gets its place. */
  stepFailed(step: number, error: unknown): Promise<unknown>;
  /** A failure of init becomes an error. */
  failure(failure: InitFailure): Promise<Error>;
  /** Init ended before it was done, and said nothing; null: nobody knows how. */
  died(end: { readonly code: number; readonly signal: number } | null): Promise<Error>;
}

type StepOf<Op extends RuntimeOp["op"]> = Extract<RuntimeStep, { op: Op }>;

/** The runtime's own steps, for those who know how they are done; a plan holds no others. */
export type Runners = { readonly [Op in RuntimeOp["op"]]?: (step: StepOf<Op>, execution: Execution) => void | Promise<void> };

/** One run of one plan. Whoever starts it calls `cleanup.run()` when it fails, else `cleanup.release()`. */
export class Execution {
  readonly cleanup: Cleanup = new Cleanup();
  readonly #plan: Plan;
  readonly #inheritance: Inheritance;
  readonly #runners: Runners;
  readonly #telling: Telling;
  /** The step that is made to fail, for tests of what is left behind. */
  readonly #fault: number | undefined;
  #abort: AbortSignal | undefined;
  #aborted: Promise<never> | undefined;
  readonly #fds = new Map<Fd, number>();
  #init: Spawned | undefined;
  /** The first of two stages, which ends by itself, but has to be waited for. */
  #firstStage: Spawned | undefined;
  #gate: Gate | undefined;
  /** What came with the gate that init waits at. */
  #received: readonly number[] = [];

  constructor(
    plan: Plan,
    options: {
      readonly inheritance: Inheritance;
      readonly runners: Runners;
      readonly telling: Telling;
      readonly fault?: number | undefined;
      /** Ends it with the signal's reason, wherever it is. */
      readonly abort?: AbortSignal | undefined;
    },
  ) {
    this.#plan = plan;
    this.#inheritance = options.inheritance;
    this.#runners = options.runners;
    this.#telling = options.telling;
    this.#fault = options.fault;
    if (options.abort !== undefined) this.endOn(options.abort);
  }

  get init(): Spawned {
    if (this.#init === undefined) throw new InitError(`cannot ${this.#telling.purpose}: its init was not started`);
    return this.#init;
  }

  /** Runs the runtime's steps up to init's first. */
  async begin(): Promise<void> {
    await this.#runtimeSteps(0);
  }

  /** From here on the signal ends it, too. */
  endOn(abort: AbortSignal): void {
    this.#abort = abort;
    this.#aborted = rejection(abort);
  }

  /** Runs what was begun up to the gate "created", where init waits for `go()`. */
  async untilCreated(): Promise<void> {
    const { steps } = this.#plan;
    for (;;) {
      const message = await this.#nextMessage();
      if (message.kind === "end") throw await this.#initDied();
      if (message.kind === "failure") throw await this.#telling.failure(message);
      if (message.kind !== "gate") continue;
      this.#received = message.fds;
      const step = steps[message.step];
      if (step?.op === "gate" && step.name === "created") return this.#reapFirstStage();
      await this.#runtimeSteps(message.step + 1);
      this.#gate?.go();
    }
  }

  /** Lets init go on to the exec fifo, or to the program. */
  go(): void {
    this.#gate?.go();
  }

  /** Resolves when init became its program, or ended; a failure on the way is thrown. */
  async untilExecuted(): Promise<void> {
    for (;;) {
      const message = await this.#nextMessage();
      if (message.kind === "failure") {
        // What init finds out about a program that is refused comes in a second message, if it lives to tell.
        const more = await this.#nextMessage();
        throw await this.#telling.failure(more.kind === "failure" ? more : message);
      }
      if (message.kind !== "end") continue;
      const death = await deathAsInit(this.init.pid);
      if (death !== undefined && isUnasked(death)) throw await this.#initDied();
      return;
    }
  }

  /** Kills init, and does not wait for its end: one that is frozen dies when it is thawed. */
  abandon(): void {
    if (this.#init !== undefined) kill(this.#init);
    this.cleanup.release();
  }

  /** Closes what only the making needed. */
  close(): void {
    this.#gate?.close();
    for (const fd of [...this.#fds.values(), ...this.#received]) closeSync(fd);
    this.#fds.clear();
    this.#received = [];
  }

  /** Gives a descriptor its name in the plan; it is closed with the rest. */
  hold(name: Fd, fd: number): void {
    this.#fds.set(name, fd);
  }

  /** The descriptor that came with the gate; who takes it closes it. */
  takeReceived(): number | undefined {
    const [fd, ...rest] = this.#received;
    this.#received = rest;
    return fd;
  }

  /** Runs the runtime's steps from `at` on, until the next of init's. */
  async #runtimeSteps(at: number): Promise<void> {
    const { steps } = this.#plan;
    for (let index = at; ; index++) {
      const step = steps[index];
      if (step === undefined || step.by !== "runtime") return;
      this.#abort?.throwIfAborted();
      try {
        if (index === this.#fault) throw new SystemError(step.what ?? step.op, "EFAULT", "made to fail");
        const run = this.#runners[step.op];
        if (run === undefined) throw new InitError(`cannot ${this.#telling.purpose}: nobody knows how to ${step.op}`);
        // The table has a row for each op, so the step fits its row.
        await (run as (step: RuntimeStep, execution: Execution) => void | Promise<void>)(step, this);
      } catch (error) {
        throw await this.#telling.stepFailed(index, inWords(step.what ?? step.op, error));
      }
    }
  }

  /** Clones init into new namespaces and into a cgroup. */
  spawn({ flags, inherit, intoCgroup }: StepOf<"spawn">, directories: readonly CgroupDirectory[]): void {
    const { stdio, preserved, nofile, ignored, blocked } = this.#inheritance;
    const entry = this.#openEntry(directories, { inherit, intoCgroup });
    const closing: number[] = [];
    try {
      const program = native().sealedCopy("tsrun-init", initPath());
      closing.push(program);
      const planFd = native().sealedMemfd("plan", encodePlan(this.#steps(), inherit));
      closing.push(planFd);
      const [ours, theirs] = native().socketpair();
      closing.push(theirs);
      this.#gate?.close();
      this.#gate = new Gate(ours);
      const own = stdio.length + preserved.length;
      this.#init = native().spawn({
        executable: program,
        argv: ["tsrun-init", `${own}`],
        env: [],
        fds: [...stdio, ...preserved, planFd, theirs, ...inherit.map((name) => this.#fds.get(name) ?? -1)],
        flags,
        ...(entry.directory === undefined ? {} : { cgroup: entry.directory }),
        ...(nofile === undefined ? {} : { nofile }),
        ...(ignored === undefined ? {} : { ignored }),
        ...(blocked === undefined ? {} : { blocked }),
      });
      this.cleanup.add(async () => {
        await endOf(this.init);
        // It is in the cgroup, too, and that can be removed only when it is gone.
        await this.#firstStage;
      });
    } finally {
      for (const fd of closing) closeSync(fd);
      this.#closeEntry(entry);
    }
  }

  /** Init's steps, of which one may be made to fail. */
  #steps(): Plan["steps"] {
    const { steps } = this.#plan;
    if (this.#fault === undefined) return steps;
    const EFAULT = 14;
    return steps.map((step, index) =>
      index === this.#fault && step.by === "init" ? { by: "init" as const, op: "fail" as const, errno: EFAULT } : step,
    );
  }

  #openEntry(directories: readonly CgroupDirectory[], { inherit, intoCgroup }: Pick<StepOf<"spawn">, "inherit" | "intoCgroup">): EntryDescriptors {
    const entry = entryDescriptors(directories, { fstatfs: (fd) => native().fstatfs(fd), intoCgroup });
    const names = inherit.filter(isEntry);
    entry.files.forEach((fd, index) => this.#fds.set(names[index] ?? "", fd));
    return entry;
  }

  #closeEntry(entry: EntryDescriptors): void {
    for (const [name, fd] of this.#fds) if (entry.files.includes(fd)) this.#fds.delete(name);
    closeEntry(entry);
  }

  /** Messages that need no answer are dealt with here. */
  async #nextMessage(): Promise<InitMessage> {
    const next = this.#gate?.next();
    const message = await (this.#aborted === undefined ? next : Promise.race([next, this.#aborted]));
    if (message === undefined) return { kind: "end" };
    if (message.kind === "warning") await this.#telling.warn(message.step, message.errno, message.value);
    if (message.kind === "child") this.#secondStage(message);
    return message;
  }

  /** The first stage ends when it has cloned the second, which is this process's child, too. */
  #secondStage({ pid, pidfd }: Spawned): void {
    this.#firstStage = this.init;
    this.#init = { pid, pidfd };
    this.cleanup.add(() => this.#reapFirstStage());
  }

  async #reapFirstStage(): Promise<void> {
    const first = this.#firstStage;
    if (first === undefined) return;
    this.#firstStage = undefined;
    // The second has had much to do since: the first is nearly always gone.
    if (native().waitPidfd(first.pidfd) === null) {
      await ready(first.pidfd);
      native().waitPidfd(first.pidfd);
      forget(first.pidfd);
    }
    closeSync(first.pidfd);
  }

  async #initDied(): Promise<Error> {
    const { pidfd } = this.init;
    await ready(pidfd);
    return await this.#telling.died(native().waitPidfd(pidfd));
  }
}

/** A promise that only fails, with the signal's reason. */
function rejection(abort: AbortSignal): Promise<never> {
  const promise = new Promise<never>((_, reject) => {
    abort.addEventListener("abort", () => reject(abort.reason));
  });
  // Whether anybody waits just now or not.
  promise.catch(() => undefined);
  return promise;
}

/** Ends init and waits until it is gone: with its pid namespace go all processes of the container. */
async function endOf(init: Spawned): Promise<void> {
  const { pidfd } = init;
  try {
    kill(init);
    await ready(pidfd);
    native().waitPidfd(pidfd);
  } catch {
    // It was waited for.
  }
  closeSync(pidfd);
}

function kill({ pidfd }: Spawned): void {
  try {
    native().pidfdSendSignal(pidfd, SIGKILL);
  } catch {
    // It ended by itself.
  }
}

function initPath(): string {
  return installedFile("tsrun-init");
}
