/** A process's standard streams between the client's fifos, files or logger and the container. */

import { dirname } from "node:path";
import { O_APPEND, O_CREAT, O_NOCTTY, O_NONBLOCK, O_RDONLY, O_RDWR, O_WRONLY } from "../linux/open-flags.ts";
import { chownSync, closeSync, fstatSync, mkdirSync, openSync, statSync } from "../native/files.ts";
import { isNativeError, native } from "../native/native.ts";
import { EPOLLIN, forget, ready } from "../native/waiter.ts";
import { inWords } from "../container/store.ts";
import { Logger } from "./logger.ts";

/** Paths or URIs as the client gave them; empty: the stream is not wanted. */
export interface StdioPaths {
  readonly terminal: boolean;
  readonly stdin: string;
  readonly stdout: string;
  readonly stderr: string;
}

export interface StdioOptions {
  /**
   * All processes that can have the streams end with the container's first one (it has a pid namespace of its own), so
   * it may have the fifos themselves: nothing else keeps them open after it.
   */
  readonly direct: boolean;
  /** Whom the fifos and pipes are to belong to, where it is not root. */
  readonly owner: { readonly uid: number; readonly gid: number };
  /** For a logger. */
  readonly containerId: string;
  readonly namespace: string;
}

const FILE_SCHEME = "file://";
const BINARY_SCHEME = "binary://";
const READER_POLL_MILLISECONDS = 100;
const MOST_READER_TRIES = 100;
const UNREAD_POLL_MILLISECONDS = 1;

/** How long a client may take for what a process wrote. */
export interface Patience {
  readonly milliseconds: number;
  /** After this it counts as one that does not read. */
  readonly idleMilliseconds: number;
}

interface Pump {
  readonly control: number;
  readonly ended: Promise<void>;
}

/** The streams of one process, from before it exists until nobody reads them any more. */
export class Stdio {
  readonly paths: StdioPaths;
  readonly #options: StdioOptions;
  /** What the process gets as 0, 1 and 2; closed here when it has them. */
  readonly #given: [number, number, number] = [-1, -1, -1];
  /** Holds the client's stdin open, so that only CloseIO ends it. */
  #stdin: number | undefined;
  /** The reading end of a terminal's input, until there is the terminal. */
  #input: number | undefined;
  /** The client's fifo, until there is a terminal to copy from. */
  #output: number | undefined;
  /** Hold the client's fifos open while the process may write to them: it shall never see SIGPIPE. */
  readonly #held: { readonly fd: number; readonly path: string }[] = [];
  /** The same for what is copied to them. */
  readonly #copied: { readonly fd: number; readonly path: string }[] = [];
  /** All of these. */
  readonly #fifos: string[] = [];
  readonly #pumps: Pump[] = [];
  /** At most one. It ends with the client, or here: it has nothing to bring when the process has ended. */
  readonly #inputPumps: Pump[] = [];
  #logger: Logger | undefined;
  #master: number | undefined;
  #isClosed = false;

  private constructor(paths: StdioPaths, options: StdioOptions) {
    this.paths = paths;
    this.#options = options;
  }

  /** Opens what the paths name; a failure leaves nothing open. */
  static async open(paths: StdioPaths, options: StdioOptions): Promise<Stdio> {
    const stdio = new Stdio(paths, options);
    try {
      await stdio.#open();
      return stdio;
    } catch (error) {
      stdio.childHasThem();
      stdio.close();
      throw error;
    }
  }

  get given(): readonly [number, number, number] {
    return this.#given;
  }

  async #open(): Promise<void> {
    const { stdin, stdout, stderr, terminal } = this.paths;
    const input = stdin === "" ? openPath("/dev/null", O_RDONLY) : openPath(stdin, O_RDONLY | O_NONBLOCK);
    // From here on a failure closes it.
    if (terminal) this.#input = input;
    else this.#given[0] = input;
    // Now that it has a reader; fifo(7).
    if (stdin !== "") this.#stdin = openPath(stdin, O_WRONLY | O_NONBLOCK);
    if (stdout.startsWith(BINARY_SCHEME)) this.#logger = await Logger.start(stdout, this.#options);
    if (terminal) {
      if (isFifo(stdout)) this.#output = await openFifo(stdout);
      // The terminal comes with the console; until then there is nothing to say.
      for (let at = 0; at < this.#given.length; at++) this.#given[at] = openPath("/dev/null", O_RDWR);
      return;
    }
    // The process expects a standard input that waits.
    native().setNonblocking(input, false);
    if (stdin !== "") this.#giveAway(input);
    await this.#openOutput(stdout, 1);
    await this.#openOutput(stderr, 2);
  }

