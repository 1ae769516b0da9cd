/** The shim as containerds call it that no Debian has yet, and as its clients cannot: bootstrap parameters, version 3 of the task service, the sandbox service, and calls that meet. */

import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { decode, encode } from "../src/protobuf/messages.ts";
import type { MessageType } from "../src/protobuf/messages.ts";
import { native } from "../src/native/native.ts";
import { Client } from "../src/shim/client.ts";
import { BootstrapParams, BootstrapResult, RuntimeInfo } from "../src/shim/generated/bootstrap.ts";
import { ForwardRequest } from "../src/shim/generated/events.ts";
import { CreateSandboxRequest, PlatformResponse, PodSandboxConfig, SandboxMetricsResponse, SandboxRequest, SandboxStatusResponse, StartSandboxResponse, WaitSandboxResponse } from "../src/shim/generated/sandbox.ts";
import { ConnectResponse, CreateTaskRequest, CreateTaskResponse, DeleteResponse, Empty, ExecProcessRequest, KillRequest, PidsResponse, ProcessRequest, ShutdownRequest, StartResponse, WaitResponse } from "../src/shim/generated/task.ts";
import { CODES } from "../src/shim/rpc-error.ts";
import type { RpcError } from "../src/shim/rpc-error.ts";
import { Server, method } from "../src/shim/server.ts";
import { nothingLeft, until } from "./engine.ts";
import { RUN_NAME, needs, suite } from "./harness.ts";
import type { Ground } from "./harness.ts";
import { PROJECT } from "./runtime.ts";

const test = suite("shim-protocol");

const SHIM = join(PROJECT, "dist/containerd-shim-tsrun-v1");
const TASK = "containerd.task.v3.Task";
const SANDBOX = "containerd.runtime.sandbox.v1.Sandbox";
const TIMEOUT = 10_000;

/** What stands for containerd: it takes events, starts shims, and calls them. */
class Caller {
  readonly topics: string[] = [];
  readonly #t: Ground;
  readonly #server: Server;
  #client: Client | undefined;
  /** The shim's. */
  socket = "";

  constructor(t: Ground) {
    this.#t = t;
    const forward = method(ForwardRequest, Empty, ({ envelope }) => {
      this.topics.push(envelope?.topic ?? "");
      return {};
    });
    this.#server = new Server({ "containerd.services.events.ttrpc.v1.Events": { Forward: forward } }, () => {});
    void this.#server.listen(native().listenUnix(join(t.folder, "events")));
  }

