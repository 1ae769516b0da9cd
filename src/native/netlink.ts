/** Conversations with the kernel about network devices, in any network namespace (rtnetlink(7)). */

import { SystemError } from "../errors.ts";
import { describeErrno } from "../linux/errno.ts";
import {
  NLMSG_DONE,
  NLMSG_ERROR,
  NLM_F_DUMP_INTR,
  decodeError,
  decodeMessages,
  encodeRequest,
} from "../linux/rtnetlink.ts";
import type { Message, Request } from "../linux/rtnetlink.ts";
import { closeSync, readSync, writeSync } from "./files.ts";
import { native } from "./native.ts";

/** The kernel answers in pieces of 32 KiB at most. */
const ANSWER_BYTES = 64 * 1024;
/** A list that changed while it was read is read again. */
const MOST_DUMPS = 20;

export class Netlink {
  readonly #fd: number;
  #sequence = 0;

  /** In the network namespace of a descriptor; in this process's own without one. */
  constructor(namespace?: number) {
    this.#fd = native().netlinkRoute(namespace);
  }

  /** Returns what the kernel has to say; a refusal is an error: `cannot ACTION: EEXIST: file exists`. */
  ask(request: Request, action: string): Message[] {
    for (let dumps = 1; ; dumps++) {
      const messages = this.#answer(request, action);
      if (dumps === MOST_DUMPS || !messages.some(({ flags }) => (flags & NLM_F_DUMP_INTR) !== 0)) return messages;
    }
  }

  close(): void {
    closeSync(this.#fd);
  }

  #answer(request: Request, action: string): Message[] {
    const sequence = ++this.#sequence;
    writeSync(this.#fd, encodeRequest(request, sequence));
    const buffer = new Uint8Array(ANSWER_BYTES);
    const messages: Message[] = [];
    for (;;) {
      for (const message of decodeMessages(buffer.subarray(0, readSync(this.#fd, buffer)))) {
        if (message.sequence !== sequence) continue;
        if (message.type === NLMSG_DONE) return messages;
        if (message.type !== NLMSG_ERROR) {
          messages.push(message);
          continue;
        }
        const { errno, text } = decodeError(message);
        if (errno === 0) return messages;
        const { name, text: words } = describeErrno(errno);
        throw new SystemError(action, name, `${name}: ${words}${text === "" ? "" : `: ${text}`}`);
      }
    }
  }
}