  async #openOutput(path: string, stream: 1 | 2): Promise<void> {
    if (!isFifo(path)) {
      this.#given[stream] = this.#openOther(path, stream);
      return;
    }
    const fifo = await openFifo(path);
    if (this.#options.direct) {
      this.#held.push({ fd: fifo, path });
      this.#fifos.push(path);
      this.#giveAway(fifo);
      this.#given[stream] = openPath(path, O_WRONLY);
      return;
    }
    const [reader, writer] = closingOnFailure([fifo], () => native().pipe());
    this.#given[stream] = writer;
    this.#pumpToFifo(reader, { fifo, path });
    this.#giveAway(writer);
  }

  /** What takes bytes and is no fifo. */
  #openOther(path: string, stream: 1 | 2): number {
    if (path.startsWith(FILE_SCHEME)) return openFile(path.slice(FILE_SCHEME.length));
    return (path.startsWith(BINARY_SCHEME) ? this.#logger?.take(stream) : undefined) ?? openPath("/dev/null", O_WRONLY);
  }

  /** In a user namespace root can open its own standard streams again, and give them on, only if they belong to it. */
  #giveAway(fd: number): void {
    const { uid, gid } = this.#options.owner;
    if (uid !== 0 || gid !== 0) chownSync(`/proc/self/fd/${fd}`, uid, gid);
  }

  /** The fifo stays open until the client has it open, too: what was copied into it is lost with its last end. */
  #pumpToFifo(from: number, { fifo, path }: { readonly fifo: number; readonly path: string }): void {
    this.#copied.push({ fd: closingOnFailure([from, fifo], () => native().dupAbove(fifo, 3)), path });
    this.#fifos.push(path);
    this.#pumps.push(startPump(from, fifo));
  }

  /** The process has its streams: nobody else but it and its children may hold them. */
  childHasThem(): void {
    for (const [at, fd] of this.#given.entries()) {
      if (fd >= 0) closeSync(fd);
      this.#given[at] = -1;
    }
  }

  /** Takes a terminal, whose size comes with the process, or later. */
  get console(): { size(): { readonly height: number; readonly width: number }; take(master: number): void } {
    return { size: () => ({ height: 0, width: 0 }), take: (master) => this.attachConsole(master) };
  }

  /** Connects a terminal's master with the client, and keeps it for its size. */
  attachConsole(master: number): void {
    this.#master = master;
    const { stdin, stdout } = this.paths;
    if (stdin !== "" && this.#input !== undefined) {
      const copy = native().dupAbove(master, 3);
      const input = this.#input;
      this.#input = undefined;
      this.#inputPumps.push(startPump(input, copy));
    }
    const from = native().dupAbove(master, 3);
    const fifo = this.#output;
    this.#output = undefined;
    if (fifo !== undefined) this.#pumpToFifo(from, { fifo, path: stdout });
    else this.#pumps.push(startPump(from, closingOnFailure([from], () => this.#openOther(stdout, 1))));
  }

  /** Nothing happens where there is no terminal. */
  resize(rows: number, columns: number): void {
    if (this.#master !== undefined) native().setWindowSize(this.#master, rows, columns);
  }

  /** The client will write no more: the process sees the end when the client has closed its fifo, too. */
  closeStdin(): void {
    if (this.#stdin !== undefined) closeSync(this.#stdin);
    this.#stdin = undefined;
  }

  /** The process has ended: what it wrote is with the client when this resolves, or the client does not read. */
  async drained({ milliseconds, idleMilliseconds }: Patience): Promise<void> {
    const deadline = performance.now() + milliseconds;
    for (const { fd, path } of this.#held.splice(0)) void release(fd, path);
    for (const { control } of this.#pumps) tellOfEnd(control);
    const all = Promise.all(this.#pumps.map(({ ended }) => ended));
    let timer: ReturnType<typeof setTimeout> | undefined;
    await Promise.race([all, new Promise((resolve) => (timer = setTimeout(resolve, milliseconds)))]);
    clearTimeout(timer);
    for (const { fd, path } of this.#copied.splice(0)) void release(fd, path);
    await Promise.all(this.#fifos.map((path) => isRead(path, { deadline, idleMilliseconds })));
  }

  /** Ends whatever still goes on. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.closeStdin();
    for (const { fd } of [...this.#held.splice(0), ...this.#copied.splice(0)]) closeSync(fd);
    for (const { control } of [...this.#pumps.splice(0), ...this.#inputPumps.splice(0)]) {
      forget(control);
      closeSync(control);
    }
    if (this.#input !== undefined) closeSync(this.#input);
    this.#input = undefined;
    if (this.#output !== undefined) closeSync(this.#output);
    this.#output = undefined;
    if (this.#master !== undefined) closeSync(this.#master);
    this.#master = undefined;
    this.#logger?.stop();
  }
}

/** Takes both descriptors, also where it fails. */
function startPump(from: number, to: number): Pump {
  const control = native().startPump(from, to);
  return { control, ended: endOf(control) };
}

/** Others may hold the streams for ever; what they write is not the client's any more. */
function tellOfEnd(control: number): void {
  try {
    native().send(control, new Uint8Array(1));
  } catch {
    // The copying has ended by itself.
  }
}

async function endOf(control: number): Promise<void> {
  await ready(control, EPOLLIN, { keepAlive: false });
}

/**
 * Closes the last own end of a fifo. What nobody has read yet is lost with the last end, so where no client has the
 * fifo open, one end is kept until one has.
 */
async function release(fd: number, path: string): Promise<void> {
  let writer: number;
  try {
    writer = openSync(path, O_WRONLY | O_NONBLOCK | O_NOCTTY);
  } catch {
    closeSync(fd);
    return;
  }
  closeSync(fd);
  try {
    while (!hasReader(path)) await new Promise((resolve) => setTimeout(resolve, READER_POLL_MILLISECONDS).unref?.());
  } finally {
    closeSync(writer);
  }
}

/** Resolves when the client has read all that is in its fifo; or does not read, or is not there; or at the deadline. */
async function isRead(path: string, { deadline, idleMilliseconds }: { readonly deadline: number; readonly idleMilliseconds: number }): Promise<void> {
  let fd: number;
  try {
    fd = openSync(path, O_WRONLY | O_NONBLOCK | O_NOCTTY);
  } catch {
    return;
  }
  try {
    // The path may name a device, of which that cannot be asked, or a file, which keeps what it has.
    if (!fstatSync(fd).isFIFO()) return;
    let left = native().unread(fd);
    for (let since = performance.now(); left > 0 && hasReader(path); ) {
      await new Promise((resolve) => setTimeout(resolve, UNREAD_POLL_MILLISECONDS));
      const now = performance.now();
      if (now > deadline || now - since > idleMilliseconds) return;
      const before = left;
      left = native().unread(fd);
      if (left !== before) since = now;
    }
  } finally {
    closeSync(fd);
  }
}

/** What is open already must not stay when the next step fails: a shim lives on. */
function closingOnFailure<T>(fds: readonly number[], step: () => T): T {
  try {
    return step();
  } catch (error) {
    for (const fd of fds) closeSync(fd);
    throw error;
  }
}

function isFifo(path: string): boolean {
  return path !== "" && !path.startsWith(BINARY_SCHEME) && !path.startsWith(FILE_SCHEME);
}

/**
 * Opens a client's fifo so that it never fails to be written to. A client gives up reading when the process is deleted,
 * even if it has not begun by then, so nothing is run before it had its chance to begin. It need not read, though.
 */
async function openFifo(path: string): Promise<number> {
  const writer = await openWhenRead(path);
  try {
    return openPath(path, O_RDWR | O_NONBLOCK);
  } finally {
    // Not before: a reader that saw no writer for a moment would take that for the end.
    if (writer !== undefined) closeSync(writer);
  }
}

async function openWhenRead(path: string): Promise<number | undefined> {
  for (let tries = 0; tries < MOST_READER_TRIES; tries++) {
    try {
      return openSync(path, O_WRONLY | O_NONBLOCK | O_NOCTTY);
    } catch (error) {
      if (!isNativeError(error) || error.code !== "ENXIO") throw inWords(`open "${path}"`, error);
    }
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  return undefined;
}

/** fifo(7): without a reader it cannot be opened for writing alone. A fifo that is gone needs no one to wait for. */
function hasReader(path: string): boolean {
  try {
    closeSync(openSync(path, O_WRONLY | O_NONBLOCK | O_NOCTTY));
    return true;
  } catch (error) {
    return !isNativeError(error) || error.code !== "ENXIO";
  }
}

function openPath(path: string, flags: number): number {
  try {
    return openSync(path, flags | O_NOCTTY);
  } catch (error) {
    throw inWords(`open "${path}"`, error);
  }
}

function openFile(path: string): number {
  const folder = dirname(path);
  if (statSync(folder, { throwIfNoEntry: false }) === undefined) mkdirSync(folder, { mode: 0o755, recursive: true });
  try {
    return openSync(path, O_WRONLY | O_CREAT | O_APPEND | O_NOCTTY, 0o644);
  } catch (error) {
    throw inWords(`open "${path}"`, error);
  }
}
