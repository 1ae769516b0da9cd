/** The shim's task service where calls meet each other, or what ends by itself, and where a container asks for much. */

import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { encode } from "../src/protobuf/messages.ts";
import { native } from "../src/native/native.ts";
import { Client } from "../src/shim/client.ts";
import { ConnectResponse, CreateTaskRequest, CreateTaskResponse, DeleteResponse, Empty, ExecProcessRequest, KillRequest, PidsResponse, ProcessRequest, ShutdownRequest, StartResponse, WaitResponse } from "../src/shim/generated/task.ts";
import { CODES } from "../src/shim/rpc-error.ts";
import type { RpcError } from "../src/shim/rpc-error.ts";
import { needsCriu } from "./criu.ts";
import { until } from "./engine.ts";
import { suite } from "./harness.ts";
import type { Ground } from "./harness.ts";
import { TASK, TIMEOUT, calling, runTask } from "./shim-caller.ts";
import type { Caller } from "./shim-caller.ts";
import { readOr } from "./shim.ts";

const test = suite("shim-calls");
const called = calling(test);

interface Sleeper {
  readonly args?: readonly string[];
  readonly stdout?: string;
}

/** A container that sleeps, or does something else, in a shim of its own. */
async function sleeper(t: Ground, caller: Caller, { args = ["/bin/sleep", "1000"], ...streams }: Sleeper = {}): Promise<{ readonly id: string; readonly pid: number; readonly shim: number; readonly end: () => Promise<void> }> {
  const id = t.id();
  const { path: bundle } = t.bundle((config) => {
    config.process.args = [...args];
  });
  caller.start(bundle, id);
  const { pid } = await caller.call(TASK, "Create", [CreateTaskRequest, { id, bundle, ...streams }], CreateTaskResponse);
  await caller.call(TASK, "Start", [ProcessRequest, { id }], StartResponse);
  const { shim_pid: shim } = await caller.call(TASK, "Connect", [ProcessRequest, { id }], ConnectResponse);
  const end = async (): Promise<void> => {
    if (fs.existsSync(`/proc/${pid}`)) await caller.call(TASK, "Kill", [KillRequest, { id, signal: 9 }], Empty).catch(() => undefined);
    // Or the test did it.
    await caller.call(TASK, "Wait", [ProcessRequest, { id }], WaitResponse).catch(() => undefined);
    await caller.call(TASK, "Delete", [ProcessRequest, { id }], DeleteResponse).catch(() => undefined);
    await caller.call(TASK, "Shutdown", [ShutdownRequest, { id }], Empty);
    await until(() => !fs.existsSync(`/proc/${shim}/exe`), () => "the shim does not end");
  };
  return { id, pid, shim, end };
}

function addExec(caller: Caller, { id, exec_id, args, ...streams }: { readonly id: string; readonly exec_id: string; readonly args: readonly string[]; readonly stdin?: string; readonly stdout?: string; readonly stderr?: string; readonly terminal?: boolean }): Promise<Empty> {
  const value = new TextEncoder().encode(JSON.stringify({ args, cwd: "/" }));
  return caller.call(TASK, "Exec", [ExecProcessRequest, { id, exec_id, ...streams, spec: { type_url: "types.containerd.io/opencontainers/runtime-spec/1/Process", value } }], Empty);
}

called("who kills and deletes an exec that is about to start leaves no process behind", async (t, caller) => {
  const { id, pid, end } = await sleeper(t, caller);
  const request = { id, exec_id: "e" };
  await addExec(caller, { ...request, args: ["/bin/sleep", "1000"] });
  const started = caller.call(TASK, "Start", [ProcessRequest, request], StartResponse);
  const killed = caller.failure(TASK, "Kill", [KillRequest, { ...request, signal: 9 }], Empty);
  const refused = caller.failure(TASK, "Delete", [ProcessRequest, request], DeleteResponse);
  const exec = (await started).pid;
  assert.is(await killed, "");
  assert.match(await refused, /cannot delete a running process/);
  assert.is((await caller.call(TASK, "Wait", [ProcessRequest, request], WaitResponse)).exit_status, 137);
  assert.is((await caller.call(TASK, "Delete", [ProcessRequest, request], DeleteResponse)).pid, exec);
  assert.equal((await caller.call(TASK, "Pids", [ProcessRequest, { id }], PidsResponse)).processes.map((process) => process.pid), [pid]);
  await until(() => caller.topics.includes("/tasks/exit"), () => caller.topics.join());
  await end();
});

