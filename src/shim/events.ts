/** Tells containerd what happens, one event after the other, in the order in which it happened. */

import { Client } from "./client.ts";
import { ForwardRequest } from "./generated/events.ts";
import { encode } from "../protobuf/messages.ts";
import type { MessageType } from "../protobuf/messages.ts";
import { log } from "./log.ts";
import { now } from "./time.ts";

const SERVICE = "containerd.services.events.ttrpc.v1.Events";
const TIMEOUT_MILLISECONDS = 5000;
/** While containerd restarts; then what is oldest is lost. */
const MOST_QUEUED = 4096;
const RETRY_MILLISECONDS: readonly number[] = [50, 100, 250, 500, 1000];

/** Each topic with the full name of its message. */
const TOPICS = {
  "/tasks/create": "TaskCreate",
  "/tasks/start": "TaskStart",
  "/tasks/exec-added": "TaskExecAdded",
  "/tasks/exec-started": "TaskExecStarted",
  "/tasks/exit": "TaskExit",
  "/tasks/delete": "TaskDelete",
  "/tasks/oom": "TaskOOM",
  "/tasks/paused": "TaskPaused",
  "/tasks/resumed": "TaskResumed",
  "/tasks/checkpointed": "TaskCheckpointed",
} as const;

export type Topic = keyof typeof TOPICS;

/** Where the events of a task go. */
export interface Publisher {
  publish<T extends object>(topic: Topic, type: MessageType<T>, message: Partial<T>): void;
}

export class EventQueue implements Publisher {
  readonly #client: Client;
  readonly #namespace: string;
  readonly #queue: Uint8Array[] = [];
  #sending: Promise<void> | undefined;

  /** `path`: containerd's ttrpc socket. */
  constructor(path: string, namespace: string) {
    this.#client = new Client(path);
    this.#namespace = namespace;
  }

  publish<T extends object>(topic: Topic, type: MessageType<T>, message: Partial<T>): void {
    const event = { type_url: `containerd.events.${TOPICS[topic]}`, value: encode(type, message) };
    this.#queue.push(encode(ForwardRequest, { envelope: { timestamp: now(), namespace: this.#namespace, topic, event } }));
    if (this.#queue.length > MOST_QUEUED) this.#queue.shift();
    this.#sending ??= this.#sendAll();
  }

  async #sendAll(): Promise<void> {
    for (let failures = 0; ; ) {
      const payload = this.#queue[0];
      if (payload === undefined) {
        // In the same breath as the look at the queue: the next event has to begin anew.
        this.#sending = undefined;
        return;
      }
      try {
        const metadata = [{ key: "containerd-namespace-ttrpc", value: this.#namespace }];
        await this.#client.call({ service: SERVICE, method: "Forward", payload, metadata, timeoutMilliseconds: TIMEOUT_MILLISECONDS });
        if (this.#queue[0] === payload) this.#queue.shift();
        failures = 0;
      } catch (error) {
        if (failures === 0) log("warning", `cannot publish an event, and goes on trying: ${error instanceof Error ? error.message : String(error)}`);
        this.#client.close();
        const pause = RETRY_MILLISECONDS[Math.min(failures++, RETRY_MILLISECONDS.length - 1)] ?? 0;
        await new Promise((resolve) => setTimeout(resolve, pause));
      }
    }
  }

  /** Resolves when all events are with containerd, or after this time. */
  async flushed(milliseconds: number): Promise<void> {
    if (this.#sending === undefined) return;
    await Promise.race([this.#sending, new Promise((resolve) => setTimeout(resolve, milliseconds))]);
  }
}
