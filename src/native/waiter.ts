/** Waiting for descriptors and signals without blocking: one thread of the addon does it, for both engines. */

import { readSync } from "./files.ts";
import { native } from "./native.ts";

export const EPOLLIN = 0x001;
export const EPOLLPRI = 0x002;
export const EPOLLOUT = 0x004;
export const EPOLLERR = 0x008;
export const EPOLLHUP = 0x010;

interface Waiting {
  readonly fd: number;
  readonly resolve: (events: number) => void;
  readonly keepAlive: boolean;
}

const pending = new Map<number, Waiting>();
/** A descriptor has one watch at a time: the latest. */
const watches = new Map<number, number>();
let lastId = 0;
let handle: number | undefined;

/** Resolves with what epoll(7) says when a descriptor is ready for one of `events`. A waiting program does not end. */
export function ready(fd: number, events: number = EPOLLIN, { keepAlive = true }: { keepAlive?: boolean } = {}): Promise<number> {
  if (isInPlace) return keepAlive ? readyInPlace(fd) : register(fd);
  const waiter = (handle ??= native().startWaiter(dispatch));
  const id = ++lastId;
  return new Promise((resolve) => {
    drop(fd);
    native().watch(waiter, fd, events, id, keepAlive);
    pending.set(id, { fd, resolve, keepAlive });
    watches.set(fd, id);
  });
}

let isInPlace = false;

/**
 * From now on who waits for something to read waits in the kernel, and everything with him but what waits without keeping
 * the program alive: signals. That is for a program that does one thing after the other, and saves it a thread and the way
 * through the event loop, which is a third of what `exec` takes.
 */
export function waitInPlace(): void {
  isInPlace = true;
}

function register(fd: number): Promise<number> {
  const id = ++lastId;
  return new Promise((resolve) => {
    drop(fd);
    pending.set(id, { fd, resolve, keepAlive: false });
    watches.set(fd, id);
  });
}

function readyInPlace(fd: number): Promise<number> {
  const fds = [fd, ...watches.keys()];
  const places = native().poll(fds);
  if (places[0] === 0) return Promise.resolve(EPOLLIN);
  for (const place of places) dispatch(watches.get(fds[place] ?? -1) ?? 0, EPOLLIN);
  // Who was told has his turn now, and may have this one forgotten.
  const again = register(fd);
  const id = lastId;
  setImmediate(() => {
    const waiting = take(id);
    if (waiting !== undefined) void readyInPlace(fd).then(waiting.resolve);
  });
  return again;
}

/** How a child ended, as waitid(2) has it. */
export interface Ending {
  readonly code: number;
  readonly signal: number;
}

const TRACER_MILLIS = 1;

/** Waits for the end of a child, and reaps it. */
export async function ended(pidfd: number, { keepAlive = true }: { keepAlive?: boolean } = {}): Promise<Ending> {
  await ready(pidfd, EPOLLIN, { keepAlive });
  for (;;) {
    const ending = native().waitPidfd(pidfd);
    if (ending !== null) {
      forget(pidfd);
      return ending;
    }
    // Who traces it is told first, criu for example, and nothing tells when that is done (ptrace(2)).
    await new Promise((resolve) => setTimeout(resolve, TRACER_MILLIS));
  }
}

/** Forgets a descriptor that is about to be closed; who still waits for it waits for ever, and keeps nothing alive. */
export function forget(fd: number): void {
  drop(fd);
  if (handle !== undefined) native().unwatch(handle, fd);
}

function drop(fd: number): void {
  const id = watches.get(fd);
  if (id !== undefined) take(id);
}

function take(id: number): Waiting | undefined {
  const waiting = pending.get(id);
  if (waiting === undefined) return undefined;
  pending.delete(id);
  watches.delete(waiting.fd);
  if (waiting.keepAlive && handle !== undefined) native().releaseWatch(handle);
  return waiting;
}

function dispatch(id: number, events: number): void {
  take(id)?.resolve(events);
}

/** The kernel made the signal: a key of the terminal, not somebody's kill(2). */
const BY_KERNEL = 0x80;

/** Calls `onSignal` for each of these signals that arrives from now on; they keep nothing alive. */
export function onSignals(signals: readonly number[], onSignal: (signal: number, byKernel: boolean) => void): void {
  const fd = native().catchSignals(signals);
  const buffer = new Uint8Array(64);
  const next = async (): Promise<void> => {
    for (;;) {
      await ready(fd, EPOLLIN, { keepAlive: false });
      const size = readSync(fd, buffer);
      for (const byte of buffer.subarray(0, size)) onSignal(byte & ~BY_KERNEL, byte >= BY_KERNEL);
    }
  };
  void next();
}
