/** A podman of the test's own: its storage, its settings, its networks and its containers end with the test. */

import * as fs from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { mountsLeft, nothingLeft, programOf, programsOf } from "./engine.ts";
import type { Release } from "./engine.ts";
import { RUN_NAME, needs, skip } from "./harness.ts";
import type { Ground, Suite } from "./harness.ts";
import { makeImage } from "./image.ts";
import { PrivateNetwork } from "./private-network.ts";
import { Pty } from "./pty.ts";
import { RUNTIME, runRuntime } from "./runtime.ts";
import type { Result, RunOptions } from "./runtime.ts";

/** The cgroup that containers and pods are made in. */
export const CGROUP_PARENT = `/${RUN_NAME}`;

/** An ordinary user whom every system has. */
const NOBODY = "65534";

/** podman leaves these where it finds v1 hierarchies, with any runtime: the parent, its monitors' and the pods'. */
const KNOWN = { cgroups: new RegExp(`/(${RUN_NAME}|conmon|[0-9a-f]{64})$`) };

export interface PodmanOptions {
  readonly release: Release;
  /** The path of the runtime. */
  readonly runtime: string;
  /** Whether it may make networks, with mounts and a /run of its own; never on the host. */
  readonly hasNetwork?: boolean;
  /** Lines of containers-storage.conf(5), of the table storage.options. */
  readonly storage?: string;
}

interface Driven extends Omit<PodmanOptions, "release" | "runtime"> {
  /** Which podman; both unless told. */
  readonly releases?: readonly Release[];
}

/** Adds a test of the runtime behind both podmans, and of runc, which shows that the test is right. */
export function driven(test: Suite, title: string, body: (podman: Podman, t: Ground) => Promise<void>, { releases = ["installed", "sid"], ...options }: Driven = {}): void {
  for (const release of releases) {
    for (const name of ["runc", "tsrun"]) {
      test(`${release} podman, ${name}: ${title}`, async (t) => {
        needs("root");
        const runtime = name === "runc" ? programOf(release, "runc") : RUNTIME;
        await Podman.within(t, { ...options, release, runtime }, (podman) => body(podman, t));
        await nothingLeft(t, KNOWN);
      });
    }
  }
}

export class Podman {
  /** Everything of it is in here. */
  readonly folder: string;
  readonly #program: string;
  readonly #options: readonly string[];
  readonly #env: Readonly<Record<string, string>>;
  /** The path of an image of test/image.ts. */
  image = "";
  readonly #network: PrivateNetwork | undefined;

