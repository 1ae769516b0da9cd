/** Executes the runtime under test and tells how it ended. */

import { spawn } from "node:child_process";
import * as fs from "node:fs";
import { dirname, join } from "node:path";

/** The checkout's folder, wherever in it this file was compiled to. */
export const PROJECT: string = checkout(import.meta.dirname);

function checkout(folder: string): string {
  return fs.existsSync(join(folder, "addon/CMakeLists.txt")) ? folder : checkout(dirname(folder));
}

/** The runtime under test: RUNTIME, else the built one. */
export const RUNTIME: string = process.env["RUNTIME"] ?? join(PROJECT, "dist/tsrun");

export interface RunOptions {
  /** Where output files may go; the test's own folder. */
  readonly folder?: string;
  readonly cwd?: string;
  /** What the program reads; nothing by default. */
  readonly input?: string;
  /** Set or, where undefined, removed in addition to this process's environment. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** How long it may run, 60 by default; it is then killed, and the status is undefined. */
  readonly timeoutSeconds?: number;
  /** Another program than the runtime, for example containerd's client. */
  readonly program?: string;
}

/** How a program ended. */
export interface Result {
  /** The exit status; undefined when a signal ended it, or the time was over. */
  readonly status: number | undefined;
  readonly signal: NodeJS.Signals | undefined;
  /** What it and its children wrote until now: a container that runs on may still add to it. */
  readonly stdout: string;
  readonly stderr: string;
}

let outputs = 0;

/**
 * Executes the runtime. Output goes to files, as a container that goes on running keeps its standard output open, and a
 * pipe would never end.
 */
export async function runRuntime(args: readonly string[], options: RunOptions & { readonly folder: string }): Promise<Result> {
  const base = join(options.folder, `output-${outputs++}`);
  const paths = { stdin: `${base}.in`, stdout: `${base}.out`, stderr: `${base}.err` };
  fs.writeFileSync(paths.stdin, options.input ?? "");
  const stdio = [fs.openSync(paths.stdin, "r"), fs.openSync(paths.stdout, "a"), fs.openSync(paths.stderr, "a")];
  const child = spawn(options.program ?? RUNTIME, args, {
    cwd: options.cwd ?? options.folder,
    env: { ...process.env, ...options.env },
    stdio,
    timeout: (options.timeoutSeconds ?? 60) * 1000,
    killSignal: "SIGKILL",
  });
  for (const fd of stdio) fs.closeSync(fd);
  const ended = await new Promise<[number | null, NodeJS.Signals | null]>((resolve, reject) => {
    child.on("error", reject);
    child.on("exit", (status, signal) => resolve([status, signal]));
  });
  return {
    status: ended[0] ?? undefined,
    signal: ended[1] ?? undefined,
    get stdout() {
      return fs.readFileSync(paths.stdout, "utf8");
    },
    get stderr() {
      return fs.readFileSync(paths.stderr, "utf8");
    },
  };
}
