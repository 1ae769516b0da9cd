/** A connection to systemd, by its own socket or over a bus: calls, and the signals that come meanwhile. */

import { CgroupError, ProtocolError } from "../../errors.ts";
import { ERROR, METHOD_RETURN, MessageReader, SIGNAL, encodeCall } from "../../dbus/message.ts";
import type { Call, Message } from "../../dbus/message.ts";
import { closeSync } from "../../native/files.ts";
import { isNativeError, native } from "../../native/native.ts";
import { EPOLLIN, EPOLLOUT, forget, ready } from "../../native/waiter.ts";

/** The answer to a call that failed: `name` says why in D-Bus's words. */
export class BusError extends CgroupError {
  readonly errorName: string;

  constructor(errorName: string, message: string) {
    super(message);
    this.errorName = errorName;
  }
}

const TIMEOUT_MILLIS = 30_000;
const BUS = { destination: "org.freedesktop.DBus", path: "/org/freedesktop/DBus", interface: "org.freedesktop.DBus" };

export class Bus {
  readonly #fd: number;
  readonly #reader = new MessageReader();
  readonly #signals: Message[] = [];
  /** What has been read and is not a message yet: the answers of the greeting. */
  #text = "";
  #serial = 0;
  readonly #deadline = performance.now() + TIMEOUT_MILLIS;

  private constructor(fd: number) {
    this.#fd = fd;
    native().setNonblocking(fd, true);
  }

  /** Connects and says who this is; `isShared`: there is a bus between, on which others are, too. */
  static async open(path: string, { isShared }: { readonly isShared: boolean }): Promise<Bus> {
    const bus = new Bus(native().connectUnix(path));
    try {
      await bus.#greet();
      if (isShared) await bus.call({ ...BUS, member: "Hello" });
      return bus;
    } catch (error) {
      bus.close();
      throw error;
    }
  }

  /**
   * "Authentication Protocol": the kernel tells the other side who this is. Within a user namespace nobody knows his own
   * number outside, so none is given.
   */
  async #greet(): Promise<void> {
    await this.#send(new TextEncoder().encode("\0AUTH EXTERNAL\r\nDATA\r\n"));
    for (;;) {
      const end = this.#text.indexOf("\r\n");
      if (end < 0) {
        this.#text += new TextDecoder().decode(await this.#receive());
        continue;
      }
      const line = this.#text.slice(0, end);
      this.#text = this.#text.slice(end + 2);
      if (line.startsWith("OK ")) break;
      if (line !== "DATA" && line !== "DATA ") throw new ProtocolError(`it answers ${JSON.stringify(line)}`);
    }
    await this.#send(new TextEncoder().encode("BEGIN\r\n"));
  }

  /** Resolves with the answer; fails with a BusError where that is one. */
  async call(call: Call): Promise<Message> {
    const serial = ++this.#serial;
    await this.#send(encodeCall(serial, call));
    for (;;) {
      const message = await this.#next();
      if (message.type === SIGNAL) this.#signals.push(message);
      if (message.replySerial !== serial) continue;
      if (message.type === METHOD_RETURN) return message;
      if (message.type === ERROR) throw new BusError(message.errorName, String(message.body[0] ?? message.errorName));
    }
  }

  /** On a shared bus: the signals of this interface are wanted. */
  async subscribe(destination: string, name: string): Promise<void> {
    const rule = `type='signal',sender='${destination}',interface='${name}'`;
    await this.call({ ...BUS, member: "AddMatch", signature: "s", body: [rule] });
  }

  /** The first signal that `isWanted`, of those that have come or the next ones. */
  async signal(isWanted: (message: Message) => boolean): Promise<Message> {
    for (;;) {
      const at = this.#signals.findIndex(isWanted);
      const [found] = at < 0 ? [] : this.#signals.splice(at, 1);
      if (found !== undefined) return found;
      const message = await this.#next();
      if (message.type === SIGNAL) this.#signals.push(message);
    }
  }

  async #next(): Promise<Message> {
    for (;;) {
      const message = this.#reader.next();
      if (message !== undefined) return message;
      this.#reader.push(await this.#receive());
    }
  }

  async #receive(): Promise<Uint8Array> {
    for (;;) {
      const received = native().receive(this.#fd);
      for (const fd of received?.fds ?? []) closeSync(fd);
      if (received === null) await this.#wait(EPOLLIN);
      else if (received.bytes.length === 0) throw new ProtocolError("it has closed the connection");
      else return received.bytes;
    }
  }

  async #send(bytes: Uint8Array): Promise<void> {
    for (let rest = bytes; rest.length > 0; ) {
      try {
        rest = rest.subarray(native().send(this.#fd, rest));
      } catch (error) {
        if (!isNativeError(error) || error.code !== "EAGAIN") throw error;
        await this.#wait(EPOLLOUT);
      }
    }
  }

  async #wait(events: number): Promise<void> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new ProtocolError(`it has not answered for ${TIMEOUT_MILLIS / 1000} s`)), Math.max(0, this.#deadline - performance.now()));
    });
    try {
      await Promise.race([ready(this.#fd, events), late]);
    } finally {
      clearTimeout(timer);
    }
  }

  close(): void {
    forget(this.#fd);
    closeSync(this.#fd);
  }
}
