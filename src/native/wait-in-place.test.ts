import { suite } from "uvu";
import * as assert from "uvu/assert";
import { parseSignal } from "../linux/signals.ts";
import { closeSync, writeSync } from "./files.ts";
import { native } from "./native.ts";
import { forget, onSignals, ready, waitInPlace } from "./waiter.ts";

const test = suite("native/wait in place");

const SIGUSR2 = parseSignal("USR2");

waitInPlace();

/** Ends when it is killed, or after so many seconds. */
function sleeper(seconds: string): { readonly pid: number; readonly pidfd: number } {
  return native().spawn({ file: "/bin/sh", argv: ["sh", "-c", `sleep ${seconds}`], env: ["PATH=/usr/bin:/bin"], fds: [-1, -1, -1] });
}

test("ready() resolves when there is something to read", async () => {
  const [reader, writer] = native().pipe();
  writeSync(writer, "x");
  assert.is(await ready(reader), 1);
  closeSync(writer);
  assert.is(await ready(reader), 1);
  closeSync(reader);
});

test("ready() waits for a child's end", async () => {
  const { pidfd } = sleeper("0.05");
  await ready(pidfd);
  assert.equal(native().waitPidfd(pidfd), { code: 0, signal: 0 });
  closeSync(pidfd);
});

test("ready() lets signals be heard meanwhile, and goes on waiting", async () => {
  const heard: number[] = [];
  onSignals([SIGUSR2], (signal) => heard.push(signal));
  const child = native().spawn({ file: "/bin/sh", argv: ["sh", "-c", `kill -USR2 ${process.pid}; sleep 0.05`], env: ["PATH=/usr/bin:/bin"], fds: [-1, -1, -1] });
  await ready(child.pidfd);
  assert.equal(heard, [SIGUSR2]);
  assert.equal(native().waitPidfd(child.pidfd), { code: 0, signal: 0 });
  closeSync(child.pidfd);
});

test("what a signal has forgotten is not waited for any more", async () => {
  const { pid, pidfd } = sleeper("100");
  const [reader, writer] = native().pipe();
  const stopped = new Promise<string>((resolve) => {
    onSignals([SIGUSR2], () => {
      forget(reader);
      resolve("signal");
    });
  });
  const killer = native().spawn({ file: "/bin/sh", argv: ["sh", "-c", `kill -USR2 ${process.pid}`], env: ["PATH=/usr/bin:/bin"], fds: [-1, -1, -1] });
  assert.is(await Promise.race([ready(reader).then(() => "read"), stopped]), "signal");
  native().kill(pid, 9);
  await ready(pidfd);
  await ready(killer.pidfd);
  for (const child of [pidfd, killer.pidfd]) {
    native().waitPidfd(child);
    closeSync(child);
  }
  closeSync(reader);
  closeSync(writer);
});

test.run();
