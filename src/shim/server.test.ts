/** Server and Client over a real socket: calls side by side, errors with their codes, and frames that nobody should send. */

import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { closeSync } from "../native/files.ts";
import { native } from "../native/native.ts";
import { Client } from "./client.ts";
import { Connection } from "./connection.ts";
import { MOST_BYTES, REQUEST, encodeFrame } from "./frame.ts";
import { DeleteResponse, Empty, ProcessRequest } from "./generated/task.ts";
import { Request, Response } from "./generated/ttrpc.ts";
import { decode, encode } from "../protobuf/messages.ts";
import { RpcError } from "./rpc-error.ts";
import { Server, method } from "./server.ts";

const test = suite("server");

let folder = "";
let path = "";
let server: Server | undefined;
let release = (): void => {};

test.before.each(() => {
  folder = fs.mkdtempSync(join(tmpdir(), "tsrun-server-"));
  path = join(folder, "socket");
  const blocked = new Promise<void>((resolve) => {
    release = resolve;
  });
  const services = {
    "a.Service": {
      Echo: method(ProcessRequest, ProcessRequest, (request) => request),
      Late: method(ProcessRequest, ProcessRequest, async (request) => {
        await blocked;
        return request;
      }),
      Missing: method(ProcessRequest, Empty, () => {
        throw new RpcError("NOT_FOUND", "no such thing");
      }),
      Broken: method(ProcessRequest, Empty, () => {
        throw new TypeError("a defect");
      }),
      Large: method(ProcessRequest, ProcessRequest, ({ id }) => ({ id: "x".repeat(Number(id)) })),
      Nothing: method(Empty, Empty, () => ({})),
    },
  };
  server = new Server(services, () => {});
  void server.listen(native().listenUnix(path));
});

test.after.each(async () => {
  release();
  await server?.close();
  fs.rmSync(folder, { recursive: true });
});

async function call(client: Client, name: string, id: string, timeoutMilliseconds = 30_000): Promise<ProcessRequest> {
  const payload = encode(ProcessRequest, { id });
  return decode(ProcessRequest, await client.call({ service: "a.Service", method: name, payload, timeoutMilliseconds }));
}

async function failure(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
  throw new Error("it did not fail");
}

/** Sends raw bytes, and returns the answers' streams and codes, as many as asked for. */
async function exchange(frames: readonly Uint8Array[], answers: number): Promise<(readonly [stream: number, code: number])[]> {
  const fd = native().connectUnix(path);
  const connection = new Connection(native().dupAbove(fd, 3));
  const sending = (async (): Promise<void> => {
    for (const frame of frames) {
      for (let at = 0; at < frame.length; ) {
        try {
          at += native().send(fd, frame.subarray(at, at + 60_000));
        } catch {
          await new Promise((resolve) => setTimeout(resolve, 1));
        }
      }
    }
  })();
  const found: [number, number][] = [];
  while (found.length < answers) {
    const frame = await connection.next();
    if (frame?.payload === undefined) break;
    found.push([frame.stream, decode(Response, frame.payload).status?.code ?? 0]);
  }
  await sending;
  connection.close();
  native().close(fd);
  return found;
}

function request(stream: number, name = "Echo"): Uint8Array {
  return encodeFrame(stream, REQUEST, encode(Request, { service: "a.Service", method: name }));
}

test("a call gets its answer, also while another one waits on the same connection", async () => {
  const client = new Client(path);
  const late = call(client, "Late", "first");
  assert.is((await call(client, "Echo", "second")).id, "second");
  release();
  assert.is((await late).id, "first");
  client.close();
});

test("many calls at once all get their own answers", async () => {
  const client = new Client(path);
  const answers = await Promise.all(Array.from({ length: 300 }, (_, index) => call(client, "Echo", `${index}`)));
  assert.equal(answers.map(({ id }) => id), Array.from({ length: 300 }, (_, index) => `${index}`));
  client.close();
});

test("an answer that the socket does not take at once arrives whole", async () => {
  const client = new Client(path);
  const [long, short] = await Promise.all([call(client, "Large", "3000000"), call(client, "Echo", "s")]);
  assert.is(long.id.length, 3_000_000);
  assert.is(short.id, "s");
  client.close();
});

