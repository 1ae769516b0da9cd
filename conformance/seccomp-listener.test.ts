/** The listener of `SCMP_ACT_NOTIFY`: how it is reached, and what its answers do (config-linux.md#seccomp). */

import * as fs from "node:fs";
import * as assert from "uvu/assert";
import type { BundleConfig } from "../test/bundle.ts";
import { cannotCreate, created, file, output, run, runBundle, waitFor } from "./containers.ts";
import { listen } from "./probe.ts";
import { GETPGRP, call, probing, seccomp, seccompSuite, withAction } from "./seccomp.ts";

const test = seccompSuite("seccomp listener");

const PLACE = "/linux/seccomp";

/** mkdir is what the listener decides about. */
function notifying(config: BundleConfig, socket: string, more: Readonly<Record<string, unknown>> = {}): void {
  config.linux["seccomp"] = seccomp([{ names: ["mkdir", "mkdirat"], action: "SCMP_ACT_NOTIFY" }], { listenerPath: socket, ...more });
  config.root.readonly = false;
}

test("SC-06 SC-07 the listener gets one message with one descriptor, and is asked about calls until the container ends", async (t) => {
  const listener = await listen(t, "notify", "77");
  const container = await created(t, (config) => {
    notifying(config, listener.socket);
    config.process.args = ["/bin/sh", "-c", "mkdir /tmp/x; mkdir /tmp/y; exit 0"];
  });
  await container.start();
  await container.stopped();
  await listener.end();
  assert.match(listener.output(), /^message 0: 1 descriptors: \{.*\}\nclosed\ncall (\d+) of a process 1\ncall \1 of a process 1\nover\n$/);
});

test("SC-06 the message comes before create has ended, so that nothing of the container goes without its listener", async (t) => {
  const listener = await listen(t, "notify", "77");
  await created(t, (config) => notifying(config, listener.socket));
  await waitFor("the connection is closed", () => listener.output().includes("\nclosed\n"));
});

test("SC-07 the answer of the listener is the call's errno", async (t) => {
  const listener = await listen(t, "notify", "28");
  const result = await run(t, "mkdir /tmp/x", (config) => notifying(config, listener.socket));
  assert.is(result.stderr, "mkdir: can't create directory '/tmp/x': No space left on device\n", listener.output());
  assert.is(result.status, 1);
});

test("SC-06 a listener that is not there fails create and leaves nothing", async (t) => {
  await cannotCreate(t, (config) => notifying(config, file(t, "nobody")), /no such file or directory/i, `${PLACE}/listenerPath`);
});

test("SC-06 a file that is no socket fails create and leaves nothing", async (t) => {
  const path = file(t, "file");
  fs.writeFileSync(path, "");
  await cannotCreate(t, (config) => notifying(config, path), /connection refused/i, `${PLACE}/listenerPath`);
});

test("SC-06 listenerPath without NOTIFY is ignored", async (t) => {
  const filter = withAction("SCMP_ACT_ERRNO", { errnoRet: 3 });
  assert.equal(await call(t, { ...filter, listenerPath: "/no/such/listener" }, GETPGRP), [-1, 3]);
});

test("SC-06 NOTIFY without a listenerPath is an error", async (t) => {
  await cannotCreate(t, (config) => (config.linux["seccomp"] = withAction("SCMP_ACT_NOTIFY")), /./, `${PLACE}/syscalls/0/action`);
});

const REFUSED: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  "as default action": { defaultAction: "SCMP_ACT_NOTIFY", syscalls: [{ names: ["getpgrp"], action: "SCMP_ACT_ALLOW" }] },
  "of a call that the runtime itself needs to hand the listener over": seccomp([{ names: ["sendmsg", "write"], action: "SCMP_ACT_NOTIFY" }]),
};

for (const [what, filter] of Object.entries(REFUSED)) {
  test(`SC-13 NOTIFY ${what} is an error, as nobody could answer`, async (t) => {
    const listener = await listen(t, "notify", "1");
    await cannotCreate(t, (config) => (config.linux["seccomp"] = { ...filter, listenerPath: listener.socket }), /./, PLACE);
    listener.kill();
  });
}

for (const [flags, does] of [[["SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"], "waits"], [[], "interrupted"]] as const) {
  test(`SC-05 ${flags[0] ?? "no flag"}: a call that the listener has heard of ${does === "waits" ? "waits on" : "is interrupted"} when there is a signal`, async (t) => {
    const listener = await listen(t, "interrupt", "77");
    const filter = { ...withAction("SCMP_ACT_NOTIFY"), listenerPath: listener.socket, flags };
    const result = await runBundle(t, probing(t, filter, "signalled", GETPGRP));
    assert.is(output(result), does === "waits" ? "-1 77\n" : "-1 4\n");
    await listener.end();
    assert.match(listener.output(), `\n${does}\n`);
  });
}

test.run();
