/** A terminal with a program in it, as a person at a keyboard has it. */

import { spawn, spawnSync } from "node:child_process";
import { closeSync } from "node:fs";
import { native } from "../src/native/native.ts";
import { Stream } from "../src/native/stream.ts";

const PATIENCE_MILLIS = 60_000;
const MOST_SHOWN = 2000;

export interface PtyOptions {
  readonly cwd: string;
  readonly rows?: number;
  readonly columns?: number;
  /** Other standard streams than the terminal: descriptors. */
  readonly stdio?: readonly [stdin?: number | undefined, stdout?: number | undefined, stderr?: number | undefined];
}

export class Pty {
  /** Resolves when the program has ended: its exit status, or undefined where a signal ended it. */
  readonly ended: Promise<number | undefined>;
  readonly pid: number;
  /** The settings before the program began. */
  readonly before: string;
  /** All that was shown so far. */
  shown = "";
  readonly #master: number;
  /** Held, so that the settings can be read when the program has ended. */
  readonly #slave: number;
  readonly #output: Stream;
  #isOpen = true;
  #from = 0;

  /** The program leads a session of its own, which the terminal controls. */
  constructor(command: readonly string[], { cwd, rows = 30, columns = 100, stdio = [] }: PtyOptions) {
    [this.#master, this.#slave] = native().openPty();
    native().setWindowSize(this.#master, rows, columns);
    this.#output = new Stream(native().dupAbove(this.#master, 3), { access: "read", own: true });
    this.before = this.settings();
    const streams = [0, 1, 2].map((place) => stdio[place] ?? this.#slave);
    // setsid(1) takes the terminal from standard input, so the program's own comes afterwards.
    const child = spawn("setsid", ["--ctty", "sh", "-c", 'exec "$0" "$@" <&3 3<&-', ...command], {
      cwd,
      env: { ...process.env, PS1: "$ ", TERM: "dumb", HISTFILE: "/dev/null" },
      stdio: [this.#slave, ...streams.slice(1), streams[0]],
    });
    this.pid = child.pid ?? 0;
    this.ended = new Promise((resolve, reject) => {
      child.on("error", reject);
      child.on("exit", (status) => resolve(status ?? undefined));
    });
  }

  type(text: string): void {
    const keys = new Stream(native().dupAbove(this.#master, 3), { access: "write", own: true });
    void keys.write(new TextEncoder().encode(text)).then(() => keys.close());
  }

  /** Waits until this is shown, after what was waited for before; returns what was shown in between, and it. */
  async until(pattern: RegExp): Promise<string> {
    let deadline = performance.now() + PATIENCE_MILLIS;
    for (;;) {
      const found = pattern.exec(this.shown.slice(this.#from));
      if (found !== null) {
        const end = found.index + found[0].length;
        const text = this.shown.slice(this.#from, this.#from + end);
        this.#from += end;
        return text;
      }
      if (performance.now() > deadline) throw new Error(`waited for ${pattern}, and saw ${ending(this.shown.slice(this.#from))}`);
      const seen = this.shown.length;
      this.read();
      // Much output takes its time; what is waited for is its next piece.
      if (this.shown.length > seen) deadline = performance.now() + PATIENCE_MILLIS;
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }

  /** Presses a key until this is shown: a shell that has not started its job yet takes the key for itself. */
  async press(key: string, pattern: RegExp): Promise<void> {
    const pressing = setInterval(() => this.type(key), 100);
    try {
      await this.until(pattern);
    } finally {
      clearInterval(pressing);
    }
  }

  /** Takes what there is to be shown; a terminal that is not read from stalls. */
  read(): void {
    const buffer = new Uint8Array(65536);
    for (;;) {
      const size = this.#output.read(buffer);
      if (size === undefined || size === 0) return;
      this.shown += new TextDecoder().decode(buffer.subarray(0, size));
    }
  }

  resize(rows: number, columns: number): void {
    native().setWindowSize(this.#master, rows, columns);
  }

  /** The settings as stty(1) tells them. */
  settings(): string {
    return spawnSync("stty", ["-a"], { stdio: [this.#slave, "pipe", "inherit"], encoding: "utf8" }).stdout;
  }

  /** Hangs up. */
  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#output.close();
    closeSync(this.#master);
    closeSync(this.#slave);
  }
}

/** In so few words that a log which is cut short has it. */
function ending(text: string): string {
  return text.length > MOST_SHOWN ? `${text.length} characters, at last ${JSON.stringify(text.slice(-MOST_SHOWN))}` : JSON.stringify(text);
}