/** A client's end of a fifo that a process writes to. */
function clientOf(fifo: string): number {
  native().mkfifo(fifo, 0o600);
  return fs.openSync(fifo, fs.constants.O_RDONLY | fs.constants.O_NONBLOCK);
}

/** How much came; undefined where nothing is there, but may come. */
function take(client: number, most: number): number | undefined {
  try {
    return fs.readSync(client, new Uint8Array(most));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EAGAIN") throw error;
    return undefined;
  }
}

const SOME_BYTES = 60_000;
const SOME = ["/bin/sh", "-c", `head -c ${SOME_BYTES} /dev/zero`];

/** Well below what makes a client one that does not read. */
const MOST_PAUSE = 150;

/** Reads all of it, and asserts that the call is not answered before, but then. */
async function isAnsweredAfter(client: number, call: Promise<unknown>): Promise<void> {
  let isAnswered = false;
  const answer = call.then(() => (isAnswered = true));
  let got = 0;
  let isSlow = false;
  while (got < SOME_BYTES) {
    const since = performance.now();
    await new Promise((resolve) => setTimeout(resolve, 20));
    // On a machine that lets this process wait, the shim may be right to wait no longer.
    isSlow ||= performance.now() - since > MOST_PAUSE;
    assert.ok(!isAnswered || isSlow, `answered after ${got} bytes`);
    got += take(client, 20_000) ?? 0;
  }
  await answer;
  assert.is(got, SOME_BYTES);
}

for (const kind of ["init", "exec", "terminal"] as const) {
  for (const call of ["wait", "delete"]) {
    called(`a ${call} is answered when the client has read all that the process wrote (${kind})`, async (t, caller) => {
      const fifo = join(t.folder, "fifo");
      const client = clientOf(fifo);
      const { id, end } = await sleeper(t, caller, kind === "init" ? { args: SOME, stdout: fifo } : {});
      const request = kind === "init" ? { id } : { id, exec_id: "e" };
      if (kind !== "init") {
        await addExec(caller, { id, exec_id: "e", args: SOME, stdout: fifo, terminal: kind === "terminal" });
        await caller.call(TASK, "Start", [ProcessRequest, request], StartResponse);
      }
      const wait = caller.call(TASK, "Wait", [ProcessRequest, request], WaitResponse);
      if (call === "wait") await isAnsweredAfter(client, wait);
      else await wait;
      await until(() => caller.topics.includes("/tasks/exit"), () => caller.topics.join());
      const deleted = caller.call(TASK, "Delete", [ProcessRequest, request], DeleteResponse);
      if (call === "delete") await isAnsweredAfter(client, deleted);
      await deleted;
      await until(() => take(client, 1) === 0, () => "the end does not come");
      fs.closeSync(client);
      await end();
    });
  }
}

called("a client that does not read, or is gone, holds up its delete for seconds at most", async (t, caller) => {
  const { id, end } = await sleeper(t, caller);
  for (const exec_id of ["idle", "gone"]) {
    const fifo = join(t.folder, exec_id);
    const client = clientOf(fifo);
    const request = { id, exec_id };
    await addExec(caller, { ...request, args: SOME, stdout: fifo });
    await caller.call(TASK, "Start", [ProcessRequest, request], StartResponse);
    await caller.call(TASK, "Wait", [ProcessRequest, request], WaitResponse);
    if (exec_id === "gone") fs.closeSync(client);
    await caller.call(TASK, "Delete", [ProcessRequest, request], DeleteResponse);
    if (exec_id === "gone") continue;
    assert.is(take(client, 2 * SOME_BYTES), SOME_BYTES);
    fs.closeSync(client);
  }
  await end();
});