test("errors come with their message; what is no RpcError is unknown", async () => {
  const client = new Client(path);
  assert.is(await failure(call(client, "Missing", "")), "no such thing");
  assert.is(await failure(call(client, "Broken", "")), "a defect");
  assert.is(await failure(call(client, "None", "")), "method None");
  assert.is(await failure(client.call({ service: "toString", method: "x", payload: new Uint8Array(), timeoutMilliseconds: 30_000 })), "service toString");
  client.close();
});

test("the codes are those that containerd maps back", async () => {
  const codes = await exchange([request(1, "Missing"), request(3, "Broken"), request(5, "None")], 3);
  assert.equal(codes.sort(), [[1, 5], [3, 2], [5, 12]]);
});

test("a deadline that passes is told to the caller, and the server goes on", async () => {
  const client = new Client(path);
  assert.match(await failure(call(client, "Late", "", 30)), /deadline|no answer/);
  assert.is((await call(client, "Echo", "on")).id, "on");
  client.close();
});

test("a stream that is even, or was used before, is refused", async () => {
  assert.equal(await exchange([request(2), request(5), request(5), request(3), request(7)], 5).then((found) => found.sort()), [[2, 3], [3, 3], [5, 0], [5, 3], [7, 0]].sort());
});

test("a frame that is too long is refused, and the next one answered", async () => {
  const long = encodeFrame(1, REQUEST, new Uint8Array(MOST_BYTES + 10));
  assert.equal(await exchange([long, request(3)], 2), [[1, 8], [3, 0]]);
});

test("a payload that is no message is refused, and the next one answered", async () => {
  const bad = encodeFrame(1, REQUEST, new Uint8Array([0xff, 0xff, 0xff]));
  const badInner = encodeFrame(3, REQUEST, encode(Request, { service: "a.Service", method: "Echo", payload: new Uint8Array([0x0a, 0x7f]) }));
  const found = await exchange([bad, badInner, request(5)], 3);
  assert.equal(found.sort(), [[1, 3], [3, 2], [5, 0]]);
});

test("frames of types that are not known are ignored", async () => {
  assert.equal(await exchange([encodeFrame(1, 9, new Uint8Array(3)), request(3)], 1), [[3, 0]]);
});

test("a client that goes away in the middle of a frame harms nobody", async () => {
  const fd = native().connectUnix(path);
  native().send(fd, request(1).subarray(0, 7));
  native().close(fd);
  const client = new Client(path);
  assert.is((await call(client, "Echo", "x")).id, "x");
  client.close();
});

test("an empty answer has no payload", async () => {
  const client = new Client(path);
  const answer = await client.call({ service: "a.Service", method: "Nothing", payload: new Uint8Array(), timeoutMilliseconds: 30_000 });
  assert.is(answer.length, 0);
  assert.equal(decode(DeleteResponse, answer).pid, 0);
  client.close();
});

test("a deadline that is further away than a timer reaches is none", async () => {
  const request = encode(Request, { service: "a.Service", method: "Late", payload: encode(ProcessRequest, { id: "x" }), timeout_nano: 3_000_000_000_000_000n });
  const answers = exchange([encodeFrame(1, REQUEST, request)], 1);
  await new Promise((resolve) => setTimeout(resolve, 20));
  release();
  assert.equal(await answers, [[1, 0]]);
});

test("a call that cannot be sent, since the other side has just gone, fails at once", async () => {
  const socket = join(folder, "leaving");
  const listener = native().listenUnix(socket);
  const client = new Client(socket);
  const waiting = failure(call(client, "Echo", "a"));
  const accepted = native().accept(listener);
  assert.ok(accepted !== null);
  closeSync(listener);
  closeSync(accepted);
  // The client has had no time to see it.
  const began = performance.now();
  assert.match(await failure(call(client, "Echo", "b")), /the connection is closed/);
  assert.match(await waiting, /the connection is closed/);
  assert.ok(performance.now() - began < 20_000);
});

test.run();
