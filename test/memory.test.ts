/** What a container costs while it waits to be started. */

import * as fs from "node:fs";
import * as assert from "uvu/assert";
import type { Bundle } from "./bundle.ts";
import { needs, suite } from "./harness.ts";
import type { Ground } from "./harness.ts";
import { everything, withUserNamespace } from "./rich-configs.ts";

const test = suite("memory");

const MOST_KILOBYTES = 1024;

function kilobytes(text: string, name: string): number {
  return Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, "m").exec(text)?.[1] ?? Number.NaN);
}

for (const [name, bundle] of [
  ["the default config", (t) => t.bundle()],
  ["much in its config", (t) => t.bundle(everything)],
  ["a user namespace", (t) => withUserNamespace(t)],
] as [string, (t: Ground) => Bundle][]) {
  test(`a created container with ${name} has less than a megabyte of its own`, async (t) => {
    needs("root");
    const id = t.id();
    const created = await t.runtime(["create", "--bundle", bundle(t).path, id]);
    assert.is(created.status, 0, created.stderr);
    const { pid } = JSON.parse((await t.runtime(["state", id])).stdout) as { pid: number };
    const memory = fs.readFileSync(`/proc/${pid}/smaps_rollup`, "utf8");
    const own = kilobytes(memory, "Private_Clean") + kilobytes(memory, "Private_Dirty");
    const resident = kilobytes(fs.readFileSync(`/proc/${pid}/status`, "utf8"), "VmRSS");
    assert.ok(own > 0 && own < MOST_KILOBYTES, `${own} kB private`);
    assert.ok(resident > 0 && resident < MOST_KILOBYTES, `${resident} kB resident`);
    // One thread, and nothing of the engine's or the host's mapped.
    assert.equal(fs.readdirSync(`/proc/${pid}/task`), [`${pid}`]);
    const files = fs.readFileSync(`/proc/${pid}/maps`, "utf8").split("\n").map((line) => line.split(/\s+/)[5] ?? "").filter((path) => path.startsWith("/"));
    assert.ok(files.every((path) => path.startsWith("/memfd:")), files.join());
    assert.match(fs.readlinkSync(`/proc/${pid}/exe`), /^\/memfd:tsrun-init/);
  });
}

test.run();