for (const kind of ["device", "file"]) {
  called(`an output that is a ${kind} instead of a fifo keeps no process from its end and its delete`, async (t, caller) => {
    const stdout = kind === "device" ? "/dev/null" : join(t.folder, "output");
    if (kind === "file") fs.writeFileSync(stdout, "");
    const { id, end } = await sleeper(t, caller, { args: ["/bin/sh", "-c", "echo one; exec sleep 1000"], stdout });
    const request = { id, exec_id: "e" };
    await addExec(caller, { ...request, args: ["/bin/echo", "two"], stdout });
    await caller.call(TASK, "Start", [ProcessRequest, request], StartResponse);
    await caller.call(TASK, "Wait", [ProcessRequest, request], WaitResponse);
    await caller.call(TASK, "Delete", [ProcessRequest, request], DeleteResponse);
    await caller.call(TASK, "Kill", [KillRequest, { id, signal: 9 }], Empty);
    await caller.call(TASK, "Wait", [ProcessRequest, { id }], WaitResponse);
    await caller.call(TASK, "Delete", [ProcessRequest, { id }], DeleteResponse);
    await until(() => caller.topics.includes("/tasks/delete"), () => caller.topics.join());
    assert.equal(caller.topics.slice(-3), ["/tasks/exit", "/tasks/exit", "/tasks/delete"]);
    await end();
  });
}

called("an exec that meets a pause is not half begun: it runs before, or not at all", async (t, caller) => {
  const { id, end } = await sleeper(t, caller);
  const outcomes: string[] = [];
  for (let n = 0; n < 40; n++) {
    const request = { id, exec_id: `e${n}` };
    await addExec(caller, { ...request, args: ["/bin/true"] });
    const start = (): Promise<string> => caller.failure(TASK, "Start", [ProcessRequest, request], StartResponse);
    const pause = (): Promise<string> => caller.failure(TASK, "Pause", [ProcessRequest, { id }], Empty);
    const early = n % 4 === 0 ? pause() : undefined;
    const started = start();
    // At another moment of the exec's beginning each time.
    for (const until = performance.now() + n / 10; performance.now() < until; ) await new Promise((resolve) => setImmediate(resolve));
    outcomes.push(await (early ?? pause()), await started);
    await caller.call(TASK, "Resume", [ProcessRequest, { id }], Empty);
    await caller.call(TASK, "Wait", [ProcessRequest, request], WaitResponse);
    await caller.call(TASK, "Delete", [ProcessRequest, request], DeleteResponse);
  }
  assert.equal(outcomes.filter((words) => words !== "" && !words.includes("cannot exec in a paused container")), []);
  assert.ok(outcomes.includes("") && outcomes.some((words) => words !== ""));
  await end();
});

called("who waits for an exec that is deleted before it began, or with its container, is answered", async (t, caller) => {
  const { id, end } = await sleeper(t, caller);
  const waiting = ["one", "two"].map(async (exec_id) => {
    await addExec(caller, { id, exec_id, args: ["/bin/true"] });
    return (await caller.call(TASK, "Wait", [ProcessRequest, { id, exec_id }], WaitResponse)).exit_status;
  });
  await until(() => caller.topics.filter((topic) => topic === "/tasks/exec-added").length === 2, () => caller.topics.join());
  await caller.call(TASK, "Delete", [ProcessRequest, { id, exec_id: "one" }], DeleteResponse);
  assert.is(await waiting[0], 255);
  await caller.call(TASK, "Kill", [KillRequest, { id, signal: 9 }], Empty);
  await caller.call(TASK, "Wait", [ProcessRequest, { id }], WaitResponse);
  await caller.call(TASK, "Delete", [ProcessRequest, { id }], DeleteResponse);
  assert.is(await waiting[1], 255);
  await end();
});

called("of two that delete a container one is told that there is none, and its end is told once", async (t, caller) => {
  const { id, end } = await sleeper(t, caller);
  await caller.call(TASK, "Kill", [KillRequest, { id, signal: 9 }], Empty);
  await caller.call(TASK, "Wait", [ProcessRequest, { id }], WaitResponse);
  const [first, second] = await Promise.all([1, 2].map(() => caller.failure(TASK, "Delete", [ProcessRequest, { id }], DeleteResponse)));
  assert.equal([first, second], ["", "container not created"]);
  await end();
  assert.is(caller.topics.filter((topic) => topic === "/tasks/delete").length, 1);
});

