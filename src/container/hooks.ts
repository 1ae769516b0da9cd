/** Runs the hooks of the runtime's namespaces (config.md#posix-platform-hooks): those of init are steps of its plan. */

import { resolve } from "node:path";
import { HookError } from "../errors.ts";
import { formatErrno } from "../linux/errno.ts";
import { O_APPEND, O_CREAT, O_NONBLOCK, O_RDONLY, O_WRONLY } from "../linux/open-flags.ts";
import { SIGKILL, signalName } from "../linux/signals.ts";
import { closeSync, openSync, readSync, writeSync } from "../native/files.ts";
import { isNativeError, native } from "../native/native.ts";
import { EPOLLIN, EPOLLOUT, forget, ready } from "../native/waiter.ts";
import type { FileFacts } from "../plan/program.ts";
import { HOOKS_STDERR, HOOKS_STDOUT } from "../spec/annotations.ts";
import type { Hook, HookPoint } from "../spec/config.ts";
import type { State } from "../spec/state.ts";
import type { Inheritance } from "./execution.ts";
import { inWords } from "./store.ts";

/** Of what the hook wrote, its last words are kept for the error. */
const TAIL = 4096;
/** Of a hook that cannot be executed, where its interpreter or loader is named. */
const HEAD = 4096;
/** Of a file that an annotation names, and that is made. */
const OUTPUT_MODE = 0o600;

/** The caller's limit of descriptors and signals, which the engine has changed for itself. */
export type Inherited = Pick<Inheritance, "nofile" | "ignored" | "blocked">;

export interface HookRun {
  readonly point: HookPoint;
  readonly index: number;
  readonly hook: Hook;
  /** What it reads from its standard input. */
  readonly state: State;
  /** The working directory: the bundle, as the peers have it. */
  readonly cwd: string;
  /** For a hook without `env`, as `NAME=value`. */
  readonly environment: readonly string[];
  readonly inherited?: Inherited | undefined;
  /** Kills it. */
  readonly abort?: AbortSignal | undefined;
}

/** Runs one hook; throws HookError with its point, its place, how it ended and the end of what it wrote. */
export async function runHook({ point, index, hook, state, cwd, environment, inherited = {}, abort }: HookRun): Promise<void> {
  const { path, args = [path], env = environment, timeout } = hook;
  const name = `cannot run ${point} hook #${index} "${path}"`;
  const [ours, theirs] = native().pipe();
  const [output, outputEnd] = native().pipe();
  const files: number[] = [];
  let child;
  try {
    const [stdout, stderr] = outputs(state, { cwd, files, otherwise: outputEnd });
    const { nofile, ignored, blocked } = inherited;
    child = native().spawn({
      file: path,
      argv: args,
      env,
      cwd,
      fds: [ours, stdout, stderr],
      ...(nofile === undefined ? {} : { nofile }),
      ...(ignored === undefined ? {} : { ignored }),
      ...(blocked === undefined ? {} : { blocked }),
    });
  } catch (error) {
    closeSync(theirs);
    closeSync(output);
    throw new HookError(`${name}: ${reasonOf(error)}${await causeOf(path, error)}`, { cause: error });
  } finally {
    for (const fd of [ours, outputEnd, ...files]) closeSync(fd);
  }
  const kill = (): void => native().pidfdSendSignal(child.pidfd, SIGKILL);
  abort?.addEventListener("abort", kill);
  const timer = timeout === undefined ? undefined : killAfter(child.pidfd, timeout);
  const fed = feed(theirs, new TextEncoder().encode(JSON.stringify(state)));
  const words = collect(output, child.pidfd);
  await ready(child.pidfd);
  const timedOut = timer?.stop() ?? false;
  abort?.removeEventListener("abort", kill);
  const end = native().waitPidfd(child.pidfd);
  await Promise.all([fed, words]);
  forget(child.pidfd);
  closeSync(child.pidfd);
  abort?.throwIfAborted();
  const said = (await words).trim();
  const suffix = said === "" ? "" : `: ${said}`;
  if (timedOut) throw new HookError(`${name}: it did not end within ${timeout} s${suffix}`);
  if (end !== null && end.signal !== 0) throw new HookError(`${name}: it died of ${signalName(end.signal)}${suffix}`);
  if (end !== null && end.code !== 0) throw new HookError(`${name}: exit status ${end.code}${suffix}`);
}

