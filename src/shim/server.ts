/** Serves ttrpc on a listening unix socket: any number of connections, and any number of calls at once on each. */

import { native } from "../native/native.ts";
import { EPOLLIN, forget, ready } from "../native/waiter.ts";
import { Connection } from "./connection.ts";
import { MOST_BYTES, REQUEST, RESPONSE } from "./frame.ts";
import type { Frame } from "./frame.ts";
import { Request, Response } from "./generated/ttrpc.ts";
import { decode, encode } from "../protobuf/messages.ts";
import type { MessageType } from "../protobuf/messages.ts";
import { RpcError, statusOf } from "./rpc-error.ts";

/** A method by its name: bytes in, bytes out. */
export type Method = (payload: Uint8Array) => Promise<Uint8Array>;
export type Services = Readonly<Record<string, Readonly<Record<string, Method>>>>;

/** A method from its message types and what it does. */
export function method<In extends object, Out extends object>(
  input: MessageType<In>,
  output: MessageType<Out>,
  run: (request: In) => Promise<Partial<Out>> | Partial<Out>,
): Method {
  return async (payload) => encode(output, await run(decode(input, payload)));
}

const NANOS_PER_MILLISECOND = 1_000_000n;
/** What a timer can hold, more than three weeks: by then a caller with more patience tells by itself that he goes. */
const MOST_MILLISECONDS = 0x7fff_ffff;
/** Without a descriptor for a connection, until another look. */
const PAUSE_MILLISECONDS = 100;
const EMPTY = new Uint8Array();

export class Server {
  readonly #services: Services;
  readonly #connections = new Set<Connection>();
  readonly #onError: (error: unknown) => void;
  #listener: number | undefined;
  #isClosed = false;

  constructor(services: Services, onError: (error: unknown) => void) {
    this.#services = services;
    this.#onError = onError;
  }

  /** Accepts connections until `close`, which is all that ends it. */
  async listen(fd: number): Promise<void> {
    this.#listener = fd;
    native().setNonblocking(fd, true);
    let hasFailed = false;
    while (!this.#isClosed) {
      try {
        const accepted = native().accept(fd);
        if (accepted === null) await ready(fd, EPOLLIN);
        else void this.serve(new Connection(accepted));
        hasFailed = false;
      } catch (error) {
        // No descriptor is left, for example. Who does not listen any more cannot be found again by a new containerd.
        if (!hasFailed) this.#onError(error);
        hasFailed = true;
        await new Promise((resolve) => setTimeout(resolve, PAUSE_MILLISECONDS));
      }
    }
  }

  /** Answers the calls of one connection until the other side closes it. */
  async serve(connection: Connection): Promise<void> {
    this.#connections.add(connection);
    let last = 0;
    try {
      for (let frame = await connection.next(); frame !== undefined; frame = await connection.next()) {
        if (frame.type !== REQUEST) continue;
        const { stream } = frame;
        // Clients' streams are odd, and each is used once.
        if (stream % 2 === 0 || stream <= last) refuse(connection, stream, new RpcError("INVALID_ARGUMENT", "StreamID cannot be re-used or even"));
        else void this.#answer(connection, frame);
        last = Math.max(last, stream);
      }
    } catch (error) {
      this.#onError(error);
    } finally {
      this.#connections.delete(connection);
      connection.close();
    }
  }

  async #answer(connection: Connection, { stream, payload }: Frame): Promise<void> {
    try {
      if (payload === undefined) throw new RpcError("RESOURCE_EXHAUSTED", `message length exceeds the maximum of ${MOST_BYTES} bytes`);
      const request = readRequest(payload);
      const answer = await withDeadline(this.#find(request)(request.payload), request.timeout_nano);
      connection.send(stream, RESPONSE, encode(Response, { payload: answer }));
    } catch (error) {
      refuse(connection, stream, error);
    }
  }

  #find({ service, method: name }: Request): Method {
    const methods = Object.hasOwn(this.#services, service) ? this.#services[service] : undefined;
    if (methods === undefined) throw new RpcError("UNIMPLEMENTED", `service ${service}`);
    const found = Object.hasOwn(methods, name) ? methods[name] : undefined;
    if (found === undefined) throw new RpcError("UNIMPLEMENTED", `method ${name}`);
    return found;
  }

  get hasConnections(): boolean {
    return this.#connections.size > 0;
  }

  /** Answers that are on their way go out first. */
  async close(): Promise<void> {
    this.#isClosed = true;
    if (this.#listener !== undefined) forget(this.#listener);
    for (const connection of this.#connections) {
      await connection.flushed();
      connection.close();
    }
  }
}

function readRequest(payload: Uint8Array): Request {
  try {
    return decode(Request, payload);
  } catch (error) {
    throw new RpcError("INVALID_ARGUMENT", "cannot read the request: it is no valid message", { cause: error });
  }
}

function refuse(connection: Connection, stream: number, error: unknown): void {
  connection.send(stream, RESPONSE, encode(Response, { status: statusOf(error), payload: EMPTY }));
}

/** The caller has gone on by then; what the call does is done nonetheless. */
function withDeadline(answer: Promise<Uint8Array>, nanos: bigint): Promise<Uint8Array> {
  const milliseconds = Number(nanos / NANOS_PER_MILLISECOND);
  if (nanos <= 0n || milliseconds > MOST_MILLISECONDS) return answer;
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new RpcError("DEADLINE_EXCEEDED", "context deadline exceeded")), milliseconds);
    const settle = (act: () => void): void => {
      clearTimeout(timer);
      act();
    };
    answer.then((bytes) => settle(() => resolve(bytes)), (error: unknown) => settle(() => reject(error)));
  });
}

