/**
 * `linux.intelRdt`: groups of resctrl (config-linux.md#intelrdt).
 *
 * Few machines have it, so a folder stands in for it, below a /sys/fs of the test's own: resctrl.cc is preloaded, and
 * makes a runtime that calls the C library take that folder for resctrl.
 */

import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import { dirname, join } from "node:path";
import * as assert from "uvu/assert";
import { needs, skip } from "../test/harness.ts";
import type { Ground } from "../test/harness.ts";
import { PROJECT, RUNTIME, runRuntime } from "../test/runtime.ts";
import type { Result } from "../test/runtime.ts";
import { cannotCreate, created, read, run } from "./containers.ts";
import type { Change } from "./containers.ts";
import { isOurs, runtimeVersion, suite } from "./suite.ts";

const SOURCE = join(PROJECT, "conformance/resctrl.cc");
const LIBRARY = join(PROJECT, "build/conformance/resctrl.so");

const test = suite("Intel RDT", () => needs("unshare"));

interface IntelRdt {
  readonly closID?: string;
  readonly l3CacheSchema?: string;
  readonly memBwSchema?: string;
  readonly schemata?: readonly string[];
  readonly enableMonitoring?: boolean;
  readonly [unknown: string]: unknown;
}

class Uncompiled extends Error {}

function library(): string {
  // Go makes its system calls itself.
  if (runtimeVersion().startsWith("runc ")) skip("only calls of the C library can be shown something else than resctrl's absence");
  const compiled = fs.statSync(LIBRARY, { throwIfNoEntry: false });
  if (compiled !== undefined && compiled.mtimeMs > fs.statSync(SOURCE).mtimeMs) return LIBRARY;
  fs.mkdirSync(join(LIBRARY, ".."), { recursive: true });
  const fresh = `${LIBRARY}.${process.pid}`;
  const args = ["-O1", "-shared", "-fPIC", "-Wall", "-Wextra", "-o", fresh, SOURCE, "-ldl"];
  const { status, error, stderr } = spawnSync("g++", args, { encoding: "utf8" });
  if (error !== undefined) skip("g++ is not installed");
  if (status !== 0) throw new Uncompiled(stderr);
  fs.renameSync(fresh, LIBRARY);
  return LIBRARY;
}

/** The runtime, without its static engine, which no library can be preloaded into. */
function dynamicRuntime(t: Ground): string {
  if (!isOurs()) return RUNTIME;
  const installed = dirname(fs.realpathSync(RUNTIME));
  const folder = join(t.folder, "dynamic");
  if (fs.existsSync(folder)) return join(folder, "tsrun");
  fs.mkdirSync(folder);
  for (const name of ["tsrun", "tsrun-engine", "tsrun.node", "tsrun-init"]) {
    try {
      fs.linkSync(join(installed, name), join(folder, name));
    } catch {
      fs.copyFileSync(join(installed, name), join(folder, name), fs.constants.COPYFILE_FICLONE);
    }
  }
  return join(folder, "tsrun");
}

const SCHEMATA = "    L3:0=ff;1=ff\n    MB:0=100;1=100\n";

/** The folder that stands in for resctrl, and containers that see it. */
class Fake {
  readonly id: string;
  readonly #ground: Ground;
  readonly #sys: string;
  readonly #bundle: string;

