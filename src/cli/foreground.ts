/**
 * The foreground of `run`: what signals that reach the runtime mean while a program is made, while it runs, and after it.
 *
 * - Before the program runs, those that end a program end the run, and nothing of the container stays. The others wait.
 * - While it runs, all go to it: a container has a session of its own, so that no key of the caller's terminal reaches it.
 * - Job control stops more than one process. A key of the terminal (Control-Z) that stops a job stops the runtime and all
 *   of the container, which is "paused" until the job continues: otherwise the shell would wait for a job that cannot be
 *   stopped (a pid namespace's first process ignores SIGTSTP), or share its terminal with it. SIGTSTP that somebody sends
 *   goes to the program, as with other runtimes.
 * - With a terminal of its own the container has a job control of its own. Then the runtime is what a shell stops: the
 *   program runs on, as behind a connection that stalls.
 */

import type { Foreground, Program } from "../container/foreground.ts";
import type { CallerTerminal } from "../container/terminal.ts";
import {
  SIGCHLD,
  SIGCONT,
  SIGKILL,
  SIGSTOP,
  SIGTSTP,
  SIGTTIN,
  SIGTTOU,
  SIGURG,
  SIGWINCH,
} from "../linux/signals.ts";
import { native } from "../native/native.ts";
import { onSignals } from "../native/waiter.ts";
import { ENDING, interrupted, isIn } from "./interruption.ts";
import type { Maker } from "./interruption.ts";

const HIGHEST_SIGNAL = 64;
/** The kernel keeps two; SIGCHLD is the runtime's own, SIGURG the engine's. */
const NOT_CAUGHT: ReadonlySet<number> = new Set([SIGKILL, SIGSTOP, SIGCHLD, SIGURG]);
const STOPPING: ReadonlySet<number> = new Set([SIGTSTP, SIGTTIN, SIGTTOU]);

export class SignalForeground implements Foreground {
  /** Where the program's terminal is shown, if it has one. */
  readonly console: CallerTerminal | undefined;
  readonly #caller: Maker;
  readonly #abort = new AbortController();
  #phase: "creating" | "running" | "ended" = "creating";
  #program: Program | undefined;
  /** What came before there was a program to send it to. */
  readonly #waiting: number[] = [];

  constructor(caller: Maker, console?: CallerTerminal) {
    this.#caller = caller;
    this.console = console;
    // A loop: Array.from() costs 0.16 ms when it is called for the first time.
    const signals: number[] = [];
    for (let signal = 1; signal <= HIGHEST_SIGNAL; signal++) if (!NOT_CAUGHT.has(signal)) signals.push(signal);
    onSignals(signals, (signal, byKernel) => this.#receive(signal, byKernel));
  }

  get abort(): AbortSignal {
    return this.#abort.signal;
  }

  starting(): void {
    if (this.console?.inUse !== true) return;
    // Who reads from the terminal, or sets it, in the background is stopped by the kernel, and tries again afterwards.
    native().releaseSignals([SIGTTIN, SIGTTOU]);
    this.console.begin();
  }

  running(program: Program): void {
    this.#phase = "running";
    this.#program = program;
    for (const signal of this.#waiting.splice(0)) program.signal(signal);
  }

  async ended(): Promise<void> {
    this.#phase = "ended";
    await this.console?.end();
  }

  #receive(signal: number, byKernel: boolean): void {
    if (signal === SIGWINCH) return this.console?.resize();
    if (signal === SIGCONT) this.console?.resume();
    if (STOPPING.has(signal) && (byKernel || this.console?.inUse === true)) return void this.#stop(signal);
    if (this.#phase === "running") return this.#program?.signal(signal);
    if (!ENDING.has(signal)) this.#waiting.push(signal);
    else if (this.#phase === "ended") this.console?.abandon();
    else if (!isIn(this.#caller.ignored, signal)) this.#abort.abort(interrupted(this.#caller.action, signal));
  }

  /** Stops as a job does, and the container with it; returns when the job continues. */
  async #stop(signal: number): Promise<void> {
    if (isIn(this.#caller.ignored, signal)) return;
    const program = this.console?.inUse === true ? undefined : this.#program;
    await program?.stop();
    this.console?.suspend();
    native().stop(signal);
    this.console?.resume();
    program?.continue();
  }
}
