/** The container process state that a seccomp listener gets (config-linux.md#containerprocessstate). */

import * as assert from "uvu/assert";
import type { Ground } from "../test/harness.ts";
import { running, waitFor } from "./containers.ts";
import type { Change, Container, State } from "./containers.ts";
import { isValid } from "./official.ts";
import { listen } from "./probe.ts";
import { set } from "./refusals.ts";
import { suite } from "./suite.ts";

const test = suite("seccomp state");

interface ProcessState {
  readonly ociVersion: string;
  readonly fds: readonly string[];
  readonly pid: number;
  readonly metadata?: string;
  readonly state: State;
}

interface Sent {
  readonly container: Container;
  readonly message: ProcessState;
  /** How many descriptors came with each message. */
  readonly descriptors: readonly number[];
}

/** What the listener has got when the connection was closed; some send it only when the container is started. */
async function sent(t: Ground, more: Readonly<Record<string, unknown>> = {}, change?: Change): Promise<Sent> {
  const listener = await listen(t, "notify", "0");
  const container = await running(t, (config) => {
    const syscalls = [{ names: ["mkdir", "mkdirat"], action: "SCMP_ACT_NOTIFY" }];
    set(config, "/linux/seccomp", { defaultAction: "SCMP_ACT_ALLOW", syscalls, listenerPath: listener.socket, ...more });
    change?.(config);
  });
  await waitFor("the connection is closed", () => listener.output().includes("\nclosed\n"));
  const parts = listener.output().split("\nclosed\n")[0]?.split(/^message \d+: /m).slice(1) ?? [];
  const descriptors = parts.map((part) => Number.parseInt(part, 10));
  // The probe ends what came with each message with a line end of its own.
  const text = parts.map((part) => part.replace(/^\d+ descriptors: /, "").replace(/\n$/, "")).join("");
  return { container, message: JSON.parse(text) as ProcessState, descriptors };
}

test("CPS-01 one message of JSON brings one descriptor, and the connection is closed", async (t) => {
  const { descriptors } = await sent(t);
  assert.equal(descriptors, [1]);
});

test("CPS-01 a state that takes more than one message is whole, and the descriptor comes with the first", async (t) => {
  const long = "x".repeat(300_000);
  const { message, descriptors } = await sent(t, {}, (config) => (config.annotations = { long }));
  assert.is(message.state.annotations?.["long"], long);
  assert.ok(descriptors.length > 1, `${descriptors.length} messages`);
  assert.equal(descriptors, descriptors.map((_, index) => (index === 0 ? 1 : 0)));
});

test("CPS-02 ociVersion is a version of the specification", async (t) => {
  assert.match((await sent(t)).message.ociVersion, /^1\.\d+\.\d+/);
});

test("CPS-03 fds names the descriptor: seccompFd", async (t) => {
  assert.equal((await sent(t)).message.fds, ["seccompFd"]);
});

test("CPS-04 pid is the container process's as the runtime sees it, also of one in a user namespace", async (t) => {
  const { message, container } = await sent(t, {}, (config) => {
    config.linux.namespaces.push({ type: "user" });
    for (const ids of ["uid", "gid"]) set(config, `/linux/${ids}Mappings`, [{ containerID: 0, hostID: 100_000, size: 65536 }]);
  });
  const { pid } = await container.state();
  assert.is(message.pid, pid);
  assert.match(await container.proc("status"), new RegExp(`^NSpid:\t${pid}\t1$`, "m"));
});

test("CPS-05 metadata is listenerMetadata as it is, and absent or empty without", async (t) => {
  const listenerMetadata = 'opaque "text",\nwith ü and \\';
  assert.is((await sent(t, { listenerMetadata })).message.metadata, listenerMetadata);
});

test("CPS-05 without listenerMetadata there is no metadata, or an empty one", async (t) => {
  assert.is((await sent(t)).message.metadata ?? "", "");
});

test("CPS-06 state is the container's whole state, and says that it is being created", async (t) => {
  const annotations = { "org.example.key": "value" };
  const { message, container } = await sent(t, {}, (config) => (config.annotations = annotations));
  const { id, status, pid, bundle } = message.state;
  assert.equal([id, status, pid, bundle, message.state.annotations], [container.id, "creating", message.pid, container.bundle.path, annotations]);
  isValid("state-schema.json", message.state, "state");
});

test.run();
