/** A docker daemon of the test's own: its folders, its socket, its namespace, its network and its containers end with the test. */

import { spawn, spawnSync } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import * as fs from "node:fs";
import { join } from "node:path";
import { nothingLeft, programOf, programsOf, until } from "./engine.ts";
import { RUN_NAME, needs } from "./harness.ts";
import type { Ground, Suite } from "./harness.ts";
import { IMAGE } from "./image.ts";
import { PrivateNetwork } from "./private-network.ts";
import { Pty } from "./pty.ts";
import { PROJECT, RUNTIME, runRuntime } from "./runtime.ts";
import type { Result, RunOptions } from "./runtime.ts";

/** dockerd makes it outside of all folders that it is given. */
const PLUGINS = "/run/docker/plugins";

/** The cgroup that all containers are in, and that of all steps of builds, which a runtime makes for the first. */
export const KNOWN = { cgroups: new RegExp(`/${RUN_NAME}(/buildkit)?$`) };

/** What `docker run --runtime` calls runc, tsrun in its place, and our shim. */
export const RUNTIMES: Readonly<Record<string, string>> = { runc: "runc", tsrun: "tsrun", shim: "io.containerd.tsrun.v1" };

export interface DockerOptions {
  /** One of RUNTIMES' values. */
  readonly runtime: string;
  /** Whether it is what runs where no runtime is named. */
  readonly isDefault?: boolean;
  /** Whether it has a bridge and changes the rules for packets; never the host's. */
  readonly hasBridge?: boolean;
  readonly env?: Readonly<Record<string, string>>;
}

/** Adds a test of the runtime behind docker and of our shim, and of runc, which shows that the test is right. */
export function driven(test: Suite, title: string, body: (docker: Docker, t: Ground) => Promise<void>, options: Omit<DockerOptions, "runtime"> = {}): void {
  for (const [name, runtime] of Object.entries(RUNTIMES)) {
    test(`${name}: ${title}`, async (t) => {
      await Docker.within(t, { ...options, runtime }, (docker) => body(docker, t));
      await nothingLeft(t, KNOWN);
    });
  }
}

export class Docker {
  /** Everything of it is in here. */
  readonly folder: string;
  readonly #options: DockerOptions;
  readonly #host: string;
  readonly #env: Readonly<Record<string, string>>;
  /** Where its containers' cables end. */
  readonly network: PrivateNetwork;
  #child: ChildProcess | undefined;

  private constructor(folder: string, options: DockerOptions, network: PrivateNetwork) {
    this.folder = folder;
    this.#options = options;
    this.network = network;
    this.#host = `unix://${folder}/socket`;
    this.#env = { PATH: `${join(PROJECT, "dist")}:${programsOf("sid")}`, DOCKER_CONFIG: join(folder, "client") };
  }

  /** One with the root file system of a bundle as its image, for a while. */
  static async within(t: Ground, options: DockerOptions, body: (docker: Docker) => Promise<void>): Promise<void> {
    needs("root", "unshare", "nsenter");
    programsOf("sid");
    if (options.hasBridge === true) needs("iptables", "ip");
    const folder = join(t.folder, "docker");
    fs.mkdirSync(folder);
    configure(folder, options);
    const network = await PrivateNetwork.begin({ folder: t.folder });
    const docker = new Docker(folder, options, network);
    const foreign = fs.existsSync(PLUGINS);
    try {
      await docker.#start();
      await docker.#import(t.bundle().rootfs);
      await body(docker);
    } finally {
      await docker.#end();
      await network.end();
      if (!foreign) fs.rmSync("/run/docker", { recursive: true, force: true });
      for (const name of ["runc", "tsrun"]) fs.rmSync(`/run/containerd/${name}/${RUN_NAME}`, { recursive: true, force: true });
    }
  }

  /** What `docker run --runtime` is given. */
  get runtime(): string {
    return this.#options.runtime;
  }

  /** Ends the daemon, and starts it again; its containers are to live on. */
  async restart(signal: "SIGTERM" | "SIGKILL"): Promise<void> {
    const child = this.#child;
    const ended = new Promise((resolve) => child?.on("exit", resolve));
    child?.kill(signal);
    await ended;
    await this.#start();
  }

