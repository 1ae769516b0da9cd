/** Streams as kubectl uses them: exec and attach with input, output, terminals and lost connections; a port of a pod. */

import * as assert from "uvu/assert";
import { until } from "../engine.ts";
import { kubernetes } from "./kubernetes.ts";
import type { Node } from "./node.ts";
import type { Container, Part } from "./pods.ts";
import { Streams } from "./streams.ts";

const test = kubernetes("streams");

async function open(node: Node, method: "Exec" | "Attach", request: Part): Promise<Streams> {
  const { url } = await node.call<{ url: string }>(method, request);
  return Streams.open(await node.relayStreams(), url);
}

function exec({ node, id }: Container, cmd: readonly string[], streams: Part): Promise<Streams> {
  return open(node, "Exec", { container_id: id, cmd, ...streams });
}

function attach({ node, id }: Container, streams: Part): Promise<Streams> {
  return open(node, "Attach", { container_id: id, ...streams });
}

test("exec gives output, errors and the exit status", async ({ pod }) => {
  const container = await (await pod()).start();
  const streams = await exec(container, ["/bin/sh", "-c", "echo out; echo err >&2; exit 7"], { stdout: true, stderr: true });
  assert.is(await streams.status(), 7);
  assert.equal([streams.text("stdout"), streams.text("stderr")], ["out\n", "err\n"]);
  await streams.closed;
  const good = await exec(container, ["/bin/true"], { stdout: true, stderr: true });
  assert.is(await good.status(), 0);
});

test("exec passes input on, also much of it", async ({ pod }) => {
  const container = await (await pod()).start();
  const streams = await exec(container, ["/bin/sh", "-c", "read line; echo got $line; head -c 300000 | wc -c"], { stdin: true, stdout: true, stderr: true });
  streams.send("stdin", "something\n");
  await streams.until("stdout", /got something\n/);
  for (let part = 0; part < 10; part++) streams.send("stdin", "x".repeat(30_000));
  assert.is(await streams.status(), 0);
  assert.is(streams.text("stdout"), "got something\n300000\n");
});

test("exec with a terminal has its size, and what it is changed to", async ({ pod }) => {
  const container = await (await pod()).start();
  const streams = await exec(container, ["/bin/sh"], { stdin: true, stdout: true, tty: true });
  streams.send("resize", JSON.stringify({ Width: 101, Height: 31 }));
  await streams.until("stdout", /# /);
  streams.send("stdin", "tty; while [ \"$(stty size)\" != '31 101' ]; do sleep 0.05; done; stty size\n");
  await streams.until("stdout", /\n\/dev\/pts\/0\r\n31 101\r\n/);
  streams.send("resize", JSON.stringify({ Width: 99, Height: 29 }));
  streams.send("stdin", "while [ \"$(stty size)\" != '29 99' ]; do sleep 0.05; done; stty size\n");
  await streams.until("stdout", /\n29 99\r\n/);
  streams.send("stdin", "echo be''gin; sleep 1000\n");
  await streams.until("stdout", /\nbegin\r\n/);
  streams.send("stdin", "\x03");
  streams.send("stdin", "exit 5\n");
  assert.is(await streams.status(), 5);
});

test("attach gives what is written from now on, and a closed connection harms nobody", async ({ pod }) => {
  const container = await (await pod()).start(["/bin/sh", "-c", "i=0; while :; do i=$((i+1)); echo line $i; echo error >&2; sleep 0.05; done"]);
  await until(() => container.log().length > 4, () => "no output");
  for (let time = 0; time < 2; time++) {
    const streams = await attach(container, { stdout: true, stderr: true });
    await streams.until("stdout", /^line \d+\nline \d+\n/);
    await streams.until("stderr", /^error\nerror\n/);
    streams.close();
  }
  assert.is((await container.status()).state, "CONTAINER_RUNNING");
  const count = container.log().length;
  await until(() => container.log().length > count, () => "it writes no more");
});

test("attach passes input on, whose end is the container's where it has one input only", async ({ pod }) => {
  const made = await pod();
  const once = await made.start(["/bin/sh", "-c", "while read line; do echo got $line; done; exit 4"], { config: { stdin: true, stdin_once: true } });
  const streams = await attach(once, { stdin: true, stdout: true, stderr: true });
  streams.send("stdin", "one\n");
  await streams.until("stdout", /^got one\n$/);
  streams.close();
  assert.is((await once.ended()).exit_code, 4);
  const open = await made.start(["/bin/sh", "-c", "while read line; do echo got $line; done; exit 4"], { config: { stdin: true } });
  for (const word of ["one", "two"]) {
    const connection = await attach(open, { stdin: true, stdout: true, stderr: true });
    connection.send("stdin", `${word}\n`);
    await connection.until("stdout", new RegExp(`^got ${word}\n$`));
    connection.close();
  }
  assert.is(open.output().stdout, "got one\ngot two\n");
  assert.is((await open.status()).state, "CONTAINER_RUNNING");
});

test("attach to a terminal has its size and its keys", async ({ pod }) => {
  const container = await (await pod()).start(["/bin/sh"], { config: { stdin: true, tty: true } });
  const streams = await attach(container, { stdin: true, stdout: true, tty: true });
  streams.send("resize", JSON.stringify({ Width: 101, Height: 31 }));
  streams.send("stdin", "tty; while [ \"$(stty size)\" != '31 101' ]; do sleep 0.05; done; stty size\n");
  await streams.until("stdout", /\n\/dev\/pts\/0\r\n31 101\r\n/);
  streams.send("stdin", "exit 6\n");
  assert.is((await container.ended()).exit_code, 6);
});

test("a port of a pod is forwarded, and one on which nobody listens is refused", async ({ node, pod }) => {
  const made = await pod();
  await made.start(["/bin/sh", "-c", "mkdir /tmp/web; echo hello > /tmp/web/index.html; exec httpd -f -p 8080 -h /tmp/web"]);
  const forward = async (port: number): Promise<Streams> => {
    const { url } = await node.call<{ url: string }>("PortForward", { pod_sandbox_id: made.id, port: [port] });
    return Streams.open(await node.relayStreams(), url, `?port=${port}`);
  };
  const get = async (): Promise<string> => {
    const streams = await forward(8080);
    streams.send("data", "GET / HTTP/1.0\r\n\r\n");
    await streams.closed;
    // The number of the port comes first.
    return streams.text("data").slice(2);
  };
  let answer = "";
  await until(async () => (answer = await get()) !== "", () => "the server does not answer");
  assert.match(answer, /^HTTP\/1\.[01] 200 OK\r\n[^]*\r\n\r\nhello\n$/);
  const none = await forward(8081);
  await none.until("refusal", /refused/);
  none.close();
});

test.run();