  private constructor(folder: string, { release, runtime }: PodmanOptions, network: PrivateNetwork | undefined) {
    this.folder = folder;
    this.#network = network;
    this.#program = programOf(release, "podman");
    // Both ways to name a runtime are tried: by its path, and in the settings.
    const named = release === "installed" ? ["--runtime", runtime] : [];
    this.#options = ["--storage-driver", "vfs", "--cgroup-manager", "cgroupfs", "--events-backend", "file", ...named];
    this.#env = {
      PATH: programsOf(release),
      CONTAINERS_CONF: join(folder, "containers.conf"),
      CONTAINERS_STORAGE_CONF: join(folder, "storage.conf"),
      PODMAN_IGNORE_CGROUPSV1_WARNING: "1",
    };
  }

  /** One with the image of test/image.ts, for a while. */
  static async within(t: Ground, options: PodmanOptions, body: (podman: Podman) => Promise<void>): Promise<void> {
    const folder = join(t.folder, "podman");
    fs.mkdirSync(folder);
    fs.writeFileSync(join(folder, "containers.conf"), settings(options));
    fs.writeFileSync(join(folder, "storage.conf"), storage(folder, options));
    const network = options.hasNetwork === true ? await PrivateNetwork.begin({ folder: t.folder, hasOwnRun: true }) : undefined;
    const podman = new Podman(folder, options, network);
    try {
      if (network !== undefined) await grantIds(folder, network);
      podman.image = makeImage(t.folder, t.bundle().rootfs);
      const loaded = await podman.podman(["load", "--quiet", "--input", podman.image]);
      if (loaded.status !== 0) skip(`podman cannot load an image: ${loaded.stderr.trim().split("\n").at(-1)}`);
      const info = await podman.podman(["info", "--format", "{{.Host.OCIRuntime.Path}}"]);
      assert.is(info.stdout.trim(), options.runtime);
      await body(podman);
    } finally {
      await podman.podman(["pod", "rm", "--all", "--force", "--time", "0"]);
      await podman.podman(["rm", "--all", "--force", "--time", "0"]);
      const left = network === undefined ? [] : mountsLeft(network.mounts);
      await network?.end();
      assert.equal(left, []);
    }
  }

  /** Where its containers' cables end. */
  get network(): PrivateNetwork {
    return this.#network ?? skip("the test asks for no network");
  }

  podman(args: readonly string[], options: Pick<RunOptions, "input"> = {}): Promise<Result> {
    const [program = "", ...rest] = this.#command(args);
    return runRuntime(rest, { folder: this.folder, program, env: this.#env, timeoutSeconds: 120, ...options });
  }

  run(args: readonly string[]): Promise<Result> {
    return this.podman(["run", "--cgroup-parent", CGROUP_PARENT, ...args]);
  }

  /** `podman run` on a terminal. */
  runOnTerminal(args: readonly string[]): Pty {
    return this.onTerminal(["run", "--cgroup-parent", CGROUP_PARENT, ...args]);
  }

  /** Any command on a terminal. */
  onTerminal(args: readonly string[]): Pty {
    const settings = Object.entries(this.#env).map(([key, value]) => `${key}=${value}`);
    return new Pty(["env", ...settings, ...this.#command(args)], { cwd: this.folder });
  }

  #command(args: readonly string[]): string[] {
    const network = ["--network-config-dir", join(this.folder, "networks")];
    const command = [this.#program, ...storeIn(this.folder), ...network, ...this.#options, ...args];
    return this.#network === undefined ? command : this.#network.command("engine", command);
  }

  /** Makes room for an ordinary user's podman; the body is given what runs it. */
  async asUser(body: (podman: (args: readonly string[]) => Promise<Result>) => Promise<void>): Promise<void> {
    const home = "/run/user/nobody";
    const env = { ...this.#env, HOME: home, XDG_RUNTIME_DIR: home, CONTAINERS_STORAGE_CONF: undefined };
    const user = ["setpriv", "--reuid", NOBODY, "--regid", NOBODY, "--clear-groups", this.#program, ...storeIn(home), ...this.#options];
    const podman = (args: readonly string[]): Promise<Result> => {
      const [program = "", ...rest] = this.network.command("engine", [...user, ...args]);
      return runRuntime(rest, { folder: this.folder, program, env, timeoutSeconds: 120 });
    };
    await this.network.run("engine", ["install", "--directory", "--owner", NOBODY, "--group", NOBODY, home]);
    try {
      await body(podman);
    } finally {
      await podman(["rm", "--all", "--force", "--time", "0"]);
      // The process that holds his user namespace.
      await podman(["system", "migrate"]);
    }
  }
}

/** Where podman keeps everything. */
function storeIn(folder: string): string[] {
  return ["root", "runroot", "tmpdir"].flatMap((name) => [`--${name}`, join(folder, name)]);
}

/** Gives subordinate ids to nobody, where the engine is and nowhere else (subuid(5)). */
async function grantIds(folder: string, network: PrivateNetwork): Promise<void> {
  const granted = join(folder, "subids");
  fs.writeFileSync(granted, "nobody:200000:262144\n");
  for (const file of ["/etc/subuid", "/etc/subgid"]) {
    const { status, stderr } = await network.run("engine", ["mount", "--bind", granted, file]);
    if (status !== 0) skip(`nobody can be given subordinate ids: ${stderr.trim()}`);
  }
}

/** containers.conf(5). podman raises limits as far as it thinks root may; not every root may. */
function settings({ release, runtime, hasNetwork = false }: PodmanOptions): string {
  const helpers = ["netavark", "aardvark-dns"].map((name) => join("/usr/lib/podman", name)).every((path) => fs.existsSync(path));
  const folder = release === "sid" ? join(programOf(release, "netavark"), "..") : helpers ? "/usr/lib/podman" : undefined;
  return `[containers]
default_ulimits = ["nofile=1024:1024", "nproc=4096:4096"]
${hasNetwork ? "" : 'netns = "none"'}
cgroups = "no-conmon"
[engine]
lock_type = "file"
${folder === undefined ? "" : `helper_binaries_dir = [${JSON.stringify(folder)}]`}
runtime = "chosen"
[engine.runtimes]
chosen = [${JSON.stringify(runtime)}]
[network]
network_backend = "netavark"
`;
}

/** containers-storage.conf(5), instead of the host's. */
function storage(folder: string, { storage: options = "" }: PodmanOptions): string {
  return `[storage]
driver = "vfs"
runroot = "${join(folder, "runroot")}"
graphroot = "${join(folder, "root")}"
[storage.options]
${options}
`;
}
