/** What the caller gave reaches the container and its hooks as it was, and what lies around steers nothing. */

import { spawn } from "node:child_process";
import { once } from "node:events";
import * as fs from "node:fs";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { setTimeout } from "node:timers/promises";
import * as assert from "uvu/assert";
import { native } from "../src/native/native.ts";
import type { Bundle, BundleConfig } from "./bundle.ts";
import { needs, suite } from "./harness.ts";
import type { Ground } from "./harness.ts";
import { PROJECT, RUNTIME, runRuntime } from "./runtime.ts";
import type { Result, RunOptions } from "./runtime.ts";

const test = suite("caller");

function bundleOf(t: Ground, args: readonly string[], change?: (config: BundleConfig) => void): Bundle {
  return t.bundle((config) => {
    config.process.args = [...args];
    change?.(config);
  });
}

/** `run` by way of another program, which has the rest of the command line as "$@" where it is a shell. */
async function runBy(t: Ground, by: readonly string[], { bundle, options = [], ...more }: RunOptions & { bundle: Bundle; options?: string[] }): Promise<Result> {
  needs("root");
  const [program = "", ...args] = by;
  const command = [...args, RUNTIME, "--root", t.stateRoot, "run", ...options, "--bundle", bundle.path, t.id()];
  return runRuntime(command, { folder: t.folder, program, ...more });
}

function bash(script: string): string[] {
  return ["/bin/bash", "-c", `${script}; exec "$@"`, "bash"];
}

function succeeded({ status, stderr, stdout }: Result): string {
  assert.is(status, 0, stderr);
  assert.is(stderr, "");
  return stdout;
}

test("the limit of descriptors reaches the container as the caller had it", async (t) => {
  const bundle = bundleOf(t, ["sh", "-c", "ulimit -Sn; ulimit -Hn"]);
  assert.is(succeeded(await runBy(t, bash("ulimit -Sn 123; ulimit -Hn 321"), { bundle })), "123\n321\n");
});

test("a caller whose folder is gone is told so where a path depends on it, and may give absolute ones", async (t) => {
  needs("root");
  const gone = ["-c", `mkdir -p gone && cd gone && rmdir ../gone && exec "$@"`, "bash", RUNTIME, "--root", t.stateRoot];
  const bundle = bundleOf(t, ["true"]);
  for (const words of [["spec"], ["run", t.id()], ["create", "--bundle", "here", t.id()], ["--log", "log", "list"]]) {
    const { status, stderr } = await runRuntime([...gone, ...words], { folder: t.folder, program: "/bin/bash" });
    assert.equal([status, stderr], [1, "tsrun: cannot use a relative path: the current directory has no path; was it removed?\n"], words.join(" "));
  }
  succeeded(await runRuntime([...gone, "run", "--bundle", bundle.path, t.id()], { folder: t.folder, program: "/bin/bash" }));
});

test("other limits reach the container as the caller had them", async (t) => {
  const bundle = bundleOf(t, ["cat", "/proc/self/limits"]);
  const limits = succeeded(await runBy(t, ["prlimit", "--core=5:7", "--stack=4096000:", "--nproc=1000:2000"], { bundle }));
  const limit = (name: string): string[] | undefined => new RegExp(`^Max ${name} +(\\d+) +(\\d+)`, "m").exec(limits)?.slice(1);
  assert.equal([limit("core file size"), limit("processes")], [["5", "7"], ["1000", "2000"]]);
  assert.match(limits, /^Max stack size +4096000 /m);
});

/** The masks of the container's program, with a bit for each signal. */
async function signals(t: Ground, by: readonly string[]): Promise<{ ignored: bigint; blocked: bigint; caught: bigint }> {
  const bundle = bundleOf(t, ["grep", "Sig[IBC]", "/proc/self/status"]);
  const stdout = succeeded(await runBy(t, by, { bundle }));
  const mask = (name: string): bigint => BigInt(`0x${new RegExp(`^${name}:\\s+(\\w+)$`, "m").exec(stdout)?.[1] ?? "none"}`);
  return { ignored: mask("SigIgn"), blocked: mask("SigBlk"), caught: mask("SigCgt") };
}

