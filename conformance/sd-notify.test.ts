/** NOTIFY_SOCKET: a service in a container tells who started it that it is ready (sd_notify(3)). */

import * as fs from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import type { Bundle, BundleConfig } from "../test/bundle.ts";
import { skip } from "../test/harness.ts";
import type { Ground } from "../test/harness.ts";
import { RUNTIME, runRuntime } from "../test/runtime.ts";
import { Container, output, script, silent } from "./containers.ts";
import { listen, probe } from "./probe.ts";
import type { Listener } from "./probe.ts";
import { hasRuncsWords, onlyOurs, suite } from "./suite.ts";

const test = suite("sd_notify", () => {
  if (!hasRuncsWords()) skip("crun has the socket at the host's path, and tells no pid");
});

const WAIT = "100";

/** A container's bundle whose program says these words, one after the other. */
function service(t: Ground, words: readonly string[], change?: (config: BundleConfig) => void): Bundle {
  const bundle = t.bundle((config) => {
    config.process.args = ["/bin/probe", "tell", ...words];
    change?.(config);
  });
  fs.copyFileSync(probe(), join(bundle.rootfs, "bin/probe"));
  return bundle;
}

/** The runtime as a service manager calls it, which wants to hear when the container is ready. */
function env({ socket }: Listener): { readonly env: Readonly<Record<string, string>> } {
  return { env: { NOTIFY_SOCKET: socket } };
}

/** All that a manager hears, which is nothing that the container has written itself. */
async function told(listener: Listener, pid: string): Promise<void> {
  await listener.end();
  const messages = ["message 0: 0 descriptors: READY=1\n", `message 1: 0 descriptors: MAINPID=${pid}\n`, "message 2: 1 descriptors: BARRIER=1"];
  assert.match(listener.output(), new RegExp(`^${messages.join("\n")}\n$`));
}

test("start returns when the container is ready, and has told its pid", async (t) => {
  const listener = await listen(t, "ready");
  const bundle = service(t, [WAIT, "READY=1", "100000"]);
  const container = new Container(t, bundle, t.id());
  silent(await t.runtime(["create", "--bundle", bundle.path, container.id], env(listener)));
  assert.is(listener.output(), "");
  silent(await t.runtime(["start", container.id], env(listener)));
  assert.match(listener.output(), "BARRIER=1");
  await told(listener, `${(await container.state()).pid}`);
});

test("run --detach returns when the container is ready, and has told its pid", async (t) => {
  const listener = await listen(t, "ready");
  const bundle = service(t, [WAIT, "READY=1", "100000"]);
  const container = new Container(t, bundle, t.id());
  assert.is((await t.runtime(["run", "--detach", "--bundle", bundle.path, container.id], env(listener))).status, 0);
  assert.match(listener.output(), "BARRIER=1");
  await told(listener, `${(await container.state()).pid}`);
});

test("run tells its own pid, and the container goes on", async (t) => {
  const listener = await listen(t, "ready");
  const bundle = service(t, [WAIT, "READY=1", WAIT]);
  const args = [RUNTIME, "--root", t.stateRoot, "run", "--bundle", bundle.path, t.id()];
  const shell = await runRuntime(["-c", 'echo $$; exec "$@"', "sh", ...args], { folder: t.folder, ...env(listener), program: "/bin/sh" });
  const [pid = "", ...said] = output(shell).trim().split("\n");
  await told(listener, pid);
  assert.equal(said, ["READY=1: 0"]);
});

test("run tells of a container that is ready and ends at once", async (t) => {
  const listener = await listen(t, "ready");
  assert.is(output(await t.runtime(["run", "--bundle", service(t, ["READY=1"]).path, t.id()], env(listener))), "READY=1: 0\n");
  await told(listener, "\\d+");
});

test("nothing but readiness is passed on, whatever comes before it, and no descriptors", async (t) => {
  onlyOurs("runc takes READY=0 as well");
  const listener = await listen(t, "ready");
  const words = ["STATUS=on the way", "MAINPID=1", "fd:FDSTORE=1", "BARRIER=1", "NOTREADY=1", "READY=0", ...Array.from({ length: 200 }, (_, index) => `fd:X${index}=${"x".repeat(5000)}`), "fd:READY=1"];
  const bundle = service(t, words);
  assert.is((await t.runtime(["run", "--bundle", bundle.path, t.id()], env(listener))).status, 0);
  await told(listener, "\\d+");
});

