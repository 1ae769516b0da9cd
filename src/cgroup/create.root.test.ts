import { spawn, spawnSync } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmdirSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { CgroupError, SystemError } from "../errors.ts";
import { hierarchyOf, unifiedHierarchy } from "../resources/layout.ts";
import type { FileWrite } from "../resources/limits.ts";
import { planResources } from "../resources/resources.ts";
import { directoryOf } from "./cgroup.ts";
import { createCgroup, existingDirectories, undoCreate } from "./create.ts";
import { destroyCgroup, destroyError, tryDestroy } from "./destroy.ts";
import { closeEntry, entryDescriptors } from "./entry.ts";
import { openDirectory } from "./files.ts";
import { freeze, isFrozen, requestFreeze, thaw } from "./freeze.ts";
import { killAll } from "./kill.ts";
import { probeLayout } from "./layout.ts";
import { giveCgroup } from "./ownership.ts";
import { pidsOf } from "./processes.ts";
import { applyWrites } from "./write.ts";

const test = suite("cgroup (root)");
const PREFIX = `/tsrun-test-${process.pid}`;

/** Runs `sleep` inside a cgroup, and waits until it is there. */
function sleepIn(directories: readonly { readonly path: string }[]): ChildProcess {
  const child = spawn("sleep", ["60"], { stdio: "ignore" });
  for (const { path } of directories) writeFileSync(`${path}/cgroup.procs`, String(child.pid));
  return child;
}

function exited(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  return new Promise((resolve) => child.once("exit", () => resolve()));
}

const layout = probeLayout();

/** Why a test cannot be made here; `controllers` are those that it writes to. */
function skipReason(controllers: readonly string[]): string | undefined {
  if (process.getuid?.() !== 0) return "needs root";
  if (layout.hierarchies.length === 0) return "needs a mounted cgroup hierarchy";
  const missing = controllers.find((name) => hierarchyOf(layout, name) === undefined);
  return missing === undefined ? undefined : `needs the cgroup controller "${missing}"`;
}

function root(name: string, run: () => void | Promise<void>, reason = skipReason([])): void {
  if (reason === undefined) {
    test(name, async () => run());
  } else {
    console.log(`skip: ${name}: ${reason}`);
    test.skip(name);
  }
}

root("probeLayout() finds mounted hierarchies of the right file system only", () => {
  for (const { mountPoint, version } of layout.hierarchies) {
    const type = spawnSync("stat", ["-f", "-c", "%t", mountPoint], { encoding: "utf8" }).stdout.trim();
    assert.is(type, version === 1 ? "27e0eb" : "63677270", mountPoint);
  }
});

const pidsV1 = layout.hierarchies.find(({ version, controllers }) => version === 1 && controllers.includes("pids"));
root("probeLayout() leaves out a controller whose folder is there, but is not its mount", () => {
  const extension = import.meta.url.slice(import.meta.url.lastIndexOf("."));
  const module = new URL(`./layout${extension}`, import.meta.url).href;
  const code = `import { probeLayout } from "${module}";
    console.log(probeLayout().hierarchies.map(({ mountPoint }) => mountPoint).join(" "))`;
  const script = 'mount -t tmpfs none "$1" && exec "$2" $3 -e "$4"';
  const flags = "Bun" in globalThis ? "" : "--input-type=module";
  const args = ["-m", "sh", "-c", script, "sh", pidsV1?.mountPoint ?? "", process.execPath, flags, code];
  const { stdout, stderr } = spawnSync("unshare", args, { encoding: "utf8" });
  const expected = layout.hierarchies.map(({ mountPoint }) => mountPoint).filter((path) => path !== pidsV1?.mountPoint);
  assert.equal(stdout.trim().split(" "), expected, stderr);
}, pidsV1 === undefined ? "needs the pids controller of v1" : skipReason([]));

root("createCgroup() makes a directory in each hierarchy and tryDestroy() removes them", () => {
  const path = `${PREFIX}-plain`;
  assert.equal(existingDirectories(layout, path), []);
  const cgroup = createCgroup(layout, path, []);
  assert.is(cgroup.directories.length, layout.hierarchies.length);
  assert.ok(cgroup.directories.every(({ created }) => created));
  assert.is(existingDirectories(layout, path).length, layout.hierarchies.length);
  assert.equal(tryDestroy(cgroup.directories), []);
  assert.equal(existingDirectories(layout, path), []);
  assert.equal(tryDestroy(cgroup.directories), [], "a second time is no error");
});