called("a kill that comes when the container has just ended finds it finished", async (t, caller) => {
  const { id, pid, shim, end } = await sleeper(t, caller);
  // It hears of the kill first.
  process.kill(shim, "SIGSTOP");
  await until(() => /^State:\s+T/m.test(fs.readFileSync(`/proc/${shim}/status`, "utf8")), () => "the shim does not stop");
  const killing = caller.call(TASK, "Kill", [KillRequest, { id, signal: 15 }], Empty).catch((error: unknown) => error);
  await new Promise((resolve) => setImmediate(resolve));
  process.kill(pid, "SIGKILL");
  await until(() => /^State:\s+Z/m.test(fs.readFileSync(`/proc/${pid}/status`, "utf8")), () => "it goes on");
  process.kill(shim, "SIGCONT");
  const { status, message } = (await killing) as RpcError;
  assert.equal([status, message], [CODES.NOT_FOUND, "process already finished"]);
  await end();
});

/** How many descriptors a shim may have, from now on. */
function limit(shim: number, soft: number): void {
  assert.is(spawnSync("prlimit", ["--pid", `${shim}`, `--nofile=${soft}:`]).status, 0);
}

function descriptors(shim: number): number[] {
  return fs.readdirSync(`/proc/${shim}/fd`).map(Number);
}

/** The limit that leaves a shim so many further descriptors. */
function roomFor(shim: number, more: number): number {
  const taken = new Set(descriptors(shim));
  let soft = 0;
  for (let free = 0; free < more; soft++) if (!taken.has(soft)) free++;
  return soft;
}

for (const terminal of [false, true]) {
  called(`an exec for which there are too few descriptors fails, and leaves none open (${terminal ? "terminal" : "pipes"})`, async (t, caller) => {
    const { id, shim, end } = await sleeper(t, caller);
    const [stdin, stdout, stderr] = ["in", "out", "err"].map((name) => join(t.folder, name)) as [string, string, string];
    const clients = [stdout, stderr].map(clientOf);
    native().mkfifo(stdin, 0o600);
    clients.push(fs.openSync(stdin, fs.constants.O_RDWR));
    const before = descriptors(shim).length;
    const outcomes = new Set<string>();
    for (let more = 1; !outcomes.has(""); more++) {
      const request = { id, exec_id: `e${more}` };
      const streams = terminal ? { stdin, stdout, terminal } : { stdin, stdout, stderr };
      await addExec(caller, { ...request, args: ["/bin/true"], ...streams });
      limit(shim, roomFor(shim, more));
      const outcome = await caller.failure(TASK, "Start", [ProcessRequest, request], StartResponse);
      limit(shim, 1024);
      outcomes.add(outcome);
      if (outcome === "") await caller.call(TASK, "Wait", [ProcessRequest, request], WaitResponse);
      await caller.call(TASK, "Delete", [ProcessRequest, request], DeleteResponse);
      await until(() => descriptors(shim).length === before, () => `with ${more} more: ${descriptors(shim).length} descriptors instead of ${before}, after ${outcome}`);
    }
    assert.ok(outcomes.size > 3, [...outcomes].join("\n"));
    for (const fd of clients) fs.closeSync(fd);
    await end();
  });
}

called("a shim that had no descriptor left listens again", async (t, caller) => {
  const { id, shim, end } = await sleeper(t, caller);
  const before = descriptors(shim).length;
  // Enough for one descriptor of the two that a connection takes.
  limit(shim, Math.max(...descriptors(shim)) + 2);
  const flood = Array.from({ length: 20 }, () => native().connectUnix(caller.socket));
  await until(() => descriptors(shim).length > before, () => "nobody was let in");
  for (const fd of flood) fs.closeSync(fd);
  limit(shim, 1024);
  const another = new Client(caller.socket);
  await another.call({ service: TASK, method: "Connect", payload: encode(ProcessRequest, { id }), timeoutMilliseconds: TIMEOUT });
  another.close();
  await until(() => descriptors(shim).length === before, () => `has ${descriptors(shim).length} descriptors instead of ${before}`);
  await end();
});

