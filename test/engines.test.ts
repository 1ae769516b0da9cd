/** The tests of the addon that need root, under the engine that does not run them otherwise. */

import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { needs, skip, suite } from "./harness.ts";
import { PROJECT } from "./runtime.ts";

const test = suite("engines");

const BUN = fs.readdirSync(join(PROJECT, "node_modules/@oven")).map((name) => join(PROJECT, "node_modules/@oven", name, "bin/bun")).find((path) => spawnSync(path, ["--version"]).status === 0);

for (const file of ["native/mounts.root.test", "cgroup/create.root.test", "cgroup/devices.root.test", "cgroup/update.root.test"]) {
  test(`src/${file} passes under Bun, too`, () => {
    needs("root");
    if (BUN === undefined) skip("no Bun runs on this machine");
    const result = spawnSync(BUN, [join(PROJECT, `dist/js/src/${file}.js`)], { encoding: "utf8", timeout: 60_000, cwd: PROJECT });
    assert.is(result.status, 0, result.stdout + result.stderr);
    assert.match(result.stdout, /Passed: +[1-9]/);
  });
}

test.run();