root("createCgroup() makes parents, which undoCreate() removes and tryDestroy() leaves", () => {
  const parent = `${PREFIX}-parent`;
  const first = createCgroup(layout, `${parent}/a/b`, []);
  assert.is(first.parents.length, 2 * layout.hierarchies.length);
  const second = createCgroup(layout, `${parent}/a/c`, []);
  assert.equal(second.parents, []);
  tryDestroy(second.directories);
  assert.is(existingDirectories(layout, `${parent}/a`).length, layout.hierarchies.length);
  undoCreate(first);
  assert.equal(existingDirectories(layout, parent), []);
});

root("createCgroup() uses an empty cgroup that exists, and tryDestroy() leaves it", () => {
  const [hierarchy] = layout.hierarchies;
  const path = `${PREFIX}-old`;
  const directory = `${hierarchy?.mountPoint ?? ""}${path}`;
  mkdirSync(directory);
  try {
    const cgroup = createCgroup(layout, path, []);
    assert.equal(cgroup.directories.filter(({ created }) => !created).map((one) => one.path), [directory]);
    tryDestroy(cgroup.directories);
    assert.equal(existingDirectories(layout, path), [directory]);
  } finally {
    rmdirSync(directory);
  }
});

root("createCgroup() refuses a cgroup with processes in it or below, and leaves nothing behind", async () => {
  const hierarchy = layout.hierarchies.at(-1);
  const path = `${PREFIX}-busy`;
  const directory = `${hierarchy?.mountPoint ?? ""}${path}`;
  mkdirSync(`${directory}/below`, { recursive: true });
  const child = spawn("sleep", ["60"], { stdio: "ignore" });
  try {
    writeFileSync(`${directory}/below/cgroup.procs`, String(child.pid));
    assert.throws(() => createCgroup(layout, path, []), /container's cgroup is not empty: 1 process\(es\) found/);
    assert.equal(existingDirectories(layout, path), [directory]);
  } finally {
    child.kill("SIGKILL");
    await exited(child);
    rmdirSync(`${directory}/below`);
    rmdirSync(directory);
  }
});

root("createCgroup() refuses a frozen cgroup, and one below it", () => {
  const path = `${PREFIX}-frozen`;
  const outer = createCgroup(layout, path, []);
  try {
    requestFreeze(outer.directories);
    assert.throws(() => createCgroup(layout, path, []), /container's cgroup unexpectedly frozen/);
    assert.throws(() => createCgroup(layout, `${path}/inner`, []), /container's cgroup unexpectedly frozen/);
    assert.equal(existingDirectories(layout, `${path}/inner`), []);
    thaw(outer.directories);
  } finally {
    undoCreate(outer);
  }
  assert.equal(existingDirectories(layout, path), []);
});

root("openDirectory() refuses a folder of another file system", () => {
  const folder = mkdtempSync(`${tmpdir()}/tsrun-test-`);
  try {
    assert.throws(() => openDirectory(folder, 1), /is not on a cgroup v1 file system/);
    assert.throws(() => openDirectory(folder, 2), /is not on a cgroup v2 file system/);
  } finally {
    rmdirSync(folder);
  }
});

const LIMITED = ["memory", "pids", "cpu"];
root("applyWrites() sets limits that the kernel then shows", () => {
  const resources = {
    memory: { limit: 67108864 },
    pids: { limit: 50 },
    cpu: { shares: 512, quota: 50000, period: 100000 },
  };
  const { writes } = planResources({ ociVersion: "1.3.0", linux: { resources } }, layout);
  const cgroup = createCgroup(layout, `${PREFIX}-limits`, LIMITED);
  try {
    applyWrites(cgroup.directories, writes);
    for (const write of writes.filter(({ controller }) => controller !== "devices")) {
      const directory = directoryOf(cgroup.directories, write.controller);
      const shown = readFileSync(`${directory?.path ?? ""}/${write.file}`, "utf8").trim();
      assert.is(shown, write.value, write.file);
    }
    const devices = directoryOf(cgroup.directories, "devices");
    if (devices?.version === 1) {
      const list = readFileSync(`${devices.path}/devices.list`, "utf8");
      assert.is(list.split("\n")[0], "c *:* m");
      assert.match(list, /^c 10:200 rwm$/m);
    }
  } finally {
    undoCreate(cgroup);
  }
}, skipReason(LIMITED));

root("applyWrites() names file, value and errno of what the kernel refuses, and minds optional ones", () => {
  const version = hierarchyOf(layout, "memory")?.version ?? 1;
  const cgroup = createCgroup(layout, `${PREFIX}-bad`, ["memory"]);
  const write = { controller: "memory", version, pointer: "", value: "no" };
  const file = version === 1 ? "memory.limit_in_bytes" : "memory.max";
  try {
    assert.throws(
      () => applyWrites(cgroup.directories, [{ ...write, file }]),
      (error: unknown) => error instanceof SystemError && error.errno === "EINVAL" && / to "no".*usage: \d/.test(error.message),
    );
    const missing: FileWrite = { ...write, file: "memory.none" };
    assert.throws(() => applyWrites(cgroup.directories, [missing]), /ENOENT/);
    applyWrites(cgroup.directories, [{ ...missing, optional: true }]);
    assert.not.ok(existsSync(`${cgroup.directories[0]?.path ?? ""}/memory.none`));
  } finally {
    undoCreate(cgroup);
  }
}, skipReason(["memory"]));

root("applyWrites() refuses a value below what `notBelow` holds", () => {
  const version = hierarchyOf(layout, "memory")?.version ?? 1;
  const cgroup = createCgroup(layout, `${PREFIX}-below`, ["memory"]);
  const [file, value, notBelow] =
    version === 1 ? ["memory.swappiness", "50", "memory.limit_in_bytes"] : ["memory.max", "99", "cpu.weight"];
  const write: FileWrite = { controller: "memory", version, file, value, pointer: "" };
  try {
    applyWrites(cgroup.directories, [write]);
    assert.throws(() => applyWrites(cgroup.directories, [{ ...write, notBelow }]), /the container uses \d+ bytes/);
  } finally {
    undoCreate(cgroup);
  }
}, skipReason(["memory", "cpu"]));

const noDevicesV1 = hierarchyOf(layout, "devices")?.version === 1 ? skipReason([]) : "needs the devices controller of v1";
root("applyWrites() minds an optional device rule that an ancestor forbids, and no other", () => {
  const write = { controller: "devices", version: 1, pointer: "" } as const;
  const outer = createCgroup(layout, `${PREFIX}-devices`, []);
  try {
    applyWrites(outer.directories, [{ ...write, file: "devices.deny", value: "a" }]);
    const inner = createCgroup(layout, `${PREFIX}-devices/inner`, []);
    const rule = { ...write, file: "devices.allow", value: "c 1:3 rwm" };
    try {
      applyWrites(inner.directories, [{ ...rule, optional: true }]);
      assert.throws(() => applyWrites(inner.directories, [rule]), /EPERM: operation not permitted/);
    } finally {
      undoCreate(inner);
    }
  } finally {
    undoCreate(outer);
  }
}, noDevicesV1);

root("entryDescriptors() let a process move itself, and killAll() ends all of them", async () => {
  const cgroup = createCgroup(layout, `${PREFIX}-entry`, []);
  const entry = entryDescriptors(cgroup.directories);
  assert.is(entry.files.length, layout.hierarchies.filter(({ version }) => version === 1).length);
  assert.is(entry.directory !== undefined, unifiedHierarchy(layout) !== undefined);
  const fds = entry.files.map((_, index) => `echo 0 > /proc/self/fd/${index + 3}`).join(";");
  const procs = cgroup.directories.filter(({ version }) => version === 2).map(({ path }) => `echo 0 > ${path}/cgroup.procs`);
  const script = `${[fds, ...procs].filter((part) => part !== "").join(";")}; sleep 60 & echo in; wait`;
  const child = spawn("sh", ["-c", script], { stdio: ["ignore", "pipe", "inherit", ...entry.files] });
  closeEntry(entry);
  try {
    await new Promise((resolve, reject) => {
      child.stdout?.once("data", resolve);
      child.once("exit", () => reject(new Error("the shell ended early")));
    });
    assert.is(pidsOf(cgroup.directories).length, 2);
    const holders = tryDestroy(cgroup.directories);
    assert.is(holders.length, layout.hierarchies.length);
    assert.match(destroyError(holders).message, /it still holds pids \d+ \("sh"\), \d+ \("s(h|leep)"\)/);
    await freeze(cgroup.directories);
    assert.ok(isFrozen(cgroup.directories));
    killAll(cgroup.directories, (pid) => process.kill(pid, "SIGKILL"));
    await exited(child);
    let waits = 0;
    await destroyCgroup(cgroup.directories, async () => {
      await new Promise((resolve) => setTimeout(resolve, 5));
      return (waits += 1) < 400;
    });
  } finally {
    child.kill("SIGKILL");
  }
  assert.equal(existingDirectories(layout, `${PREFIX}-entry`), []);
});

root("killAll() spares the processes of a cgroup that existed before", async () => {
  const cgroup = createCgroup(layout, `${PREFIX}-spare`, []);
  const child = sleepIn(cgroup.directories);
  try {
    const found = cgroup.directories.map((directory) => ({ ...directory, created: false }));
    killAll(found, () => assert.unreachable("no signal"));
    tryDestroy(found);
    assert.equal(pidsOf(cgroup.directories), [child.pid]);
  } finally {
    killAll(cgroup.directories, (pid) => process.kill(pid, "SIGKILL"));
    await exited(child);
    undoCreate(cgroup);
  }
  assert.is(child.signalCode, "SIGKILL");
});

root("destroyCgroup() removes sub-cgroups, and names who does not leave", async () => {
  const cgroup = createCgroup(layout, `${PREFIX}-tree`, []);
  const directory = directoryOf(cgroup.directories, "freezer") ?? cgroup.directories[0];
  const below = `${directory?.path ?? ""}/x/y`;
  mkdirSync(below, { recursive: true });
  const child = sleepIn([{ path: below }]);
  try {
    const failure = await destroyCgroup(cgroup.directories, async (pids) => {
      assert.equal(pids, [child.pid]);
      return false;
    }).catch((error: unknown) => error);
    assert.instance(failure, CgroupError);
    assert.match(String(failure), new RegExp(`"${below}": it still holds pid ${child.pid}`));
  } finally {
    child.kill("SIGKILL");
    await exited(child);
  }
  assert.equal(tryDestroy(cgroup.directories), []);
  assert.equal(existingDirectories(layout, `${PREFIX}-tree`), []);
});

root("giveCgroup() changes the owner of what the kernel lists, and of nothing else", () => {
  const cgroup = createCgroup(layout, `${PREFIX}-give`, []);
  try {
    giveCgroup(cgroup.directories, 12345);
    for (const { path, version } of cgroup.directories) {
      const owners = ["", "cgroup.procs", version === 1 ? "notify_on_release" : "cgroup.max.depth"].map(
        (file) => statSync(`${path}/${file}`).uid,
      );
      assert.equal(owners, version === 1 ? [0, 0, 0] : [12345, 12345, 0]);
      assert.is(statSync(path).gid, 0);
    }
  } finally {
    undoCreate(cgroup);
  }
});

const notUnified = layout.hierarchy === "unified" ? skipReason(["memory"]) : "needs a host of cgroup v2 only";
root("createCgroup() enables the controllers that limits need on v2, or says what is in the way", async () => {
  const outer = createCgroup(layout, `${PREFIX}-sub`, ["memory"]);
  const [directory] = outer.directories;
  const enabled = readFileSync(`${directory?.path ?? ""}/cgroup.controllers`, "utf8").trim().split(" ");
  assert.equal(enabled, directory?.controllers);
  const child = sleepIn(outer.directories);
  try {
    assert.throws(
      () => createCgroup(layout, `${PREFIX}-sub/inner`, ["memory"]),
      /cannot enable cgroup controller "memory".*holds pid \d+, and a cgroup that holds processes passes no controllers on/,
    );
    assert.equal(existingDirectories(layout, `${PREFIX}-sub/inner`), []);
    assert.is(readFileSync(`${directory?.path ?? ""}/cgroup.type`, "utf8"), "domain\n", "the outer one is as it was");
  } finally {
    child.kill("SIGKILL");
    await exited(child);
    undoCreate(outer);
  }
}, notUnified);

root("createCgroup() refuses a cgroup below one for threads", () => {
  const outer = createCgroup(layout, `${PREFIX}-threads`, []);
  const unified = unifiedHierarchy(layout)?.mountPoint ?? "";
  const middle = `${unified}${PREFIX}-threads/middle`;
  mkdirSync(middle);
  try {
    writeFileSync(`${middle}/cgroup.type`, "threaded");
    assert.throws(() => createCgroup(layout, `${PREFIX}-threads/middle/inner`, []), /its type is "domain invalid"/);
  } finally {
    rmdirSync(middle);
    undoCreate(outer);
  }
}, unifiedHierarchy(layout) === undefined ? "needs cgroup v2" : skipReason([]));

test.run();
