import { suite } from "uvu";
import * as assert from "uvu/assert";
import { Cleanup } from "./cleanup.ts";

const test = suite("cleanup");

test("run() takes back the last first, one after the other", async () => {
  const done: string[] = [];
  const cleanup = new Cleanup();
  cleanup.add(() => void done.push("first"));
  cleanup.add(async () => {
    await new Promise((resolve) => setTimeout(resolve, 5));
    done.push("second");
  });
  assert.equal(await cleanup.run(), []);
  assert.equal(done, ["second", "first"]);
});

test("run() goes on after a failure, and returns all of them", async () => {
  const done: string[] = [];
  const cleanup = new Cleanup();
  cleanup.add(() => void done.push("first"));
  cleanup.add(() => {
    throw new Error("second");
  });
  cleanup.add(() => Promise.reject(new Error("third")));
  assert.equal((await cleanup.run()).map((error) => (error as Error).message), ["third", "second"]);
  assert.equal(done, ["first"]);
});

test("run() takes nothing back twice", async () => {
  let count = 0;
  const cleanup = new Cleanup();
  cleanup.add(() => void count++);
  await cleanup.run();
  await cleanup.run();
  assert.is(count, 1);
});

test("release() keeps everything", async () => {
  const cleanup = new Cleanup();
  cleanup.add(() => assert.unreachable());
  cleanup.release();
  assert.equal(await cleanup.run(), []);
});

test.run();
