/** The ends of a shim and of what it has: calls that overtake each other, and commands that nobody waits for any more. */

import { spawn } from "node:child_process";
import * as fs from "node:fs";
import { dirname, join } from "node:path";
import * as assert from "uvu/assert";
import { encode } from "../src/protobuf/messages.ts";
import { Client } from "../src/shim/client.ts";
import { CreateSandboxRequest, PodSandboxConfig, SandboxRequest, StartSandboxResponse, WaitSandboxResponse } from "../src/shim/generated/sandbox.ts";
import { ConnectResponse, CreateTaskRequest, CreateTaskResponse, DeleteResponse, Empty, ExecProcessRequest, KillRequest, ProcessRequest, ShutdownRequest, StartResponse, WaitResponse } from "../src/shim/generated/task.ts";
import { until } from "./engine.ts";
import { RUN_NAME, suite } from "./harness.ts";
import type { Ground } from "./harness.ts";
import { readOr } from "./shim.ts";
import { SHIM, TASK, calling, runTask } from "./shim-caller.ts";
import type { Caller } from "./shim-caller.ts";

const test = suite("shim-ends");
const called = calling(test);

const SANDBOX = "containerd.runtime.sandbox.v1.Sandbox";
const SHARED = { "io.containerd.tsrun.v1.shared": "true" };

async function shimOf(caller: Caller): Promise<number> {
  return (await caller.call(TASK, "Connect", [ProcessRequest, {}], ConnectResponse)).shim_pid;
}

function ends(shim: number): Promise<void> {
  return until(() => !fs.existsSync(`/proc/${shim}/exe`), () => "the shim does not end");
}

/** By then it has seen its container, and looks no more for one that never comes. */
function untilShimHasLooked(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 2500));
}

/** Answers none of the shim's events until the test has done its part: so long a shim that ends stays. */
async function withoutAnswers(caller: Caller, body: () => Promise<void>): Promise<void> {
  let pass = (): void => {};
  caller.eventsPass = new Promise((resolve) => {
    pass = resolve;
  });
  try {
    await body();
  } finally {
    pass();
  }
}

called("a shim ends whose container could not be created after containerd had given it up", async (t, caller) => {
  const id = t.id();
  const go = join(t.folder, "go");
  const { path: bundle } = t.bundle((config) => {
    config.hooks = { createRuntime: [{ path: "/bin/sh", args: ["sh", "-c", `until [ -e ${go} ]; do sleep 0.02; done; exit 1`] }] };
  });
  caller.start(bundle, id);
  const shim = await shimOf(caller);
  const failed = caller.failure(TASK, "Create", [CreateTaskRequest, { id, bundle }], CreateTaskResponse);
  await untilShimHasLooked();
  await caller.call(TASK, "Shutdown", [ShutdownRequest, { id }], Empty);
  fs.writeFileSync(go, "");
  assert.match(await failed, /createRuntime hook/);
  caller.hangUp();
  fs.rmSync(bundle, { recursive: true });
  await ends(shim);
  assert.not(fs.existsSync(caller.socket));
});

called("a container that is deleted while a hook of its creation goes on for ever is not created", async (t, caller) => {
  const id = t.id();
  const begun = join(t.folder, "begun");
  const { path: bundle } = t.bundle((config) => {
    config.hooks = { createRuntime: [{ path: "/bin/sh", args: ["sh", "-c", `echo $$ > ${begun}.new; mv ${begun}.new ${begun}; exec sleep 1000`] }] };
  });
  caller.start(bundle, id);
  const shim = await shimOf(caller);
  const failed = caller.failure(TASK, "Create", [CreateTaskRequest, { id, bundle }], CreateTaskResponse);
  await until(() => fs.existsSync(begun), () => "the hook does not begin");
  assert.is(await caller.failure(TASK, "Delete", [ProcessRequest, { id }], DeleteResponse), "container not created");
  assert.match(await failed, /create failed: it was killed/);
  assert.not(fs.existsSync(`/proc/${readOr(begun).trim()}`));
  await caller.call(TASK, "Shutdown", [ShutdownRequest, { id }], Empty);
  await ends(shim);
});

