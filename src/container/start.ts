/** `start`: lets a created container's init become its program (runtime.md#start). */

import { InitError, StatusError } from "../errors.ts";
import { O_NONBLOCK, O_RDONLY } from "../linux/open-flags.ts";
import { SIGKILL } from "../linux/signals.ts";
import { closeSync, openSync, readFileSync, readSync, rmSync } from "../native/files.ts";
import { decodeFailure } from "../native/init.ts";
import { forget, ready } from "../native/waiter.ts";
import { placeOf } from "../spec/positions.ts";
import { stateDocument } from "../spec/state.ts";
import { destroy } from "./delete.ts";
import type { Death } from "./cause.ts";
import { deathAsInit, isUnasked } from "./executed.ts";
import { endProcesses, openInit } from "./processes.ts";
import type { Inherited } from "./hooks.ts";
import type { StoredState } from "./state.ts";
import { requireStatus, statusOf } from "./status.ts";
import { inWords } from "./store.ts";
import type { Store } from "./store.ts";

export interface StartOptions {
  readonly store: Store;
  readonly id: string;
  readonly environment: readonly string[];
  /** For hooks, too. */
  readonly inherited?: Inherited;
  readonly warn: (message: string) => void;
  /** The caller's NOTIFY_SOCKET: `start` waits until the program has said that it is ready, or has ended. */
  readonly notifySocket?: string;
  /** Kills a hook that runs; what follows is what follows when it fails. */
  readonly abort?: AbortSignal;
}

/** Resolves when the program runs, its poststart hooks are done, and with a notify socket when it is ready. */
export async function start(options: StartOptions): Promise<void> {
  const { store, id } = options;
  // Who creates a container holds its lock: that is a status of the container, and nothing to wait for.
  const before = store.load(id, "start");
  if (before.phase === "creating") requireStatus("start", id, statusOf(store, before));
  const lock = store.lock(id, "start");
  let untilReady: (() => Promise<void>) | undefined;
  try {
    const state = store.load(id, "start");
    const status = statusOf(store, state);
    requireStatus("start", id, status);
    if (!state.hasProcess) {
      throw new StatusError(id, status, `cannot start container "${id}": config.json has no process with args (/process/args)`);
    }
    if (options.notifySocket === undefined) await releaseAndTell(options, state);
    else untilReady = await releaseWithNotify(options, state, options.notifySocket);
  } finally {
    lock.release();
  }
  await untilReady?.();
}

async function releaseAndTell(options: StartOptions, state: StoredState): Promise<void> {
  await release(options, state);
  await runPoststart(options, state);
}

/** The same with somebody who listens to the program; returns how to wait for its word, without the lock. */
async function releaseWithNotify(options: StartOptions, state: StoredState, host: string): Promise<() => Promise<void>> {
  const { store, id, warn } = options;
  const { NotifySocket } = await import("./notify.ts");
  const notify = NotifySocket.bind(store, id);
  const pidfd = openInit(state);
  try {
    await releaseAndTell(options, state);
  } catch (error) {
    notify.close();
    if (pidfd !== undefined) closeSync(pidfd);
    throw error;
  }
  return async () => {
    if (pidfd === undefined) return notify.close();
    await notify.forward({ host, mainPid: state.pid }, { pidfd, warn });
    closeSync(pidfd);
  };
}

