/** The launcher, with a script in the engine's place: what it notes, what it hides, and how it fails. */

import { spawnSync } from "node:child_process";
import type { SpawnSyncOptions } from "node:child_process";
import * as fs from "node:fs";
import { basename, join } from "node:path";
import * as assert from "uvu/assert";
import { callerEnvironment, parseLaunch } from "../src/linux/launch.ts";
import type { Launch } from "../src/linux/launch.ts";
import { needs, suite } from "./harness.ts";
import type { Ground } from "./harness.ts";
import { PROJECT } from "./runtime.ts";

const launcher = suite("launcher");

/** Prints what it was given, each thing ended by a zero byte; a shell would change signals and the environment less than most. */
const ENGINE = `#!/bin/sh
printf 'pwd=%s\\0' "$(pwd)"
printf 'arg=%s\\0' "$@"
cat /proc/$$/environ
`;

interface Seen {
  readonly launch: Launch;
  readonly environment: Record<string, string>;
  readonly args: readonly string[];
  readonly pwd: string;
}

/** The launcher's path, in a folder with the script as its engine. */
function install(ground: Ground): string {
  const path = join(ground.folder, "tsrun");
  fs.copyFileSync(join(PROJECT, "dist/tsrun"), path);
  fs.writeFileSync(join(ground.folder, "tsrun-engine"), ENGINE, { mode: 0o755 });
  return path;
}

function look(command: readonly string[], options: SpawnSyncOptions = {}): Seen {
  const [program = "", ...args] = command;
  const result = spawnSync(program, args, { encoding: "utf8", ...options });
  assert.is(result.status, 0, String(result.stderr));
  const parts = String(result.stdout).split("\0").slice(0, -1);
  const pwd = parts.shift()?.replace("pwd=", "") ?? "";
  const given = parts.filter((part) => part.startsWith("arg=")).map((part) => part.slice(4));
  const variables = parts.filter((part) => !part.startsWith("arg="));
  const environment = Object.fromEntries(variables.map((part) => [part.slice(0, part.indexOf("=")), part.slice(part.indexOf("=") + 1)]));
  const launch = parseLaunch(environment["TSRUN_LAUNCH"] ?? "");
  if (launch === undefined) throw new Error(`cannot read "${environment["TSRUN_LAUNCH"]}"`);
  return { launch, environment, args: given, pwd };
}

launcher("notes the limit of descriptors", (t) => {
  const { launch } = look(["sh", "-c", 'ulimit -Sn 123; ulimit -Hn 321; exec "$0"', install(t)]);
  assert.equal(launch.nofile, { soft: 123n, hard: 321n });
});

launcher("notes signals that are ignored and blocked, each by its bit", (t) => {
  const { launch } = look(["env", "--ignore-signal=USR1", "--block-signal=TERM,RTMAX", install(t)]);
  assert.is((launch.ignoredSignals >> 9n) & 1n, 1n);
  assert.is(launch.blockedSignals, (1n << 14n) | (1n << 63n));
  assert.is((look([install(t)]).launch.ignoredSignals >> 9n) & 1n, 0n);
});

launcher("notes the descriptors that it inherits, and leaves none of its own open", (t) => {
  const { launch } = look(["bash", "-c", 'for fd in $(ls /proc/self/fd); do ((fd < 3)) || eval "exec $fd>&-"; done; exec 5<&0 6<&0 300<&0; exec "$0"', install(t)]);
  assert.equal(launch.fds, [0, 1, 2, 5, 6, 300]);
});

launcher("notes a standard descriptor that is closed", (t) => {
  const { launch } = look(["bash", "-c", 'exec <&-; exec "$0"', install(t)]);
  assert.not(launch.fds.includes(0));
  assert.ok(launch.fds.includes(1));
});

launcher("notes the working directory and enters the root", (t) => {
  const cwd = join(t.folder, "a b=c\nd");
  fs.mkdirSync(cwd);
  const seen = look([install(t)], { cwd });
  assert.is(seen.launch.cwd, fs.realpathSync(cwd));
  assert.is(seen.pwd, "/");
});

launcher("notes a long working directory whole, beside the longest list of descriptors", (t) => {
  const long = join(t.folder, ...Array.from({ length: 17 }, () => "d".repeat(200)));
  fs.mkdirSync(long, { recursive: true });
  const script = 'ulimit -n 4096; for ((fd = 1000; fd < 4096; fd++)); do ((fd % 3)) && eval "exec $fd</dev/null"; done; exec "$0"';
  const { launch } = look(["bash", "-c", script, install(t)], { cwd: long });
  assert.is(launch.cwd, fs.realpathSync(long));
  assert.ok(launch.fds.includes(4094));
});

