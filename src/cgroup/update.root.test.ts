import { readFileSync } from "node:fs";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { SystemError } from "../errors.ts";
import { hierarchyOf } from "../resources/layout.ts";
import type { FileWrite } from "../resources/limits.ts";
import { directoryOf } from "./cgroup.ts";
import { createCgroup, undoCreate } from "./create.ts";
import { probeLayout } from "./layout.ts";
import { applyUpdate } from "./update.ts";

const test = suite("cgroup/update (root)");
const layout = probeLayout();
const pids = hierarchyOf(layout, "pids");
const cpu = hierarchyOf(layout, "cpu");
const isRoot = process.getuid?.() === 0;

function root(title: string, body: () => void): void {
  if (isRoot && pids !== undefined && cpu !== undefined) {
    test(title, body);
  } else {
    console.log(`skip: ${title}: needs root, and the controllers "pids" and "cpu"`);
    test.skip(title);
  }
}

function write(controller: string, file: string, value: string): FileWrite {
  return { controller, version: (controller === "pids" ? pids : cpu)?.version ?? 1, file, value, pointer: "" };
}

/** Makes a cgroup for the test, and takes it away again. */
function inCgroup(use: (held: (controller: string, file: string) => string, update: (...writes: FileWrite[]) => { undo(): void }) => void): void {
  const cgroup = createCgroup(layout, `/tsrun-test-${process.pid}-update`, ["pids", "cpu"]);
  try {
    const held = (controller: string, file: string): string => readFileSync(`${directoryOf(cgroup.directories, controller)?.path ?? ""}/${file}`, "utf8").trim();
    use(held, (...writes) => applyUpdate(cgroup.directories, writes));
  } finally {
    undoCreate(cgroup);
  }
}

root("applyUpdate() takes back what it did when one write fails", () => {
  inCgroup((held, update) => {
    update(write("pids", "pids.max", "50"));
    assert.throws(
      () => update(write("pids", "pids.max", "60"), write("pids", "pids.nosuch", "1"), write("pids", "pids.max", "70")),
      (error: unknown) => error instanceof SystemError && error.errno === "ENOENT",
    );
    assert.is(held("pids", "pids.max"), "50");
  });
});

root("applyUpdate() can be taken back", () => {
  inCgroup((held, update) => {
    update(write("pids", "pids.max", "50"));
    const applied = update(write("pids", "pids.max", "60"));
    assert.is(held("pids", "pids.max"), "60");
    applied.undo();
    assert.is(held("pids", "pids.max"), "50");
  });
});

root("applyUpdate() finds the order in which the kernel takes limits that depend on each other", () => {
  inCgroup((held, update) => {
    const [shares, idle] = cpu?.version === 2 ? ["cpu.weight", "cpu.idle"] : ["cpu.shares", "cpu.idle"];
    update(write("cpu", idle, "1"));
    update(write("cpu", shares, "200"), write("cpu", idle, "0"));
    assert.equal([held("cpu", shares), held("cpu", idle)], ["200", "0"]);
  });
});

root("applyUpdate() writes to the file that the kernel has", () => {
  inCgroup((held, update) => {
    update({ ...write("pids", "pids.nosuch", "1"), instead: { file: "pids.max", value: "9" } });
    assert.is(held("pids", "pids.max"), "9");
  });
});

test.run();
