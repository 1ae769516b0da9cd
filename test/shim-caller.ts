/** A shim without a containerd: what stands for it starts shims, calls them, and takes their events. */

import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { decode, encode } from "../src/protobuf/messages.ts";
import type { MessageType } from "../src/protobuf/messages.ts";
import { native } from "../src/native/native.ts";
import { Client } from "../src/shim/client.ts";
import { BootstrapParams, BootstrapResult } from "../src/shim/generated/bootstrap.ts";
import { ForwardRequest } from "../src/shim/generated/events.ts";
import { CreateTaskRequest, CreateTaskResponse, DeleteResponse, Empty, ProcessRequest, StartResponse, WaitResponse } from "../src/shim/generated/task.ts";
import { Server, method } from "../src/shim/server.ts";
import { nothingLeft } from "./engine.ts";
import { RUN_NAME, needs } from "./harness.ts";
import type { Ground, Suite } from "./harness.ts";
import { PROJECT } from "./runtime.ts";

/** The program that containerd calls. */
export const SHIM = join(PROJECT, "dist/containerd-shim-tsrun-v1");
export const TASK = "containerd.task.v3.Task";
export const TIMEOUT = 60_000;

/** What stands for containerd: it takes events, starts shims, and calls them. */
export class Caller {
  readonly topics: string[] = [];
  readonly #t: Ground;
  readonly #server: Server;
  #client: Client | undefined;
  /** The shim's. */
  socket = "";
  /** Its events are answered when this resolves. */
  eventsPass: Promise<void> = Promise.resolve();

  constructor(t: Ground) {
    this.#t = t;
    const forward = method(ForwardRequest, Empty, async ({ envelope }) => {
      this.topics.push(envelope?.topic ?? "");
      await this.eventsPass;
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

  /** Ends the connection to the shim. */
  hangUp(): void {
    this.#client?.close();
  }

  async end(): Promise<void> {
    this.hangUp();
    await this.#server.close();
  }
}

/** Adds tests that call a shim. */
export function calling(suite: Suite): (title: string, body: (t: Ground, caller: Caller) => Promise<void>) => void {
  return (title, body) => {
    suite(title, async (t) => {
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
  };
}

/** Runs a container from its creation to its removal; returns its exit status. */
export async function runTask(caller: Caller, { id, bundle }: { readonly id: string; readonly bundle: string }): Promise<number> {
  const { pid } = await caller.call(TASK, "Create", [CreateTaskRequest, { id, bundle }], CreateTaskResponse);
  assert.ok(pid > 0);
  assert.is((await caller.call(TASK, "Start", [ProcessRequest, { id }], StartResponse)).pid, pid);
  const { exit_status } = await caller.call(TASK, "Wait", [ProcessRequest, { id }], WaitResponse);
  assert.is((await caller.call(TASK, "Delete", [ProcessRequest, { id }], DeleteResponse)).exit_status, exit_status);
  return exit_status;
}
