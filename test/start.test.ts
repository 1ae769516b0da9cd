/** `npm start`, the first of the two commands of the README; the second runs this test. */

import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { needs, suite } from "./harness.ts";
import { PROJECT } from "./runtime.ts";
import { findStrays } from "./strays.ts";

const start = suite("npm start");

start("shows the container's own host name, processes, mounts, links and exit status, and leaves nothing", () => {
  needs("root");
  const result = spawnSync(join(PROJECT, "scripts/start"), { encoding: "utf8", timeout: 240_000 });
  assert.is(result.status, 0, result.stderr);
  const shown = (command: string): string => result.stdout.split(`/ # ${command}\n`)[1]?.split("\n\n")[0] ?? "";
  assert.is(shown("hostname"), "example");
  assert.match(shown("ps"), /^PID.*\n +1 root .*look-around\n +\d+ root .*\bps\b.*$/);
  assert.match(shown("mount"), "proc on /proc type proc");
  assert.match(shown("ip link"), /^1: lo: <LOOPBACK,UP,LOWER_UP>/);
  assert.not.match(shown("ip link"), /^2:/m);
  assert.match(result.stdout, "\nexit status: 7\n");
  const [, id] = /--bundle build\/example (\S+)/.exec(result.stdout) ?? [];
  assert.equal(findStrays(id ?? "unknown"), []);
});

start("says which Node it needs where there is an older one", (t) => {
  const { engines } = JSON.parse(readFileSync(join(PROJECT, "package.json"), "utf8")) as { engines: { node: string } };
  const least = engines.node.replace(">=", "");
  const setup = (version: string): { status: number | null; stderr: string } => {
    writeFileSync(join(t.folder, "node"), `#!/bin/sh\necho ${version}\n`, { mode: 0o755 });
    const env = { ...process.env, PATH: `${t.folder}:${process.env["PATH"]}` };
    const { status, stderr } = spawnSync("bash", ["-c", 'source <(sed -n "/^has_command()/p; /^check_node()/,/^}/p" "$0"); check_node', join(PROJECT, "scripts/setup")], { encoding: "utf8", env });
    return { status, stderr };
  };
  assert.equal(setup("v18.19.0"), { status: 1, stderr: `setup: node is v18.19.0: install Node.js ${least} or later, https://nodejs.org\n` });
  assert.is(setup(`v${least}.0`).status, 0);
  assert.is(setup("v26.0.0").status, 0);
});

start.run();
