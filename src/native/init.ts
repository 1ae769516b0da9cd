/** The runtime's end of the gate; the protocol is drawn in addon/plan.h. */

import { closeSync } from "./files.ts";
import { isNativeError, native } from "./native.ts";
import { forget, ready } from "./waiter.ts";

const HEADER_SIZE = 24;
/** Where the header says how much text follows. */
const TEXT_LENGTH = 12;
const GATE = 1;
const FAILURE = 2;
const WARNING = 3;
const CHILD = 4;
const GO = 1;

/** What init says. */
export type InitMessage =
  | { readonly kind: "gate"; readonly step: number; readonly fds: readonly number[] }
  | InitFailure
  | { readonly kind: "warning"; readonly step: number; readonly errno: number; readonly value: number }
  | { readonly kind: "child"; readonly pid: number; readonly pidfd: number }
  | { readonly kind: "end" };

export interface InitFailure {
  readonly kind: "failure";
  readonly step: number;
  readonly errno: number;
  /** What the kernel or the op had to add. */
  readonly text: string;
  /** The same, where it may be no text. */
  readonly bytes: Uint8Array;
}

/** One conversation with one init. */
export class Gate {
  readonly #fd: number;
  #open = true;

  constructor(fd: number) {
    this.#fd = fd;
  }

  /** The next message; `end` when init became its program, or died. */
  async next(): Promise<InitMessage> {
    for (;;) {
      const received = native().receive(this.#fd);
      if (received !== null) return decode(received.bytes, received.fds);
      await ready(this.#fd);
    }
  }

  /** Lets init go on, with descriptors that it waits for. */
  go(fds: readonly number[] = []): void {
    const bytes = new Uint8Array(8);
    const view = new DataView(bytes.buffer);
    view.setUint32(0, GO, true);
    view.setUint32(4, fds.length, true);
    try {
      native().send(this.#fd, bytes, fds);
    } catch (error) {
      // Init was killed while it waited: the next message is the end, and says so.
      if (!isNativeError(error) || (error.code !== "EPIPE" && error.code !== "ECONNRESET")) throw error;
    }
  }

  close(): void {
    if (!this.#open) return;
    this.#open = false;
    forget(this.#fd);
    closeSync(this.#fd);
  }
}

/** The last failure among the messages that came through the exec fifo, one after the other. */
export function decodeFailure(bytes: Uint8Array): InitFailure | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  let failure: InitFailure | undefined;
  for (let at = 0; at + HEADER_SIZE <= bytes.length; ) {
    const end = at + HEADER_SIZE + view.getUint32(at + TEXT_LENGTH, true);
    const message = decode(bytes.subarray(at, end), []);
    if (message.kind === "failure") failure = message;
    at = end;
  }
  return failure;
}

function decode(bytes: Uint8Array, fds: readonly number[]): InitMessage {
  if (bytes.length < HEADER_SIZE) return { kind: "end" };
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const kind = view.getUint32(0, true);
  const step = view.getUint32(4, true);
  const errno = view.getInt32(8, true);
  const value = Number(view.getBigUint64(16, true));
  switch (kind) {
    case GATE:
      return { kind: "gate", step, fds };
    case FAILURE: {
      const rest = bytes.subarray(HEADER_SIZE);
      return { kind: "failure", step, errno, text: new TextDecoder().decode(rest), bytes: rest };
    }
    case WARNING:
      return { kind: "warning", step, errno, value };
    case CHILD:
      return { kind: "child", pid: value, pidfd: fds[0] ?? -1 };
    default:
      return { kind: "end" };
  }
}