test("a container that is ready says so in any line of its datagram", async (t) => {
  onlyOurs("runc looks at the beginning only");
  const listener = await listen(t, "ready");
  const bundle = service(t, ["STATUS=up\nREADY=1\nMAINPID=1"]);
  assert.is((await t.runtime(["run", "--bundle", bundle.path, t.id()], env(listener))).status, 0);
  await told(listener, "\\d+");
});

test("a container that ends without a word is no error, and nobody hears of it", async (t) => {
  const listener = await listen(t, "ready");
  try {
    const bundle = service(t, ["STATUS=none"]);
    const id = t.id();
    silent(await t.runtime(["create", "--bundle", bundle.path, id], env(listener)));
    silent(await t.runtime(["start", id], env(listener)));
    assert.is(listener.output(), "");
  } finally {
    listener.kill();
  }
});

test("run ends with a container that never was ready", async (t) => {
  onlyOurs("runc waits for ever");
  const listener = await listen(t, "ready");
  try {
    const bundle = service(t, ["STATUS=none"]);
    for (const options of [[], ["--detach"]]) {
      assert.is((await t.runtime(["run", ...options, "--bundle", bundle.path, t.id()], env(listener))).status, 0);
    }
    assert.is(listener.output(), "");
  } finally {
    listener.kill();
  }
});

test("any user of the container may speak, and none may change the socket", async (t) => {
  const listener = await listen(t, "ready");
  const change = (config: BundleConfig): void => {
    script(config, "/bin/probe tell READY=1; cd /run/notify; rm -f notify.sock; touch other; ls -A; mv notify.sock other");
    config.process.user = { uid: 1000, gid: 1000 };
  };
  const result = await t.runtime(["run", "--bundle", service(t, [], change).path, t.id()], env(listener));
  assert.match(result.stdout, /^READY=1: 0\nnotify.sock\n$/);
  assert.is(result.stderr.match(/Read-only file system/g)?.length, 3, result.stderr);
  await told(listener, "\\d+");
});

test("with a user namespace it is the same", async (t) => {
  const listener = await listen(t, "ready");
  const change = ({ linux }: BundleConfig): void => {
    linux.namespaces.push({ type: "user" });
    linux["uidMappings"] = [{ containerID: 0, hostID: 100_000, size: 65_536 }];
    linux["gidMappings"] = [{ containerID: 0, hostID: 100_000, size: 65_536 }];
  };
  const bundle = service(t, ["READY=1"], change);
  fs.chownSync(bundle.rootfs, 100_000, 100_000);
  assert.is(output(await t.runtime(["run", "--bundle", bundle.path, t.id()], env(listener))), "READY=1: 0\n");
  await told(listener, "\\d+");
});

test("the config's own NOTIFY_SOCKET gives way", async (t) => {
  const listener = await listen(t, "ready");
  const bundle = service(t, [], (config) => {
    script(config, "env | grep NOTIFY; /bin/probe tell READY=1");
    config.process.env = [...(config.process.env ?? []), "NOTIFY_SOCKET=/other"];
  });
  assert.is(output(await t.runtime(["run", "--bundle", bundle.path, t.id()], env(listener))), "NOTIFY_SOCKET=/run/notify/notify.sock\nREADY=1: 0\n");
  await told(listener, "\\d+");
});

test("without NOTIFY_SOCKET there is none in the container", async (t) => {
  const bundle = service(t, [], (config) => script(config, "/bin/probe tell READY=1; ls /run/notify"));
  const result = await t.runtime(["run", "--bundle", bundle.path, t.id()], { env: { NOTIFY_SOCKET: undefined } });
  assert.is(result.stdout, "no socket\n");
  assert.match(result.stderr, /No such file/);
});

test("start with a NOTIFY_SOCKET that create did not have is an error, and starts nothing", async (t) => {
  const listener = await listen(t, "ready");
  try {
    const bundle = service(t, ["READY=1"]);
    const container = new Container(t, bundle, t.id());
    silent(await t.runtime(["create", "--bundle", bundle.path, container.id]));
    assert.is((await t.runtime(["start", container.id], env(listener))).status, 1);
    assert.is(await container.status(), "created");
  } finally {
    listener.kill();
  }
});

test("a caller who does not listen is a warning", async (t) => {
  onlyOurs("runc says nothing");
  const bundle = service(t, ["READY=1"]);
  const result = await t.runtime(["run", "--bundle", bundle.path, t.id()], { env: { NOTIFY_SOCKET: join(t.folder, "nobody") } });
  assert.is(result.status, 0);
  assert.match(result.stderr, /^tsrun: warning: cannot tell ".*\/nobody" that the container is ready: ENOENT/);
});

test.run();
