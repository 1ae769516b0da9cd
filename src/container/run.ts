/** `run`: create and start in one, and in the foreground the end of it, too. */

import { undoCreate } from "../cgroup/create.ts";
import { freeze, thaw } from "../cgroup/freeze.ts";
import { SIGCONT, SIGKILL, SIGSTOP, SIGSYS } from "../linux/signals.ts";
import { closeSync } from "../native/files.ts";
import { native } from "../native/native.ts";
import { ended } from "../native/waiter.ts";
import { prepare } from "./create.ts";
import type { CreateOptions, Created } from "./create.ts";
import { destroy } from "./delete.ts";
import { forward } from "./foreground.ts";
import type { Foreground, Program } from "./foreground.ts";
import type { NotifySocket } from "./notify.ts";
import { endProcesses } from "./processes.ts";
import { runPoststart } from "./start.ts";
import type { StoredState } from "./state.ts";

type AttendOptions = Pick<RunOptions, "store" | "environment" | "inheritance" | "keep" | "warn"> & {
  readonly foreground: Foreground;
  /** Resolves when somebody else has been told all that there was to tell. */
  readonly told?: Promise<void> | undefined;
};

export interface RunOptions extends CreateOptions {
  /** Leave the container as it is when its process has ended. */
  readonly keep?: boolean;
  /** Who waits for the program's end; absent: `run` returns when the program runs. */
  readonly foreground?: Foreground;
}

/** How the container's process ended; undefined when it was left running. */
export type Ending = { readonly code: number; readonly signal: number } | undefined;

export async function run(options: RunOptions): Promise<Ending> {
  const { foreground } = options;
  const { execution, state, lock } = await prepare(options, { waitForStart: false });
  const { pidfd } = execution.init;
  execution.cleanup.release();
  let notify: NotifySocket | undefined;
  try {
    if (options.notifySocket !== undefined) notify = await bindNotify(options);
    foreground?.starting();
    execution.go();
    await execution.untilExecuted();
    execution.close();
    foreground?.running(programOf({ pidfd, state }));
    await runPoststart({ ...options, inherited: options.inheritance }, state);
  } catch (error) {
    notify?.close();
    execution.close();
    try {
      await abandon(state, options);
    } finally {
      reap(pidfd);
      closeSync(pidfd);
      lock.release();
    }
    throw error;
  }
  lock.release();
  const { notifySocket: host = "", warn } = options;
  if (foreground === undefined) {
    await notify?.forward({ host, mainPid: state.pid }, { pidfd, warn });
    closeSync(pidfd);
    return undefined;
  }
  // Who waits for the container is whom the caller is to watch, as its exit status is the container's.
  const told = notify?.forward({ host, mainPid: process.pid }, { pidfd, warn });
  return attend({ pidfd, state }, { ...options, foreground, told });
}

/** Waits for the end of a container's process, and removes the container unless it is to be kept. */
export async function attend({ pidfd, state }: Created, options: AttendOptions): Promise<Ending> {
  const ending = await ended(pidfd);
  closeSync(pidfd);
  await options.told;
  await options.foreground.ended();
  if (ending.signal === SIGKILL) await tellMemory(state, options);
  if (ending.signal === SIGSYS) tellFilter(state, options);
  if (options.keep !== true) await remove(state, options);
  return ending;
}

function reap(pidfd: number): void {
  try {
    native().waitPidfd(pidfd);
  } catch {
    // Who found it dead has done it.
  }
}

async function bindNotify({ store, id }: RunOptions): Promise<NotifySocket> {
  const { NotifySocket } = await import("./notify.ts");
  return NotifySocket.bind(store, id);
}

/** Exit status 137 says nothing of who sent the signal. */
async function tellMemory({ id, cgroup }: StoredState, { warn }: Pick<RunOptions, "warn">): Promise<void> {
  const { describeHit, memoryHit } = await import("../cgroup/limit-hit.ts");
  const hit = memoryHit(cgroup?.directories ?? []);
  if (hit !== undefined) warn(`container "${id}" was killed: ${describeHit(hit)}`);
}

/** Which call it was only the kernel's log tells (seccomp(2), actions_logged of proc_sys_kernel(5)). */
function tellFilter({ id }: StoredState, { store, warn }: Pick<RunOptions, "store" | "warn">): void {
  if (!new TextDecoder().decode(store.loadConfig(id)).includes('"seccomp"')) return;
  warn(`container "${id}" was killed by SIGSYS: its profile (/linux/seccomp) does not let a system call pass; the kernel's log has its number ("type=1326" and "syscall=", by dmesg or journalctl -k)`);
}

/** A container that never ran its program leaves nothing behind. */
async function abandon(state: StoredState, options: RunOptions): Promise<void> {
  // A poststart hook that failed has taken it all away already.
  if (options.store.exists(state.id)) {
    await endProcesses(state);
    await destroy(state, { ...options, inherited: options.inheritance });
  }
  // The parents, too, as where `create` fails.
  if (state.cgroup !== undefined) undoCreate(state.cgroup);
}

async function remove(state: StoredState, options: Omit<AttendOptions, "foreground">): Promise<void> {
  // Somebody else's `delete` may have been quicker.
  const lock = options.store.tryLock(state.id);
  if (lock === undefined) return;
  try {
    // And by now the id may be that of another container.
    const now = options.store.tryLoad(state.id);
    if (now?.pid !== state.pid || now.startTime !== state.startTime) return;
    await destroy(state, { ...options, inherited: options.inheritance });
  } finally {
    lock.release();
  }
}

/** What a foreground does to a container. */
export function programOf({ pidfd, state: { cgroup } }: Created): Program {
  const signal = (number: number): void => forward(pidfd, number);
  const directories = cgroup?.directories ?? [];
  let frozen = false;
  return {
    signal,
    stop: async () => {
      try {
        await freeze(directories);
        frozen = true;
      } catch {
        // There is no freezer, or it is not ours: then at least the process that is known.
        signal(SIGSTOP);
      }
    },
    continue: () => {
      if (frozen) thaw(directories);
      frozen = false;
      signal(SIGCONT);
    },
  };
}
