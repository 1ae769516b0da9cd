/** A logger of the client's choice: `binary:///path?key=value` reads a container's output from descriptors 3 and 4. */

import { SIGKILL, SIGTERM } from "../linux/signals.ts";
import { O_RDWR } from "../linux/open-flags.ts";
import { closeSync, openSync } from "../native/files.ts";
import { isNativeError, native } from "../native/native.ts";
import type { Spawned } from "../native/native.ts";
import { EPOLLIN, ended, forget, ready } from "../native/waiter.ts";
import { inWords } from "../container/store.ts";
import { parseLogUri } from "./uri.ts";

/** After the end of its input it has this long before it is asked to end, and then this long before it is made to. */
const ASK_MILLISECONDS = 10_000;
const KILL_MILLISECONDS = 12_000;

export class Logger {
  readonly #child: Spawned;
  /** Resolves when it was reaped, be it before the container's end: who adopts orphans finds none behind one that waits. */
  readonly #ended: Promise<unknown>;
  /** The ends that the container writes to. */
  readonly #writers: Map<1 | 2, number>;

  private constructor(child: Spawned, writers: Map<1 | 2, number>) {
    this.#child = child;
    this.#ended = ended(child.pidfd, { keepAlive: false });
    this.#writers = writers;
  }

  /** Starts it, and waits until it says that it is ready, or closes the descriptor that it would say it on. */
  static async start(uri: string, { containerId, namespace }: { readonly containerId: string; readonly namespace: string }): Promise<Logger> {
    const { path: file, query } = parseLogUri(uri);
    const argv = [file];
    for (const [key, value] of query) argv.push(key, ...(value === "" ? [] : [value]));
    const [stdout, toStdout] = native().pipe();
    const [stderr, toStderr] = native().pipe();
    const [isReady, saysReady] = native().pipe();
    const nothing = openSync("/dev/null", O_RDWR);
    const writers = new Map<1 | 2, number>([[1, toStdout], [2, toStderr]]);
    try {
      const env = [`CONTAINER_ID=${containerId}`, `CONTAINER_NAMESPACE=${namespace}`];
      const child = native().spawn({ file, argv, env, fds: [nothing, nothing, nothing, stdout, stderr, saysReady] });
      closeSync(saysReady);
      await ready(isReady, EPOLLIN);
      return new Logger(child, writers);
    } catch (error) {
      closeSync(saysReady);
      for (const fd of writers.values()) closeSync(fd);
      throw inWords(`execute the logger "${file}"`, error);
    } finally {
      forget(isReady);
      for (const fd of [stdout, stderr, isReady, nothing]) closeSync(fd);
    }
  }

  /** The end for one stream, once; who takes it closes it. */
  take(stream: 1 | 2): number | undefined {
    const fd = this.#writers.get(stream);
    this.#writers.delete(stream);
    return fd;
  }

  /** It ends by itself when the container's output does; otherwise it is asked to, then made to. */
  stop(): void {
    for (const fd of this.#writers.values()) closeSync(fd);
    this.#writers.clear();
    void this.#end();
  }

  async #end(): Promise<void> {
    const { pidfd } = this.#child;
    const timers = [setTimeout(() => signal(pidfd, SIGTERM), ASK_MILLISECONDS), setTimeout(() => signal(pidfd, SIGKILL), KILL_MILLISECONDS)];
    await this.#ended;
    for (const timer of timers) clearTimeout(timer);
    closeSync(pidfd);
  }
}

function signal(pidfd: number, number: number): void {
  try {
    native().pidfdSendSignal(pidfd, number);
  } catch (error) {
    if (!isNativeError(error) || error.code !== "ESRCH") throw error;
  }
}
