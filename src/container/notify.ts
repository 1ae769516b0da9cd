/**
 * sd_notify(3) from inside the container: a socket of its own there, and to the caller's one word: it is ready.
 *
 * What the container says is not trusted: of its datagrams only the line "READY=1" means something, and what goes to the
 * caller's socket is made here. Descriptors that it sends are dropped by the kernel, as they are not asked for.
 */

import { UsageError } from "../errors.ts";
import { closeSync, existsSync, mkdirSync, readSync, writeSync } from "../native/files.ts";
import { isNativeError, native } from "../native/native.ts";
import { EPOLLIN, EPOLLOUT, forget, ready } from "../native/waiter.ts";
import type { Config } from "../spec/config.ts";
import { inWords } from "./store.ts";
import type { Store } from "./store.ts";

/** Where the socket is in the container. */
export const FOLDER_IN_CONTAINER = "/run/notify";
const SOCKET = "notify.sock";
const VARIABLE = "NOTIFY_SOCKET=";
/** Read-only, so that the container can neither take the socket away nor put another file in its place. */
const OPTIONS: readonly string[] = ["bind", "nosuid", "noexec", "nodev", "ro"];
const FOLDER_MODE = 0o755;
/** What systemd takes of one datagram. */
const MOST_BYTES = 4096;
/** What may still wait in a socket whose writers are gone; net.unix.max_dgram_qlen is 10, mostly. */
const MOST_DATAGRAMS = 512;
/** How long systemd may take to say that it has read all (sd_notify_barrier(3)). */
const BARRIER_SECONDS = 30;

/** The container's config with the way to its notify socket. */
export function withNotifySocket(config: Config, folder: string): Config {
  const mount = { destination: FOLDER_IN_CONTAINER, source: folder, options: OPTIONS };
  const changed = { ...config, mounts: [...(config.mounts ?? []), mount] };
  if (config.process === undefined) return changed;
  const env = (config.process.env ?? []).filter((entry) => !entry.startsWith(VARIABLE));
  return { ...changed, process: { ...config.process, env: [...env, `${VARIABLE}${FOLDER_IN_CONTAINER}/${SOCKET}`] } };
}

/** Where a container's notify socket is on the host. */
export function notifyFolder(store: Store, id: string): string {
  return `${store.directory(id)}/notify`;
}

/** Makes the folder of the socket, for the mount; the socket comes with who listens on it. */
export function makeNotifyFolder(folder: string): void {
  try {
    mkdirSync(folder, { mode: FOLDER_MODE });
  } catch (error) {
    throw inWords(`make "${folder}"`, error);
  }
}

/** Who is told, and of whom. */
interface Message {
  /** The caller's NOTIFY_SOCKET. */
  readonly host: string;
  /** The process that the caller is to watch from now on. */
  readonly mainPid: number;
}

/** The container's notify socket, as long as somebody listens on it. */
export class NotifySocket {
  readonly #fd: number;
  #isOpen = true;

  private constructor(fd: number) {
    this.#fd = fd;
  }

  /** Binds it, before the program begins. */
  static bind(store: Store, id: string): NotifySocket {
    const folder = notifyFolder(store, id);
    if (!existsSync(folder)) {
      throw new UsageError(`cannot use NOTIFY_SOCKET: container "${id}" was created without it, so its program cannot say that it is ready`);
    }
    try {
      return new NotifySocket(native().bindDatagrams(`${folder}/${SOCKET}`));
    } catch (error) {
      throw inWords(`listen on "${folder}/${SOCKET}"`, error);
    }
  }

  /** Resolves when the container was ready and the caller knows, or when the process ended; then nobody listens any more. */
  async forward(message: Message, { pidfd, warn }: { readonly pidfd: number; readonly warn: (message: string) => void }): Promise<void> {
    try {
      if (await this.#untilReady(pidfd)) await tellHost(message, warn);
    } catch (error) {
      warn(`cannot tell ${JSON.stringify(message.host)} that the container is ready: ${error instanceof Error ? error.message : String(error)}`);
    } finally {
      this.close();
    }
  }

  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    forget(this.#fd);
    closeSync(this.#fd);
  }

  async #untilReady(pidfd: number): Promise<boolean> {
    // A descriptor of its own, because one descriptor has one watch.
    const death = native().dupAbove(pidfd, 3);
    let isOver = false;
    let wake = (): void => {};
    void ready(death).then(() => {
      isOver = true;
      wake();
    });
    try {
      while (!isOver) {
        // Not a race of both: whatever the container sends, each race would be remembered until its end.
        await new Promise<void>((resolve) => {
          wake = resolve;
          void ready(this.#fd, EPOLLIN).then(() => resolve());
        });
        if (this.#isOpen && !isOver && isReady(this.#read() ?? "")) return true;
      }
      for (let count = 0; this.#isOpen && count < MOST_DATAGRAMS; count++) {
        const text = this.#read();
        if (text === undefined) break;
        if (isReady(text)) return true;
      }
      return false;
    } finally {
      forget(death);
      closeSync(death);
    }
  }

  /** One datagram; undefined where there is none. */
  #read(): string | undefined {
    const buffer = new Uint8Array(MOST_BYTES);
    try {
      return new TextDecoder().decode(buffer.subarray(0, readSync(this.#fd, buffer)));
    } catch {
      return undefined;
    }
  }
}

function isReady(datagram: string): boolean {
  return datagram.split("\n").includes("READY=1");
}

/** As other runtimes do: that it is ready, whom to watch, and not before the caller has read both it goes on. */
async function tellHost({ host, mainPid }: Message, warn: (message: string) => void): Promise<void> {
  const fd = native().connectDatagrams(host);
  const [reader, writer] = native().pipe();
  try {
    await patiently(fd, () => writeSync(fd, "READY=1\n"));
    await patiently(fd, () => writeSync(fd, `MAINPID=${mainPid}\n`));
    await patiently(fd, () => native().send(fd, new TextEncoder().encode("BARRIER=1"), [writer]));
  } finally {
    forget(fd);
    closeSync(fd);
    closeSync(writer);
  }
  const timer = new Promise<"late">((resolve) => {
    setTimeout(() => resolve("late"), BARRIER_SECONDS * 1000).unref();
  });
  if ((await Promise.race([ready(reader), timer])) === "late") warn(`${JSON.stringify(host)} did not confirm within ${BARRIER_SECONDS} seconds that it knows the container to be ready`);
  forget(reader);
  closeSync(reader);
}

/** Waits where the caller's socket is full. */
async function patiently(fd: number, send: () => void): Promise<void> {
  for (;;) {
    try {
      return send();
    } catch (error) {
      if (!isNativeError(error) || error.code !== "EAGAIN") throw error;
    }
    await ready(fd, EPOLLOUT);
  }
}
