/** Waiting for descriptors and signals: the same under both engines. */

import { spawn, spawnSync } from "node:child_process";
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { extname, join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { native } from "./native.ts";
import { EPOLLHUP, EPOLLIN, EPOLLOUT, forget, ready } from "./waiter.ts";

const test = suite("waiter");

let [reader, writer] = [-1, -1];
test.before.each(() => {
  [reader, writer] = native().pipe();
});
test.after.each(() => {
  for (const fd of [reader, writer]) {
    forget(fd);
    try {
      fs.closeSync(fd);
    } catch {
      // The test has closed it.
    }
  }
});

async function isPending(promise: Promise<unknown>): Promise<boolean> {
  const late = new Promise((resolve) => setTimeout(() => resolve("late"), 30));
  return (await Promise.race([promise, late])) === "late";
}

test("ready() waits for something to read", async () => {
  const waiting = ready(reader);
  assert.ok(await isPending(waiting));
  fs.writeSync(writer, "x");
  assert.is((await waiting) & EPOLLIN, EPOLLIN);
});

test("ready() knows at once what is so already", async () => {
  assert.is((await ready(writer, EPOLLOUT)) & EPOLLOUT, EPOLLOUT);
  fs.closeSync(writer);
  assert.is((await ready(reader)) & EPOLLHUP, EPOLLHUP);
});

test("ready() tells of one event, and has to be asked for the next", async () => {
  fs.writeSync(writer, "x");
  await ready(reader);
  const again = ready(reader);
  assert.not(await isPending(again));
  fs.readSync(reader, Buffer.alloc(1));
  assert.ok(await isPending(ready(reader)));
});

test("ready() has one wait for a descriptor: the latest", async () => {
  const first = ready(reader);
  const second = ready(reader);
  fs.writeSync(writer, "x");
  await second;
  assert.ok(await isPending(first));
});

test("ready() serves many descriptors at the same time", async () => {
  const pipes = Array.from({ length: 50 }, () => native().pipe());
  const waiting = pipes.map(([end]) => ready(end));
  for (const [, end] of [...pipes].reverse()) fs.writeSync(end, "x");
  for (const events of await Promise.all(waiting)) assert.is(events & EPOLLIN, EPOLLIN);
  for (const [end, other] of pipes) {
    forget(end);
    fs.closeSync(end);
    fs.closeSync(other);
  }
});

test("forget() makes way for another descriptor of the same number", async () => {
  const waiting = ready(reader);
  forget(reader);
  fs.closeSync(reader);
  fs.closeSync(writer);
  const number = reader;
  [reader, writer] = native().pipe();
  assert.is(reader, number, "the kernel gives the lowest free number");
  fs.writeSync(writer, "x");
  assert.ok(await isPending(waiting));
});

test("ready() refuses what cannot be waited for", async () => {
  const file = fs.openSync("/etc/passwd", "r");
  for (const [fd, code] of [[file, "EPERM"], [99_999, "EBADF"]] as const) {
    const failure = await ready(fd).catch((error: unknown) => error);
    assert.is((failure as NodeJS.ErrnoException).code, code);
    assert.is((failure as NodeJS.ErrnoException).syscall, "epoll_ctl");
  }
  fs.closeSync(file);
});

/** A program of its own on this engine, which has `native`, `ready`, `forget` and `onSignals`. */
function program(body: string): string {
  const extension = extname(import.meta.filename);
  const from = (name: string): string => JSON.stringify(join(import.meta.dirname, name + extension));
  const folder = fs.mkdtempSync(join(tmpdir(), "tsrun-waiter-"));
  const path = join(folder, "program.mjs");
  fs.writeFileSync(path, `import { native } from ${from("native")};\nimport { ready, forget, onSignals } from ${from("waiter")};\n${body}\n`);
  return path;
}

interface Ended {
  readonly stdout: string;
  readonly timedOut: boolean;
  readonly status: number | null;
}

function execute(body: string, milliseconds = 30_000): Ended {
  const path = program(body);
  const { stdout, status, error } = spawnSync(process.execPath, [path], { encoding: "utf8", timeout: milliseconds, killSignal: "SIGKILL", stdio: ["ignore", "pipe", "inherit"] });
  fs.rmSync(join(path, ".."), { recursive: true });
  return { stdout, timedOut: error !== undefined, status };
}

test("a program that waits does not end before what it waits for", () => {
  const ended = execute('const [r, w] = native().pipe(); setTimeout(() => native().write(w, "x"), 100).unref(); await ready(r); native().write(1, "got it");');
  assert.equal(ended, { stdout: "got it", timedOut: false, status: 0 });
});

test("a program that waits for what never comes does not end", () => {
  assert.ok(execute("const [r, w] = native().pipe(); void ready(r);", 700).timedOut);
});

for (const [how, body] of [
  ["waits without keeping itself alive", "void ready(r, 1, { keepAlive: false });"],
  ["has forgotten what it waited for", "void ready(r); forget(r);"],
  ["has had all that it waited for", 'native().write(w, "x"); void ready(r).then(() => native().write(1, "done"));'],
] as const) {
  test(`a program that ${how} ends by itself`, () => {
    const ended = execute(`const [r, w] = native().pipe(); ${body}`);
    assert.equal([ended.timedOut, ended.status], [false, 0]);
    assert.is(ended.stdout, how.startsWith("has had") ? "done" : "");
  });
}

test("onSignals() tells each signal by its number, also SIGUSR1, which is the engine's otherwise", async () => {
  const body = 'onSignals([10, 15, 34 + 6], (signal) => { native().write(1, `${signal} `); if (signal === 15) process.exit(3); }); setInterval(() => undefined, 1000); native().write(1, "on ");';
  const path = program(body);
  const child = spawn(process.execPath, [path], { stdio: ["ignore", "pipe", "inherit"], timeout: 30_000, killSignal: "SIGKILL" });
  let stdout = "";
  const heard = async (what: string): Promise<void> => {
    while (!stdout.includes(what) && child.exitCode === null) await new Promise((resolve) => setTimeout(resolve, 5));
  };
  child.stdout.on("data", (data: Buffer) => void (stdout += data.toString()));
  const exit = new Promise((resolve) => child.on("close", resolve));
  await heard("on ");
  for (const signal of [10, 40, 10]) {
    native().kill(child.pid ?? 0, signal);
    await heard(`${signal} `);
    stdout = stdout.replace(`${signal} `, `(${signal})`);
  }
  native().kill(child.pid ?? 0, 15);
  assert.is(await exit, 3);
  assert.is(stdout, "on (10)(40)(10)15 ");
  fs.rmSync(join(path, ".."), { recursive: true });
});

test.run();
