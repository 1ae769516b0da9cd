/** Signals that reach `run` and `create`: what goes to the program, and what ends the making of a container. */

import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import * as fs from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import type { Bundle } from "./bundle.ts";
import { needs, suite } from "./harness.ts";
import type { Ground } from "./harness.ts";
import { PROJECT, RUNTIME } from "./runtime.ts";

const signals = suite("signals");

const PATIENCE_MILLIS = 60_000;
const SIGUSR1 = 10;
/** The kernel keeps KILL and STOP, the C library 32 and 33; CHLD, URG and WINCH are for the runtime. */
const NOT_FORWARDED: ReadonlySet<number> = new Set([9, 19, 32, 33, 17, 23, 28]);
const FORWARDED: readonly number[] = Array.from({ length: 64 }, (_, index) => index + 1).filter((signal) => !NOT_FORWARDED.has(signal));

interface Running {
  readonly child: ChildProcess;
  readonly id: string;
  readonly ended: Promise<number | undefined>;
  output(): string;
}

const ENGINES: Readonly<Record<string, readonly string[]>> = {
  "the executable": [RUNTIME],
  Node: [process.execPath, join(PROJECT, "dist/js/src/cli/main.js")],
};

interface StartOptions {
  readonly verb?: string;
  readonly options?: readonly string[];
  readonly command?: readonly string[];
}

function start(t: Ground, bundle: Bundle, { verb = "run", options = [], command = [RUNTIME] }: StartOptions = {}): Running {
  const id = t.id();
  const path = join(t.folder, `${id}.out`);
  const output = fs.openSync(path, "w");
  const [program = "", ...first] = command;
  const args = [...first, "--root", t.stateRoot, verb, ...options, "--bundle", bundle.path, id];
  const child = spawn(program, args, { cwd: t.folder, stdio: ["ignore", output, output] });
  fs.closeSync(output);
  const ended = new Promise<number | undefined>((resolve) => child.on("exit", (status) => resolve(status ?? undefined)));
  return { child, id, ended, output: () => fs.readFileSync(path, "utf8") };
}

/** By number: Node knows no names of realtime signals. */
function send({ child }: Running, signal: number): void {
  process.kill(child.pid ?? 0, signal);
}

async function until(condition: () => boolean, what: () => string): Promise<void> {
  for (const deadline = performance.now() + PATIENCE_MILLIS; !condition(); ) {
    if (performance.now() > deadline) throw new Error(`waited in vain: ${what()}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

function shell(t: Ground, script: string): Bundle {
  needs("root");
  return t.bundle((config) => {
    config.process.args = ["/bin/sh", "-c", script];
  });
}

/** A program that names each signal. */
const NAMING = `for i in ${FORWARDED.join(" ")}; do trap "echo got $i" $i; done; echo ready; while :; do sleep 0.02; done`;

for (const [name, command] of Object.entries(ENGINES)) {
  signals(`run forwards every signal that can be, with ${name}`, async (t) => {
    const running = start(t, shell(t, NAMING), { command });
    await until(() => running.output().includes("ready"), running.output);
    // The others first: they must neither end the runtime nor arrive.
    for (const signal of [17, 23, 28]) send(running, signal);
    for (const signal of FORWARDED) {
      send(running, signal);
      await until(() => running.output().includes(`got ${signal}\n`), () => `signal ${signal}: ${running.output()}`);
    }
    assert.not.match(running.output(), /got (17|23|28)\n/);
    await t.runtime(["kill", running.id, "KILL"]);
    assert.is(await running.ended, 128 + 9);
  });
}

signals("a program that a signal ends gives 128 and its number", async (t) => {
  const bundle = shell(t, "echo ready; exec sleep 100");
  // The first process of a pid namespace survives what it does not handle.
  bundle.config.linux.namespaces = bundle.config.linux.namespaces.filter(({ type }) => type !== "pid");
  bundle.write();
  for (const signal of [SIGUSR1, 15, 40]) {
    const running = start(t, bundle);
    await until(() => running.output().includes("ready"), running.output);
    send(running, signal);
    assert.is(await running.ended, 128 + signal);
  }
});

/** Before the container's root is its root, a path is the host's. */
const HOST_HOOKS: readonly string[] = ["prestart", "createRuntime", "createContainer", "poststart"];

/** A bundle with a hook that takes long, and the file that it makes first. */
function slow(t: Ground, point: string, seconds = "60"): [bundle: Bundle, mark: string] {
  const bundle = shell(t, "exit 3");
  const mark = join(bundle.rootfs, "mark");
  const args = ["sh", "-c", `echo > ${HOST_HOOKS.includes(point) ? mark : "/mark"}; exec sleep ${seconds}`];
  bundle.config.root.readonly = false;
  bundle.config.hooks = { [point]: [{ path: "/bin/sh", args }], poststop: [{ path: "/bin/sh", args: ["sh", "-c", `echo > ${mark}.poststop`] }] };
  bundle.write();
  return [bundle, mark];
}

for (const point of ["prestart", "createRuntime", "createContainer", "startContainer"]) {
  for (const verb of point === "startContainer" ? ["run"] : ["run", "create"]) {
    signals(`${verb} ends cleanly when a signal comes during a ${point} hook`, async (t) => {
      for (const [signal, name] of [[2, "SIGINT"], [15, "SIGTERM"], [1, "SIGHUP"]] as const) {
        const [bundle, mark] = slow(t, point);
        const running = start(t, bundle, { verb });
        await until(() => fs.existsSync(mark), running.output);
        send(running, signal);
        assert.is(await running.ended, 128 + signal);
        assert.is(running.output(), `tsrun: cannot create container "${running.id}": interrupted by ${name}\n`);
        assert.equal(t.leftovers(running.id), []);
        assert.equal(fs.readdirSync(t.stateRoot).filter((entry) => entry === running.id), []);
        assert.ok(fs.existsSync(`${mark}.poststop`));
      }
    });
  }
}

signals("run --detach ends cleanly when a signal comes during a poststart hook", async (t) => {
  const [bundle, mark] = slow(t, "poststart");
  bundle.config.process.args = ["/bin/sleep", "60"];
  bundle.write();
  const running = start(t, bundle, { verb: "run", options: ["--detach"] });
  await until(() => fs.existsSync(mark), running.output);
  send(running, 2);
  assert.is(await running.ended, 128 + 2);
  assert.equal(t.leftovers(running.id), []);
});

signals("signals that arrive before the program are not lost", async (t) => {
  const [bundle, mark] = slow(t, "prestart", "0.5");
  bundle.config.process.args = ["/bin/sleep", "20"];
  bundle.config.linux.namespaces = bundle.config.linux.namespaces.filter(({ type }) => type !== "pid");
  bundle.write();
  const running = start(t, bundle);
  await until(() => fs.existsSync(mark), running.output);
  send(running, SIGUSR1);
  assert.is(await running.ended, 128 + SIGUSR1);
});

signals("a signal that the caller ignores does not end a create", async (t) => {
  const [bundle, mark] = slow(t, "prestart", "0.5");
  const running = start(t, bundle, { command: ["sh", "-c", "trap '' HUP; exec \"$0\" \"$@\"", RUNTIME] });
  await until(() => fs.existsSync(mark), running.output);
  send(running, 1);
  assert.is(await running.ended, 3, running.output());
});

signals.run();
