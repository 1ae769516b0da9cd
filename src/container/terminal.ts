/**
 * Shows the container's terminal on the caller's, and types into it what the caller types (config.md#process, terminal).
 *
 * The caller's terminal is raw while the program runs, and only when the standard input is it: otherwise its keys are not
 * for the program. When it hangs up, or when what the program says has nowhere to go, the container's terminal hangs up,
 * too, and the program learns of it as it would without a container: SIGHUP, end of file, EIO.
 */

import { UsageError } from "../errors.ts";
import { O_NOCTTY, O_RDONLY } from "../linux/open-flags.ts";
import { closeSync, openSync } from "../native/files.ts";
import { isNativeError, native } from "../native/native.ts";
import { Stream, isTerminal } from "../native/stream.ts";
import { EPOLLIN, forget, ready } from "../native/waiter.ts";
import type { Console, TerminalSize } from "./console.ts";

const CHUNK_BYTES = 32 * 1024;
/** A program that never stops talking must not keep signals from being heard. */
const CHUNKS_IN_A_ROW = 16;
/** Control-D: the end of file to a terminal's reader (VEOF of termios(3)). */
const END_OF_FILE = Uint8Array.of(4);
const LEAST_PAUSE_MILLIS = 10;
const MOST_PAUSE_MILLIS = 1000;

/** The container's terminal, as long as it is held here. */
interface Held {
  readonly master: number;
  /** A slave of our own: without it, a program that closes all of its own and opens one again is taken for ended. */
  slave: number;
  readonly output: Stream;
  readonly input: Stream;
}

export class CallerTerminal implements Console {
  readonly #stdio: readonly [number, number, number];
  readonly #warn: (message: string) => void;
  #found: number | undefined;
  #size: TerminalSize = { height: 0, width: 0 };
  #held: Held | undefined;
  /** The settings to put back, while the caller's terminal is raw. */
  #settings: Uint8Array | undefined;
  #isOver = false;
  #shown: Promise<void> = Promise.resolve();
  /** Ends a wait for output. */
  #wake: () => void = () => undefined;
  #tellAbandoned: () => void = () => undefined;
  readonly #abandoned: Promise<void>;

  constructor(stdio: readonly [number, number, number], { warn }: { readonly warn: (message: string) => void }) {
    this.#stdio = stdio;
    this.#warn = warn;
    this.#abandoned = new Promise((resolve) => (this.#tellAbandoned = resolve));
  }

  /** Whether the container has a terminal, and it is shown here. */
  get inUse(): boolean {
    return this.#held !== undefined;
  }

