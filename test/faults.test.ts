/** Each step of a plan is made to fail in turn: what fails is told, and nothing stays behind. */

import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import { createServer } from "node:net";
import type { Server } from "node:net";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { create, readBundle } from "../src/container/create.ts";
import type { CreateOptions } from "../src/container/create.ts";
import { deleteContainer } from "../src/container/delete.ts";
import { probeHost } from "../src/container/probe.ts";
import { run } from "../src/container/run.ts";
import { start } from "../src/container/start.ts";
import { Store } from "../src/container/store.ts";
import { TsrunError } from "../src/errors.ts";
import { native } from "../src/native/native.ts";
import { plan } from "../src/plan/plan.ts";
import type { Plan, Step } from "../src/plan/step.ts";
import type { Bundle, BundleConfig } from "./bundle.ts";
import { needs, suite } from "./harness.ts";
import type { Ground } from "./harness.ts";
import { findStrays } from "./strays.ts";

const test = suite("faults");

const ENVIRONMENT = ["PATH=/bin:/usr/bin"];

/** One bundle, one id, and everything that may be left of it. */
class Scene {
  readonly store: Store;
  readonly id: string;
  readonly bundle: Bundle;
  readonly warnings: string[] = [];
  readonly #server: Server;
  readonly #log: string;
  readonly #folder: string;
  readonly #consoles: number[] = [];
  readonly #created: number[] = [];

  private constructor(t: Ground, bundle: Bundle, server: Server) {
    this.store = new Store(t.stateRoot);
    this.id = t.id();
    this.bundle = bundle;
    this.#server = server;
    this.#log = join(t.folder, "log");
    this.#folder = t.folder;
  }

  /** With as many kinds of steps as one container can have; `change` makes it one of a user namespace, for example. */
  static async open(t: Ground, change: (config: BundleConfig) => void = () => undefined): Promise<Scene> {
    const listener = join(t.folder, "listener");
    const log = join(t.folder, "log");
    fs.writeFileSync(log, "");
    const bundle = t.bundle((config) => {
      everything(config, { listener, log });
      change(config);
    });
    const server = createServer((socket) => socket.destroy());
    await new Promise<void>((resolve) => server.listen(listener, resolve));
    // A test that fails must not keep the process.
    server.unref();
    return new Scene(t, bundle, server);
  }

  close(): void {
    this.#server.close();
  }

