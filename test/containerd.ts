/** A containerd of the test's own: its folders, its socket and its namespace end with the test. */

import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import * as fs from "node:fs";
import { join } from "node:path";
import { programOf, programsOf } from "./engine.ts";
import type { Release } from "./engine.ts";
import { RUN_NAME, skip } from "./harness.ts";
import type { Ground } from "./harness.ts";
import { Pty } from "./pty.ts";
import { PROJECT, runRuntime } from "./runtime.ts";
import type { Result, RunOptions } from "./runtime.ts";

const PATIENCE_MILLIS = 60_000;

/** What needs a network, a module or a file system of its own. */
const UNWANTED_PLUGINS = [
  "io.containerd.grpc.v1.cri",
  "io.containerd.internal.v1.opt",
  "io.containerd.snapshotter.v1.aufs",
  "io.containerd.snapshotter.v1.btrfs",
  "io.containerd.snapshotter.v1.devmapper",
  "io.containerd.snapshotter.v1.zfs",
  "io.containerd.tracing.processor.v1.otlp",
];

export interface Following {
  text(): string;
  /** Resolves when the output has this; `poke` is done again and again until then. */
  until(pattern: RegExp, poke?: () => Promise<void>): Promise<void>;
  end(signal?: NodeJS.Signals): Promise<void>;
}

interface Options {
  /** Which containerd; the installed one unless told. */
  readonly release?: Release;
  /** The program that containerd's own shim executes; without one, our shim runs. */
  readonly runtime?: string | undefined;
  /** A folder for what it and the shims keep while they run; else one in its own. */
  readonly state?: string | undefined;
}

export class Containerd {
  /** containerd's client, for who starts it himself. */
  readonly client: string;
  readonly #folder: string;
  readonly #release: Release;
  readonly #runtime: string | undefined;
  readonly #state: string;
  #child: ChildProcess | undefined;
  #followed = 0;

  private constructor(folder: string, { runtime, state, release = "installed" }: Options) {
    this.#folder = folder;
    this.#release = release;
    this.#runtime = runtime;
    this.#state = state ?? join(folder, "state");
    this.client = programOf(release, "ctr");
  }

  /** Runs one for a while. */
  static async within(t: Ground, options: Options, body: (containerd: Containerd) => Promise<void>): Promise<void> {
    const folder = join(t.folder, "containerd");
    fs.mkdirSync(folder);
    const containerd = new Containerd(folder, options);
    fs.writeFileSync(join(folder, "config.toml"), configuration(folder, containerd.#state));
    await containerd.start();
    try {
      await body(containerd);
    } finally {
      await containerd.end("SIGTERM");
      // containerd's shims make these outside of all folders that they are given.
      for (const name of ["runc", "tsrun"]) fs.rmSync(`/run/containerd/${name}/${RUN_NAME}`, { recursive: true, force: true });
    }
  }

  /** Also after `end`: the tasks of the one before are found again. */
  async start(): Promise<void> {
    const log = fs.openSync(join(this.#folder, "log"), "a");
    // It looks for shims in the PATH.
    const env = { ...process.env, PATH: `${join(PROJECT, "dist")}:${programsOf(this.#release)}` };
    const program = programOf(this.#release, "containerd");
    const child = spawn(program, ["--config", join(this.#folder, "config.toml")], { stdio: ["ignore", log, log], env });
    fs.closeSync(log);
    child.on("error", () => {});
    this.#child = child;
    for (const deadline = performance.now() + PATIENCE_MILLIS; (await this.ctr(["version"])).status !== 0; ) {
      if (performance.now() < deadline && child.exitCode === null) continue;
      await this.end("SIGTERM");
      skip(`containerd does not start: ${this.log().trim().split("\n").at(-1)}`);
    }
  }

  async end(signal: "SIGTERM" | "SIGKILL"): Promise<void> {
    const child = this.#child;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
    const ended = new Promise((resolve) => child.on("exit", resolve));
    child.kill(signal);
    await ended;
  }

  /** What it wrote, with what its shims wrote. */
  log(): string {
    return fs.readFileSync(join(this.#folder, "log"), "utf8");
  }

  /** The folder of a task, until that is deleted. */
  bundle(id: string): string {
    return join(this.#state, "io.containerd.runtime.v2.task", RUN_NAME, id);
  }

  /** For a client that the test starts itself. */
  clientArguments(args: readonly string[]): string[] {
    return ["--address", join(this.#folder, "socket"), "--namespace", RUN_NAME, ...args];
  }

  /** containerd's client. */
  ctr(args: readonly string[], options: RunOptions = {}): Promise<Result> {
    return runRuntime(this.clientArguments(args), {
      ...options,
      folder: this.#folder,
      program: this.client,
    });
  }

  /** Runs a command of the client that goes on, and gives what it has printed. */
  follow(args: readonly string[]): Following {
    const path = join(this.#folder, `following-${RUN_NAME}-${this.#followed++}`);
    const output = fs.openSync(path, "w");
    const child = spawn(this.client, this.clientArguments(args), { stdio: ["ignore", output, output] });
    fs.closeSync(output);
    const ended = new Promise((resolve) => child.on("exit", resolve));
    const text = (): string => fs.readFileSync(path, "utf8");
    return {
      text,
      until: async (pattern, poke = () => Promise.resolve()) => {
        for (const deadline = performance.now() + PATIENCE_MILLIS; !pattern.test(text()); await poke()) {
          if (performance.now() > deadline) throw new Error(`${String(pattern)} does not come: ${text()}`);
          await new Promise((resolve) => setTimeout(resolve, 20));
        }
      },
      end: async (signal = "SIGTERM") => {
        child.kill(signal);
        await ended;
      },
    };
  }

  /** `ctr run`, with the runtime under test. */
  run(args: readonly string[], options: RunOptions = {}): Promise<Result> {
    return this.ctr(this.#runArguments(args), options);
  }

  /** The same on a terminal. */
  runOnTerminal(args: readonly string[]): Pty {
    return this.onTerminal(this.#runArguments(args));
  }

  /** containerd's client on a terminal. */
  onTerminal(args: readonly string[]): Pty {
    return new Pty([this.client, ...this.clientArguments(args)], { cwd: this.#folder });
  }

  #runArguments(args: readonly string[]): string[] {
    if (this.#runtime === undefined) return ["run", "--runtime", "io.containerd.tsrun.v1", ...args];
    const root = join(this.#folder, "runtime");
    return ["run", "--runtime", "io.containerd.runc.v2", "--runc-binary", this.#runtime, "--runc-root", root, ...args];
  }

  /** What containers left in the folders of the shim and the runtime. */
  leftovers(): string[] {
    const tasks = join(this.#state, "io.containerd.runtime.v2.task", RUN_NAME);
    const states = this.#runtime === undefined ? `/run/containerd/tsrun/${RUN_NAME}` : join(this.#folder, "runtime", RUN_NAME);
    // A cache of filters is no container's, and a bundle with a dot is one that a containerd was killed while removing.
    return [tasks, states].flatMap((folder) => {
      const names = fs.existsSync(folder) ? fs.readdirSync(folder) : [];
      return names.filter((name) => name !== "@seccomp" && !name.startsWith(".")).map((name) => join(folder, name));
    });
  }
}

function configuration(folder: string, state: string): string {
  return `version = 2
root = "${folder}/root"
state = "${state}"
disabled_plugins = ${JSON.stringify(UNWANTED_PLUGINS)}
[grpc]
  address = "${folder}/socket"
[ttrpc]
  address = "${folder}/socket.ttrpc"
`;
}
