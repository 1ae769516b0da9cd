/** The state root: who gets an id, and what a killed command leaves to the next one. */

import { fork } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { extname, join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { ContainerExistsError, NoSuchContainerError, UsageError } from "../errors.ts";
import type { StoredState } from "./state.ts";
import { BusyError, Store, bootId, checkId } from "./store.ts";

const test = suite("store");

let store = new Store("/nowhere");
test.before.each(() => {
  store = new Store(join(fs.mkdtempSync(join(tmpdir(), "tsrun-store-")), "root"));
});
test.after.each(() => fs.rmSync(join(store.root, ".."), { recursive: true }));

function stateOf(id: string, changes: Partial<StoredState> = {}): StoredState {
  return {
    version: 1,
    id,
    ociVersion: "1.3.0",
    phase: "created",
    bundle: "/b",
    rootfs: "/b/rootfs",
    created: "2026-01-01T00:00:00.000Z",
    owner: "0",
    bootId: bootId(),
    pid: 0,
    startTime: 0,
    ownPidNamespace: true,
    hasProcess: true,
    hooks: {},
    lastSteps: [],
    ...changes,
  };
}

for (const id of ["a", "A-b_c+d.9", "...", "x".repeat(255)]) {
  test(`checkId() takes ${id.slice(0, 12)}`, () => {
    assert.not.throws(() => checkId(id));
  });
}

for (const id of ["", ".", "..", "a/b", "/a", "a b", "a\n", "ä", "a\0", "@seccomp", "x".repeat(256)]) {
  test(`checkId() refuses ${JSON.stringify(id.slice(0, 12))}`, () => {
    assert.throws(() => checkId(id), (error: unknown) => error instanceof UsageError && error.message.startsWith("cannot use container id"));
  });
}

test("claim() makes the root and a directory that only root can read", () => {
  const lock = store.claim("a");
  assert.is(fs.statSync(store.root).mode & 0o777, 0o700);
  assert.is(fs.statSync(store.directory("a")).mode & 0o777, 0o711);
  lock.release();
});

test("claim() refuses an id that is taken, whether its owner works on it or not", () => {
  const lock = store.claim("a");
  assert.throws(() => store.claim("a"), (error: unknown) => error instanceof ContainerExistsError);
  store.save(stateOf("a"));
  lock.release();
  assert.throws(() => store.claim("a"), (error: unknown) => error instanceof ContainerExistsError);
});

test("claim() takes what a creator left that died before it wrote anything", () => {
  store.claim("a").release();
  store.claim("a").release();
});

test("claim() takes the id of a container of another boot, and nothing of it stays", () => {
  store.claim("a").release();
  store.save(stateOf("a", { bootId: "another" }));
  fs.writeFileSync(join(store.directory("a"), "config.json"), "{}");
  const lock = store.claim("a");
  assert.equal(fs.readdirSync(store.directory("a")), []);
  lock.release();
});

test("lock() keeps others out, and gives up where it is told to", () => {
  const lock = store.claim("a");
  assert.throws(() => store.lock("a", "delete", { wait: false }), (error: unknown) => error instanceof BusyError);
  assert.is(store.isLocked("a"), true);
  lock.release();
  assert.is(store.isLocked("a"), false);
  store.lock("a", "delete", { wait: false }).release();
});

test("lock() and load() tell of a container that does not exist", () => {
  for (const act of [() => store.lock("a", "start"), () => store.load("a", "start")]) {
    assert.throws(act, (error: unknown) => error instanceof NoSuchContainerError && error.message === 'cannot start container "a": container does not exist');
  }
});

test("save() replaces the state in one step, and load() returns it", () => {
  store.claim("a").release();
  const state = stateOf("a", { annotations: { key: "ä" } });
  store.save(stateOf("a"));
  store.save(state);
  assert.equal(store.load("a", "state"), state);
  assert.equal(fs.readdirSync(store.directory("a")), ["state.json"]);
  assert.is(fs.statSync(join(store.directory("a"), "state.json")).mode & 0o777, 0o600);
});

test("tryLoad() tells a state that cannot be read from none", () => {
  store.claim("a").release();
  assert.is(store.tryLoad("a"), undefined);
  for (const text of ["", "{", "[]", "null", '{"version":99}']) {
    fs.writeFileSync(join(store.directory("a"), "state.json"), text);
    assert.throws(() => store.tryLoad("a"), /cannot read the state of container "a"|state\.json/);
    assert.throws(() => store.claim("a"), (error: unknown) => error instanceof ContainerExistsError);
  }
});

test("hasState() tells a container from its directory alone", () => {
  store.claim("a").release();
  assert.is(store.hasState("a"), false);
  store.save(stateOf("a"));
  assert.is(store.hasState("a"), true);
  assert.is(store.hasState("b"), false);
});

test("ids() lists containers, and not what else there is", () => {
  assert.equal(store.ids(), []);
  for (const id of ["b", "a"]) store.claim(id).release();
  fs.mkdirSync(join(store.root, "@seccomp"));
  assert.equal(store.ids().sort(), ["a", "b"]);
});

test("remove() removes the directory and all in it, also where there is none", () => {
  store.claim("a").release();
  fs.mkdirSync(join(store.directory("a"), "sub"));
  fs.writeFileSync(join(store.directory("a"), "sub/file"), "");
  store.remove("a");
  store.remove("a");
  assert.is(store.exists("a"), false);
});

/** A process that waits for an id and a moment, claims it then, and tells whether it won. */
function claimer(): ChildProcess {
  const module = join(import.meta.dirname, `store${extname(import.meta.filename)}`);
  const path = join(store.root, "../claimer.mjs");
  const body = `import { Store, bootId } from ${JSON.stringify(module)};
    const store = new Store(${JSON.stringify(store.root)});
    process.on("message", ({ id, at }) => {
      while (Date.now() < at);
      let won = false;
      try {
        const lock = store.claim(id);
        store.save({ version: 1, id, bootId: bootId() });
        won = true;
        lock.release();
      } catch (error) {
        if (error.code !== "ERR_CONTAINER_EXISTS") won = error.message;
      }
      process.send(won);
    });
    process.send("ready");`;
  fs.writeFileSync(path, body);
  return fork(path, { stdio: "inherit" });
}

function answer(child: ChildProcess): Promise<unknown> {
  return new Promise((resolve) => child.once("message", resolve));
}

test("claim() has one winner among processes that come at the same moment", async () => {
  const claimers = Array.from({ length: 3 }, claimer);
  await Promise.all(claimers.map(answer));
  for (let round = 0; round < 150; round++) {
    const answers = claimers.map(answer);
    for (const child of claimers) child.send({ id: `id-${round}`, at: Date.now() + 2 });
    assert.equal((await Promise.all(answers)).sort(), [false, false, true], `round ${round}`);
  }
  for (const child of claimers) child.kill("SIGKILL");
});

test.run();