test("signals that the caller ignored and blocked are ignored and blocked in the container", async (t) => {
  const { ignored, blocked } = await signals(t, ["env", "--ignore-signal=USR1,HUP", "--block-signal=TERM,RTMAX"]);
  assert.is(ignored, (1n << 9n) | 1n);
  assert.is(blocked, (1n << 14n) | (1n << 63n));
});

test("the engine's own ignored and blocked signals do not reach the container", async (t) => {
  const masks = await signals(t, ["env", "--default-signal", "--block-signal=PWR"]);
  assert.equal(masks, { ignored: 0n, blocked: 1n << 29n, caught: 0n });
});

test("run sees the program's end though the caller ignores SIGCHLD", async (t) => {
  const bundle = bundleOf(t, ["sh", "-c", "exit 7"]);
  const { status, stderr } = await runBy(t, ["env", "--ignore-signal=CHLD"], { bundle });
  assert.equal([status, stderr], [7, ""]);
});

/** The numbers of the descriptors that a program of the container finds, its own view of them aside. */
async function descriptors(t: Ground, by: readonly string[], options: string[] = []): Promise<string[]> {
  const script = "cd /proc/self/fd; for fd in *; do [ -e $fd ] && echo $fd $(readlink $fd); done; true";
  const stdout = succeeded(await runBy(t, by, { bundle: bundleOf(t, ["sh", "-c", script]), options }));
  return stdout.trim().split("\n").filter((line) => !line.includes("/proc/"));
}

test("no descriptor but the standard ones reaches the container", async (t) => {
  const found = await descriptors(t, bash("exec 3</etc/passwd 5</etc/passwd 200</etc/passwd"));
  assert.equal(found.map((line) => line.split(" ")[0]), ["0", "1", "2"]);
});

test("--preserve-fds passes as many descriptors from 3 on as it says, and they are the caller's", async (t) => {
  const found = await descriptors(t, bash("exec 3</etc/passwd 4</etc/group 5</etc/hostname"), ["--preserve-fds", "2"]);
  assert.equal(found.map((line) => line.split(" ")[0]), ["0", "1", "2", "3", "4"]);
  assert.equal(found.slice(3), ["3 /etc/passwd", "4 /etc/group"]);
});

test("--preserve-fds refuses a descriptor that the caller has not open", async (t) => {
  const bundle = bundleOf(t, ["true"]);
  const result = await runBy(t, bash("exec 3</etc/passwd 4>&-"), { bundle, options: ["--preserve-fds", "2"] });
  assert.is(result.status, 1);
  assert.is(result.stderr, "tsrun: cannot preserve descriptor 4: it is not open\n");
});

test("a standard stream that the caller closed is closed in the container", async (t) => {
  const found = await descriptors(t, bash("exec 0<&-"));
  assert.not(found.some((line) => line.startsWith("0 ") && !line.includes("null")), found.join());
});

test("the container's umask is the config's, else 0022, whatever the caller's", async (t) => {
  const plain = bundleOf(t, ["sh", "-c", "umask"]);
  assert.is(succeeded(await runBy(t, bash("umask 0777"), { bundle: plain })), "0022\n");
  const own = bundleOf(t, ["sh", "-c", "umask"], (config) => Object.assign(config.process.user, { umask: 0o31 }));
  assert.is(succeeded(await runBy(t, bash("umask 0777"), { bundle: own })), "0031\n");
});

const ENGINE_VARIABLES: Readonly<Record<string, string>> = {
  BUN_BE_BUN: "1",
  BUN_INSPECT: "ws://127.0.0.1:1/x?break=1",
  BUN_JSC_useJIT: "1",
  MIMALLOC_VERBOSE: "1",
};

