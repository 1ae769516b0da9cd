/** The sandbox service: a pod whose own container is made by the shim, of no image (containerd's sandboxer = "shim"). */

import { inWords } from "../container/store.ts";
import { findArchitecture } from "../linux/architectures.ts";
import { O_RDONLY } from "../linux/open-flags.ts";
import { SIGKILL } from "../linux/signals.ts";
import { closeSync, openSync } from "../native/files.ts";
import { native } from "../native/native.ts";
import type { Config } from "../spec/config.ts";
import type { Publisher } from "./events.ts";
import { CreateSandboxRequest, PlatformResponse, PodSandboxConfig, SandboxMetricsResponse, SandboxRequest, SandboxStatusResponse, StartSandboxResponse, WaitSandboxResponse } from "./generated/sandbox.ts";
import { Empty } from "./generated/task.ts";
import type { Timestamp } from "./generated/types.ts";
import { decode } from "../protobuf/messages.ts";
import { readOptions } from "./options.ts";
import { RpcError } from "./rpc-error.ts";
import { SHM_MOUNT, idMappings, withPodFiles, writeSandboxBundle } from "./sandbox-bundle.ts";
import type { Pod } from "./sandbox-bundle.ts";
import { method } from "./server.ts";
import type { Method } from "./server.ts";
import { Task } from "./task.ts";
import type { Context } from "./task.ts";
import { ZERO_TIME, now } from "./time.ts";

const POD_CONFIG = "runtime.v1.PodSandboxConfig";
const READY = "SANDBOX_READY";
const NOT_READY = "SANDBOX_NOTREADY";
/** Events are of containers, and containerd has made none for the pod itself. */
const NOWHERE: Publisher = { publish: () => {} };

export type SandboxMethod = "CreateSandbox" | "StartSandbox" | "Platform" | "StopSandbox" | "WaitSandbox" | "SandboxStatus" | "PingSandbox" | "ShutdownSandbox" | "SandboxMetrics";

interface Sandbox {
  readonly pod: Pod;
  readonly task: Task;
  createdAt: Timestamp;
}

export class SandboxService {
  readonly #context: Context;
  readonly #onShutdown: (id: string, bundle?: string) => void;
  #bundle: string | undefined;
  #sandbox: Sandbox | undefined;
  #making: Promise<unknown> | undefined;

  /** `onShutdown` is called when containerd has no more to do with the pod. */
  constructor(context: Context, onShutdown: (id: string, bundle?: string) => void) {
    // It is not changed itself.
    this.#context = { ...context, publisher: NOWHERE, change: (config) => config };
    this.#onShutdown = onShutdown;
  }