called("a shim ends when its last container goes, though it was asked to only when another was there", async (t, caller) => {
  const [first, second] = [0, 1].map(() => ({ id: t.id(), bundle: t.bundle((config) => {
    config.annotations = { "io.kubernetes.cri.sandbox-id": `${RUN_NAME}-pod` };
    config.process.args = ["/bin/true"];
  }).path })) as [CreateTaskRequest, CreateTaskRequest];
  caller.start(first.bundle, first.id);
  const shim = await shimOf(caller);
  await caller.call(TASK, "Create", [CreateTaskRequest, second], CreateTaskResponse);
  await untilShimHasLooked();
  assert.is(await runTask(caller, first), 0);
  await caller.call(TASK, "Shutdown", [ShutdownRequest, { id: first.id }], Empty);
  fs.rmSync(first.bundle, { recursive: true });
  // As containerd deletes the containers of a pod.
  await caller.call(TASK, "Delete", [ProcessRequest, { id: second.id }], DeleteResponse);
  caller.hangUp();
  await ends(shim);
  assert.not(fs.existsSync(caller.socket));
});

called("a shim that ends takes the record of no container of the same id that has another shim", async (t, caller) => {
  const [id, other] = [t.id(), t.id()];
  const container = t.bundle((config) => {
    config.annotations = SHARED;
    config.process.args = ["/bin/true"];
  });
  const bundle = container.path;
  const { path: otherBundle } = t.bundle((config) => {
    config.annotations = SHARED;
    config.process.args = ["/bin/true"];
  });
  caller.start(bundle, id);
  const shared = new Client(caller.socket);
  assert.is(await runTask(caller, { id, bundle }), 0);
  caller.start(otherBundle, other);
  await caller.call(TASK, "Shutdown", [ShutdownRequest, { id }], Empty);
  assert.not(fs.existsSync(join(bundle, "tsrun.json")));
  container.config.annotations = {};
  container.write();
  fs.rmSync(join(bundle, "log"));
  caller.start(bundle, id);
  await caller.call(TASK, "Create", [CreateTaskRequest, { id, bundle }], CreateTaskResponse);
  await shared.call({ service: TASK, method: "Shutdown", payload: encode(ShutdownRequest, { id: other }), timeoutMilliseconds: 5000 });
  shared.close();
  assert.ok(fs.existsSync(join(bundle, "tsrun.json")));
  await caller.call(TASK, "Delete", [ProcessRequest, { id }], DeleteResponse);
  await caller.call(TASK, "Shutdown", [ShutdownRequest, { id }], Empty);
});

called("a shim that ends makes no container any more", async (t, caller) => {
  const [id, late] = [t.id(), t.id()];
  const { path: bundle } = t.bundle((config) => {
    config.process.args = ["/bin/true"];
  });
  await withoutAnswers(caller, async () => {
    caller.start(bundle, id);
    assert.is(await runTask(caller, { id, bundle }), 0);
    await caller.call(TASK, "Shutdown", [ShutdownRequest, { id }], Empty);
    assert.match(await caller.failure(TASK, "Create", [CreateTaskRequest, { id: late, bundle }], CreateTaskResponse), /about to end/);
  });
});

called("a start whose launcher is killed leaves no socket", async (t) => {
  const id = t.id();
  const { path: bundle } = t.bundle();
  const args = ["-namespace", RUN_NAME, "-address", join(t.folder, "containerd"), "-publish-binary", "/bin/containerd", "-id", id, "start"];
  const launcher = spawn(SHIM, args, { cwd: bundle, stdio: ["pipe", "pipe", "ignore"] });
  let address = "";
  launcher.stdout.on("data", (bytes: Buffer) => (address += String(bytes)));
  // It waits for what containerd has to say.
  const children = (): string => fs.readFileSync(`/proc/${launcher.pid}/task/${launcher.pid}/children`, "utf8").trim();
  await until(() => children() !== "", () => "there is no shim");
  const shim = Number(children());
  launcher.kill("SIGKILL");
  await until(() => launcher.signalCode !== null, () => "it goes on");
  launcher.stdin.end();
  await ends(shim);
  await until(() => address !== "", () => "it tells no address");
  assert.not(fs.existsSync(address.replace("unix://", "")));
});

/** Containers of one shim in bundles that lie as containerd's do. */
async function group(t: Ground, caller: Caller, hooks: (bundles: readonly string[]) => readonly string[]): Promise<{ readonly id: string; readonly bundle: string; readonly pid: number }[]> {
  const state = join(t.folder, "containerd-state/plugin", RUN_NAME);
  fs.mkdirSync(state, { recursive: true });
  const ids = [t.id(), t.id(), t.id()];
  const scripts = hooks(ids.map((id) => join(state, id)));
  const made = [];
  for (const [n, id] of ids.entries()) {
    const { path } = t.bundle((config) => {
      config.process.args = ["/bin/sleep", "1000"];
      config.hooks = { poststop: [{ path: "/bin/sh", args: ["sh", "-c", scripts[n] ?? ""] }] };
    });
    const bundle = join(state, id);
    fs.renameSync(path, bundle);
    if (n === 0) caller.start(bundle, id);
    const { pid } = await caller.call(TASK, "Create", [CreateTaskRequest, { id, bundle }], CreateTaskResponse);
    await caller.call(TASK, "Start", [ProcessRequest, { id }], StartResponse);
    made.push({ id, bundle, pid });
  }
  const shim = await shimOf(caller);
  process.kill(shim, "SIGKILL");
  await ends(shim);
  return made;
}