launcher("notes no working directory where it was removed", (t) => {
  const { launch } = look(["sh", "-c", 'mkdir "$1" && cd "$1" && rmdir "$1" && exec "$0"', install(t), join(t.folder, "gone")]);
  assert.is(launch.cwd, undefined);
});

launcher("passes the arguments as they are", (t) => {
  assert.equal(look([install(t), "--root", "", "a b", "ä"]).args, ["--root", "", "a b", "ä"]);
});

launcher("hides the engine's variables from it, and they can be told again", (t) => {
  const hostile = {
    BUN_OPTIONS: "--preload /x",
    BUN_BE_BUN: "1",
    BUN_JSC_useJIT: "1",
    NODE_OPTIONS: "--x",
    NODE_CHANNEL_FD: "3",
    MimAlloc_Verbose: "1",
    MallocScribble: "1",
    SIMDUTF_FORCE_IMPLEMENTATION: "x",
  };
  const harmless = { BUN: "x", PATH: "/bin:/usr/bin", MALLOC_ARENA_MAX: "1", NO_COLOR: "", TZ: "UTC", EMPTY: "" };
  const { environment } = look([install(t)], { env: { ...hostile, ...harmless } });
  for (const name of Object.keys(hostile)) {
    assert.is(environment[name], name === "BUN_JSC_useJIT" ? "0" : undefined);
  }
  const expected = Object.entries({ ...hostile, ...harmless }).map(([name, value]) => `${name}=${value}`);
  assert.equal(callerEnvironment(environment).sort(), expected.sort());
});

launcher("replaces a note that is not its own", (t) => {
  const env = { PATH: "/bin:/usr/bin", TSRUN_LAUNCH: "1 nofile=1:1", TSRUN_CALLER_HOME: "/evil" };
  const { environment, launch } = look([install(t)], { env });
  assert.not.equal(launch.nofile, { soft: 1n, hard: 1n });
  assert.equal(callerEnvironment(environment), ["PATH=/bin:/usr/bin"]);
});

launcher("finds the engine beside its real file, however it was called", (t) => {
  install(t);
  const folder = join(t.folder, "bin");
  fs.mkdirSync(folder);
  fs.symlinkSync("../tsrun", join(folder, "containerd-shim-tsrun-v1"));
  const seen = look(["containerd-shim-tsrun-v1", "x"], { env: { PATH: `${folder}:/bin:/usr/bin` } });
  assert.equal(seen.args, ["x"]);
});

launcher("keeps argv[0], by which the engine tells what it is", (t) => {
  const path = install(t);
  // The kernel gives a script's path to its interpreter, so this engine must be a program: one that names itself in errors.
  fs.copyFileSync("/bin/busybox", join(t.folder, "tsrun-engine"));
  const result = spawnSync(path, ["one", "two"], { argv0: "echo", encoding: "utf8" });
  assert.is(result.stdout, "one two\n");
});

for (const [what, spoil, status, reason] of [
  ["is missing", (path: string) => fs.rmSync(path), 127, "ENOENT: no such file or directory"],
  ["is a folder", (path: string) => (fs.rmSync(path), fs.mkdirSync(path)), 126, "EACCES: permission denied"],
  ["is no program", (path: string) => fs.writeFileSync(path, "x"), 126, "ENOEXEC: exec format error"],
] as const) {
  launcher(`says so when the engine ${what}`, (t) => {
    const path = install(t);
    spoil(`${path}-engine`);
    const result = spawnSync(path, [], { encoding: "utf8" });
    assert.is(result.stderr, `tsrun: cannot execute "${fs.realpathSync(t.folder)}/tsrun-engine": ${reason}\n`);
    assert.is(result.status, status);
  });
}

launcher("refuses to run with another's rights", (t) => {
  needs("root");
  const path = install(t);
  fs.chmodSync(path, 0o4755);
  const result = spawnSync(path, [], { encoding: "utf8", uid: 65534, gid: 65534 });
  assert.match(result.stderr, /^tsrun: cannot run "tsrun": it is set-user-ID/);
  assert.is(result.status, 126);
});

launcher("is a static program of a few kilobytes", () => {
  const path = join(PROJECT, "dist/tsrun");
  assert.ok(fs.statSync(path).size < 16_384, `${basename(path)} has ${fs.statSync(path).size} bytes`);
  assert.not.match(fs.readFileSync(path, "latin1"), "ld-linux");
});

launcher.run();
