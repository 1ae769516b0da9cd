/** The streams of a kubelet's exec, attach and port forwarding, over a websocket with the protocol v4.channel.k8s.io (rfc6455). */

import * as http from "node:http";
import type { Socket } from "node:net";
import { until } from "../engine.ts";

const PROTOCOL = "v4.channel.k8s.io";
/** The first byte of each message; of a port that is forwarded there are two. */
const CHANNELS = { stdin: 0, stdout: 1, stderr: 2, error: 3, resize: 4, data: 0, refusal: 1 } as const;
type Channel = keyof typeof CHANNELS;

const BINARY_FRAME = 0x82;
const CLOSE_OPCODE = 8;
const IS_MASKED = 0x80;
const LENGTH_16 = 126;
const LENGTH_64 = 127;

interface Verdict {
  readonly status: string;
  readonly details?: { readonly causes?: readonly { readonly reason: string; readonly message: string }[] };
}

export class Streams {
  readonly #socket: Socket;
  readonly #received = new Map<number, Buffer[]>();
  #pending = Buffer.alloc(0);
  /** Resolves when the other side closes. */
  readonly closed: Promise<void>;

  private constructor(socket: Socket, head: Buffer) {
    this.#socket = socket;
    this.closed = new Promise((resolve) => socket.on("close", () => resolve()));
    socket.on("data", (bytes: Buffer) => this.#take(bytes));
    socket.on("error", () => {});
    this.#take(head);
  }

  /** Opens what a call of Exec, Attach or PortForward has answered, by the unix socket that leads to the node. */
  static open(unix: string, url: string, query = ""): Promise<Streams> {
    const headers = {
      Connection: "Upgrade",
      Upgrade: "websocket",
      "Sec-WebSocket-Version": "13",
      "Sec-WebSocket-Key": Buffer.from("tsrun tsrun test").toString("base64"),
      "Sec-WebSocket-Protocol": PROTOCOL,
      Origin: "http://localhost",
    };
    return new Promise((resolve, reject) => {
      const request = http.request({ socketPath: unix, path: `${new URL(url).pathname}${query}`, headers });
      request.on("upgrade", (_response, socket: Socket, head) => resolve(new Streams(socket, head)));
      request.on("response", ({ statusCode }) => reject(new Error(`no websocket: status ${statusCode}`)));
      request.on("error", reject);
      request.end();
    });
  }

  #take(bytes: Buffer): void {
    this.#pending = Buffer.concat([this.#pending, bytes]);
    for (let frame = this.#frame(); frame !== undefined; frame = this.#frame()) {
      if ((frame.opcode & 0xf) === CLOSE_OPCODE) {
        this.#socket.end();
        return;
      }
      const [channel] = frame.payload;
      if (channel === undefined || frame.payload.length === 1) continue;
      this.#received.set(channel, [...(this.#received.get(channel) ?? []), frame.payload.subarray(1)]);
    }
  }

  /** The next whole frame; servers do not mask. */
  #frame(): { readonly opcode: number; readonly payload: Buffer } | undefined {
    const bytes = this.#pending;
    if (bytes.length < 2) return undefined;
    const short = bytes.readUInt8(1);
    const start = short === LENGTH_16 ? 4 : short === LENGTH_64 ? 10 : 2;
    if (bytes.length < start) return undefined;
    const length = short === LENGTH_16 ? bytes.readUInt16BE(2) : short === LENGTH_64 ? Number(bytes.readBigUInt64BE(2)) : short;
    if (bytes.length < start + length) return undefined;
    this.#pending = bytes.subarray(start + length);
    return { opcode: bytes.readUInt8(0), payload: bytes.subarray(start, start + length) };
  }

  send(channel: Channel, text: string): void {
    const payload = Buffer.concat([Buffer.from([CHANNELS[channel]]), Buffer.from(text)]);
    // A mask of zeros changes nothing, and clients must have one.
    const header = Buffer.alloc(8);
    header.writeUInt8(BINARY_FRAME, 0);
    header.writeUInt8(IS_MASKED | LENGTH_16, 1);
    header.writeUInt16BE(payload.length, 2);
    this.#socket.write(Buffer.concat([header, payload]));
  }

  /** All that has come on a channel. */
  text(channel: Channel): string {
    return Buffer.concat(this.#received.get(CHANNELS[channel]) ?? []).toString();
  }

  async until(channel: Channel, pattern: RegExp): Promise<void> {
    await until(() => pattern.test(this.text(channel)), () => `${String(pattern)} does not come: ${JSON.stringify(this.text(channel))} ${this.text("error")}`);
  }

  /** The exit status, which comes at the end. */
  async status(): Promise<number> {
    await this.until("error", /}/);
    const verdict = JSON.parse(this.text("error")) as Verdict;
    if (verdict.status === "Success") return 0;
    const cause = verdict.details?.causes?.find(({ reason }) => reason === "ExitCode");
    if (cause === undefined) throw new Error(this.text("error"));
    return Number(cause.message);
  }

  close(): void {
    this.#socket.destroy();
  }
}
