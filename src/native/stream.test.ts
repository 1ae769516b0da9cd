import { closeSync, mkdtempSync, openSync, readFileSync, readSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { native } from "./native.ts";
import { Stream, isTerminal } from "./stream.ts";
import { forget, ready } from "./waiter.ts";

const test = suite("stream");

const O_NONBLOCK = 0o4000;

function isNonblocking(fd: number): boolean {
  const [, flags = ""] = /^flags:\s+(\d+)$/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, "utf8")) ?? [];
  return (Number.parseInt(flags, 8) & O_NONBLOCK) !== 0;
}

function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

test("Stream.write() waits for a reader that stalls, and leaves the shared descriptor's flags alone", async () => {
  const [reader, writer] = native().pipe();
  const stream = new Stream(writer, { access: "write" });
  const SIZE = 300_000;
  let isDone = false;
  const written = stream.write(new Uint8Array(SIZE).fill(120)).then(() => (isDone = true));
  await new Promise((resolve) => setTimeout(resolve, 50));
  assert.not(isDone, "a pipe does not hold that much");
  assert.not(isNonblocking(writer));
  const buffer = new Uint8Array(65536);
  // The writer is of this thread, too: to wait in read(2) for what it has not written yet would be to wait for ever.
  for (let size = 0; size < SIZE; ) {
    await ready(reader);
    size += readSync(reader, buffer);
  }
  await written;
  stream.close();
  forget(reader);
  for (const fd of [reader, writer]) closeSync(fd);
});

test("Stream.read() tells nothing yet from the end", async () => {
  const [reader, writer] = native().pipe();
  const stream = new Stream(reader, { access: "read" });
  const buffer = new Uint8Array(10);
  assert.is(stream.read(buffer), undefined);
  assert.not(isNonblocking(reader));
  const waiting = stream.ready();
  const second = new Stream(writer, { access: "write" });
  await second.write(bytes("word"));
  await waiting;
  assert.is(stream.read(buffer), 4);
  second.close();
  closeSync(writer);
  await stream.ready();
  assert.is(stream.read(buffer), 0);
  stream.close();
  closeSync(reader);
});

test("Stream.ready() knows that files are always ready, and reading goes on where the descriptor stands", async () => {
  const folder = mkdtempSync(join(tmpdir(), "tsrun-stream-"));
  writeFileSync(join(folder, "file"), "0123456789");
  const fd = openSync(join(folder, "file"), "r");
  const buffer = new Uint8Array(4);
  readSync(fd, buffer);
  const stream = new Stream(fd, { access: "read" });
  await stream.ready();
  assert.is(stream.read(buffer), 4);
  assert.equal(buffer, bytes("4567"));
  stream.close();
  closeSync(fd);
  rmSync(folder, { recursive: true });
});

test("Stream on a terminal has a description of its own", async () => {
  const [master, slave] = native().openPty();
  assert.ok(isTerminal(slave));
  const stream = new Stream(slave, { access: "read" });
  assert.is(stream.read(new Uint8Array(1)), undefined);
  assert.not(isNonblocking(slave));
  stream.close();
  for (const fd of [master, slave]) closeSync(fd);
});

test("isTerminal() is false for a pipe", () => {
  const [reader, writer] = native().pipe();
  assert.not(isTerminal(reader));
  for (const fd of [reader, writer]) closeSync(fd);
});

test.run();
