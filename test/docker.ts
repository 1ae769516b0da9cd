/** A docker daemon of the test's own: its folders, its socket, its namespace and its containers end with the test. */

import { spawn, spawnSync } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import * as fs from "node:fs";
import { join } from "node:path";
import { pathOf, until } from "./engine.ts";
import { RUN_NAME, skip } from "./harness.ts";
import type { Ground } from "./harness.ts";
import { IMAGE } from "./image.ts";
import { Pty } from "./pty.ts";
import { PROJECT, RUNTIME, runRuntime } from "./runtime.ts";
import type { Result } from "./runtime.ts";

/** dockerd makes it outside of all folders that it is given. */
const PLUGINS = "/run/docker/plugins";

/** What `docker run --runtime` calls runc, tsrun in its place, and our shim. */
export const RUNTIMES: Readonly<Record<string, string>> = { runc: "runc", tsrun: "tsrun", shim: "io.containerd.tsrun.v1" };

export class Docker {
  readonly #folder: string;
  /** What `docker run --runtime` is given. */
  readonly runtime: string;
  readonly #host: string;
  readonly #env: Readonly<Record<string, string>>;
  #child: ChildProcess | undefined;

  private constructor(folder: string, runtime: string) {
    this.#folder = folder;
    this.runtime = runtime;
    this.#host = `unix://${folder}/socket`;
    this.#env = { DOCKER_CONFIG: join(folder, "client") };
  }

  /** One with the root file system of a bundle as its image, for a while; `runtime` is one of RUNTIMES' values. */
  static async within(t: Ground, runtime: string, body: (docker: Docker) => Promise<void>): Promise<void> {
    const folder = join(t.folder, "docker");
    fs.mkdirSync(folder);
    const docker = new Docker(folder, runtime);
    const foreign = fs.existsSync(PLUGINS);
    try {
      await docker.#start();
      await docker.#import(t.bundle().rootfs);
      await body(docker);
    } finally {
      await docker.#end();
      if (!foreign) fs.rmSync("/run/docker", { recursive: true, force: true });
      for (const name of ["runc", "tsrun"]) fs.rmSync(`/run/containerd/${name}/${RUN_NAME}`, { recursive: true, force: true });
    }
  }

  async #start(): Promise<void> {
    const folders = ["--data-root", join(this.#folder, "data"), "--exec-root", join(this.#folder, "exec"), "--pidfile", join(this.#folder, "pid")];
    const network = ["--iptables=false", "--ip6tables=false", "--bridge=none"];
    const names = ["--containerd-namespace", RUN_NAME, "--containerd-plugins-namespace", `${RUN_NAME}-plugins`, "--cgroup-parent", `/${RUN_NAME}`];
    const log = fs.openSync(join(this.#folder, "log"), "a");
    // Its containerd looks for shims in the PATH.
    const env = { ...process.env, ...this.#env, PATH: `${join(PROJECT, "dist")}:${process.env["PATH"] ?? ""}:/usr/sbin:/sbin` };
    const runtimes = ["--add-runtime", `tsrun=${RUNTIME}`];
    const child = spawn(pathOf("dockerd") ?? "dockerd", ["--host", this.#host, ...folders, ...network, ...names, ...runtimes], { stdio: ["ignore", log, log], env });
    fs.closeSync(log);
    child.on("error", () => {});
    this.#child = child;
    const answers = async (): Promise<boolean> => child.exitCode !== null || (await this.docker(["version"])).status === 0;
    await until(answers, () => `dockerd does not answer: ${this.#lastWords()}`);
    if (child.exitCode !== null) skip(`dockerd does not start: ${this.#lastWords()}`);
    const { stdout } = await this.docker(["version", "--format", "{{.Server.Version}}"]);
    if (Number.parseInt(stdout, 10) < 23 && this.runtime.includes(".")) skip(`docker ${stdout.trim()} takes no shim by its name`);
  }

  #lastWords(): string {
    return fs.readFileSync(join(this.#folder, "log"), "utf8").trim().split("\n").at(-1) ?? "";
  }

  async #import(rootfs: string): Promise<void> {
    const archive = join(this.#folder, "image.tar");
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
    // dockerd holds the host's network namespace here, and lets go of neither this nor its folder.
    for (const place of ["exec/netns/default", "data"]) spawnSync("umount", [join(this.#folder, place)], { stdio: "ignore" });
  }

  docker(args: readonly string[]): Promise<Result> {
    return runRuntime(["--host", this.#host, ...args], { folder: this.#folder, program: "docker", env: this.#env, timeoutSeconds: 30 });
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
    return new Pty(["env", ...settings, "docker", "--host", this.#host, ...args], { cwd: this.#folder });
  }

  #runArguments(args: readonly string[]): string[] {
    const network = args.some((arg) => arg.startsWith("--network")) ? [] : ["--network", "none"];
    return ["run", "--runtime", this.runtime, ...network, ...args];
  }
}