  options(fault?: number): CreateOptions {
    return {
      store: this.store,
      id: this.id,
      bundle: this.bundle.path,
      console: { size: () => ({ height: 24, width: 80 }), take: (master) => void this.#consoles.push(master) },
      inheritance: { stdio: [0, 1, 2], preserved: [] },
      environment: ENVIRONMENT,
      warn: (message) => void this.warnings.push(message),
      ...(fault === undefined ? {} : { fault }),
    };
  }

  plan(waitForStart: boolean): Plan {
    const { config } = readBundle(this.bundle.path);
    const options = { id: this.id, bundle: this.bundle.path, noPivot: false, noNewKeyring: false, environment: ENVIRONMENT };
    return plan(config, probeHost(this.store.root), { ...options, waitForStart });
  }

  /** What a command leaves to its caller's reaper, this process has to reap itself. */
  async create(fault?: number): Promise<void> {
    const { state, pidfd } = await create(this.options(fault));
    native().close(pidfd);
    this.#created.push(state.pid);
  }

  delete(): Promise<void> {
    const { store, id, warnings } = this;
    return deleteContainer({ store, id, force: true, environment: ENVIRONMENT, warn: (message) => void warnings.push(message) });
  }

  start(): Promise<void> {
    const { store, id, warnings } = this;
    return start({ store, id, environment: ENVIRONMENT, warn: (message) => void warnings.push(message) });
  }

  /** What the poststop hook wrote since the last call. */
  poststops(): number {
    const { length } = fs.readFileSync(this.#log, "utf8");
    fs.writeFileSync(this.#log, "");
    return length;
  }

  /** What is there now that goes away with the container: descriptors, states, cgroups, processes, mounts. */
  remains(): Record<string, unknown> {
    // The terminals are the caller's.
    for (const master of this.#consoles.splice(0)) fs.closeSync(master);
    for (const pid of this.#created.splice(0)) reap(pid);
    return {
      descriptors: fs.readdirSync("/proc/self/fd").length,
      states: this.store.ids(),
      strays: findStrays(this.id).filter(({ kind }) => kind !== "file"),
      mounts: fs.readFileSync("/proc/self/mountinfo", "utf8").split("\n").filter((line) => line.includes(this.#folder)),
      children: fs.readdirSync("/proc/self/task").map((task) => fs.readFileSync(`/proc/self/task/${task}/children`, "utf8")).join("").trim(),
    };
  }
}

function everything(config: BundleConfig, { listener, log }: { listener: string; log: string }): void {
  const hook = { path: "/bin/true" };
  config.hooks = Object.fromEntries(["prestart", "createRuntime", "createContainer", "startContainer", "poststart"].map((point) => [point, [hook]]));
  config.hooks["poststop"] = [{ path: "/bin/sh", args: ["sh", "-c", `printf x >> ${log}`] }];
  config["domainname"] = "example.org";
  config.process.terminal = true;
  config.process.cwd = "/new/place";
  Object.assign(config.process, { rlimits: [{ type: "RLIMIT_CORE", soft: 0, hard: 0 }], oomScoreAdj: 500 });
  config.root.readonly = false;
  config.mounts.push(
    { destination: "/etc", type: "tmpfs", options: ["tmpcopyup", "rro"] },
    { destination: "/mnt/bound", source: "/usr/share", options: ["rbind", "ro", "rprivate"] },
  );
  config.linux.resources = { pids: { limit: 100 }, devices: [{ allow: false, access: "rwm" }] };
  config.linux["devices"] = [{ path: "/dev/fuse", type: "c", major: 10, minor: 229 }];
  config.linux["sysctl"] = { "net.ipv4.ip_forward": "1" };
  config.linux["seccomp"] = {
    defaultAction: "SCMP_ACT_ALLOW",
    listenerPath: listener,
    syscalls: [{ names: ["chroot"], action: "SCMP_ACT_NOTIFY" }],
  };
}

function userNamespace(config: BundleConfig): void {
  config.linux.namespaces.push({ type: "user" }, { type: "time" });
  const map = [{ containerID: 0, hostID: 100_000, size: 65_536 }];
  Object.assign(config.linux, { uidMappings: map, gidMappings: map });
}

function reap(pid: number): void {
  const pidfd = native().pidfdOpen(pid);
  native().waitPidfd(pidfd);
  fs.closeSync(pidfd);
}

async function failureOf(action: Promise<unknown>): Promise<Error> {
  try {
    await action;
  } catch (error) {
    if (error instanceof Error) return error;
  }
  throw new Error("nothing failed");
}

/** The error is one of ours, and names what was done in the step's words. */
function names(error: Error, step: Step, index: number): void {
  assert.instance(error, TsrunError, error.stack);
  assert.ok(error.message.startsWith(`cannot ${step.what ?? step.op}`), `step ${index} ${step.op}: ${error.message}`);
}

/** The first create opens what stays for good: the engine's own, the waiter. */
async function warmUp(scene: Scene): Promise<Record<string, unknown>> {
  await scene.create();
  await scene.start();
  await scene.delete();
  scene.poststops();
  return scene.remains();
}

for (const [name, change] of [["one stage", undefined], ["two stages", userNamespace]] as const) {
  test(`create of a container with ${name} that fails at any step leaves nothing, and says which`, async (t) => {
    needs("root");
    const scene = await Scene.open(t, change);
    if (change !== undefined) execFileSync("chown", ["-R", "100000:100000", scene.bundle.rootfs]);
    const before = await warmUp(scene);
    const { steps } = scene.plan(true);
    const created = steps.findIndex((step) => step.op === "gate" && step.name === "created");
    assert.ok(created > 80, `${created} steps`);
    for (const [index, step] of steps.slice(0, created + 1).entries()) {
      names(await failureOf(create(scene.options(index))), step, index);
      assert.equal(scene.remains(), before, `after step ${index} ${step.op}`);
      assert.is(scene.poststops(), 1, `poststop hooks after step ${index}`);
    }
    // The id is free again.
    await scene.create();
    await scene.delete();
    assert.equal(scene.remains(), before);
    scene.close();
  });

  test(`start of a container with ${name} that fails at any step says which, and delete leaves nothing`, async (t) => {
    needs("root");
    const scene = await Scene.open(t, change);
    if (change !== undefined) execFileSync("chown", ["-R", "100000:100000", scene.bundle.rootfs]);
    const before = await warmUp(scene);
    const { steps } = scene.plan(true);
    const created = steps.findIndex((step) => step.op === "gate" && step.name === "created");
    for (const [offset, step] of steps.slice(created + 1).entries()) {
      const index = created + 1 + offset;
      await scene.create(index);
      const error = await failureOf(scene.start());
      // Before it has opened the fifo, init has nobody to tell.
      if (step.op === "open_fifo") assert.match(error.message, /^cannot start container "\S+": (its init died|cannot start a container that has stopped)/);
      else names(error, step, index);
      await scene.delete();
      assert.equal(scene.remains(), before, `after step ${index} ${step.op}`);
      assert.is(scene.poststops(), 1, `poststop hooks after step ${index}`);
    }
    scene.close();
  });

  test(`run of a container with ${name} that fails at any step leaves nothing, and says which`, async (t) => {
    needs("root");
    const scene = await Scene.open(t, change);
    if (change !== undefined) execFileSync("chown", ["-R", "100000:100000", scene.bundle.rootfs]);
    const before = await warmUp(scene);
    const { steps } = scene.plan(false);
    const created = steps.findIndex((step) => step.op === "gate" && step.name === "created");
    // Up to the gate both ways are one: every tenth step will do.
    for (const [index, step] of steps.entries()) {
      if (index < created && index % 10 !== 0) continue;
      names(await failureOf(run(scene.options(index))), step, index);
      assert.equal(scene.remains(), before, `after step ${index} ${step.op}`);
      assert.is(scene.poststops(), 1, `poststop hooks after step ${index}`);
    }
    scene.close();
  });
}

for (const [verb, act] of [
  ["start", async (scene: Scene) => (await scene.create(), scene.start())],
  ["run", (scene: Scene) => run(scene.options())],
] as const) {
  test(`${verb} whose poststart hook fails ends the container and leaves nothing`, async (t) => {
    needs("root");
    const scene = await Scene.open(t);
    scene.bundle.config.process.args = ["sleep", "100"];
    scene.bundle.write();
    await scene.create();
    await scene.delete();
    scene.poststops();
    const before = scene.remains();
    (scene.bundle.config.hooks ??= {})["poststart"] = [{ path: "/bin/true" }, { path: "/bin/sh", args: ["sh", "-c", "echo no >&2; exit 3"] }];
    scene.bundle.write();
    const error = await failureOf(act(scene));
    assert.is(error.message, 'cannot run poststart hook #1 "/bin/sh": exit status 3: no');
    assert.equal(scene.remains(), before);
    assert.is(scene.poststops(), 1);
    scene.close();
  });
}

test.run();