test("hooks see the caller's environment unchanged", async (t) => {
  const hook = (point: string): object => ({ path: "/bin/sh", args: ["sh", "-c", `env -0 > ${t.folder}/${point}`] });
  const points = ["prestart", "createRuntime", "createContainer", "poststart", "poststop"];
  const bundle = bundleOf(t, ["true"], (config) => {
    config.hooks = Object.fromEntries(points.map((point) => [point, [hook(point)]])) as NonNullable<BundleConfig["hooks"]>;
  });
  const env = { ...ENGINE_VARIABLES, BUN_OPTIONS: "--smol", NODE_OPTIONS: "--no-warnings", PLAIN: "a b\nc=d", EMPTY: "", constructor: "c", toString: "t" };
  const by = ["env", "-i", "PATH=/bin:/usr/bin", ...Object.entries(env).map(([name, value]) => `${name}=${value}`)];
  succeeded(await runBy(t, by, { bundle }));
  for (const point of points) {
    const given = fs.readFileSync(join(t.folder, point), "utf8").split("\0").filter((entry) => entry !== "");
    // What the shell adds for itself.
    const seen = given.filter((entry) => !/^(PWD|OLDPWD|SHLVL|_)=/.test(entry));
    assert.equal(seen.sort(), ["PATH=/bin:/usr/bin", ...Object.entries(env).map(([name, value]) => `${name}=${value}`)].sort(), point);
  }
});

test("hooks get the caller's limit of descriptors and signals", async (t) => {
  const script = (point: string): string => `{ ulimit -n; grep SigIgn /proc/self/status; } > ${t.folder}/${point}`;
  const points = ["createRuntime", "poststart", "poststop"];
  const bundle = bundleOf(t, ["true"], (config) => {
    config.hooks = Object.fromEntries(points.map((point) => [point, [{ path: "/bin/bash", args: ["bash", "-c", script(point)] }]]));
  });
  succeeded(await runBy(t, ["/bin/bash", "-c", 'ulimit -Sn 77; trap "" USR2; exec "$@"', "bash"], { bundle }));
  for (const point of points) assert.is(fs.readFileSync(join(t.folder, point), "utf8"), "77\nSigIgn:\t0000000000000800\n", point);
});

test("the container's environment is the config's, and nothing of the caller's or the engine's", async (t) => {
  const bundle = bundleOf(t, ["env"], (config) => void (config.process.env = ["A=1", "PATH=/bin"]));
  const stdout = succeeded(await runBy(t, ["env", "SECRET=1"], { bundle }));
  assert.equal(stdout.trim().split("\n").sort(), ["A=1", "HOME=/root", "PATH=/bin"]);
});

test("files of the bundle and variables of the caller do not steer the engine", async (t) => {
  const bundle = bundleOf(t, ["echo", "hello"]);
  const mark = join(t.folder, "mark");
  const evil = join(bundle.path, "evil.cjs");
  fs.writeFileSync(evil, `require("node:fs").writeFileSync(${JSON.stringify(mark)}, "x");\n`);
  fs.writeFileSync(join(bundle.path, ".env"), `BUN_OPTIONS=--preload=${evil}\nTSRUN_LAUNCH=x\n`);
  fs.writeFileSync(join(bundle.path, "bunfig.toml"), `preload = ["${evil}"]\n[run]\npreload = ["${evil}"]\n`);
  fs.writeFileSync(join(bundle.path, "package.json"), '{ "name": "x", "type": "commonjs", "imports": { "commander": "./evil.cjs" } }');
  fs.writeFileSync(join(bundle.path, "tsconfig.json"), '{ "compilerOptions": { "paths": { "*": ["./evil.cjs"] } } }');
  const env = { ...ENGINE_VARIABLES, BUN_OPTIONS: `--preload=${evil}`, NODE_OPTIONS: `--require=${evil}` };
  const result = await runBy(t, ["env"], { bundle, cwd: bundle.path, env });
  assert.is(succeeded(result), "hello\n");
  assert.not(fs.existsSync(mark));
});

/** The descriptors from 3 on that lead where descriptor 1 of a process leads. */
function copiesOfOutput(pid: number): string[] {
  try {
    const links = fs.readdirSync(`/proc/${pid}/fd`).map((fd) => [fd, fs.readlinkSync(`/proc/${pid}/fd/${fd}`)] as const);
    const output = links.find(([fd]) => fd === "1")?.[1];
    return links.filter(([fd, link]) => Number(fd) > 2 && link === output).map(([fd]) => fd);
  } catch {
    return [];
  }
}

