/** Runs a plan: the runtime's own steps here, init's in init, and the two meet at gates. */

import { closeEntry, entryDescriptors } from "../cgroup/entry.ts";
import type { EntryDescriptors } from "../cgroup/entry.ts";
import type { Cgroup } from "../cgroup/cgroup.ts";
import { createCgroup, undoCreate } from "../cgroup/create.ts";
import { openWriter } from "../cgroup/write.ts";
import type { LimitWriter } from "../cgroup/write.ts";
import { InitError, SystemError } from "../errors.ts";
import type { Host } from "../host.ts";
import { SIGKILL, signalName } from "../linux/signals.ts";
import { NAMESPACES, findNamespace } from "../linux/namespaces.ts";
import { closeSync, openSync, writeFileSync } from "../native/files.ts";
import { Gate } from "../native/init.ts";
import type { InitFailure, InitMessage } from "../native/init.ts";
import { installedFile, native } from "../native/native.ts";
import type { Spawned } from "../native/native.ts";
import { ready } from "../native/waiter.ts";
import { encodePlan } from "../plan/encode.ts";
import type { Fd, Plan, RuntimeOp, RuntimeStep } from "../plan/step.ts";
import { Cleanup } from "./cleanup.ts";
import { inWords } from "./store.ts";

const O_PATH = 0o10000000;

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

/** The runtime's steps that need more than this file knows; create.ts supplies them. */
export interface Handlers {
  readonly fifoPath: string;
  /** A hook of the runtime's namespaces; `pid` is init's. */
  runHook(step: Extract<RuntimeStep, { op: "run_hook" }>, pid: number): Promise<void>;
  /** The terminal's master; who takes it closes it. */
  console(master: number): Promise<void>;
  /** The seccomp listener; it is closed afterwards. */
  seccompListener(listener: number, pid: number): Promise<void>;
  warn(step: number, errno: number, value: number): void;
  /** An error of one of the runtime's own steps gets its place. */
  stepFailed(step: number, error: unknown): unknown;
  /** A failure of init becomes an error. */
  failure(failure: InitFailure): Error;
}

type Runners = { readonly [Op in RuntimeOp["op"]]: (step: Extract<RuntimeStep, { op: Op }>) => void | Promise<void> };

/** One run of one plan. Whoever starts it calls `cleanup.run()` when it fails, else `cleanup.release()`. */
export class Execution {
  readonly cleanup: Cleanup = new Cleanup();
  readonly #plan: Plan;
  readonly #host: Host;
  readonly #inheritance: Inheritance;
  readonly #handlers: Handlers;
  /** The step that is made to fail, for tests of what is left behind. */
  readonly #fault: number | undefined;
  readonly #abort: AbortSignal | undefined;
  readonly #aborted: Promise<never> | undefined;
  readonly #fds = new Map<Fd, number>();
  #cgroup: Cgroup | undefined;
  #entry: EntryDescriptors | undefined;
  /** Keeps the directories open while one limit follows the other. */
  #limits: LimitWriter | undefined;
  #init: Spawned | undefined;
  #gate: Gate | undefined;
  /** What came with the gate that init waits at. */
  #received: readonly number[] = [];

  constructor(
    plan: Plan,
    options: {
      readonly host: Host;
      readonly inheritance: Inheritance;
      readonly handlers: Handlers;
      readonly fault?: number | undefined;
      /** Ends it with the signal's reason, wherever it is. */
      readonly abort?: AbortSignal | undefined;
    },
  ) {
    this.#plan = plan;
    this.#host = options.host;
    this.#inheritance = options.inheritance;
    this.#handlers = options.handlers;
    this.#fault = options.fault;
    this.#abort = options.abort;
    this.#aborted = options.abort === undefined ? undefined : rejection(options.abort);
  }

