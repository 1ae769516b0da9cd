/** A Kubernetes node without a kubelet: containerd with its CRI plugin, in a network and a mount namespace of its own. */

import { spawn, spawnSync } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { makeBundle } from "../bundle.ts";
import { programOf, programsOf, until } from "../engine.ts";
import type { Release } from "../engine.ts";
import { RUN_NAME, skip } from "../harness.ts";
import { IMAGE, makeImage } from "../image.ts";
import { PROJECT } from "../runtime.ts";
import { Grpc } from "./grpc.ts";

/** Of Debian's containernetworking-plugins. */
const CNI_PLUGINS = "/usr/lib/cni";
/** In a network of its own any port will do. */
const STREAM_PORT = 10_010;
const PATIENCE_MILLIS = 60_000;
/** The handler whose pods are made by our shim, without an image. */
export const SANDBOXED = "sandboxed";
/** The handler that is our shim, by its path, with the name of runc's. */
const BY_PATH = "by-path";

/**
 * Keeps the namespaces. What containerd and its shims leave in /run, and network plugins in /var/lib, ends with them.
 */
const KEEPER = `set -e
for folder in /run /var/lib; do mount -t tmpfs tmpfs $folder; done
mkdir "$1"
mount --bind "$1" "$1"
mount --make-shared "$1"
busybox ip link set lo up
touch "$2"
exec sleep infinity
`;

interface Status {
  readonly status: { readonly conditions: readonly { readonly type: string; readonly status: boolean; readonly message: string }[] };
}

export class Node {
  /** Everything of it lies here. */
  readonly folder: string;
  /** A mount whose propagation is shared, as a node's own mounts are. */
  readonly shared: string;
  /** containerd's version, as 1.6. */
  readonly version: number;
  readonly #release: Release;
  #grpc: Grpc | undefined;
  #keeper: ChildProcess | undefined;
  #relay: ChildProcess | undefined;
  #containerd: ChildProcess | undefined;

  private constructor(folder: string, { version, release }: { readonly version: number; readonly release: Release }) {
    this.#release = release;
    this.folder = folder;
    this.shared = join(folder, "shared");
    this.version = version;
  }

  /** Skips the test where there cannot be one. */
  static async start(release: Release): Promise<Node> {
    for (const program of ["runc", "ctr", "containerd-shim-runc-v2"]) programOf(release, program);
    const { stdout } = spawnSync(programOf(release, "containerd"), ["--version"], { encoding: "utf8" });
    const version = Number(/ v?(\d+\.\d+)/.exec(stdout)?.[1]);
    for (const plugin of ["loopback", "ptp", "host-local", "portmap"]) if (!fs.existsSync(join(CNI_PLUGINS, plugin))) skip("containernetworking-plugins is not installed");
    const folder = fs.mkdtempSync(join(tmpdir(), `${RUN_NAME}-node-`));
    // A user namespace's root must be able to come this way.
    fs.chmodSync(folder, 0o755);
    const node = new Node(folder, { version, release });
    try {
      node.#configure();
      await node.#start();
    } catch (error) {
      await node.end();
      throw error;
    }
    return node;
  }