called("processes that hold the streams of their exec for ever cost the shim a bounded number of threads", async (t, caller) => {
  const { id, shim, end } = await sleeper(t, caller);
  const [stdout, stderr] = ["out", "err"].map((name) => join(t.folder, name)) as [string, string];
  spawnSync("mkfifo", [stdout, stderr]);
  const readers = [stdout, stderr].map((path) => fs.openSync(path, fs.constants.O_RDONLY | fs.constants.O_NONBLOCK));
  for (let n = 0; n < 140; n++) {
    const request = { id, exec_id: `e${n}` };
    await addExec(caller, { ...request, args: ["/bin/sh", "-c", "sleep 1000 & exit 0"], stdout, stderr });
    await caller.call(TASK, "Start", [ProcessRequest, request], StartResponse);
    await caller.call(TASK, "Wait", [ProcessRequest, request], WaitResponse);
    await caller.call(TASK, "Delete", [ProcessRequest, request], DeleteResponse);
  }
  const threads = (): number => fs.readdirSync(`/proc/${shim}/task`).length;
  await until(() => threads() <= 257, () => `${threads()} threads`);
  assert.ok(threads() > 250);
  for (const fd of readers) fs.closeSync(fd);
  await end();
});

called("who kills a container that is being restored ends that, however long criu would wait for its images", async (t, caller) => {
  needsCriu();
  const id = t.id();
  const { path: bundle } = t.bundle();
  const images = join(t.folder, "images");
  fs.mkdirSync(images);
  fs.writeFileSync(join(images, "descriptors.json"), JSON.stringify(["/dev/null", "/dev/null", "/dev/null"]));
  spawnSync("mkfifo", [join(images, "inventory.img")]);
  caller.start(bundle, id);
  await caller.call(TASK, "Create", [CreateTaskRequest, { id, bundle, checkpoint: images }], CreateTaskResponse);
  const { shim_pid: shim } = await caller.call(TASK, "Connect", [ProcessRequest, { id }], ConnectResponse);
  const started = caller.failure(TASK, "Start", [ProcessRequest, { id }], StartResponse);
  await until(() => childrenOf(shim).includes("criu"), () => "there is no criu");
  assert.is(await caller.failure(TASK, "Kill", [KillRequest, { id, signal: 9 }], Empty), "");
  assert.match(await started, /restore failed: it was killed/);
  // What criu itself had executed, and the shim has inherited, ends by itself.
  await until(() => childrenOf(shim).length === 0, () => `it has the children ${childrenOf(shim).join(", ")}`);
  await caller.call(TASK, "Delete", [ProcessRequest, { id }], DeleteResponse);
  await caller.call(TASK, "Shutdown", [ShutdownRequest, { id }], Empty);
  await until(() => !fs.existsSync(`/proc/${shim}/exe`), () => "the shim does not end");
});

/** The names of a process's children. */
function childrenOf(pid: number): string[] {
  const children = fs.readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").split(" ").filter((child) => child !== "");
  return children.map((child) => readOr(`/proc/${child}/comm`).trim());
}

called("a shim that is asked twice to end leaves the socket to the next one, which has its name", async (t, caller) => {
  let pass = (): void => {};
  // A shim stays until its events are told.
  caller.eventsPass = new Promise((resolve) => {
    pass = resolve;
  });
  const bundles = [0, 1, 2].map(() => t.bundle((config) => {
    config.annotations = { "io.containerd.tsrun.v1.shared": "true" };
    config.process.args = ["/bin/true"];
  }).path);
  const [a = "", b = "", c = ""] = bundles;
  const [first, second, third] = [t.id(), t.id(), t.id()];
  caller.start(b, second);
  caller.start(a, first);
  const ending = new Client(caller.socket);
  const shutdown = (id: string): Promise<Uint8Array> => ending.call({ service: TASK, method: "Shutdown", payload: encode(ShutdownRequest, { id }), timeoutMilliseconds: TIMEOUT });
  try {
    assert.is(await runTask(caller, { id: first, bundle: a }), 0);
    assert.is(await runTask(caller, { id: second, bundle: b }), 0);
    await shutdown(first);
    assert.not(fs.existsSync(caller.socket));
    caller.start(c, third);
    await shutdown(second);
    assert.ok(fs.existsSync(caller.socket));
  } finally {
    ending.close();
    pass();
  }
  assert.is(await runTask(caller, { id: third, bundle: c }), 0);
  await caller.call(TASK, "Shutdown", [ShutdownRequest, { id: third }], Empty);
});

test.run();
