/** A connected unix socket that reads and writes frames without ever blocking the engine. */

import { closeSync } from "../native/files.ts";
import { isNativeError, native } from "../native/native.ts";
import { EPOLLIN, EPOLLOUT, forget, ready } from "../native/waiter.ts";
import { FrameReader, encodeFrame } from "./frame.ts";
import type { Frame } from "./frame.ts";

export class Connection {
  readonly #fd: number;
  /** The same socket once more: a descriptor has one watch at a time, and writing may wait while reading waits. */
  readonly #writer: number;
  readonly #frames = new FrameReader();
  /** Whole frames, of which the first may be sent in part. */
  readonly #outgoing: Uint8Array[] = [];
  #isWriting = false;
  #isClosed = false;
  #wake = (): void => {};

  /** It closes the descriptor, also where this fails. */
  constructor(fd: number) {
    this.#fd = fd;
    try {
      native().setNonblocking(fd, true);
      this.#writer = native().dupAbove(fd, 3);
    } catch (error) {
      closeSync(fd);
      throw error;
    }
  }

  /** The next frame; undefined when the other side is gone. */
  async next(): Promise<Frame | undefined> {
    for (;;) {
      const frame = this.#frames.next();
      if (frame !== undefined) return frame;
      if (this.#isClosed) return undefined;
      const bytes = this.#receive();
      if (bytes === undefined) await this.#readable();
      else if (bytes.length === 0) return undefined;
      else this.#frames.push(bytes);
    }
  }

  /** Resolves when there is something to read, and when close() ends the wait for it. */
  #readable(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
      void ready(this.#fd, EPOLLIN).then(() => resolve());
    });
  }

  #receive(): Uint8Array | undefined {
    try {
      const message = native().receive(this.#fd);
      for (const fd of message?.fds ?? []) closeSync(fd);
      return message?.bytes;
    } catch (error) {
      if (isNativeError(error)) return new Uint8Array();
      throw error;
    }
  }

  /** Sends a frame, now or when there is room. */
  send(stream: number, type: number, payload: Uint8Array): void {
    if (this.#isClosed) return;
    this.#outgoing.push(encodeFrame(stream, type, payload));
    if (!this.#isWriting) this.#written = this.#writeAll();
  }

  /** Resolves when all that was sent has left. */
  async flushed(): Promise<void> {
    while (this.#isWriting && !this.#isClosed) await this.#written;
  }

  #written: Promise<void> = Promise.resolve();

  async #writeAll(): Promise<void> {
    this.#isWriting = true;
    for (let bytes = this.#outgoing[0]; bytes !== undefined && !this.#isClosed; bytes = this.#outgoing[0]) {
      try {
        const sent = native().send(this.#writer, bytes);
        if (sent === bytes.length) this.#outgoing.shift();
        else this.#outgoing[0] = bytes.subarray(sent);
      } catch (error) {
        if (!isNativeError(error) || error.code !== "EAGAIN") return this.close();
        await ready(this.#writer, EPOLLOUT);
      }
    }
    // In the same breath as the last look at the queue: what is sent a moment later has to begin anew.
    this.#isWriting = false;
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    for (const fd of [this.#fd, this.#writer]) {
      forget(fd);
      closeSync(fd);
    }
    this.#wake();
  }
}
