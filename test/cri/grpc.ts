/** A gRPC client on a unix socket: single calls, with the messages of a .proto file (grpc's PROTOCOL-HTTP2.md). */

import * as http2 from "node:http2";
import * as net from "node:net";
import protobuf from "protobufjs";

const { HTTP2_HEADER_PATH, HTTP2_HEADER_METHOD, HTTP2_HEADER_CONTENT_TYPE, HTTP2_HEADER_TE } = http2.constants;
/** Before each message: whether it is compressed, and its length. */
const PREFIX_BYTES = 5;

/** A call that the other side refused. */
export class GrpcError extends Error {
  readonly code: number;

  constructor(method: string, code: number, message: string) {
    super(`${method}: code ${code}: ${message}`);
    this.code = code;
  }
}

export class Grpc {
  readonly #root: protobuf.Root;
  readonly #session: http2.ClientHttp2Session;

  constructor(socket: string, proto: string) {
    this.#root = new protobuf.Root();
    this.#root.loadSync(proto, { keepCase: true });
    this.#session = http2.connect("http://localhost", { createConnection: () => net.connect(socket) });
    // Each call tells it.
    this.#session.on("error", () => {});
  }

  /** Calls a method by its full name: `runtime.v1.RuntimeService/Version`. */
  async call<Answer>(name: string, request: object): Promise<Answer> {
    const [serviceName = "", methodName = ""] = name.split("/");
    const method = this.#root.lookupService(serviceName).methods[methodName];
    if (method === undefined) throw new Error(`no method ${name}`);
    method.resolve();
    if (method.resolvedRequestType === null || method.resolvedResponseType === null) throw new Error(`no messages of ${name}`);
    const bytes = method.resolvedRequestType.encode(method.resolvedRequestType.fromObject(request)).finish();
    const answer = method.resolvedResponseType.decode(await this.#exchange(name, bytes));
    return method.resolvedResponseType.toObject(answer, { longs: Number, enums: String, defaults: true, arrays: true, objects: true }) as Answer;
  }

  #exchange(name: string, message: Uint8Array): Promise<Uint8Array> {
    const prefix = Buffer.alloc(PREFIX_BYTES);
    prefix.writeUInt32BE(message.length, 1);
    return new Promise((resolve, reject) => {
      const stream = this.#session.request({
        [HTTP2_HEADER_METHOD]: "POST",
        [HTTP2_HEADER_PATH]: `/${name}`,
        [HTTP2_HEADER_CONTENT_TYPE]: "application/grpc",
        [HTTP2_HEADER_TE]: "trailers",
      });
      const parts: Buffer[] = [];
      let status: http2.IncomingHttpHeaders = {};
      // An answer without a message has its status in the headers.
      stream.on("response", (headers) => (status = { ...status, ...headers }));
      stream.on("trailers", (headers) => (status = { ...status, ...headers }));
      stream.on("data", (part: Buffer) => parts.push(part));
      stream.on("error", reject);
      stream.on("close", () => {
        const code = Number(status["grpc-status"] ?? 14);
        if (code === 0) resolve(Buffer.concat(parts).subarray(PREFIX_BYTES));
        else reject(new GrpcError(name, code, decodeURIComponent(String(status["grpc-message"] ?? "no answer"))));
      });
      stream.end(Buffer.concat([prefix, message]));
    });
  }

  close(): void {
    this.#session.destroy();
  }
}
