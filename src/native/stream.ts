/** Bytes in and out of descriptors that others may share: no wait blocks the engine, and no flag of theirs is changed. */

import { O_NOCTTY, O_NONBLOCK, O_RDONLY, O_WRONLY } from "../linux/open-flags.ts";
import { closeSync, fstatSync, openSync, readSync, writeSync } from "./files.ts";
import { isNativeError, native } from "./native.ts";
import { EPOLLIN, EPOLLOUT, forget, ready } from "./waiter.ts";

/** What a pipe takes at once when epoll(7) says that it takes anything (PIPE_BUF of pipe(7)). */
const SAFE_BYTES = 4096;

/**
 * O_NONBLOCK belongs to the open file description, which the caller, his shell and the container share. So a terminal or a
 * pipe is opened a second time; where that cannot be, only what epoll(7) announced is read, and little written at once.
 */
export class Stream {
  readonly #fd: number;
  readonly #opened: boolean;

  /** `own`: nobody else has it, and it is closed with the stream. */
  constructor(fd: number, { access, own = false }: { readonly access: "read" | "write"; readonly own?: boolean }) {
    const second = own ? undefined : openAgain(fd, access === "read" ? O_RDONLY : O_WRONLY);
    this.#fd = second ?? fd;
    this.#opened = own || second !== undefined;
    if (own) native().setNonblocking(fd, true);
  }

  /** Returns how much was read, 0 at the end, undefined when there is nothing yet. */
  read(buffer: Uint8Array): number | undefined {
    try {
      return readSync(this.#fd, buffer);
    } catch (error) {
      if (isNativeError(error) && error.code === "EAGAIN") return undefined;
      throw error;
    }
  }

  /** Resolves when all of it was written. */
  async write(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length; ) {
      if (!this.#opened) await this.ready(EPOLLOUT);
      const size = this.#opened ? bytes.length - at : Math.min(SAFE_BYTES, bytes.length - at);
      try {
        at += writeSync(this.#fd, bytes, at, size);
      } catch (error) {
        if (!isNativeError(error) || error.code !== "EAGAIN") throw error;
        await this.ready(EPOLLOUT);
      }
    }
  }

  /** Resolves when there is something to read, or (EPOLLOUT) room to write. */
  async ready(events: number = EPOLLIN): Promise<void> {
    try {
      await ready(this.#fd, events);
    } catch (error) {
      // Files and /dev/null are always ready, and epoll(7) refuses to tell.
      if (!isNativeError(error) || error.code !== "EPERM") throw error;
    }
  }

  /** Who still waits for it waits for ever. */
  close(): void {
    forget(this.#fd);
    if (this.#opened) closeSync(this.#fd);
  }
}

/** All that can be read, as text; with `own` the descriptor is closed. */
export async function readToEnd(fd: number, { own = false }: { readonly own?: boolean } = {}): Promise<string> {
  const stream = new Stream(fd, { access: "read", own });
  const decoder = new TextDecoder();
  const buffer = new Uint8Array(65_536);
  let text = "";
  try {
    for (;;) {
      await stream.ready();
      const size = stream.read(buffer);
      if (size === 0) return text + decoder.decode();
      if (size !== undefined) text += decoder.decode(buffer.subarray(0, size), { stream: true });
    }
  } finally {
    stream.close();
  }
}

function openAgain(fd: number, access: number): number | undefined {
  const type = fstatSync(fd);
  // A file would begin anew, and other devices than terminals may mind; sockets cannot be opened.
  if (!type.isFIFO() && !isTerminal(fd)) return undefined;
  try {
    return openSync(`/proc/self/fd/${fd}`, access | O_NONBLOCK | O_NOCTTY);
  } catch {
    // It belongs to another user, for example after su(1).
    return undefined;
  }
}

/** Whether it has a window size: isatty(3). */
export function isTerminal(fd: number): boolean {
  try {
    native().windowSize(fd);
    return true;
  } catch {
    return false;
  }
}