interface Outputs {
  readonly cwd: string;
  /** Whoever starts the hook closes them. */
  readonly files: number[];
  /** Where its words are kept for an error. */
  readonly otherwise: number;
}

/** Annotations may name files for standard output and error, as crun has it. */
function outputs({ annotations }: State, { cwd, files, otherwise }: Outputs): readonly [stdout: number, stderr: number] {
  if (annotations === undefined) return [otherwise, otherwise];
  const open = (path: string | undefined): number => {
    if (path === undefined) return otherwise;
    try {
      const fd = openSync(resolve(cwd, path), O_WRONLY | O_APPEND | O_CREAT, OUTPUT_MODE);
      files.push(fd);
      return fd;
    } catch (error) {
      throw inWords(`open "${path}" for what it writes`, error);
    }
  };
  return [open(annotations[HOOKS_STDOUT]), open(annotations[HOOKS_STDERR])];
}

function reasonOf(error: unknown): string {
  if (isNativeError(error)) return formatErrno(error.errno);
  return error instanceof Error ? error.message : String(error);
}

/** Why the file at a path cannot be executed, as far as it tells. */
async function causeOf(path: string, error: unknown): Promise<string> {
  if (!isNativeError(error)) return "";
  const { explainProgram } = await import("../plan/program.ts");
  const cause = explainProgram({ op: "hook", errno: error.code, name: path, file: factsOf(path), arch: process.arch });
  return cause === undefined ? "" : `; ${cause}`;
}

function factsOf(path: string): FileFacts | undefined {
  let fd;
  try {
    const { mode } = native().stat(path);
    const head = new Uint8Array(HEAD);
    fd = openSync(path, O_RDONLY | O_NONBLOCK);
    return { mode, mount: 0, uid: 0, gid: 0, head: head.subarray(0, readSync(fd, head)) };
  } catch {
    return undefined;
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}

function killAfter(pidfd: number, seconds: number): { stop(): boolean } {
  let fired = false;
  const timer = setTimeout(() => {
    fired = true;
    native().pidfdSendSignal(pidfd, SIGKILL);
  }, seconds * 1000);
  return {
    stop: () => {
      clearTimeout(timer);
      return fired;
    },
  };
}

/** A hook need not read what it is told: a pipe without a reader is no failure. */
async function feed(fd: number, bytes: Uint8Array): Promise<void> {
  native().setNonblocking(fd, true);
  try {
    for (let at = 0; at < bytes.length; ) {
      await ready(fd, EPOLLOUT);
      at += writeSync(fd, bytes, at);
    }
  } catch {
    // EPIPE: it has closed its end.
  }
  forget(fd);
  closeSync(fd);
}

/** Reads until the end of file, or until the hook has ended: a process that it left behind may hold the pipe for ever. */
async function collect(fd: number, pidfd: number): Promise<string> {
  native().setNonblocking(fd, true);
  const buffer = new Uint8Array(4096);
  let tail = "";
  const read = (): boolean => {
    for (;;) {
      let size;
      try {
        size = readSync(fd, buffer);
      } catch {
        return true;
      }
      if (size === 0) return false;
      tail = (tail + new TextDecoder().decode(buffer.subarray(0, size))).slice(-TAIL);
    }
  };
  // A descriptor of its own, because one descriptor has one watch.
  const ended = native().dupAbove(pidfd, 3);
  let over = false;
  const end = ready(ended).then(() => {
    over = true;
  });
  while (!over) {
    await Promise.race([ready(fd, EPOLLIN), end]);
    if (!read()) break;
  }
  if (over) read();
  await end;
  for (const descriptor of [ended, fd]) {
    forget(descriptor);
    closeSync(descriptor);
  }
  return tail;
}
