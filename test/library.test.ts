/** The library by itself: what a TypeScript program can do without the command line. */

import { closeSync, openSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { Worker } from "node:worker_threads";
import * as assert from "uvu/assert";
import { ConfigError, Container, ContainerExistsError, NoSuchContainerError, StatusError, StepError, SystemError, UsageError, parseConfig } from "../src/index.ts";
import { needsCriu } from "./criu.ts";
import { needs, suite } from "./harness.ts";
import { PROJECT } from "./runtime.ts";

const test = suite("library");

test("Container goes through its whole life", async (t) => {
  needs("root");
  const { path: bundle } = t.bundle((config) => {
    config.process.args = ["/bin/sleep", "100"];
  });
  const id = t.id();
  const root = t.stateRoot;
  const container = await Container.create({ id, bundle, root, pidFile: join(t.folder, "pid") });
  assert.is(container.state().status, "created");
  assert.is(Number(readFileSync(join(t.folder, "pid"), "utf8")), container.state().pid);
  assert.equal(Container.list({ root }), [id]);
  await rejects(() => Container.create({ id, bundle, root }), ContainerExistsError);
  await container.start();
  assert.is(Container.open(id, { root }).state().status, "running");
  await rejects(() => container.delete(), StatusError);
  assert.equal(container.processes(), [container.state().pid]);
  const further = await container.exec({ args: ["sh", "-c", "test $(id -u) = 7 && test $A = b && exit 5"], uid: 7, env: ["A=b"] });
  assert.equal(await further.wait(), { code: 5, signal: 0 });
  await rejects(() => container.exec({ args: ["none"] }), StepError);
  await rejects(() => container.exec({ args: [], cwd: "relative" }), ConfigError);
  await container.pause();
  assert.is(container.state().status, "paused");
  await rejects(() => container.pause(), StatusError);
  await container.resume();
  assert.is(container.state().status, "running");
  await container.update({ pids: { limit: 60 } });
  assert.equal(container.resources().pids, { limit: 60 });
  await rejects(() => container.update({ pids: { limit: -5 } }), ConfigError);
  container.kill("KILL");
  assert.equal(await container.wait(), { code: 0, signal: 9 });
  await container.delete();
  assert.throws(() => container.state(), (error: unknown) => error instanceof NoSuchContainerError);
});

test("Container is written into files, and goes on from them", async (t) => {
  needsCriu();
  const { path: bundle } = t.bundle((config) => {
    config.process.args = ["/bin/sh", "-c", "trap 'exit 5' TERM; while :; do sleep 0.02; done"];
  });
  const [id, root, imagePath] = [t.id(), t.stateRoot, join(t.folder, "images")];
  const nothing = openSync("/dev/null", "r+");
  const request = { id, bundle, root, stdio: [nothing, nothing, nothing] } as const;
  const first = await Container.create(request);
  await rejects(() => first.checkpoint({ imagePath }), StatusError);
  await first.start();
  await first.checkpoint({ imagePath, leaveRunning: true });
  assert.is(first.state().status, "running");
  await first.checkpoint({ imagePath });
  assert.equal(await first.wait(), { code: 0, signal: 9 });
  assert.equal(Container.list({ root }), []);
  await rejects(() => Container.restore({ ...request, imagePath: join(t.folder, "none") }), SystemError);
  const second = await Container.restore({ ...request, imagePath });
  assert.is(second.state().status, "running");
  second.kill("TERM");
  assert.equal(await second.wait(), { code: 5, signal: 0 });
  await second.delete();
  closeSync(nothing);
});

test("Container refuses what JavaScript lets pass, before anything is made of it", async (t) => {
  needs("root");
  const { path: bundle } = t.bundle((config) => {
    config.process.args = ["/bin/sleep", "100"];
  });
  const [id, root] = [t.id(), t.stateRoot];
  const wrong: readonly object[] = [{ id: 5 }, { bundle: undefined }, { root: 5 }, { stdio: [0, 1] }, { stdio: [0, 1, 1_000_000] }, { warn: "x" }, { noPivot: 1 }];
  for (const more of wrong) await rejects(() => create({ id, bundle, root, ...more }), UsageError);
  await rejects(() => create(undefined), UsageError);
  assert.equal(Container.list({ root }), []);
  const container = await Container.create({ id, bundle, root });
  await container.start();
  await rejects(async () => container.kill({} as string), UsageError);
  await rejects(() => container.exec({ args: "true" } as unknown as { args: string[] }), UsageError);
  await rejects(() => container.exec({ args: ["true"], uid: "7" as unknown as number }), UsageError);
  await rejects(() => container.update({ memory: { limit: "5" as unknown as number } }), ConfigError);
  await rejects(() => container.delete({ force: "yes" as unknown as boolean }), UsageError);
  await rejects(async () => parseConfig(new Uint8Array() as unknown as string), UsageError);
  assert.is(container.state().status, "running");
  await container.delete({ force: true });
  await container.wait();
});

/** A request as a JavaScript program makes it. */
function create(request: unknown): Promise<Container> {
  return Container.create(request as Parameters<typeof Container.create>[0]);
}

/** What a worker does by itself; "waiting" when it would wait for ever. */
const LIFE = `
  const { parentPort, workerData: { library, id, bundle, root, ends } } = require("node:worker_threads");
  (async () => {
    const { Container } = await import(library);
    const container = await Container.create({ id, bundle, root });
    await container.start();
    if (!ends) setTimeout(() => parentPort.postMessage("waiting"), 0);
    else container.kill("KILL");
    parentPort.postMessage(await container.wait());
    await container.delete();
  })();
`;

test("Container works in workers: before, beside and after the main thread's, and when one is ended while it waits", async (t) => {
  needs("root");
  const { path: bundle } = t.bundle((config) => {
    config.process.args = ["/bin/sleep", "100"];
  });
  const root = t.stateRoot;
  const library = pathToFileURL(join(PROJECT, "dist/js/src/index.js")).href;
  const work = (id: string, ends: boolean): Promise<unknown> =>
    new Promise((resolve, reject) => {
      const worker = new Worker(LIFE, { eval: true, workerData: { library, id, bundle, root, ends } });
      let told: unknown;
      worker.on("message", (message: unknown) => {
        told = message;
        if (message === "waiting") void worker.terminate();
      });
      worker.on("error", reject);
      worker.on("exit", () => resolve(told));
    });
  const killed = { code: 0, signal: 9 };
  assert.equal(await work(t.id(), true), killed);
  const own = await Container.create({ id: t.id(), bundle, root });
  await own.start();
  assert.equal(await Promise.all([work(t.id(), true), work(t.id(), true)]), [killed, killed]);
  const left = t.id();
  assert.is(await work(left, false), "waiting");
  own.kill("KILL");
  assert.equal(await own.wait(), killed);
  await own.delete();
  await Container.open(left, { root }).delete({ force: true });
  assert.equal(Container.list({ root }), []);
});

async function rejects(action: () => Promise<unknown>, kind: new (...args: never[]) => Error): Promise<void> {
  try {
    await action();
  } catch (error) {
    assert.instance(error, kind);
    return;
  }
  assert.unreachable(`it should have failed with ${kind.name}`);
}

test.run();