  /** Runs one of the shim's commands in a bundle. */
  command(bundle: string, id: string, args: readonly string[], input: Uint8Array = new Uint8Array()): Buffer {
    const env = { ...process.env, TTRPC_ADDRESS: join(this.#t.folder, "events"), MAX_SHIM_VERSION: "2" };
    const all = ["-namespace", RUN_NAME, "-address", join(this.#t.folder, "containerd"), "-publish-binary", "/bin/containerd", "-id", id, ...args];
    const { status, stdout, stderr } = spawnSync(SHIM, all, { cwd: bundle, env, input });
    assert.is(status, 0, String(stderr));
    return stdout;
  }

  /** `start`, as containerd 2.3 calls it. */
  start(bundle: string, id: string): BootstrapResult {
    spawnSync("mkfifo", [join(bundle, "log")]);
    const params = encode(BootstrapParams, { instance_id: id, namespace: RUN_NAME, containerd_version: "2.3.4", socket_dir: join(this.#t.folder, "s") });
    const result = decode(BootstrapResult, this.command(bundle, id, ["start"], params));
    this.socket = result.address.replace("unix://", "");
    this.#client = new Client(this.socket);
    return result;
  }

  async call<In extends object, Out extends object>(service: string, name: string, [input, request]: [MessageType<In>, Partial<In>], output: MessageType<Out>): Promise<Out> {
    if (this.#client === undefined) throw new Error("no shim was started");
    return decode(output, await this.#client.call({ service, method: name, payload: encode(input, request), timeoutMilliseconds: TIMEOUT }));
  }

  /** What a call that fails says. */
  async failure(...args: Parameters<Caller["call"]>): Promise<string> {
    return this.call(...args).then(() => "", (error: unknown) => (error as Error).message);
  }

  async end(): Promise<void> {
    this.#client?.close();
    await this.#server.close();
  }
}

function called(title: string, body: (t: Ground, caller: Caller) => Promise<void>): void {
  test(title, async (t) => {
    needs("root");
    const caller = new Caller(t);
    try {
      await body(t, caller);
    } finally {
      await caller.end();
      fs.rmSync(`/run/containerd/tsrun/${RUN_NAME}`, { recursive: true, force: true });
    }
    await nothingLeft(t, { cgroups: new RegExp(`/${RUN_NAME}$`) });
  });
}

/** Runs a container from its creation to its removal; returns its exit status. */
async function runTask(caller: Caller, { id, bundle }: { readonly id: string; readonly bundle: string }): Promise<number> {
  const { pid } = await caller.call(TASK, "Create", [CreateTaskRequest, { id, bundle }], CreateTaskResponse);
  assert.ok(pid > 0);
  assert.is((await caller.call(TASK, "Start", [ProcessRequest, { id }], StartResponse)).pid, pid);
  const { exit_status } = await caller.call(TASK, "Wait", [ProcessRequest, { id }], WaitResponse);
  assert.is((await caller.call(TASK, "Delete", [ProcessRequest, { id }], DeleteResponse)).exit_status, exit_status);
  return exit_status;
}

called("bootstrap parameters are answered with version 3 of the task service, which runs a container and tells its events", async (t, caller) => {
  const id = t.id();
  const { path: bundle } = t.bundle((config) => {
    config.process.args = ["/bin/sh", "-c", "exit 7"];
  });
  const { version, address, protocol } = caller.start(bundle, id);
  assert.equal([version, protocol], [3, "ttrpc"]);
  assert.ok(address.startsWith(`unix://${t.folder}/s/`), address);
  const { shim_pid: shim } = await caller.call(TASK, "Connect", [ProcessRequest, { id }], ConnectResponse);
  assert.is(await runTask(caller, { id, bundle }), 7);
  await caller.call(TASK, "Shutdown", [ShutdownRequest, { id }], Empty);
  await until(() => !fs.existsSync(`/proc/${shim}/exe`), () => "the shim does not end");
  assert.equal(caller.topics, ["/tasks/create", "/tasks/start", "/tasks/exit", "/tasks/delete"]);
  assert.is(decode(DeleteResponse, caller.command(bundle, id, ["-bundle", bundle, "delete"])).exit_status, 137);
});

called("-info tells what it can do", (t, caller) => {
  const { name, features } = decode(RuntimeInfo, caller.command(t.folder, t.id(), ["-info"]));
  assert.is(name, "io.containerd.tsrun.v1");
  const { linux } = JSON.parse(new TextDecoder().decode(features?.value)) as { linux: { namespaces: string[]; mountExtensions: { idmap: { enabled: boolean } } } };
  assert.ok(linux.namespaces.includes("user") && linux.mountExtensions.idmap.enabled);
  return Promise.resolve();
});

/** A folder such as containerd makes for a pod. */
function podBundle(t: Ground): string {
  const bundle = join(t.folder, "pod-bundle");
  fs.mkdirSync(join(bundle, "rootfs"), { recursive: true });
  return bundle;
}

function podOptions(config: Partial<PodSandboxConfig>): { type_url: string; value: Uint8Array } {
  return { type_url: "runtime.v1.PodSandboxConfig", value: encode(PodSandboxConfig, config) };
}

called("the sandbox service makes a pod, tells of it, and ends it", async (t, caller) => {
  const [id, bundle] = [t.id(), podBundle(t)];
  caller.start(bundle, id);
  const call = <Out extends object>(name: string, output: MessageType<Out>): Promise<Out> => caller.call(SANDBOX, name, [SandboxRequest, { sandbox_id: id }], output);
  assert.match(await caller.failure(SANDBOX, "PingSandbox", [SandboxRequest, { sandbox_id: id }], Empty), /does not exist/);
  const linux = { cgroup_parent: `/${RUN_NAME}`, sysctls: { "kernel.shm_rmid_forced": "1" }, security_context: { namespace_options: {}, run_as_user: { value: 1234n } } };
  const request: Partial<CreateSandboxRequest> = { sandbox_id: id, bundle_path: bundle, options: podOptions({ hostname: "pod", linux }) };
  await caller.call(SANDBOX, "CreateSandbox", [CreateSandboxRequest, request], Empty);
  assert.match(await caller.failure(SANDBOX, "CreateSandbox", [CreateSandboxRequest, request], Empty), /already exists/);
  assert.is((await call("SandboxStatus", SandboxStatusResponse)).state, "SANDBOX_NOTREADY");
  const { pid, created_at } = await call("StartSandbox", StartSandboxResponse);
  const status = await call("SandboxStatus", SandboxStatusResponse);
  assert.equal([status.sandbox_id, status.pid, status.state, status.created_at], [id, pid, "SANDBOX_READY", created_at]);
  await call("PingSandbox", Empty);
  assert.equal((await call("Platform", PlatformResponse)).platform?.os, "linux");
  const { metrics } = await call("SandboxMetrics", SandboxMetricsResponse);
  assert.equal([metrics?.id, /^io\.containerd\.cgroups\.v[12]\.Metrics$/.test(metrics?.data?.type_url ?? "")], [id, true]);
  assert.match(fs.readFileSync(`/proc/${pid}/status`, "utf8"), /^Uid:\t1234\t[^]*^CapBnd:\t0+$[^]*^NoNewPrivs:\t1$/m);
  // A container joins the pod by its process.
  const container = t.bundle((config) => {
    config.process.args = ["/bin/sh", "-c", 'test "$(hostname)" = pod && echo x > /dev/shm/x && exit 5'];
    config.hostname = undefined as unknown as string;
    config.linux.namespaces = [{ type: "pid" }, { type: "mount" }, ...["network", "ipc", "uts"].map((type) => ({ type, path: `/proc/${pid}/ns/${type.slice(0, 3)}` }))];
  });
  assert.is(await runTask(caller, { id: t.id(), bundle: container.path }), 5);
  assert.ok(fs.existsSync(join(bundle, "rootfs/x")));
  const waiting = call("WaitSandbox", WaitSandboxResponse);
  await call("StopSandbox", Empty);
  assert.is((await waiting).exit_status, 137);
  assert.is((await call("SandboxStatus", SandboxStatusResponse)).state, "SANDBOX_NOTREADY");
  const { shim_pid: shim } = await caller.call(TASK, "Connect", [ProcessRequest, { id }], ConnectResponse);
  await call("ShutdownSandbox", Empty);
  await until(() => !fs.existsSync(`/proc/${shim}/exe`), () => "the shim does not end");
  assert.equal(fs.readdirSync(join(bundle, "rootfs")), []);
  // Of the pod itself nothing was told: containerd has no task of it.
  assert.equal(caller.topics, ["/tasks/create", "/tasks/start", "/tasks/exit", "/tasks/delete"]);
});

called("a pod may have the node's namespaces; a user namespace without a root, or what is no pod, is refused, and nothing of it stays", async (t, caller) => {
  const [id, bundle] = [t.id(), podBundle(t)];
  caller.start(bundle, id);
  const create = (options: { type_url: string; value: Uint8Array }): Promise<string> =>
    caller.failure(SANDBOX, "CreateSandbox", [CreateSandboxRequest, { sandbox_id: id, bundle_path: bundle, options }], Empty);
  const cgroup_parent = `/${RUN_NAME}`;
  assert.match(await create({ type_url: "another.Type", value: new Uint8Array() }), /is no runtime\.v1\.PodSandboxConfig/);
  assert.match(await create(podOptions({ linux: { cgroup_parent, sysctls: {}, security_context: { namespace_options: { userns_options: { mode: 0 } } } } as never })), /user namespace has no root/);
  assert.is(await create(podOptions({ linux: { cgroup_parent, sysctls: {}, security_context: { namespace_options: { network: 2, pid: 2, ipc: 2 } } } as never })), "");
  const { pid } = await caller.call(SANDBOX, "StartSandbox", [SandboxRequest, { sandbox_id: id }], StartSandboxResponse);
  for (const kind of ["net", "pid", "ipc", "uts"]) assert.is(fs.readlinkSync(`/proc/${pid}/ns/${kind}`), fs.readlinkSync(`/proc/self/ns/${kind}`), kind);
  await caller.call(SANDBOX, "ShutdownSandbox", [SandboxRequest, { sandbox_id: id }], Empty);
  await until(() => !fs.existsSync(`/proc/${pid}`), () => "it goes on");
});

called("a pod may have a user namespace that nobody has made", async (t, caller) => {
  const [id, bundle] = [t.id(), podBundle(t)];
  caller.start(bundle, id);
  const ids = [{ container_id: 0, host_id: 300_000, length: 1000 }];
  const security_context = { namespace_options: { userns_options: { mode: 0, uids: ids, gids: ids } } };
  const options = podOptions({ linux: { cgroup_parent: `/${RUN_NAME}`, sysctls: {}, security_context } as never });
  await caller.call(SANDBOX, "CreateSandbox", [CreateSandboxRequest, { sandbox_id: id, bundle_path: bundle, options }], Empty);
  const { pid } = await caller.call(SANDBOX, "StartSandbox", [SandboxRequest, { sandbox_id: id }], StartSandboxResponse);
  assert.match(fs.readFileSync(`/proc/${pid}/uid_map`, "utf8"), /^ *0 +300000 +1000$/m);
  assert.is(fs.statSync(join(bundle, "pod/hosts")).gid, 300_000);
  await caller.call(SANDBOX, "ShutdownSandbox", [SandboxRequest, { sandbox_id: id }], Empty);
  await until(() => !fs.existsSync(`/proc/${pid}`), () => "it goes on");
});

called("a shim whose pod could not be made ends when it is told to", async (t, caller) => {
  const [id, bundle] = [t.id(), podBundle(t)];
  caller.start(bundle, id);
  const request: Partial<CreateSandboxRequest> = { sandbox_id: id, bundle_path: bundle, netns_path: "/none", options: podOptions({ linux: { cgroup_parent: `/${RUN_NAME}`, sysctls: {} } as never }) };
  assert.match(await caller.failure(SANDBOX, "CreateSandbox", [CreateSandboxRequest, request], Empty), /"\/none"/);
  const { shim_pid: shim } = await caller.call(TASK, "Connect", [ProcessRequest, { id }], ConnectResponse);
  await caller.call(SANDBOX, "ShutdownSandbox", [SandboxRequest, { sandbox_id: id }], Empty);
  await until(() => !fs.existsSync(`/proc/${shim}/exe`), () => "the shim does not end");
  assert.equal(fs.readdirSync(join(bundle, "rootfs")), []);
});

called("a pod whose process is killed is not ready, and its shim's death is cleaned up", async (t, caller) => {
  const [id, bundle] = [t.id(), podBundle(t)];
  caller.start(bundle, id);
  const request: Partial<CreateSandboxRequest> = { sandbox_id: id, bundle_path: bundle, options: podOptions({ linux: { cgroup_parent: `/${RUN_NAME}`, sysctls: {} } as never }) };
  await caller.call(SANDBOX, "CreateSandbox", [CreateSandboxRequest, request], Empty);
  const { pid } = await caller.call(SANDBOX, "StartSandbox", [SandboxRequest, { sandbox_id: id }], StartSandboxResponse);
  await caller.call(TASK, "Kill", [KillRequest, { id, signal: 9 }], Empty).catch(() => undefined);
  process.kill(pid, "SIGKILL");
  assert.is((await caller.call(SANDBOX, "WaitSandbox", [SandboxRequest, { sandbox_id: id }], WaitSandboxResponse)).exit_status, 137);
  const { shim_pid: shim } = await caller.call(TASK, "Connect", [ProcessRequest, { id }], ConnectResponse);
  process.kill(shim, "SIGKILL");
  await until(() => !fs.existsSync(`/proc/${shim}/exe`), () => "it goes on");
  caller.command(bundle, id, ["-bundle", bundle, "delete"]);
  assert.equal(fs.readdirSync(join(bundle, "rootfs")), []);
});

called("when the shim of a pod is killed, deleting the pod ends the pod's containers, too", async (t, caller) => {
  const state = join(t.folder, "containerd-state/plugin", RUN_NAME);
  const [podId, id] = [t.id(), t.id()];
  fs.mkdirSync(state, { recursive: true });
  const bundles = [podId, id].map((name) => {
    const { path } = t.bundle((config) => {
      config.process.args = ["/bin/sleep", "1000"];
    });
    fs.renameSync(path, join(state, name));
    return { id: name, bundle: join(state, name) };
  });
  caller.start(join(state, podId), podId);
  const pids: number[] = [];
  for (const request of bundles) {
    pids.push((await caller.call(TASK, "Create", [CreateTaskRequest, request], CreateTaskResponse)).pid);
    await caller.call(TASK, "Start", [ProcessRequest, { id: request.id }], StartResponse);
  }
  const { shim_pid: shim } = await caller.call(TASK, "Connect", [ProcessRequest, { id }], ConnectResponse);
  process.kill(shim, "SIGKILL");
  await until(() => !fs.existsSync(`/proc/${shim}/exe`), () => "it goes on");
  assert.ok(pids.every((pid) => fs.existsSync(`/proc/${pid}/exe`)));
  caller.command(join(state, podId), podId, ["-bundle", join(state, podId), "delete"]);
  await until(() => !pids.some((pid) => fs.existsSync(`/proc/${pid}/exe`)), () => "a container goes on");
  // containerd may still ask for the other one.
  const { pid, exit_status } = decode(DeleteResponse, caller.command(join(state, id), id, ["-bundle", join(state, id), "delete"]));
  assert.equal([pid, exit_status], [pids[1], 137]);
});

/** A container that sleeps, in a shim of its own. */
async function sleeper(t: Ground, caller: Caller): Promise<{ readonly id: string; readonly pid: number; readonly shim: number; readonly end: () => Promise<void> }> {
  const id = t.id();
  const { path: bundle } = t.bundle((config) => {
    config.process.args = ["/bin/sleep", "1000"];
  });
  caller.start(bundle, id);
  const { pid } = await caller.call(TASK, "Create", [CreateTaskRequest, { id, bundle }], CreateTaskResponse);
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

function addExec(caller: Caller, { id, exec_id, args, ...streams }: { readonly id: string; readonly exec_id: string; readonly args: readonly string[]; readonly stdout?: string; readonly stderr?: string }): Promise<Empty> {
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

called("a shim that had no descriptor left listens again", async (t, caller) => {
  const { id, shim, end } = await sleeper(t, caller);
  const limit = (soft: number): void => assert.is(spawnSync("prlimit", ["--pid", `${shim}`, `--nofile=${soft}:`]).status, 0);
  const before = fs.readdirSync(`/proc/${shim}/fd`).length;
  // Enough for one descriptor of the two that a connection takes.
  limit(Math.max(...fs.readdirSync(`/proc/${shim}/fd`).map(Number)) + 2);
  const flood = Array.from({ length: 20 }, () => native().connectUnix(caller.socket));
  await until(() => fs.readdirSync(`/proc/${shim}/fd`).length > before, () => "nobody was let in");
  for (const fd of flood) fs.closeSync(fd);
  limit(1024);
  const another = new Client(caller.socket);
  await another.call({ service: TASK, method: "Connect", payload: encode(ProcessRequest, { id }), timeoutMilliseconds: TIMEOUT });
  another.close();
  await until(() => fs.readdirSync(`/proc/${shim}/fd`).length === before, () => `has ${fs.readdirSync(`/proc/${shim}/fd`).length} descriptors instead of ${before}`);
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

test.run();
