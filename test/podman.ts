/** A podman of the test's own: its storage, its settings and its containers end with the test. */

import * as fs from "node:fs";
import { join } from "node:path";
import { RUN_NAME, skip } from "./harness.ts";
import type { Ground } from "./harness.ts";
import { makeImage } from "./image.ts";
import { Pty } from "./pty.ts";
import { runRuntime } from "./runtime.ts";
import type { Result } from "./runtime.ts";

/** The cgroup that containers and pods are made in. */
export const CGROUP_PARENT = `/${RUN_NAME}`;

// podman raises limits as far as it thinks root may; not every root may.
const SETTINGS = `[containers]
default_ulimits = ["nofile=1024:1024", "nproc=4096:4096"]
netns = "none"
cgroups = "no-conmon"
[engine]
lock_type = "file"
`;

/** podman 5 looks for its helpers beside itself only when told. */
const HELPERS = process.env["TSRUN_ENGINES"] === undefined ? "" : `helper_binaries_dir = [${JSON.stringify(process.env["TSRUN_ENGINES"])}]\n`;

export class Podman {
  readonly #folder: string;
  readonly #options: readonly string[];
  readonly #env: Readonly<Record<string, string>>;

  private constructor(folder: string, runtime: string) {
    this.#folder = folder;
    const storage = ["root", "runroot", "tmpdir"].flatMap((name) => [`--${name}`, join(folder, name)]);
    const rest = ["--storage-driver", "vfs", "--cgroup-manager", "cgroupfs", "--events-backend", "file", "--runtime", runtime];
    this.#options = [...storage, ...rest];
    this.#env = { CONTAINERS_CONF: join(folder, "containers.conf"), PODMAN_IGNORE_CGROUPSV1_WARNING: "1" };
  }

  /** One with the image of test/image.ts, for a while. */
  static async within(t: Ground, runtime: string, body: (podman: Podman) => Promise<void>): Promise<void> {
    const folder = join(t.folder, "podman");
    fs.mkdirSync(folder);
    fs.writeFileSync(join(folder, "containers.conf"), SETTINGS + HELPERS);
    const podman = new Podman(folder, runtime);
    const loaded = await podman.podman(["load", "--quiet", "--input", makeImage(t.folder, t.bundle().rootfs)]);
    if (loaded.status !== 0) skip(`podman cannot load an image: ${loaded.stderr.trim().split("\n").at(-1)}`);
    try {
      await body(podman);
    } finally {
      await podman.podman(["pod", "rm", "--all", "--force", "--time", "0"]);
      await podman.podman(["rm", "--all", "--force", "--time", "0"]);
    }
  }

  podman(args: readonly string[]): Promise<Result> {
    return runRuntime([...this.#options, ...args], { folder: this.#folder, program: "podman", env: this.#env });
  }

  run(args: readonly string[]): Promise<Result> {
    return this.podman(["run", "--cgroup-parent", CGROUP_PARENT, ...args]);
  }

  /** `podman run` on a terminal. */
  runOnTerminal(args: readonly string[]): Pty {
    const settings = Object.entries(this.#env).map(([key, value]) => `${key}=${value}`);
    const run = ["run", "--cgroup-parent", CGROUP_PARENT, ...args];
    return new Pty(["env", ...settings, "podman", ...this.#options, ...run], { cwd: this.#folder });
  }
}
