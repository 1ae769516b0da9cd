/** The installed program: it runs from any folder and for any user, and nothing that lies around steers its engine. */

import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { needs, suite } from "./harness.ts";
import type { Ground } from "./harness.ts";
import { PROJECT } from "./runtime.ts";

const install = suite("install");

const VERSION = /^tsrun version \d+\.\d+\.\d+/;

function script(args: readonly string[], env: Record<string, string>): { status: number | null; stdout: string; stderr: string } {
  return spawnSync(join(PROJECT, "scripts/install-system"), args, { encoding: "utf8", env: { ...process.env, DESTDIR: "", ...env } });
}

/** Installs below the test's folder and returns the path of the command. */
function installed(t: Ground): string {
  const prefix = join(t.folder, "prefix");
  const { status, stderr } = script([], { PREFIX: prefix });
  assert.is(status, 0, stderr);
  return join(prefix, "bin/tsrun");
}

install("puts two relative links and the files into the prefix", (t) => {
  const command = installed(t);
  const shim = "containerd-shim-tsrun-v1";
  assert.is(fs.readlinkSync(command), "../lib/tsrun/tsrun");
  assert.is(fs.readlinkSync(join(command, "..", shim)), `../lib/tsrun/${shim}`);
  const quick = fs.existsSync(join(PROJECT, "dist/tsrun-quick")) ? ["tsrun-quick"] : [];
  const files = [shim, "tsrun", "tsrun-engine", "tsrun-init", ...quick, "tsrun.node"];
  assert.equal(fs.readdirSync(join(command, "../../lib/tsrun")).sort(), files);
});

install("works from any folder, through the PATH", (t) => {
  const env = { PATH: `${join(installed(t), "..")}:/bin:/usr/bin` };
  const result = spawnSync("tsrun", ["--version"], { cwd: "/usr", env, encoding: "utf8" });
  assert.match(result.stdout, VERSION);
  assert.is(result.status, 0, result.stderr);
});

install("works for another user", (t) => {
  needs("root");
  const result = spawnSync(installed(t), ["--version"], { cwd: "/", uid: 65534, gid: 65534, env: {}, encoding: "utf8" });
  assert.match(result.stdout, VERSION);
  assert.is(result.status, 0, result.stderr);
});

install("stages below DESTDIR, and the result may be moved", (t) => {
  const { status } = script([], { PREFIX: "/usr", DESTDIR: join(t.folder, "stage") });
  assert.is(status, 0);
  fs.renameSync(join(t.folder, "stage/usr"), join(t.folder, "moved"));
  assert.match(spawnSync(join(t.folder, "moved/bin/tsrun"), ["--version"], { encoding: "utf8" }).stdout, VERSION);
});

install("replaces a program that is running", (t) => {
  const command = installed(t);
  // A busy file cannot be written to (ETXTBSY), only replaced.
  const held = fs.openSync(join(command, "../../lib/tsrun/tsrun-engine"), "r");
  const before = fs.fstatSync(held).ino;
  installed(t);
  fs.closeSync(held);
  assert.is.not(fs.statSync(join(command, "../../lib/tsrun/tsrun-engine")).ino, before);
});

install("--remove takes away what was installed, and another's program not", (t) => {
  const prefix = join(t.folder, "prefix");
  installed(t);
  assert.is(script(["--remove"], { PREFIX: prefix }).status, 0);
  assert.equal(fs.readdirSync(join(prefix, "bin")), []);
  assert.equal(fs.readdirSync(join(prefix, "lib")), []);
  fs.writeFileSync(join(prefix, "bin/tsrun"), "another's");
  assert.is(script(["--remove"], { PREFIX: prefix }).status, 0);
  assert.ok(fs.existsSync(join(prefix, "bin/tsrun")));
});

install("says what is wrong with a prefix", (t) => {
  assert.match(script([], { PREFIX: "relative" }).stderr, 'PREFIX must be an absolute path, got "relative"');
  fs.writeFileSync(join(t.folder, "file"), "");
  assert.match(script([], { PREFIX: join(t.folder, "file") }).stderr, "cannot write to");
});

install("the same source runs on Node", () => {
  const result = spawnSync(process.execPath, [join(PROJECT, "dist/js/src/cli/main.js"), "--version"], { encoding: "utf8" });
  assert.match(result.stdout, VERSION);
  assert.is(result.status, 0, result.stderr);
});

install("npm packs the library, its command and what they need, and no more", (t) => {
  needs("npm", "tar");
  const packed = spawnSync("npm", ["pack", "--ignore-scripts", "--silent", "--pack-destination", t.folder], { cwd: PROJECT, encoding: "utf8" });
  assert.is(packed.status, 0, packed.stderr);
  assert.is(spawnSync("tar", ["-xzf", packed.stdout.trim()], { cwd: t.folder }).status, 0);
  const folder = join(t.folder, "package");
  const files = fs.readdirSync(folder, { recursive: true, encoding: "utf8" });
  for (const file of ["README.md", "LICENSE", "CHANGELOG.md", "addon/CMakeLists.txt", "dist/js/src/index.d.ts", "dist/tsrun-init"]) assert.ok(files.includes(file), file);
  assert.equal(files.filter((file) => /\.test\.|testdata|^dist\/tsrun-engine|^dist\/js\/(test|conformance)/.test(file)), []);
  // As npm lays packages: what this one depends on is beside it, and it builds nothing where the addon that it has loads.
  fs.symlinkSync(join(PROJECT, "node_modules"), join(t.folder, "node_modules"));
  const built = spawnSync(process.execPath, ["scripts/build.mjs", "native"], { cwd: folder, encoding: "utf8" });
  assert.equal([built.status, built.stderr, fs.existsSync(join(folder, "build"))], [0, "", false]);
  assert.match(spawnSync(process.execPath, [join(folder, "dist/js/src/cli/main.js"), "--version"], { encoding: "utf8" }).stdout, VERSION);
  const program = `import { Container } from ${JSON.stringify(join(folder, "dist/js/src/index.js"))}; console.log(Container.list({ root: "/none" }));`;
  assert.is(spawnSync(process.execPath, ["--input-type=module", "-e", program], { encoding: "utf8" }).stdout, "[]\n");
});

install("neither files of the working directory nor the environment steer the engine", (t) => {
  const mark = join(t.folder, "mark");
  const evil = `require("node:fs").writeFileSync(${JSON.stringify(mark)}, "x");\n`;
  fs.writeFileSync(join(t.folder, "evil.cjs"), evil);
  fs.writeFileSync(join(t.folder, ".env"), `BUN_OPTIONS=--preload=${t.folder}/evil.cjs\nBUN_BE_BUN=1\n`);
  fs.writeFileSync(join(t.folder, "bunfig.toml"), `preload = ["${t.folder}/evil.cjs"]\n`);
  fs.writeFileSync(join(t.folder, "package.json"), "{ this is no JSON");
  fs.writeFileSync(join(t.folder, "tsconfig.json"), "{ nor is this");
  const env = {
    ...process.env,
    BUN_OPTIONS: `--preload=${t.folder}/evil.cjs`,
    BUN_BE_BUN: "1",
    BUN_INSPECT: "ws://127.0.0.1:1/x?break=1",
    NODE_OPTIONS: `--require=${t.folder}/evil.cjs`,
    MIMALLOC_VERBOSE: "1",
  };
  const result = spawnSync(join(PROJECT, "dist/tsrun"), ["--version"], { cwd: t.folder, env, encoding: "utf8", timeout: 60_000 });
  assert.match(result.stdout, VERSION);
  assert.is(result.stderr, "");
  assert.not(fs.existsSync(mark));
});

install.run();