  get init(): Spawned {
    if (this.#init === undefined) throw new InitError("cannot use the container's init: it was not started");
    return this.#init;
  }

  get cgroup(): Cgroup | undefined {
    return this.#cgroup;
  }

  /** Runs the plan up to the gate "created", where init waits for `go()`. */
  async untilCreated(): Promise<void> {
    const { steps } = this.#plan;
    await this.#runtimeSteps(0);
    for (;;) {
      const message = await this.#nextMessage();
      if (message.kind === "end") throw await this.#initDied();
      if (message.kind === "failure") throw this.#handlers.failure(message);
      if (message.kind !== "gate") continue;
      this.#received = message.fds;
      const step = steps[message.step];
      if (step?.op === "gate" && step.name === "created") return;
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
      if (message.kind === "failure") throw this.#handlers.failure(message);
      if (message.kind === "end") return;
    }
  }

  /** Closes what only the making needed. */
  close(): void {
    this.#gate?.close();
    this.#closeLimits();
    this.#closeEntry();
    for (const fd of [...this.#fds.values(), ...this.#received]) closeSync(fd);
    this.#fds.clear();
    this.#received = [];
  }

  /** The descriptor that came with the gate; who takes it closes it. */
  #takeReceived(): number | undefined {
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
        // The table has a row for each op, so the step fits its row.
        await (this.#runners[step.op] as (step: RuntimeStep) => void | Promise<void>)(step);
      } catch (error) {
        throw this.#handlers.stepFailed(index, inWords(step.what ?? step.op, error));
      }
    }
  }

  readonly #runners: Runners = {
    cgroup_create: ({ path, controllers }) => {
      const cgroup = createCgroup(this.#host.cgroups(), path, controllers);
      this.cleanup.add(() => undoCreate(cgroup));
      this.#cgroup = cgroup;
    },
    cgroup_write: (step) => {
      this.#limits ??= openWriter(this.#cgroup?.directories ?? []);
      this.#limits.write({ pointer: "", ...step });
    },
    cgroup_devices: async ({ program }) => {
      const { attachDevices } = await import("../cgroup/devices.ts");
      attachDevices(this.#cgroup?.directories ?? [], program, native());
    },
    attach_root: async ({ path }) => {
      const { attachRoot, detachRoot, rootMountToBe } = await import("./root-mount.ts");
      const mount = rootMountToBe(path);
      attachRoot(path);
      this.cleanup.add(() => detachRoot(mount));
    },
    open_namespace: ({ path, type, to }) => {
      const fd = openSync(path);
      this.#fds.set(to, fd);
      checkNamespace(fd, { path, type });
    },
    open_idmap: async ({ uid, gid, to }) => {
      const { openIdmap } = await import("./idmap.ts");
      this.#fds.set(to, await openIdmap({ uid, gid }));
    },
    exec_fifo: ({ to }) => {
      const { fifoPath } = this.#handlers;
      native().mkfifo(fifoPath, 0o622);
      this.#fds.set(to, openSync(fifoPath, O_PATH));
    },
    spawn: (step) => this.#spawn(step),
    write_idmap: ({ uid, gid }) => {
      const { pid } = this.init;
      writeFileSync(`/proc/${pid}/uid_map`, uid);
      writeFileSync(`/proc/${pid}/gid_map`, gid);
    },
    run_hook: (step) => this.#handlers.runHook(step, this.init.pid),
    console: async () => {
      const master = this.#takeReceived();
      if (master !== undefined) await this.#handlers.console(master);
    },
    seccomp_listener: async () => {
      const listener = this.#takeReceived();
      if (listener === undefined) return;
      try {
        await this.#handlers.seccompListener(listener, this.init.pid);
      } finally {
        closeSync(listener);
      }
    },
  };

  #spawn({ flags, inherit, intoCgroup }: Extract<RuntimeStep, { op: "spawn" }>): void {
    this.#closeLimits();
    const entry = this.#openEntry(inherit);
    const { stdio, preserved, nofile, ignored, blocked } = this.#inheritance;
    const closing: number[] = [];
    try {
      const program = native().sealedCopy("tsrun-init", initPath());
      closing.push(program);
      const planFd = native().sealedMemfd("plan", encodePlan(this.#steps(), inherit));
      closing.push(planFd);
      const [ours, theirs] = native().socketpair();
      closing.push(theirs);
      this.#gate = new Gate(ours);
      const own = stdio.length + preserved.length;
      this.#init = native().spawn({
        executable: program,
        argv: ["tsrun-init", `${own}`],
        env: [],
        fds: [...stdio, ...preserved, planFd, theirs, ...inherit.map((name) => this.#fds.get(name) ?? -1)],
        flags,
        ...(intoCgroup && entry.directory !== undefined ? { cgroup: entry.directory } : {}),
        ...(nofile === undefined ? {} : { nofile }),
        ...(ignored === undefined ? {} : { ignored }),
        ...(blocked === undefined ? {} : { blocked }),
      });
      this.cleanup.add(() => endOf(this.init));
    } finally {
      for (const fd of closing) closeSync(fd);
    }
    this.#closeEntry();
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

  #openEntry(inherit: readonly Fd[]): EntryDescriptors {
    if (this.#cgroup === undefined) return { tasks: [] };
    const entry = entryDescriptors(this.#cgroup, (fd) => native().fstatfs(fd));
    this.#entry = entry;
    const names = inherit.filter((name) => name.endsWith(" tasks"));
    entry.tasks.forEach((fd, index) => this.#fds.set(names[index] ?? "", fd));
    return entry;
  }

  #closeLimits(): void {
    this.#limits?.close();
    this.#limits = undefined;
  }

  #closeEntry(): void {
    if (this.#entry === undefined) return;
    const { tasks } = this.#entry;
    for (const [name, fd] of this.#fds) if (tasks.includes(fd)) this.#fds.delete(name);
    closeEntry(this.#entry);
    this.#entry = undefined;
  }

  /** Messages that need no answer are dealt with here. */
  async #nextMessage(): Promise<InitMessage> {
    const next = this.#gate?.next();
    const message = await (this.#aborted === undefined ? next : Promise.race([next, this.#aborted]));
    if (message === undefined) return { kind: "end" };
    if (message.kind === "warning") this.#handlers.warn(message.step, message.errno, message.value);
    if (message.kind === "child") await this.#secondStage(message);
    return message;
  }

  /** The first stage ends when it has cloned the second, which is this process's child, too. */
  async #secondStage({ pid, pidfd }: Spawned): Promise<void> {
    const first = this.init;
    this.#init = { pid, pidfd };
    await ready(first.pidfd);
    native().waitPidfd(first.pidfd);
    closeSync(first.pidfd);
  }

  async #initDied(): Promise<Error> {
    const { pidfd } = this.init;
    await ready(pidfd);
    const end = native().waitPidfd(pidfd);
    const how = end === null ? "it ended" : end.signal !== 0 ? `it died of ${signalName(end.signal)}` : `it ended with status ${end.code}`;
    const hint = end === null ? "" : this.#likelyCause(end.signal);
    return new InitError(`cannot create the container: its init is gone before it was done: ${how}${hint}`);
  }

  /** What the config holds that ends an init which cannot say why any more. */
  #likelyCause(signal: number): string {
    const { steps } = this.#plan;
    if (signal === SIGKILL && steps.some((step) => step.op === "cgroup_write" && step.controller === "memory")) {
      return "; is the memory limit too low? (config.json /linux/resources/memory)";
    }
    if (steps.some((step) => step.op === "seccomp")) {
      return "; does the profile refuse what init still has to do (read, write, capset, execve)? (config.json /linux/seccomp)";
    }
    return "";
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
async function endOf({ pidfd }: Spawned): Promise<void> {
  try {
    native().pidfdSendSignal(pidfd, SIGKILL);
    await ready(pidfd);
    native().waitPidfd(pidfd);
  } catch {
    // It ended by itself and was waited for.
  }
  closeSync(pidfd);
}

function initPath(): string {
  return installedFile("tsrun-init");
}

/** A file that is no namespace of the type is an error (config-linux.md#namespaces). */
function checkNamespace(fd: number, { path, type }: { readonly path: string; readonly type: string }): void {
  let found: number;
  try {
    found = native().namespaceType(fd);
  } catch (error) {
    throw new InitError(`cannot join the ${type} namespace "${path}": it is not a namespace`, { cause: error });
  }
  if (found === findNamespace(type)?.flag) return;
  const actual = NAMESPACES.find(({ flag }) => flag === found)?.type ?? "unknown";
  throw new InitError(`cannot join the ${type} namespace "${path}": it is a namespace of type "${actual}"`);
}
