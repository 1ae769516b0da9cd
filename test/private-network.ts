/** A network for an engine that is to change one: apart from the host's, with a neighbour beside it. */

import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { skip } from "./harness.ts";
import { runRuntime } from "./runtime.ts";
import type { Result } from "./runtime.ts";

/** The engine's end of the cable, and the neighbour's: addresses for documentation (RFC 5737). */
export const [OWN_ADDRESS, NEIGHBOUR_ADDRESS] = ["198.51.100.1", "198.51.100.2"] as const;

export interface PrivateNetworkOptions {
  /** Where output files may go. */
  readonly folder: string;
  /** Whether mounts are private, too, and /run is empty: for engines that keep networks there. */
  readonly hasOwnRun?: boolean;
}

/** Where a command runs. */
export type Place = "engine" | "neighbour";

export class PrivateNetwork {
  readonly #folder: string;
  readonly #holders: Record<Place, ChildProcess>;
  readonly #programs: ChildProcess[] = [];

  private constructor(folder: string, holders: Record<Place, ChildProcess>) {
    this.#folder = folder;
    this.#holders = holders;
  }

  /** Both last until end() is called. */
  static async begin({ folder, hasOwnRun = false }: PrivateNetworkOptions): Promise<PrivateNetwork> {
    const run = hasOwnRun ? "mount -t tmpfs -o mode=755 run /run && " : "";
    const engine = hold([...(hasOwnRun ? ["--mount"] : []), "--net"], `${run}ip link set lo up`);
    const neighbour = hold(["--net"], "ip link set lo up");
    const network = new PrivateNetwork(folder, { engine, neighbour });
    try {
      await Promise.all([ready(engine), ready(neighbour)]);
      await network.#lay();
    } catch (error) {
      await network.end();
      skip(`no network can be made: ${(error as Error).message}`);
    }
    return network;
  }

  /** A cable from one to the other. */
  async #lay(): Promise<void> {
    const commands = [
      `ip link add near type veth peer name far netns ${this.#holders.neighbour.pid}`,
      `ip address add ${OWN_ADDRESS}/30 dev near && ip link set near up`,
    ];
    for (const command of commands) await this.#must("engine", command);
    await this.#must("neighbour", `ip address add ${NEIGHBOUR_ADDRESS}/30 dev far && ip link set far up`);
  }

  async #must(place: Place, script: string): Promise<void> {
    const { status, stderr } = await this.run(place, ["sh", "-c", script]);
    if (status !== 0) throw new Error(stderr.trim());
  }

  /** The command that runs a command there. */
  command(place: Place, command: readonly string[]): string[] {
    // What has no mounts of its own is in the host's mount namespace, and entering that changes nothing.
    return ["nsenter", "--target", `${this.#holders[place].pid}`, "--net", "--mount", "--wd=.", "--", ...command];
  }

  run(place: Place, command: readonly string[]): Promise<Result> {
    const [program = "", ...args] = this.command(place, command);
    return runRuntime(args, { folder: this.#folder, program });
  }

  /** Runs a program that ends with the network. */
  spawn(place: Place, command: readonly string[]): void {
    const [program = "", ...args] = this.command(place, command);
    const child = spawn(program, args, { stdio: "ignore" });
    child.on("error", () => {});
    this.#programs.push(child);
  }

  /** The namespace that the engine takes for the host's, as /proc names it. */
  get path(): string {
    return `/proc/${this.#holders.engine.pid}/ns/net`;
  }

  /** What is mounted where the engine is, as /proc/mounts tells it. */
  get mounts(): string {
    return `/proc/${this.#holders.engine.pid}/mounts`;
  }

  async end(): Promise<void> {
    for (const child of [...this.#programs, ...Object.values(this.#holders)]) {
      if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) continue;
      const ended = new Promise((resolve) => child.on("exit", resolve));
      child.kill("SIGKILL");
      await ended;
    }
  }
}

/** Ends by itself when this process does. */
function hold(namespaces: readonly string[], script: string): ChildProcess {
  const child = spawn("unshare", [...namespaces, "sh", "-c", `${script} && echo ready && exec cat`], { stdio: ["pipe", "pipe", "pipe"] });
  child.on("error", () => {});
  return child;
}

function ready(holder: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    let words = "";
    holder.stderr?.on("data", (chunk: Buffer) => (words += chunk.toString()));
    holder.stdout?.once("data", () => resolve());
    holder.on("error", reject);
    holder.on("exit", () => reject(new Error(words.trim())));
  });
}
