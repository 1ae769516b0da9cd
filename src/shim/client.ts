/** Calls a ttrpc server: containerd's, which takes the events, or another shim. */

import { native } from "../native/native.ts";
import { Connection } from "./connection.ts";
import { REQUEST, RESPONSE } from "./frame.ts";
import { Request, Response } from "./generated/ttrpc.ts";
import type { KeyValue } from "./generated/ttrpc.ts";
import { decode, encode } from "../protobuf/messages.ts";
import { RpcError } from "./rpc-error.ts";

export interface Call {
  readonly service: string;
  readonly method: string;
  readonly payload: Uint8Array;
  readonly metadata?: readonly Partial<KeyValue>[];
  readonly timeoutMilliseconds: number;
}

interface Waiting {
  readonly resolve: (payload: Uint8Array) => void;
  readonly reject: (error: unknown) => void;
}

const NANOS_PER_MILLISECOND = 1_000_000n;

/** One connection, opened when it is needed, and again after it broke. */
export class Client {
  readonly #path: string;
  #connection: Connection | undefined;
  #stream = 1;
  readonly #waiting = new Map<number, Waiting>();

  constructor(path: string) {
    this.#path = path;
  }

  /** Resolves with the answer; fails when it says so, when there is none in time, and when nobody listens. */
  async call({ service, method, payload, metadata = [], timeoutMilliseconds }: Call): Promise<Uint8Array> {
    const connection = this.#connect();
    const stream = this.#stream;
    this.#stream += 2;
    const timeout_nano = BigInt(timeoutMilliseconds) * NANOS_PER_MILLISECOND;
    connection.send(stream, REQUEST, encode(Request, { service, method, payload, metadata, timeout_nano }));
    let timer: ReturnType<typeof setTimeout> | undefined;
    try {
      return await new Promise((resolve, reject) => {
        this.#waiting.set(stream, { resolve, reject });
        timer = setTimeout(() => reject(new RpcError("DEADLINE_EXCEEDED", `${service}/${method}: no answer`)), timeoutMilliseconds);
      });
    } finally {
      clearTimeout(timer);
      this.#waiting.delete(stream);
    }
  }

  #connect(): Connection {
    if (this.#connection !== undefined) return this.#connection;
    const connection = new Connection(native().connectUnix(this.#path));
    this.#connection = connection;
    void this.#read(connection);
    return connection;
  }

  async #read(connection: Connection): Promise<void> {
    try {
      for (let frame = await connection.next(); frame !== undefined; frame = await connection.next()) {
        if (frame.type === RESPONSE && frame.payload !== undefined) this.#settle(frame.stream, frame.payload);
      }
    } finally {
      if (this.#connection === connection) this.close();
    }
  }

  #settle(stream: number, payload: Uint8Array): void {
    const waiting = this.#waiting.get(stream);
    if (waiting === undefined) return;
    try {
      const { status, payload: answer } = decode(Response, payload);
      const code = status?.code ?? 0;
      if (code === 0) waiting.resolve(answer);
      else waiting.reject(new RpcError(code, status?.message ?? `code ${code}`));
    } catch (error) {
      waiting.reject(error);
    }
  }

  close(): void {
    this.#connection?.close();
    this.#connection = undefined;
    for (const { reject } of this.#waiting.values()) reject(new RpcError("UNKNOWN", `"${this.#path}": the connection is closed`));
  }
}