called("who deletes the first container of a dead shim does not mind that another is deleted at the same time", async (t, caller) => {
  // Each is deleted while the first one's "delete" is at it, too.
  const made = await group(t, caller, ([, second, third]) => ["true", `rm -rf ${second}`, `rm -rf ${third}`]);
  const [{ id, bundle }] = made as [(typeof made)[0]];
  caller.command(bundle, id, ["-bundle", bundle, "delete"]);
  for (const { pid } of made) assert.not(fs.existsSync(`/proc/${pid}/exe`));
  assert.equal(fs.readdirSync(dirname(bundle)), [id]);
});

called("who deletes the first container of a dead shim spares one that has come since, with an id of another's", async (t, caller) => {
  const next = (bundle: string): string => `sed -i 's/"pid":/"pid":1/' ${bundle}/tsrun.json`;
  const made = await group(t, caller, ([, second = "", third = ""]) => ["true", next(third), next(second)]);
  const [first, ...others] = made as [(typeof made)[0]];
  caller.command(first.bundle, first.id, ["-bundle", first.bundle, "delete"]);
  assert.is(others.filter(({ pid }) => fs.existsSync(`/proc/${pid}/exe`)).length, 1);
  for (const { id, bundle } of others) caller.command(bundle, id, ["-bundle", bundle, "delete"]);
});

/** Makes a pod with a user namespace of its own, whose process is not one that the shim itself has cloned. */
function pod(t: Ground, name: string): { readonly id: string; readonly request: Partial<CreateSandboxRequest> } {
  const [id, bundle] = [t.id(), join(t.folder, name)];
  fs.mkdirSync(join(bundle, "rootfs"), { recursive: true });
  const ids = [{ container_id: 0, host_id: 300_000, length: 1000 }];
  const linux = { cgroup_parent: `/${RUN_NAME}`, sysctls: {}, security_context: { namespace_options: { userns_options: { mode: 0, uids: ids, gids: ids } } } };
  const value = encode(PodSandboxConfig, { linux } as Partial<PodSandboxConfig>);
  return { id, request: { sandbox_id: id, bundle_path: bundle, options: { type_url: "runtime.v1.PodSandboxConfig", value } } };
}

called("the end of a pod is told, however busy the shim is with orphans", async (t, caller) => {
  for (let round = 0; round < 8; round++) {
    const { id, request } = pod(t, `pod-${round}`);
    caller.start(request.bundle_path ?? "", id);
    const shim = await shimOf(caller);
    await caller.call(SANDBOX, "CreateSandbox", [CreateSandboxRequest, request], Empty);
    const { pid } = await caller.call(SANDBOX, "StartSandbox", [SandboxRequest, { sandbox_id: id }], StartSandboxResponse);
    process.kill(pid, "SIGKILL");
    // Each of these tells the shim of one more child that has ended.
    while (fs.existsSync(`/proc/${pid}`)) process.kill(shim, "SIGCHLD");
    assert.is((await caller.call(SANDBOX, "WaitSandbox", [SandboxRequest, { sandbox_id: id }], WaitSandboxResponse)).exit_status, 137);
    await caller.call(SANDBOX, "ShutdownSandbox", [SandboxRequest, { sandbox_id: id }], Empty);
    await ends(shim);
  }
});

called("a pod that is given up while it is made is not left behind", async (t, caller) => {
  const { id, request } = pod(t, "pod");
  caller.start(request.bundle_path ?? "", id);
  const shim = await shimOf(caller);
  const made = caller.failure(SANDBOX, "CreateSandbox", [CreateSandboxRequest, request], Empty);
  await caller.call(SANDBOX, "ShutdownSandbox", [SandboxRequest, { sandbox_id: id }], Empty);
  await made;
  await ends(shim);
  assert.equal(fs.readdirSync(join(request.bundle_path ?? "", "rootfs")), []);
  assert.not(fs.existsSync(`/run/containerd/tsrun/${RUN_NAME}/${id}`));
});

/** A client's logger that runs a script. */
function logger(script: string): string {
  return `binary:///bin/sh?-c=${encodeURIComponent(script)}`;
}

