/** What a container says to its notify socket, and however often, costs who listens no memory (sd_notify(3)). */

import { spawn } from "node:child_process";
import * as fs from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { native } from "../src/native/native.ts";
import { until } from "./engine.ts";
import { needs, suite } from "./harness.ts";
import { RUNTIME } from "./runtime.ts";

const test = suite("notify");

const DATAGRAMS = 20_000;
const MOST_KIB = 4096;

function memoryOf(pid: number): number {
  return Number(/^VmRSS:\s+(\d+)/m.exec(fs.readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]);
}

/** As many as told; who is not fast enough is waited for. */
async function flood(fd: number, count: number): Promise<void> {
  for (let sent = 0; sent < count; ) {
    try {
      fs.writeSync(fd, "STATUS=not ready");
      sent += 1;
    } catch {
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
}

test("a container that talks without end, and never is ready, does not make the runtime grow", async (t) => {
  needs("root");
  const { path } = t.bundle((config) => {
    config.process.args = ["/bin/sleep", "1000"];
  });
  const id = t.id();
  const child = spawn(RUNTIME, ["--root", t.stateRoot, "run", "--bundle", path, id], { env: { ...process.env, NOTIFY_SOCKET: join(t.folder, "host") }, stdio: "ignore" });
  const end = new Promise((resolve) => child.on("exit", resolve));
  try {
    const socket = join(t.stateRoot, id, "notify/notify.sock");
    await until(() => fs.existsSync(socket), () => "nobody listens");
    const fd = native().connectDatagrams(socket);
    const pid = child.pid ?? 0;
    await flood(fd, DATAGRAMS / 10);
    const before = memoryOf(pid);
    await flood(fd, DATAGRAMS);
    const grown = memoryOf(pid) - before;
    fs.closeSync(fd);
    assert.ok(grown < MOST_KIB, `${grown} kB more for ${DATAGRAMS} datagrams`);
  } finally {
    await t.runtime(["kill", id, "KILL"]);
    await end;
  }
});

test.run();
