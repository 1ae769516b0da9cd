/** The shim as containerds call it that no Debian has yet, and as its clients cannot: bootstrap parameters, version 3 of the task service, the sandbox service, and calls that meet. */

import * as fs from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { decode, encode } from "../src/protobuf/messages.ts";
import type { MessageType } from "../src/protobuf/messages.ts";
import { RuntimeInfo } from "../src/shim/generated/bootstrap.ts";
import { CreateSandboxRequest, PlatformResponse, PodSandboxConfig, SandboxMetricsResponse, SandboxRequest, SandboxStatusResponse, StartSandboxResponse, WaitSandboxResponse } from "../src/shim/generated/sandbox.ts";
import { ConnectResponse, CreateTaskRequest, CreateTaskResponse, DeleteResponse, Empty, KillRequest, ProcessRequest, ShutdownRequest, StartResponse } from "../src/shim/generated/task.ts";
import { until } from "./engine.ts";
import { RUN_NAME, suite } from "./harness.ts";
import type { Ground } from "./harness.ts";
import { TASK, calling, runTask } from "./shim-caller.ts";

const test = suite("shim-protocol");
const called = calling(test);

const SANDBOX = "containerd.runtime.sandbox.v1.Sandbox";

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
  const nowhere = { sandbox_id: id, bundle_path: bundle, netns_path: "/none", options };
  assert.match(await caller.failure(SANDBOX, "CreateSandbox", [CreateSandboxRequest, nowhere], Empty), /cannot find the user namespace of the pod's network namespace "\/none": .*ENOENT/);
  await caller.call(SANDBOX, "CreateSandbox", [CreateSandboxRequest, { sandbox_id: id, bundle_path: bundle, options }], Empty);
  const { pid } = await caller.call(SANDBOX, "StartSandbox", [SandboxRequest, { sandbox_id: id }], StartSandboxResponse);
  assert.match(fs.readFileSync(`/proc/${pid}/uid_map`, "utf8"), /^ *0 +300000 +1000$/m);
  assert.is(fs.statSync(join(bundle, "pod/hosts")).gid, 300_000);
  // What its root has in the folder it could replace by a link, which the next container's mount would follow on the host.
  for (const folder of ["pod", "pod/dev"]) assert.equal([fs.statSync(join(bundle, folder)).uid, fs.statSync(join(bundle, folder)).mode & 0o022], [0, 0], folder);
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

test.run();