test("output waits for its reader, also where the caller's pipe is not to be waited for", async (t) => {
  const [reader, writer] = native().pipe();
  native().setNonblocking(writer, true);
  const filling = Buffer.alloc(4096, ".");
  let filled = 0;
  assert.throws(() => {
    for (;;) filled += fs.writeSync(writer, filling);
  }, /EAGAIN/);
  const command = ["-c", 'read -r go; exec "$0" "$@"', RUNTIME, "explain", "--bundle", t.bundle().path];
  const child = spawn("sh", command, { stdio: ["pipe", writer, "pipe"] });
  // Node.js takes the flag from what a child inherits.
  native().setNonblocking(writer, true);
  fs.closeSync(writer);
  child.stdin?.end("go\n");
  let stderr = "";
  child.stderr?.setEncoding("utf8").on("data", (text: string) => (stderr += text));
  const ended = once(child, "close");
  while (child.exitCode === null && copiesOfOutput(child.pid ?? 0).length === 0) await setTimeout(5);
  const output = await text(fs.createReadStream("", { fd: reader }));
  assert.equal([...(await ended), stderr], [0, null, ""]);
  assert.match(output.slice(filled), /execve/);
});

test("a working directory that was removed is no obstacle", async (t) => {
  const bundle = bundleOf(t, ["echo", "hello"]);
  const gone = join(t.folder, "gone");
  assert.is(succeeded(await runBy(t, bash(`mkdir ${gone}; cd ${gone}; rmdir ${gone}`), { bundle })), "hello\n");
});

const NODE = [process.execPath, join(PROJECT, "dist/js/src/cli/main.js")];

function onNode(t: Ground, args: readonly string[]): Promise<Result> {
  const [program = "", main = ""] = NODE;
  return runRuntime([main, "--root", t.stateRoot, ...args], { folder: t.folder, program });
}

test("plain Node runs the whole lifecycle", async (t) => {
  needs("root");
  const id = t.id();
  const bundle = bundleOf(t, ["sh", "-c", "echo hello; exec sleep 100"]);
  const created = await onNode(t, ["create", "--bundle", bundle.path, "--pid-file", join(t.folder, "pid"), id]);
  succeeded(created);
  const state = JSON.parse(succeeded(await onNode(t, ["state", id]))) as { status: string; pid: number };
  assert.is(state.status, "created");
  assert.is(fs.readFileSync(join(t.folder, "pid"), "utf8"), `${state.pid}`);
  succeeded(await onNode(t, ["start", id]));
  assert.match(succeeded(await onNode(t, ["list"])), new RegExp(`${id} .* running `));
  assert.is((await onNode(t, ["delete", id])).status, 1);
  succeeded(await onNode(t, ["kill", id, "KILL"]));
  let status = "";
  while (status !== "stopped") ({ status } = JSON.parse(succeeded(await onNode(t, ["state", id]))) as { status: string });
  succeeded(await onNode(t, ["delete", id]));
  assert.equal(t.leftovers(id), []);
  assert.is(created.stdout, "hello\n");
});

test("plain Node runs a container in the foreground", async (t) => {
  needs("root");
  const result = await onNode(t, ["run", "--bundle", bundleOf(t, ["sh", "-c", "echo hello; exit 7"]).path, t.id()]);
  assert.equal([result.status, result.stdout, result.stderr], [7, "hello\n", ""]);
});

test("plain Node refuses --preserve-fds: what the caller gave is not to be told from what it opened itself", async (t) => {
  needs("root");
  const result = await onNode(t, ["run", "--preserve-fds", "1", "--bundle", bundleOf(t, ["true"]).path, t.id()]);
  assert.equal([result.status, result.stderr], [1, "tsrun: cannot preserve descriptors: only the installed tsrun knows what its caller gave\n"]);
});

test.run();