  #configure(): void {
    const write = (path: string, text: string): void => fs.writeFileSync(join(this.folder, path), text);
    fs.mkdirSync(join(this.folder, "cni"));
    const ipam = { type: "host-local", subnet: "10.88.0.0/16", dataDir: join(this.folder, "addresses") };
    write("cni/10-tsrun.conflist", JSON.stringify({ cniVersion: "0.4.0", name: "tsrun", plugins: [{ type: "ptp", ipam }, { type: "portmap", capabilities: { portMappings: true } }] }));
    write("config.toml", this.version < 2 ? configuration1(this.folder) : configuration2(this.folder));
  }

  async #start(): Promise<void> {
    const ready = join(this.folder, "ready");
    const keeper = spawn("unshare", ["--net", "--mount", "sh", "-c", KEEPER, "sh", this.shared, ready], { stdio: ["ignore", "ignore", "pipe"] });
    this.#keeper = keeper;
    let complaint = "";
    keeper.stderr.on("data", (text: Buffer) => (complaint += String(text)));
    await until(() => fs.existsSync(ready) || keeper.exitCode !== null, () => "the namespaces do not come");
    if (keeper.exitCode !== null) skip(`no namespaces for a node: ${complaint.trim()}`);
    await this.startContainerd();
    const bundle = makeBundle(join(this.folder, "bundle"));
    prepareRootfs(bundle.rootfs);
    // The pod's own process is of this image, too: it only waits.
    const archive = makeImage(this.folder, bundle.rootfs, { Entrypoint: ["/bin/sleep"], Cmd: ["1000000"] });
    const { status, stderr } = spawnSync(programOf(this.#release, "ctr"), ["--address", this.socket, "--namespace", "k8s.io", "images", "import", archive], { encoding: "utf8" });
    if (status !== 0) throw new Error(`containerd cannot import an image: ${stderr}`);
    const isThere = async (): Promise<boolean> => (await this.image<{ image: object | null }>("ImageStatus", { image: { image: IMAGE } })).image !== null;
    await until(isThere, () => "the image does not come");
  }

  /** The handler, by a name by which containerd asks it what it can do: before 2.3 it asks what calls itself runc's shim only. */
  featuring(handler: string): string {
    return handler === "tsrun" && this.version < 2.3 ? BY_PATH : handler;
  }

  get socket(): string {
    return join(this.folder, "socket");
  }

  /** Also once more, after `endContainerd`. */
  async startContainerd(): Promise<void> {
    const log = fs.openSync(join(this.folder, "log"), "a");
    const PATH = `${join(PROJECT, "dist")}:${programsOf(this.#release)}`;
    fs.rmSync(this.socket, { force: true });
    const child = spawn("nsenter", [...this.#namespaces(), programOf(this.#release, "containerd"), "--config", join(this.folder, "config.toml")], {
      stdio: ["ignore", log, log],
      env: { ...process.env, PATH },
    });
    fs.closeSync(log);
    this.#containerd = child;
    await until(() => child.exitCode !== null || fs.existsSync(this.socket), () => "containerd does not listen");
    this.#grpc = new Grpc(this.socket, join(PROJECT, "test/cri/runtime.proto"));
    for (const deadline = performance.now() + PATIENCE_MILLIS; !(await this.#isReady()); await new Promise((resolve) => setTimeout(resolve, 50))) {
      if (child.exitCode !== null) skip(`containerd does not start: ${this.log().trim().split("\n").at(-1)}`);
      if (performance.now() > deadline) throw new Error(`containerd does not become ready: ${this.log()}`);
    }
  }

  async endContainerd(signal: "SIGTERM" | "SIGKILL"): Promise<void> {
    this.#grpc?.close();
    await endOf(this.#containerd, signal);
  }

  #namespaces(): string[] {
    return ["--target", String(this.#keeper?.pid), "--mount", "--net"];
  }

  async #isReady(): Promise<boolean> {
    try {
      const { status } = await this.call<Status>("Status", {});
      return status.conditions.every(({ status: isMet }) => isMet);
    } catch {
      return false;
    }
  }

  /** A call of the runtime service. */
  call<Answer>(method: string, request: object): Promise<Answer> {
    if (this.#grpc === undefined) throw new Error("containerd does not run");
    return this.#grpc.call(`runtime.v1.RuntimeService/${method}`, request);
  }

  image<Answer>(method: string, request: object): Promise<Answer> {
    if (this.#grpc === undefined) throw new Error("containerd does not run");
    return this.#grpc.call(`runtime.v1.ImageService/${method}`, request);
  }

  /** What containerd and its shims wrote. */
  log(): string {
    return fs.readFileSync(join(this.folder, "log"), "utf8");
  }

  /** The pids of all shims. */
  shims(): number[] {
    return fs.readdirSync("/proc").flatMap((pid) => (/^\d+$/.test(pid) && isShim(pid) ? [Number(pid)] : []));
  }

  /** The ids of containerd's containers, those of pods among them. */
  containers(): string[] {
    const { stdout } = spawnSync(programOf(this.#release, "ctr"), ["--address", this.socket, "--namespace", "k8s.io", "containers", "ls", "--quiet"], { encoding: "utf8" });
    return stdout.split("\n");
  }

  /** Runs a program in the node's namespaces. */
  run(args: readonly string[]): string {
    const { status, stdout, stderr } = spawnSync("nsenter", [...this.#namespaces(), ...args], { encoding: "utf8" });
    if (status !== 0) throw new Error(`${args.join(" ")}: ${stderr}`);
    return stdout;
  }

  /** Makes the streams of the node reachable from here. */
  async relayStreams(): Promise<string> {
    const socket = join(this.folder, "streams");
    if (this.#relay !== undefined) return socket;
    const relay = join(PROJECT, "dist/js/test/cri/relay.js");
    this.#relay = spawn("nsenter", [...this.#namespaces(), process.execPath, relay, socket, String(STREAM_PORT)], { stdio: "ignore" });
    await until(() => fs.existsSync(socket), () => "the relay does not listen");
    return socket;
  }

  async end(): Promise<void> {
    await this.endContainerd("SIGTERM");
    await endOf(this.#relay, "SIGKILL");
    await endOf(this.#keeper, "SIGKILL");
    fs.rmSync(this.folder, { recursive: true, force: true });
  }
}

async function endOf(child: ChildProcess | undefined, signal: "SIGTERM" | "SIGKILL"): Promise<void> {
  if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise((resolve) => child.on("exit", resolve));
  child.kill(signal);
  await ended;
}

function isShim(pid: string): boolean {
  try {
    return fs.readFileSync(`/proc/${pid}/cmdline`, "utf8").includes("containerd-shim-") && fs.readFileSync(`/proc/${pid}/environ`, "utf8").includes(RUN_NAME);
  } catch {
    return false;
  }
}

/** Users and groups that tests ask for. */
function prepareRootfs(rootfs: string): void {
  fs.appendFileSync(join(rootfs, "etc/passwd"), "alice:x:1000:1001::/home/alice:/bin/sh\n");
  fs.appendFileSync(join(rootfs, "etc/group"), "alice:x:1001:\nteam:x:50000:alice\n");
}

function configuration1(folder: string): string {
  return `version = 2
root = "${folder}/root"
state = "${folder}/state"
disabled_plugins = ["io.containerd.internal.v1.opt", "io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.devmapper"]
[grpc]
  address = "${folder}/socket"
[ttrpc]
  address = "${folder}/socket.ttrpc"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "${IMAGE}"
  stream_server_port = "${STREAM_PORT}"
  restrict_oom_score_adj = true
  disable_hugetlb_controller = false
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "${CNI_PLUGINS}"
    conf_dir = "${folder}/cni"
  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.tsrun]
    runtime_type = "io.containerd.tsrun.v1"
`;
}

function configuration2(folder: string): string {
  return `version = 3
root = "${folder}/root"
state = "${folder}/state"
disabled_plugins = ["io.containerd.internal.v1.opt", "io.containerd.snapshotter.v1.devmapper"]
[grpc]
  address = "${folder}/socket"
[ttrpc]
  address = "${folder}/socket.ttrpc"
[plugins."io.containerd.nri.v1.nri"]
  disable = true
[plugins."io.containerd.grpc.v1.cri"]
  stream_server_port = "${STREAM_PORT}"
[plugins."io.containerd.cri.v1.images".pinned_images]
  sandbox = "${IMAGE}"
[plugins."io.containerd.cri.v1.runtime"]
  restrict_oom_score_adj = true
  disable_hugetlb_controller = false
  [plugins."io.containerd.cri.v1.runtime".cni]
    bin_dirs = ["${CNI_PLUGINS}"]
    conf_dir = "${folder}/cni"
  [plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
  [plugins."io.containerd.cri.v1.runtime".containerd.runtimes.tsrun]
    runtime_type = "io.containerd.tsrun.v1"
  [plugins."io.containerd.cri.v1.runtime".containerd.runtimes.${SANDBOXED}]
    runtime_type = "io.containerd.tsrun.v1"
    sandboxer = "shim"
  [plugins."io.containerd.cri.v1.runtime".containerd.runtimes.${BY_PATH}]
    runtime_type = "io.containerd.runc.v2"
    runtime_path = "${PROJECT}/dist/containerd-shim-tsrun-v1"
`;
}
