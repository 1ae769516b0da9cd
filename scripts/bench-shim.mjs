/**
 * What a pod's next container takes in a shim that is there already: the bench calls the shims themselves, as containerd
 * does, because a client and containerd would take as long around every one of them.
 */

import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import { dirname, join } from "node:path";
import { performance } from "node:perf_hooks";
import { setTimeout } from "node:timers/promises";

const TIMEOUT_MILLISECONDS = 20_000;
const SIGKILL = 9;
const EVENTS = "containerd.services.events.ttrpc.v1.Events";
const RUNC_OPTIONS = "containerd.runc.v1.Options";
const SANDBOX = "io.kubernetes.cri.sandbox-id";

export const MEASUREMENT = "the second container of a pod, asked of its shim";

/** The project's own ttrpc and messages, from what the build made. */
async function loadProtocol(root) {
  const load = (path) => import(join(root, "dist/js/src", path));
  const [{ Client }, { Server, method }, { native }, { decode, encode }, task, { ForwardRequest }, { RuncOptions }] = await Promise.all(
    ["shim/client.js", "shim/server.js", "native/native.js", "protobuf/messages.js", "shim/generated/task.js", "shim/generated/events.js", "shim/generated/options.js"].map(load),
  );
  return { Client, Server, method, native, decode, encode, task, ForwardRequest, RuncOptions };
}

/** A shim with a pod of one container. */
class Pod {
  #protocol;
  #ground;
  #subject;
  #client;
  #service = "containerd.task.v2.Task";
  #logs = [];

  constructor(protocol, { ground, subject }) {
    this.#protocol = protocol;
    this.#ground = ground;
    this.#subject = subject;
    this.id = `${ground.namespace}-${subject.name}-pod`;
  }