  constructor(t: Ground, intelRdt: IntelRdt) {
    this.#ground = t;
    this.id = t.id();
    this.#sys = join(t.folder, "sys");
    for (const folder of ["cgroup", "resctrl/info", "resctrl/mon_groups"]) fs.mkdirSync(join(this.#sys, folder), { recursive: true });
    this.put("", SCHEMATA);
    fs.writeFileSync(join(this.#sys, "resctrl/info/last_cmd_status"), "ok\n");
    this.#bundle = t.bundle((config) => {
      config.linux["intelRdt"] = intelRdt;
      config.process.args = ["/bin/sleep", "100"];
    }).path;
  }

  /** A group that others have made, with these schemata. */
  put(group: string, schemata: string): void {
    const path = join(this.#sys, "resctrl", group);
    fs.mkdirSync(join(path, "mon_groups"), { recursive: true });
    fs.writeFileSync(join(path, "tasks"), "");
    fs.writeFileSync(join(path, "schemata"), schemata);
  }

  file(path: string): string {
    return read(join(this.#sys, "resctrl", path));
  }

  has(path: string): boolean {
    return fs.existsSync(join(this.#sys, "resctrl", path));
  }

  /** What is in the file system's own directory, but for what is always there. */
  groups(): string[] {
    return fs.readdirSync(join(this.#sys, "resctrl")).filter((name) => !["info", "mon_groups", "schemata", "tasks"].includes(name));
  }

  call(...args: readonly string[]): Promise<Result> {
    const text = `mount --make-rprivate / && mount --rbind /sys/fs/cgroup ${this.#sys}/cgroup && mount --rbind ${this.#sys} /sys/fs && LD_PRELOAD=${library()} exec "$@"`;
    const words = ["--mount", "/bin/sh", "-c", text, "sh", dynamicRuntime(this.#ground), "--root", this.#ground.stateRoot, ...args];
    return runRuntime(words, { folder: this.#ground.folder, program: "unshare" });
  }

  async create(): Promise<void> {
    const { status, stderr } = await this.call("create", "--bundle", this.#bundle, this.id);
    assert.is(status, 0, stderr);
  }

  async refused(text: string | RegExp): Promise<void> {
    const { status, stderr } = await this.call("create", "--bundle", this.#bundle, this.id);
    assert.is.not(status, 0);
    assert.match(stderr, text);
    await this.#ground.runtime(["delete", "--force", this.id]);
  }

  async remove(): Promise<void> {
    const { status, stderr } = await this.call("delete", "--force", this.id);
    assert.is(status, 0, stderr);
  }

  /** Whether the container's process is in a group: it may have said so itself, with a 0. */
  async holds(group: string): Promise<boolean> {
    const { pid } = JSON.parse((await this.#ground.runtime(["state", this.id])).stdout) as { pid: number };
    return ["0", `${pid}`].includes(this.file(`${group}/tasks`).trim());
  }
}

const asks = (intelRdt: IntelRdt): Change => (config) => void (config.linux["intelRdt"] = intelRdt);

test("RDT-01 without a mounted resctrl it is an error", async (t) => {
  if (fs.existsSync("/sys/fs/resctrl/schemata")) skip("this machine has resctrl");
  await cannotCreate(t, asks({ closID: "some" }), isOurs() ? "needs a mounted resctrl" : /./);
});

test("RDT-01 without intelRdt nothing is touched", async (t) => {
  const fake = new Fake(t, {});
  const { status, stderr } = await run(t, "true");
  assert.is(status, 0, stderr);
  assert.equal([fake.groups(), fake.file("tasks"), fake.file("schemata")], [[], "", SCHEMATA]);
});

test("RDT-01 RDT-02 RDT-10 without closID a group of the container's name is made, entered and removed", async (t) => {
  const fake = new Fake(t, { l3CacheSchema: "L3:0=f" });
  await fake.create();
  assert.equal(fake.groups(), [fake.id]);
  assert.ok(await fake.holds(fake.id));
  assert.is(fake.file(`${fake.id}/schemata`), "L3:0=f\n");
  await fake.remove();
  assert.equal(fake.groups(), []);
});

test("RDT-02 RDT-07 an empty object asks for a group, and no schemata is written", async (t) => {
  const fake = new Fake(t, {});
  await fake.create();
  assert.ok(await fake.holds(fake.id));
  assert.is(fake.file(`${fake.id}/schemata`), SCHEMATA);
});

test('RDT-02 the closID "/" is the file system\'s own group', async (t) => {
  const fake = new Fake(t, { closID: "/" });
  await fake.create();
  assert.ok(await fake.holds(""));
  assert.equal(fake.groups(), []);
});

test("RDT-03 RDT-04 RDT-05 RDT-07 schemata are written in order: L3, MB, the rest", async (t) => {
  const fake = new Fake(t, { closID: "some", schemata: ["L2:0=3", "L3:1=7"], memBwSchema: "MB:0=20", l3CacheSchema: "L3:0=f" });
  await fake.create();
  assert.is(fake.file("some/schemata"), "L3:0=f\nMB:0=20\nL2:0=3\nL3:1=7\n");
});

test("RDT-04 RDT-05 lines that are none are an error", async (t) => {
  for (const wrong of [{ memBwSchema: "L3:0=f" }, { memBwSchema: "MB:0=20\nL3:0=f" }, { schemata: ["L3:0=f\nMB:0=20"] }]) {
    await new Fake(t, { closID: "some", ...wrong }).refused(/MB|line|schema/);
  }
});

test("RDT-08 RDT-10 a closID that is not there is made where there are schemata, and stays", async (t) => {
  const fake = new Fake(t, { closID: "some", schemata: ["L3:0=f"] });
  await fake.create();
  assert.ok(await fake.holds("some"));
  await fake.remove();
  assert.equal(fake.groups(), ["some"]);
});

test("RDT-08 a closID that is there must have the schemata, however they are written", async (t) => {
  for (const same of ["L3:0=F;1=f", "L3:1=f", "L3:0=00f", "L3: 0=f ; 1=0xf"]) {
    const fake = new Fake(t, { closID: "some", l3CacheSchema: same, memBwSchema: "MB:1=20" });
    fake.put("some", "    L3:0=f;1=f\n    MB:0=100;1=20\n");
    await fake.create();
    assert.ok(await fake.holds("some"), same);
    await fake.remove();
    assert.equal(fake.groups(), ["some"]);
  }
});

test("RDT-08 a closID that is there with other schemata is an error, and stays as it is", async (t) => {
  for (const other of [{ l3CacheSchema: "L3:0=7" }, { l3CacheSchema: "L3:2=f" }, { memBwSchema: "MB:0=50" }, { l3CacheSchema: "L3CODE:0=f" }]) {
    const fake = new Fake(t, { closID: "some", ...other });
    const before = "    L3:0=f;1=f\n    MB:0=100;1=20\n";
    fake.put("some", before);
    await fake.refused("some");
    assert.equal([fake.file("some/schemata"), fake.file("some/tasks")], [before, ""]);
  }
});

test("RDT-09 RDT-10 a closID without schemata must be there, and stays", async (t) => {
  await new Fake(t, { closID: "missing" }).refused("missing");
  const fake = new Fake(t, { closID: "some" });
  fake.put("some", SCHEMATA);
  await fake.create();
  assert.ok(await fake.holds("some"));
  assert.is(fake.file("some/schemata"), SCHEMATA);
  await fake.remove();
  assert.equal(fake.groups(), ["some"]);
});

test("RDT-10 a group of the container's name that was there before stays", async (t) => {
  const fake = new Fake(t, {});
  fake.put(fake.id, SCHEMATA);
  await fake.create();
  assert.ok(await fake.holds(fake.id));
  await fake.remove();
  assert.equal(fake.groups(), [fake.id]);
});

const MONITORED: readonly (readonly [closID: string | undefined, group: (id: string) => string])[] = [
  [undefined, (id) => id],
  ["some", () => "some"],
  ["/", () => ""],
];

for (const [closID, groupOf] of MONITORED) {
  test(`RDT-06 a monitoring group is made in the group of closID ${JSON.stringify(closID)}, and removed with the container`, async (t) => {
    const fake = new Fake(t, { ...(closID === undefined ? {} : { closID }), enableMonitoring: true });
    if (closID === "some") fake.put("some", SCHEMATA);
    await fake.create();
    const group = groupOf(fake.id);
    assert.ok(await fake.holds(group));
    assert.ok(await fake.holds(`${group}/mon_groups/${fake.id}`));
    await fake.remove();
    assert.not(fake.has(`${group}/mon_groups/${fake.id}`));
    assert.is(fake.has(group), closID !== undefined);
  });
}

test("RDT-01 RDT-06 a further process is in the groups, too", async (t) => {
  const fake = new Fake(t, { enableMonitoring: true });
  await fake.create();
  const started = await fake.call("start", fake.id);
  assert.is(started.status, 0, started.stderr);
  const groups = [fake.id, `${fake.id}/mon_groups/${fake.id}`];
  for (const group of groups) fs.writeFileSync(join(t.folder, "sys/resctrl", group, "tasks"), "");
  const { status, stderr } = await fake.call("exec", fake.id, "/bin/true");
  assert.is(status, 0, stderr);
  for (const group of groups) assert.match(fake.file(`${group}/tasks`), /^\d+\n?$/);
});

test("RDT-03 RDT-04 update changes the schemata of the container's group", async (t) => {
  const fake = new Fake(t, { l3CacheSchema: "L3:0=f" });
  await fake.create();
  const { status, stderr } = await fake.call("update", "--mem-bw-schema", "MB:0=30", "--l3-cache-schema", "L3:0=7", fake.id);
  assert.is(status, 0, stderr);
  assert.is(fake.file(`${fake.id}/schemata`), "L3:0=7\nMB:0=30\n");
});

test("RDT-01 update of schemata is an error for a container that has none", async (t) => {
  const container = await created(t);
  for (const option of ["--l3-cache-schema=L3:0=7", "--mem-bw-schema=MB:0=30"]) {
    const { status, stderr } = await container.verb("update", option);
    assert.is.not(status, 0);
    assert.is.not(stderr, "");
  }
});

test("RDT-06 a group that cannot be made is an error with the kernel's words, and nothing stays", async (t) => {
  const fake = new Fake(t, { closID: "one-too-many", schemata: ["L3:0=f"] });
  await fake.refused(/Out of RMIDs|one-too-many/);
  assert.equal(fake.groups(), []);
});

test("RDT-11 enableCMT and enableMBM mean nothing any more", async (t) => {
  const fake = new Fake(t, { enableCMT: true, enableMBM: true });
  await fake.create();
  assert.equal(fs.readdirSync(join(t.folder, "sys/resctrl", fake.id, "mon_groups")), []);
});

test("G-06 when a hook fails nothing stays of what was made, and schemata are as they were", async (t) => {
  const before = "    L3:0=f;1=f\n    MB:0=100;1=20\n";
  const failing = async (intelRdt: IntelRdt, existing?: string): Promise<Fake> => {
    const fake = new Fake(t, intelRdt);
    if (existing !== undefined) fake.put(existing, before);
    const bundle = t.bundle((config) => {
      config.linux["intelRdt"] = intelRdt;
      config.hooks = { createRuntime: [{ path: "/bin/false" }] };
    });
    const { status } = await fake.call("create", "--bundle", bundle.path, fake.id);
    assert.is.not(status, 0);
    return fake;
  };
  assert.equal((await failing({ enableMonitoring: true, schemata: ["L3:0=1"] })).groups(), []);
  assert.equal((await failing({ closID: "made", schemata: ["L3:0=1"] })).groups(), []);
  const there = await failing({ closID: "there", schemata: ["L3:0=1"], enableMonitoring: true }, "there");
  assert.equal([there.groups(), there.file("there/schemata")], [["there"], before]);
  assert.not(there.has(`there/mon_groups/${there.id}`));
});

test.run();