function addExec(caller: Caller, request: Partial<ExecProcessRequest>): Promise<Empty> {
  const value = new TextEncoder().encode(JSON.stringify({ args: ["/bin/sleep", "1000"], cwd: "/" }));
  return caller.call(TASK, "Exec", [ExecProcessRequest, { ...request, spec: { type_url: "types.containerd.io/opencontainers/runtime-spec/1/Process", value } }], Empty);
}

async function killed(caller: Caller, id: string): Promise<void> {
  await caller.call(TASK, "Kill", [KillRequest, { id, signal: 9 }], Empty);
  await caller.call(TASK, "Wait", [ProcessRequest, { id }], WaitResponse);
  await caller.call(TASK, "Delete", [ProcessRequest, { id }], DeleteResponse);
}

called("an exec whose client is slow does not begin in the next container of the id", async (t, caller) => {
  const id = t.id();
  const go = join(t.folder, "go");
  const { path: bundle } = t.bundle((config) => {
    config.process.args = ["/bin/sleep", "1000"];
  });
  caller.start(bundle, id);
  const begin = async (): Promise<void> => {
    await caller.call(TASK, "Create", [CreateTaskRequest, { id, bundle }], CreateTaskResponse);
    await caller.call(TASK, "Start", [ProcessRequest, { id }], StartResponse);
  };
  await begin();
  await addExec(caller, { id, exec_id: "e", stdout: logger(`until [ -e ${go} ]; do sleep 0.02; done`) });
  const started = caller.failure(TASK, "Start", [ProcessRequest, { id, exec_id: "e" }], StartResponse);
  await killed(caller, id);
  await begin();
  fs.writeFileSync(go, "");
  assert.match(await started, /init process is not running/);
  await killed(caller, id);
  await caller.call(TASK, "Shutdown", [ShutdownRequest, { id }], Empty);
});

called("after the end of a container nothing is told of an exec that began with it", async (t, caller) => {
  const { path: bundle } = t.bundle((config) => {
    // In one of its own the kernel sees to it.
    config.linux.namespaces = config.linux.namespaces.filter(({ type }) => type !== "pid");
    config.process.args = ["/bin/sleep", "1000"];
  });
  const first = t.id();
  caller.start(bundle, first);
  for (let round = 0; round < 30; round++) {
    const id = t.id();
    const { pid } = await caller.call(TASK, "Create", [CreateTaskRequest, { id, bundle }], CreateTaskResponse);
    await caller.call(TASK, "Start", [ProcessRequest, { id }], StartResponse);
    await addExec(caller, { id, exec_id: "e" });
    const told = caller.topics.length;
    const started = caller.failure(TASK, "Start", [ProcessRequest, { id, exec_id: "e" }], StartResponse);
    // At another moment of the exec's beginning each time.
    for (const until = performance.now() + round / 5; performance.now() < until; ) await new Promise((resolve) => setImmediate(resolve));
    process.kill(pid, "SIGKILL");
    await started;
    await killed(caller, id).catch(() => caller.call(TASK, "Delete", [ProcessRequest, { id }], DeleteResponse));
    await until(() => caller.topics.at(-1) === "/tasks/delete", () => caller.topics.slice(told).join());
    const topics = caller.topics.slice(told).filter((topic) => topic !== "/tasks/exec-added");
    assert.ok(["exit,delete", "exec-started,exit,exit,delete"].includes(topics.map((topic) => topic.slice("/tasks/".length)).join()), topics.join());
  }
  await caller.call(TASK, "Shutdown", [ShutdownRequest, { id: first }], Empty);
});

called("a logger that ends early keeps nobody from being reaped", async (t, caller) => {
  const id = t.id();
  const { path: bundle } = t.bundle((config) => {
    config.linux.namespaces = config.linux.namespaces.filter(({ type }) => type !== "pid");
    config.process.args = ["/bin/sh", "-c", "while :; do (sleep 0.01 &); sleep 0.1; done"];
  });
  caller.start(bundle, id);
  const shim = await shimOf(caller);
  await caller.call(TASK, "Create", [CreateTaskRequest, { id, bundle, stdout: logger("exit") }], CreateTaskResponse);
  await caller.call(TASK, "Start", [ProcessRequest, { id }], StartResponse);
  const children = (): string[] => fs.readFileSync(`/proc/${shim}/task/${shim}/children`, "utf8").trim().split(" ");
  const zombies = (): string[] => children().filter((pid) => /^State:\s+Z/m.test(readOr(`/proc/${pid}/status`)));
  await until(() => zombies().length === 0, () => `zombies: ${zombies().join(" ")}`);
  await killed(caller, id);
  await caller.call(TASK, "Shutdown", [ShutdownRequest, { id }], Empty);
});

test.run();
