/** A containerd of the test's own: its folders, its socket and its namespace end with the test. */

import { spawn } from "node:child_process";
import * as fs from "node:fs";
import { join } from "node:path";
import { RUN_NAME, skip } from "./harness.ts";
import type { Ground } from "./harness.ts";
import { Pty } from "./pty.ts";
import { PROJECT, runRuntime } from "./runtime.ts";
import type { Result } from "./runtime.ts";

const PATIENCE_MILLIS = 10_000;

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

/** containerd looks for shims in the PATH. */
const ENVIRONMENT = { ...process.env, PATH: `${join(PROJECT, "dist")}:${process.env["PATH"] ?? ""}` };

export class Containerd {
  readonly #folder: string;
  readonly #runtime: string | undefined;
  readonly #stop: () => Promise<void>;

  private constructor(folder: string, { runtime, stop }: { readonly runtime: string | undefined; readonly stop: () => Promise<void> }) {
    this.#folder = folder;
    this.#runtime = runtime;
    this.#stop = stop;
  }

  /** Runs one for a while; `runtime` is the path of the program that its own shim executes; without one, our shim runs. */
  static async within(t: Ground, { runtime }: { readonly runtime?: string | undefined }, body: (containerd: Containerd) => Promise<void>): Promise<void> {
    const containerd = await Containerd.#start(t, runtime);
    try {
      await body(containerd);
    } finally {
      await containerd.#stop();
    }
  }

  static async #start(t: Ground, runtime: string | undefined): Promise<Containerd> {
    const folder = join(t.folder, "containerd");
    fs.mkdirSync(folder);
    fs.writeFileSync(join(folder, "config.toml"), configuration(folder));
    const log = fs.openSync(join(folder, "log"), "w");
    const child = spawn("containerd", ["--config", join(folder, "config.toml")], { stdio: ["ignore", log, log], env: ENVIRONMENT });
    fs.closeSync(log);
    const ended = new Promise<void>((resolve) => {
      child.on("exit", () => resolve());
      child.on("error", () => resolve());
    });
    const stop = async (): Promise<void> => {
      child.kill("SIGTERM");
      await ended;
      // containerd's shim makes this outside of all folders that it is given.
      for (const name of ["runc", "tsrun"]) fs.rmSync(`/run/containerd/${name}/${RUN_NAME}`, { recursive: true, force: true });
    };
    const containerd = new Containerd(folder, { runtime, stop });
    for (const deadline = Date.now() + PATIENCE_MILLIS; (await containerd.ctr(["version"])).status !== 0; ) {
      if (Date.now() < deadline && child.exitCode === null) continue;
      await stop();
      skip(`containerd does not start: ${fs.readFileSync(join(folder, "log"), "utf8").trim().split("\n").at(-1)}`);
    }
    return containerd;
  }

  /** containerd's client. */
  ctr(args: readonly string[]): Promise<Result> {
    return runRuntime(["--address", join(this.#folder, "socket"), "--namespace", RUN_NAME, ...args], {
      folder: this.#folder,
      program: "ctr",
    });
  }

  /** `ctr run`, with the runtime under test. */
  run(args: readonly string[]): Promise<Result> {
    return this.ctr(this.#runArguments(args));
  }

  /** The same on a terminal. */
  runOnTerminal(args: readonly string[]): Pty {
    const command = ["ctr", "--address", join(this.#folder, "socket"), "--namespace", RUN_NAME, ...this.#runArguments(args)];
    return new Pty(command, { cwd: this.#folder });
  }

  #runArguments(args: readonly string[]): string[] {
    if (this.#runtime === undefined) return ["run", "--runtime", "io.containerd.tsrun.v1", ...args];
    const root = join(this.#folder, "runtime");
    return ["run", "--runtime", "io.containerd.runc.v2", "--runc-binary", this.#runtime, "--runc-root", root, ...args];
  }

  /** What containers left in the folders of the shim and the runtime; a cache of filters is no container's. */
  leftovers(): string[] {
    const tasks = join(this.#folder, "state/io.containerd.runtime.v2.task", RUN_NAME);
    const states = this.#runtime === undefined ? `/run/containerd/tsrun/${RUN_NAME}` : join(this.#folder, "runtime", RUN_NAME);
    return [tasks, states].flatMap((folder) => (fs.existsSync(folder) ? fs.readdirSync(folder) : [])).filter((name) => name !== "@seccomp");
  }
}

function configuration(folder: string): string {
  return `version = 2
root = "${folder}/root"
state = "${folder}/state"
disabled_plugins = ${JSON.stringify(UNWANTED_PLUGINS)}
[grpc]
  address = "${folder}/socket"
[ttrpc]
  address = "${folder}/socket.ttrpc"
`;
}