  async #start(): Promise<void> {
    const folders = ["--data-root", join(this.folder, "data"), "--exec-root", join(this.folder, "exec"), "--pidfile", join(this.folder, "pid")];
    const network = this.#options.hasBridge === true ? [] : ["--iptables=false", "--ip6tables=false", "--bridge=none"];
    const names = ["--containerd-namespace", RUN_NAME, "--containerd-plugins-namespace", `${RUN_NAME}-plugins`, "--cgroup-parent", `/${RUN_NAME}`];
    const log = fs.openSync(join(this.folder, "log"), "a");
    const config = ["--config-file", join(this.folder, "daemon.json")];
    const command = [programOf("sid", "dockerd"), "--host", this.#host, ...config, ...folders, ...network, ...names];
    const [program = "", ...args] = this.network.command("engine", command);
    const env = { ...process.env, ...this.#env, ...this.#options.env };
    const child = spawn(program, args, { stdio: ["ignore", log, log], env });
    fs.closeSync(log);
    child.on("error", () => {});
    this.#child = child;
    const answers = async (): Promise<boolean> => child.exitCode !== null || (await this.docker(["version"])).status === 0;
    await until(answers, () => `dockerd does not answer: ${this.#lastWords()}`);
    if (child.exitCode !== null) throw new Error(`dockerd does not start: ${this.#lastWords()}`);
  }

  #lastWords(): string {
    return fs.readFileSync(join(this.folder, "log"), "utf8").trim().split("\n").at(-1) ?? "";
  }

  async #import(rootfs: string): Promise<void> {
    const archive = join(this.folder, "image.tar");
    spawnSync("tar", ["--create", "--file", archive, "--directory", rootfs, "."]);
    const { status, stderr } = await this.docker(["import", "--change", "ENV PATH=/bin", archive, IMAGE]);
    if (status !== 0) throw new Error(`docker cannot import an image: ${stderr}`);
  }

  async #end(): Promise<void> {
    const child = this.#child;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
    const { stdout } = await this.docker(["ps", "--all", "--quiet"]);
    const ids = stdout.split("\n").filter((id) => id !== "");
    if (ids.length > 0) await this.docker(["rm", "--force", "--volumes", ...ids]);
    const ended = new Promise((resolve) => child.on("exit", resolve));
    child.kill("SIGTERM");
    await ended;
    // dockerd holds its network namespace here, and lets go of neither this nor its folder.
    for (const place of ["exec/netns/default", "data"]) spawnSync("umount", [join(this.folder, place)], { stdio: "ignore" });
  }

  docker(args: readonly string[], options: RunOptions = {}): Promise<Result> {
    const defaults = { folder: this.folder, program: programOf("sid", "docker"), timeoutSeconds: 120 };
    return runRuntime(["--host", this.#host, ...args], { ...defaults, ...options, env: { ...this.#env, ...options.env } });
  }

  run(args: readonly string[]): Promise<Result> {
    return this.docker(this.#runArguments(args));
  }

  /** `docker run` on a terminal. */
  runOnTerminal(args: readonly string[]): Pty {
    return this.onTerminal(this.#runArguments(args));
  }

  /** Any command on a terminal. */
  onTerminal(args: readonly string[]): Pty {
    const settings = Object.entries(this.#env).map(([key, value]) => `${key}=${value}`);
    return new Pty(["env", ...settings, "docker", "--host", this.#host, ...args], { cwd: this.folder });
  }

  #runArguments(args: readonly string[]): string[] {
    const network = this.#options.hasBridge === true || args.some((arg) => arg.startsWith("--network")) ? [] : ["--network", "none"];
    return ["run", "--runtime", this.runtime, ...network, ...args];
  }
}

/** As the README says. */
function configure(folder: string, { runtime, isDefault = false }: DockerOptions): void {
  const config = {
    runtimes: { tsrun: { path: RUNTIME } },
    "live-restore": true,
    ...(isDefault ? { "default-runtime": runtime } : {}),
  };
  fs.writeFileSync(join(folder, "daemon.json"), JSON.stringify(config));
  const plugins = join(folder, "client/cli-plugins");
  fs.mkdirSync(plugins, { recursive: true });
  fs.symlinkSync(programOf("sid", "docker-buildx"), join(plugins, "docker-buildx"));
}
