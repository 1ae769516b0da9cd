/** `mounts add` and `mounts remove`: what a running container gets, what it cannot do about it, and what is left of a failure. */

import * as fs from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import type { BundleConfig } from "./bundle.ts";
import { needs, suite } from "./harness.ts";
import type { Ground } from "./harness.ts";
import type { Result } from "./runtime.ts";

const test = suite("mounts");

interface Mount {
  readonly destination: unknown;
  readonly type?: string;
  readonly source?: string;
  readonly options?: readonly string[];
}

/** A container that runs, with a root that can be written. */
class Running {
  readonly id: string;
  readonly #ground: Ground;

  private constructor(ground: Ground, id: string) {
    this.#ground = ground;
    this.id = id;
  }

  static async start(t: Ground, change?: (config: BundleConfig) => void): Promise<Running> {
    needs("root");
    const bundle = t.bundle((config) => {
      config.process.args = ["/bin/sleep", "100"];
      config.root.readonly = false;
      change?.(config);
    });
    const id = t.id();
    done(await t.runtime(["run", "--detach", "--bundle", bundle.path, id]));
    return new Running(t, id);
  }

  change(action: "add" | "remove", mounts: readonly Mount[]): Promise<Result> {
    return this.#ground.runtime(["mounts", action, this.id, "-"], { input: JSON.stringify(mounts) });
  }

  /** What a shell in it prints; what it says on standard error comes along. */
  async shell(text: string): Promise<string> {
    return (await this.#ground.runtime(["exec", this.id, "/bin/sh", "-c", `exec 2>&1; ${text}`])).stdout;
  }
}

function done({ status, stderr, stdout }: Result): void {
  assert.is(stderr, "");
  assert.is(status, 0);
  assert.is(stdout, "");
}

function withUserNamespace({ linux }: BundleConfig): void {
  linux.namespaces.push({ type: "user" });
  linux["uidMappings"] = linux["gidMappings"] = [{ containerID: 0, hostID: 0, size: 65_536 }];
}

for (const [title, change] of [["", () => {}], [" with a user namespace", withUserNamespace]] as const) {
  test(`add brings files of the host and new file systems${title}, and remove takes them away`, async (t) => {
    const container = await Running.start(t, change);
    fs.writeFileSync(join(t.folder, "file"), "of the host");
    const mounts = [
      { destination: "/new/folder", source: t.folder, options: ["rbind", "ro"] },
      { destination: "/new/file", source: join(t.folder, "file"), options: ["bind"] },
      { destination: "/new/tmpfs", type: "tmpfs", source: "tmpfs", options: ["size=4k", "nosuid"] },
    ];
    done(await container.change("add", mounts));
    assert.is(await container.shell("cat /new/folder/file /new/file; touch /new/folder/x"), "of the hostof the hosttouch: /new/folder/x: Read-only file system\n");
    assert.match(await container.shell("grep /new/tmpfs /proc/self/mountinfo"), /nosuid,relatime.* rw,size=4k/);
    done(await container.change("remove", mounts));
    assert.is(await container.shell("grep -c /new /proc/self/mountinfo; ls /new/folder; cat /new/file"), "0\n");
  });
}

test("add mounts all, or nothing", async (t) => {
  const container = await Running.start(t);
  const mounts = [
    { destination: "/one", type: "tmpfs" },
    { destination: "/two", source: t.folder, options: ["rbind"] },
    { destination: "/sys/none", source: t.folder, options: ["rbind"] },
  ];
  const { status, stderr } = await container.change("add", mounts);
  assert.is(status, 1);
  assert.match(stderr, /^tsrun: cannot mount ".*" on "\/sys\/none": .* \(standard input:1:\d+ \/2\)/);
  assert.is(await container.shell("grep -cE '/one|/two' /proc/self/mountinfo"), "0\n");
});

test("what the container puts in the way leads neither out of it nor to what is masked", async (t) => {
  const container = await Running.start(t, (config) => {
    config.mounts = config.mounts.filter(({ destination }) => !destination.startsWith("/proc"));
    delete config.linux["maskedPaths"];
    delete config.linux["readonlyPaths"];
  });
  // A /proc of its own making, for whoever goes through it, and links to everywhere.
  const links = Array.from({ length: 30 }, (_, fd) => `ln -s /target /proc/self/fd/${fd}`).join("; ");
  await container.shell(`mkdir -p /target /proc/self/fd; ${links}; ln -s ../../../../../../../../..${t.folder} /out; mkdir /real; ln -s real /link`);
  // "silent" is something that only mount(2) can say, by a path below /proc.
  done(await container.change("add", [{ destination: "/real", type: "tmpfs", options: ["silent"] }, { destination: "/out/in", type: "tmpfs" }]));
  const pid = fs.readFileSync("/proc/self/mountinfo", "utf8");
  assert.not.match(pid, `${t.folder}/in`);
  assert.not(fs.existsSync(join(t.folder, "in")));
  const state = JSON.parse((await t.runtime(["state", container.id])).stdout) as { pid: number };
  const points = fs.readFileSync(`/proc/${state.pid}/mountinfo`, "utf8").split("\n").map((line) => line.split(" ")[4]);
  assert.ok(points.includes("/real"));
  assert.not(points.includes("/target"));
  assert.ok(points.includes(`${t.folder}/in`));
  const refused = await container.change("remove", [{ destination: "/link" }]);
  assert.match(refused.stderr, /cannot unmount "\/link": .*ELOOP.*symbolic link/);
  done(await container.change("remove", [{ destination: "/real" }, { destination: `${t.folder}/in` }]));
});

test("remove tells when nothing is mounted there", async (t) => {
  const container = await Running.start(t);
  assert.match((await container.change("remove", [{ destination: "/bin" }])).stderr, 'cannot unmount "/bin"');
  assert.match((await container.change("remove", [{ destination: "/none" }])).stderr, /ENOENT/);
  assert.match(await container.shell("ls /bin/sh"), "/bin/sh");
});

test("mounts of a paused container change, those of a stopped one do not", async (t) => {
  const container = await Running.start(t);
  done(await t.runtime(["pause", container.id]));
  done(await container.change("add", [{ destination: "/paused", type: "tmpfs" }]));
  done(await t.runtime(["resume", container.id]));
  assert.is(await container.shell("grep -c /paused /proc/self/mountinfo"), "1\n");
  done(await t.runtime(["kill", container.id, "KILL"]));
  while (!(await t.runtime(["state", container.id])).stdout.includes(`"stopped"`));
  assert.match((await container.change("add", [{ destination: "/late", type: "tmpfs" }])).stderr, /container not running/);
});

test("a command line without a known action, an id or a file is an error, and so is a file that is none", async (t) => {
  needs("root");
  for (const args of [[], ["list", "x", "-"], ["add"], ["add", "x"], ["add", "x", "-", "more"]]) {
    const { status, stderr } = await t.runtime(["mounts", ...args]);
    assert.is(status, 1);
    assert.match(stderr, /^tsrun: cannot change mounts: /);
  }
  assert.match((await t.runtime(["mounts", "add", t.id(), join(t.folder, "none")])).stderr, /^tsrun: cannot read ".*none": ENOENT/);
  assert.match((await t.runtime(["mounts", "add", t.id(), "-"], { input: "[]" })).stderr, /container does not exist/);
});

test.run();
