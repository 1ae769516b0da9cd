/** Tests of the walk through cgroups, on plain directories: to it they are the same. */

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { ownPids, pidsIn } from "./processes.ts";

const test = suite("cgroup/processes");

function folder(run: (path: string) => void): void {
  const path = mkdtempSync(join(tmpdir(), "tsrun-test-"));
  try {
    run(path);
  } finally {
    rmSync(path, { recursive: true });
  }
}

test("pidsIn() finds those of a directory and of all below it, but none of another pid namespace", () => {
  folder((path) => {
    mkdirSync(join(path, "a/b"), { recursive: true });
    mkdirSync(join(path, "c"));
    writeFileSync(join(path, "cgroup.procs"), "1\n20\n");
    writeFileSync(join(path, "a/b/cgroup.procs"), "0\n300\n0\n4194304\n");
    assert.equal(pidsIn(path).sort((a, b) => a - b), [1, 20, 300, 4194304]);
    assert.equal(ownPids(path), [1, 20]);
  });
});

test("pidsIn() takes more processes than a call takes arguments", () => {
  folder((path) => {
    const pids = Array.from({ length: 200_000 }, (_, index) => index + 1);
    mkdirSync(join(path, "below"));
    writeFileSync(join(path, "below/cgroup.procs"), `${pids.join("\n")}\n`);
    assert.equal(pidsIn(path), pids);
  });
});

test("pidsIn() finds nothing where there is nothing", () => assert.equal(pidsIn("/sys/fs/cgroup/there is none"), []));

test.run();