  size(): TerminalSize {
    this.#found ??= findTerminal(this.#stdio);
    const [height, width] = native().windowSize(this.#found);
    this.#size = { height, width };
    return this.#size;
  }

  take(master: number): void {
    // A terminal that is not raw makes lines end as terminals want them itself, and files and pipes do not want it.
    if (!isTerminal(this.#stdio[0]) || !isTerminal(this.#stdio[1])) native().keepNewlines(master);
    const input = native().dupAbove(master, 3);
    this.#held = {
      master,
      slave: native().ptyPeer(master),
      output: new Stream(master, { access: "read", own: true }),
      input: new Stream(input, { access: "write", own: true }),
    };
    this.#shown = this.#show(this.#held).catch((error: unknown) => this.#hangUp(error));
  }

  /** From here on what is typed is the program's. */
  begin(): void {
    const held = this.#held;
    if (held === undefined) return;
    const { height, width } = this.#size;
    const size = this.size();
    // A size that config.json gives stays until the caller's changes.
    if (size.height !== height || size.width !== width) this.#setSize();
    this.#makeRaw();
    void this.#type(held).catch((error: unknown) => this.#hangUp(error));
  }

  /** The caller's terminal has another size now. */
  resize(): void {
    if (this.#held === undefined) return;
    ignoreHangup(() => {
      this.size();
      this.#setSize();
    });
  }

  /** Puts the caller's settings back for a while. */
  suspend(): void {
    const settings = this.#settings;
    const [terminal] = this.#stdio;
    this.#settings = undefined;
    // In the background it is another job's to set.
    if (settings !== undefined && native().isForeground(terminal)) ignoreHangup(() => native().setTerminal(terminal, settings));
  }

  resume(): void {
    if (this.#held === undefined) return;
    if (this.#settings !== undefined) this.suspend();
    this.#makeRaw();
    this.resize();
  }

  /** The program has ended: resolves when all it wrote is shown, and the settings are put back. */
  async end(): Promise<void> {
    this.#isOver = true;
    this.#wake();
    await Promise.race([this.#shown, this.#abandoned]);
    this.close();
  }

  /** Does not wait any longer for a reader that stalls. */
  abandon(): void {
    this.#tellAbandoned();
  }

  close(): void {
    this.suspend();
    this.#letGo();
  }

  #setSize(): void {
    const { height, width } = this.#size;
    if (height > 0 && width > 0 && this.#held !== undefined) native().setWindowSize(this.#held.master, height, width);
  }

  #makeRaw(): void {
    const [terminal] = this.#stdio;
    if (terminal < 0 || !isTerminal(terminal)) return;
    try {
      // A job in the background stops here until it gets the terminal (SIGTTOU).
      this.#settings = native().makeRaw(terminal);
    } catch (error) {
      // Nobody is there to bring it to the foreground again.
      if (!isNativeError(error) || error.code !== "EIO") throw error;
    }
  }

  async #show(held: Held): Promise<void> {
    const [, stdout] = this.#stdio;
    const screen = stdout < 0 ? undefined : new Stream(stdout, { access: "write" });
    const buffer = new Uint8Array(CHUNK_BYTES);
    for (let turn = 1; this.#held === held; turn++) {
      const size = readMaster(held.output, buffer);
      if (size === 0) {
        if (this.#isOver || !holdAgain(held)) break;
      } else if (size === undefined) {
        // What was written before the end is there to be read: nothing more comes.
        if (this.#isOver) break;
        await this.#outputOrEnd(held);
      } else {
        await screen?.write(buffer.subarray(0, size));
        if (turn % CHUNKS_IN_A_ROW === 0) await new Promise((resolve) => setImmediate(resolve));
      }
    }
    screen?.close();
  }

  /** No race with a promise of the end, which would remember each wait until then. */
  #outputOrEnd({ output }: Held): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#wake = resolve;
      output.ready(EPOLLIN).then(() => resolve(), reject);
    });
  }

  async #type(held: Held): Promise<void> {
    const [stdin] = this.#stdio;
    if (stdin < 0) return;
    const keys = new Stream(stdin, { access: "read" });
    const buffer = new Uint8Array(CHUNK_BYTES);
    while (this.#held === held) {
      await keys.ready(EPOLLIN);
      const size = keys.read(buffer);
      if (size === 0) {
        keys.close();
        // A terminal has no end but the loss of its line; a pipe and a file end, and the program is told.
        if (isTerminal(stdin)) return this.#hangUp();
        return this.#typeEnd(held);
      }
      if (size !== undefined) await held.input.write(buffer.subarray(0, size));
    }
  }

  /**
   * The end of a pipe is there for everyone who reads on; that of a terminal only for one reader, once, after a whole line,
   * and not at all for who was about to change its settings. So it is typed again whenever all was read.
   */
  async #typeEnd(held: Held): Promise<void> {
    for (let millis = LEAST_PAUSE_MILLIS; this.#held === held; millis = Math.min(2 * millis, MOST_PAUSE_MILLIS)) {
      while (await isReadable(held.slave)) await pause(millis);
      await held.input.write(END_OF_FILE);
      await pause(millis);
    }
  }

  #hangUp(error?: unknown): void {
    this.#letGo();
    if (error === undefined || (isNativeError(error) && (error.code === "EPIPE" || error.code === "EIO"))) return;
    this.#warn(`cannot show the container's terminal any longer: ${error instanceof Error ? error.message : String(error)}`);
  }

  #letGo(): void {
    const held = this.#held;
    this.#held = undefined;
    this.#tellAbandoned();
    if (held === undefined) return;
    held.output.close();
    held.input.close();
    closeSync(held.slave);
  }
}

/** The first standard stream that is a terminal, else the one that controls this process. */
function findTerminal(stdio: readonly number[]): number {
  const found = stdio.find((fd) => fd >= 0 && isTerminal(fd));
  if (found !== undefined) return found;
  try {
    return openSync("/dev/tty", O_RDONLY | O_NOCTTY);
  } catch (error) {
    throw new UsageError(
      "cannot use a terminal: no standard stream is one, and there is no /dev/tty; " +
        "use --detach with --console-socket (config.json /process/terminal)",
      { cause: error },
    );
  }
}

/** Returns 0 when no slave is open any more. */
function readMaster(master: Stream, buffer: Uint8Array): number | undefined {
  try {
    return master.read(buffer);
  } catch (error) {
    if (isNativeError(error) && error.code === "EIO") return 0;
    throw error;
  }
}

/** After vhangup(2), as of login(1), or when the session's leader has ended. */
function holdAgain(held: Held): boolean {
  try {
    const slave = native().ptyPeer(held.master);
    closeSync(held.slave);
    held.slave = slave;
    return true;
  } catch {
    return false;
  }
}

/** A terminal that has hung up has neither size nor settings. */
function ignoreHangup(action: () => void): void {
  try {
    action();
  } catch (error) {
    if (!isNativeError(error) || error.code !== "EIO") throw error;
  }
}

/** Whether there is something to read at this moment. */
async function isReadable(fd: number): Promise<boolean> {
  const readable = await Promise.race([ready(fd).then(() => true), pause(LEAST_PAUSE_MILLIS).then(() => false)]);
  forget(fd);
  return readable;
}

async function pause(millis: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, millis));
}