/** Opens the exec fifo, which init waits for, and reads what it has to say: nothing, when it became the program. */
async function release(options: StartOptions, state: StoredState): Promise<void> {
  const { store, id } = options;
  const path = store.fifo(id);
  const init = openInit(state);
  if (init === undefined) throw new StatusError(id, "stopped", `cannot start container "${id}": cannot start a container that has stopped`);
  let fifo: number;
  try {
    // Without waiting for a writer: init may be gone, or not be there yet.
    fifo = openSync(path, O_RDONLY | O_NONBLOCK);
  } catch (error) {
    closeSync(init);
    throw inWords(`open "${path}"`, error);
  }
  try {
    const record = await readRecord(fifo, init);
    if (record === undefined) throw await initGone(options, state, undefined);
    rmSync(path, { force: true });
    const failure = decodeFailure(record);
    if (failure === undefined) return await checkDeath(options, state);
    const step = state.lastSteps.find(({ index }) => index === failure.step) ?? { index: failure.step, op: "execve" };
    const { stepError } = await import("../plan/describe.ts");
    const error = stepError(step, { ...failure, arch: process.arch }, (pointer) => placeOf(configOf(store, id), pointer));
    // A hook that failed ends the container; a program that could not be executed leaves it stopped, to be deleted.
    if (step.op === "hook") await destroy(state, options);
    throw error;
  } finally {
    for (const fd of [fifo, init]) {
      forget(fd);
      closeSync(fd);
    }
  }
}

/** Init said nothing: it became the program, or was killed by who may, or the kernel did not let it. */
async function checkDeath(options: StartOptions, state: StoredState): Promise<void> {
  const death = await deathAsInit(state.pid);
  if (death === undefined) return;
  const { memoryHit } = await import("../cgroup/limit-hit.ts");
  if (isUnasked(death) || memoryHit(state.cgroup?.directories ?? []) !== undefined) throw await initGone(options, state, death);
}

async function initGone({ store, id }: StartOptions, { cgroup }: StoredState, death: Death | undefined): Promise<Error> {
  const [{ causeOfDeath }, { howItEnded }] = await Promise.all([import("./cause.ts"), import("./telling.ts")]);
  const hasFilter = configOf(store, id).includes('"seccomp"');
  const cause = causeOfDeath(death ?? { code: 0, signal: SIGKILL }, hasFilter, cgroup?.directories ?? []);
  const how = death === undefined ? "" : `: ${await howItEnded(death)}`;
  return new InitError(`cannot start container "${id}": its init died before the program could begin${how}${cause === undefined ? "" : `; ${cause.text}`}`);
}

/** What init wrote before it closed the fifo; undefined where it died before it had opened it. */
async function readRecord(fifo: number, init: number): Promise<Uint8Array | undefined> {
  const buffer = new Uint8Array(16_384);
  let size = 0;
  let died = false;
  let opened = false;
  const watch = (): Promise<void> =>
    ready(fifo).then(() => {
      opened = true;
    });
  // The kernel tells of the end of file only after a writer was there, and before it tells of that one's death: so this
  // one is watched first.
  let told = watch();
  const death = ready(init).then(() => {
    died = true;
  });
  for (;; told = watch()) {
    await Promise.race([told, death]);
    if (!opened) return undefined;
    const got = tryRead(fifo, buffer.subarray(size));
    if (got === 0 || (got === undefined && died)) return buffer.slice(0, size);
    size += got ?? 0;
  }
}

function tryRead(fd: number, buffer: Uint8Array): number | undefined {
  try {
    return readSync(fd, buffer);
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "EAGAIN") return undefined;
    throw error;
  }
}

/** A poststart hook that fails ends the container (since version 1.3 of the specification). */
export async function runPoststart(options: StartOptions, state: StoredState): Promise<void> {
  const hooks = state.hooks.poststart ?? [];
  if (hooks.length === 0) return;
  const { runHook } = await import("./hooks.ts");
  const { id, bundle, pid, annotations } = state;
  const { environment, inherited, abort } = options;
  const document = stateDocument({ id, status: "running", pid, bundle, annotations });
  try {
    for (const [index, hook] of hooks.entries()) {
      await runHook({ point: "poststart", index, hook, state: document, cwd: bundle, environment, inherited, abort });
    }
  } catch (error) {
    await endProcesses(state);
    await destroy(state, options);
    throw error;
  }
}

function configOf(store: Store, id: string): string {
  try {
    return readFileSync(`${store.directory(id)}/config.json`, "utf8");
  } catch (error) {
    throw new InitError(`cannot read the config of container "${id}"`, { cause: error });
  }
}

