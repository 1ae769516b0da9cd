/** `linux.personality`: which kernel the program is shown (config-linux.md#personality). */

import { arch, machine } from "node:os";
import * as assert from "uvu/assert";
import { skip } from "../test/harness.ts";
import { RUNTIME, runRuntime } from "../test/runtime.ts";
import { cannotCreate, inside, output, script } from "./containers.ts";
import { suite } from "./suite.ts";

const test = suite("personality");

const MACHINES_OF_32_BITS: Readonly<Record<string, string>> = { x64: "i686", arm64: "armv8l" };
const PER_LINUX32 = "00000008\n";

test("PER-01 PER-02 LINUX32 shows a machine of 32 bits", async (t) => {
  const expected = MACHINES_OF_32_BITS[arch()] ?? skip(`nobody has said what ${arch()} is called then`);
  assert.is(await inside(t, "uname -m", (config) => (config.linux["personality"] = { domain: "LINUX32" })), `${expected}\n`);
});

test("PER-01 PER-02 LINUX shows the machine as it is", async (t) => {
  assert.is(await inside(t, "uname -m", (config) => (config.linux["personality"] = { domain: "LINUX" })), `${machine()}\n`);
});

test("PER-02 LINUX is set where the caller has another", async (t) => {
  const bundle = t.bundle((config) => {
    script(config, "uname -m");
    config.linux["personality"] = { domain: "LINUX", flags: [] };
  });
  const args = ["linux32", RUNTIME, "--root", t.stateRoot, "run", "--bundle", bundle.path, t.id()];
  assert.is(output(await runRuntime(args, { folder: t.folder, program: "setarch" })), `${machine()}\n`);
});

test("PER-01 the personality outlives the program's user", async (t) => {
  const text = await inside(t, "cat /proc/self/personality", (config) => {
    config.linux["personality"] = { domain: "LINUX32" };
    config.process.user = { uid: 1000, gid: 1000 };
  });
  assert.is(text, PER_LINUX32);
});

for (const [why, personality] of [
  ["PER-02 an unknown domain", { domain: "BSD" }],
  ["PER-02 a missing domain", {}],
  ["PER-03 a flag", { domain: "LINUX", flags: ["ADDR_NO_RANDOMIZE"] }],
] as const) {
  test(`${why} is an error`, async (t) => {
    await cannotCreate(t, (config) => (config.linux["personality"] = personality), /./);
  });
}

test.run();