  get methods(): Readonly<Record<SandboxMethod, Method>> {
    return {
      CreateSandbox: method(CreateSandboxRequest, Empty, (request) => this.#create(request)),
      StartSandbox: method(SandboxRequest, StartSandboxResponse, ({ sandbox_id: id }) => this.#start(id)),
      Platform: method(SandboxRequest, PlatformResponse, () => ({ platform: { os: "linux", architecture: findArchitecture(process.arch)?.go ?? process.arch } })),
      StopSandbox: method(SandboxRequest, Empty, ({ sandbox_id: id }) => this.#stop(id)),
      WaitSandbox: method(SandboxRequest, WaitSandboxResponse, async ({ sandbox_id: id }) => {
        const { status, at } = await this.#find(id).task.init.ended;
        return { exit_status: status, exited_at: at };
      }),
      SandboxStatus: method(SandboxRequest, SandboxStatusResponse, ({ sandbox_id: id }) => this.#status(id)),
      PingSandbox: method(SandboxRequest, Empty, ({ sandbox_id: id }) => {
        this.#find(id);
        return {};
      }),
      ShutdownSandbox: method(SandboxRequest, Empty, ({ sandbox_id: id }) => this.#shutDown(id)),
      SandboxMetrics: method(SandboxRequest, SandboxMetricsResponse, async ({ sandbox_id: id }) => {
        const data = await this.#find(id).task.stats();
        return { metrics: { timestamp: now(), id, data } };
      }),
    };
  }

  /** What a container of the pod has besides what its own config says. */
  change(config: Config): Config {
    return this.#sandbox === undefined ? config : withPodFiles(config, this.#sandbox.pod);
  }

  get isThere(): boolean {
    return this.#sandbox !== undefined || this.#making !== undefined;
  }

  /** Whether somebody waits for this child, or may come to. */
  knows(pid: number): boolean {
    return this.#making !== undefined || this.#sandbox?.task.knows(pid) === true;
  }

  #find(id: string): Sandbox {
    if (this.#sandbox === undefined || this.#sandbox.pod.id !== id) throw new RpcError("NOT_FOUND", `sandbox ${id} does not exist`);
    return this.#sandbox;
  }

  async #create(request: CreateSandboxRequest): Promise<Record<string, never>> {
    if (this.isThere) throw new RpcError("ALREADY_EXISTS", `sandbox ${request.sandbox_id} already exists`);
    const making = this.#createNew(request);
    this.#making = making.catch(() => undefined);
    try {
      await making;
    } finally {
      this.#making = undefined;
    }
    return {};
  }

  async #createNew({ sandbox_id: id, bundle_path: bundle, options, netns_path: netns }: CreateSandboxRequest): Promise<void> {
    const type = options?.type_url ?? "";
    // With or without a host before it.
    if (type !== "" && type.slice(type.lastIndexOf("/") + 1) !== POD_CONFIG) throw new RpcError("INVALID_ARGUMENT", `cannot make the pod from a "${type}": it is no ${POD_CONFIG}`);
    const config = decode(PodSandboxConfig, options?.value ?? new Uint8Array());
    this.#bundle = bundle;
    const users = netns === "" || idMappings({ config }) === undefined ? undefined : openOwner(netns);
    try {
      await this.#make({ id, bundle, netns, config, userns: users === undefined ? undefined : `/proc/${process.pid}/fd/${users}` });
    } finally {
      if (users !== undefined) closeSync(users);
    }
  }

  async #make(pod: Pod): Promise<void> {
    const { id, bundle } = pod;
    writeSandboxBundle(pod);
    const request = { id, bundle, rootfs: [SHM_MOUNT], terminal: false, stdin: "", stdout: "", stderr: "", checkpoint: "", parent_checkpoint: "", options: undefined };
    const task = await Task.create(request, await readOptions(undefined), this.#context);
    this.#sandbox = { pod, task, createdAt: ZERO_TIME };
  }

  async #start(id: string): Promise<Partial<StartSandboxResponse>> {
    const sandbox = this.#find(id);
    const pid = await sandbox.task.start();
    sandbox.createdAt = now();
    return { pid, created_at: sandbox.createdAt };
  }

  async #stop(id: string): Promise<Record<string, never>> {
    const { init } = this.#find(id).task;
    // Nothing in it could need time.
    if (!init.hasEnded) this.#find(id).task.kill(SIGKILL, false);
    await init.ended;
    return {};
  }

  #status(id: string): Partial<SandboxStatusResponse> {
    const { task: { init }, createdAt } = this.#find(id);
    const isReady = init.hasStarted && !init.hasEnded;
    return { sandbox_id: id, pid: init.pid, state: isReady ? READY : NOT_READY, created_at: createdAt, exited_at: init.ending?.at ?? ZERO_TIME };
  }

  /** Also of one that could not be made. */
  async #shutDown(id: string): Promise<Record<string, never>> {
    // containerd asks for it, too, when a client does not wait for the end of a create.
    await this.#making;
    if (this.#sandbox !== undefined) {
      await this.#stop(id);
      await this.#sandbox.task.delete();
      this.#sandbox = undefined;
    }
    this.#onShutdown(id, this.#bundle);
    return {};
  }
}

/** containerd makes the network namespace of a pod in the user namespace that the pod is to have, and tells only of the former. */
function openOwner(netns: string): number {
  let network: number | undefined;
  try {
    network = openSync(netns, O_RDONLY);
    return native().owningUserNamespace(network);
  } catch (error) {
    throw inWords(`find the user namespace of the pod's network namespace "${netns}"`, error);
  } finally {
    if (network !== undefined) closeSync(network);
  }
}