  /** A bundle as containerd makes one, with a fifo for the shim's log. */
  bundle(id, source) {
    const folder = join(this.#ground.folder, this.#subject.name, id);
    fs.mkdirSync(folder, { recursive: true });
    const config = JSON.parse(fs.readFileSync(join(source, "config.json"), "utf8"));
    config.root.path = join(source, config.root.path);
    config.annotations = { [SANDBOX]: this.id, "io.kubernetes.cri.container-type": id === this.id ? "sandbox" : "container" };
    fs.writeFileSync(join(folder, "config.json"), JSON.stringify(config));
    fs.mkdirSync(join(folder, "rootfs"));
    execute("mkfifo", [join(folder, "log")]);
    // A shim waits for somebody who reads it.
    this.#logs.push(fs.openSync(join(folder, "log"), "r+"));
    return folder;
  }

  /** The shim's `start`; returns where it listens. */
  start(id, bundle) {
    const { folder, namespace } = this.#ground;
    const env = { ...process.env, TTRPC_ADDRESS: eventsOf(folder), MAX_SHIM_VERSION: "2" };
    const args = ["-namespace", namespace, "-address", join(folder, "containerd"), "-publish-binary", "containerd", "-id", id, "start"];
    const words = execute(this.#subject.shim, args, { cwd: bundle, env, input: "" }).trim();
    const { version = 2, address } = words.startsWith("{") ? JSON.parse(words) : { address: words };
    this.#service = `containerd.task.v${version}.Task`;
    return address.replace("unix://", "");
  }

  async begin(source) {
    const bundle = this.bundle(this.id, source);
    this.#client = new this.#protocol.Client(this.start(this.id, bundle));
    await this.create(this.id, bundle);
  }

  async create(id, bundle) {
    const { CreateTaskRequest, ProcessRequest } = this.#protocol.task;
    await this.#call("Create", CreateTaskRequest, { id, bundle, options: this.#options() });
    await this.#call("Start", ProcessRequest, { id });
  }

  async remove(id) {
    const { KillRequest, ProcessRequest } = this.#protocol.task;
    await this.#call("Kill", KillRequest, { id, signal: SIGKILL });
    await this.#call("Wait", ProcessRequest, { id });
    await this.#call("Delete", ProcessRequest, { id });
    fs.closeSync(this.#logs.pop());
  }

  async end() {
    if (this.#client === undefined) return;
    await this.remove(this.id);
    // It may end before it answers.
    await this.#call("Shutdown", this.#protocol.task.ShutdownRequest, { id: this.id }).catch(() => undefined);
    this.#client.close();
  }

  #options() {
    const { encode, RuncOptions } = this.#protocol;
    const { runtime } = this.#subject;
    return runtime === undefined ? undefined : { type_url: RUNC_OPTIONS, value: encode(RuncOptions, { binary_name: runtime }) };
  }

  async #call(method, type, request) {
    const payload = this.#protocol.encode(type, request);
    await this.#client.call({ service: this.#service, method, payload, timeoutMilliseconds: TIMEOUT_MILLISECONDS });
  }
}

/** `measure`'s results, one for each pace: `{ times: { "start": { tsrun: [...] }, "create and start": ... } }`; none where containerd's shim is not installed. */
export async function measureSecondContainer({ root, folder, namespace, bundles, runtimes, paces, pairs, warmUp }) {
  const shim = inPath("containerd-shim-runc-v2");
  if (shim === undefined) return [];
  const ground = { folder: join(folder, "shims"), namespace };
  fs.mkdirSync(ground.folder);
  const protocol = await loadProtocol(root);
  const forward = protocol.method(protocol.ForwardRequest, protocol.task.Empty, () => ({}));
  const events = new protocol.Server({ [EVENTS]: { Forward: forward } }, () => undefined);
  void events.listen(protocol.native().listenUnix(eventsOf(ground.folder)));
  const subjects = runtimes.map(({ name, path }) => (name === "tsrun" ? { name, shim: join(dirname(fs.realpathSync(path)), "containerd-shim-tsrun-v1") } : { name, shim, runtime: path }));
  const pods = subjects.map((subject) => ({ name: subject.name, pod: new Pod(protocol, { ground, subject }) }));
  try {
    for (const { pod } of pods) await pod.begin(bundles.sleeping);
    const results = [];
    for (const { name: pace, pause } of paces) results.push({ pace, times: await rounds(pods, { source: bundles.largeSleeping, count: pairs + warmUp, warmUp, pause, pace }) });
    return results;
  } finally {
    for (const { pod } of pods) await pod.end();
    await events.close();
    for (const name of ["runc", "tsrun"]) fs.rmSync(`/run/containerd/${name}/${namespace}`, { recursive: true, force: true });
  }
}

async function rounds(pods, { source, count, warmUp, pause, pace }) {
  const times = { start: {}, "create and start": {} };
  for (let round = 0; round < count; round++) {
    for (const { name, pod } of [...pods.slice(round % pods.length), ...pods.slice(0, round % pods.length)]) {
      const id = `${pod.id}-${pace}-${round}`;
      const bundle = pod.bundle(id, source);
      await setTimeout(pause);
      const started = await duration(() => pod.start(id, bundle));
      await setTimeout(pause);
      const created = await duration(() => pod.create(id, bundle));
      await pod.remove(id);
      if (round < warmUp) continue;
      (times["start"][name] ??= []).push(started);
      (times["create and start"][name] ??= []).push(created);
    }
  }
  return times;
}

async function duration(step) {
  const before = performance.now();
  await step();
  return performance.now() - before;
}

function eventsOf(folder) {
  return join(folder, "containerd.ttrpc");
}

function inPath(name) {
  return (process.env["PATH"] ?? "").split(":").map((folder) => join(folder, name)).find((path) => fs.existsSync(path));
}

function execute(program, args, options = {}) {
  const { status, stdout, stderr, error } = spawnSync(program, args, { encoding: "utf8", ...options });
  if (status !== 0) throw new Error(`cannot execute ${[program, ...args].join(" ")}: ${error?.message ?? stderr}`);
  return stdout;
}
