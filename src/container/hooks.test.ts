/** Hooks of the runtime's namespaces: what they are told, and how each way to end is told. */

import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { HookError } from "../errors.ts";
import { runHook } from "./hooks.ts";
import type { HookRun } from "./hooks.ts";

const test = suite("hooks");

let folder = "";
test.before.each(() => {
  folder = fs.realpathSync(fs.mkdtempSync(join(tmpdir(), "tsrun-hooks-")));
});
test.after.each(() => fs.rmSync(folder, { recursive: true }));

const STATE = { ociVersion: "1.3.0", id: "box", status: "created", pid: 42, bundle: "/b" } as const;

function hook(script: string, changes: Partial<HookRun> = {}): Promise<void> {
  const one = { path: "/bin/sh", args: ["sh", "-c", script] };
  return runHook({ point: "createRuntime", index: 2, hook: one, state: STATE, cwd: folder, environment: ["PATH=/bin:/usr/bin"], ...changes });
}

async function failureOf(promise: Promise<void>): Promise<string> {
  try {
    await promise;
  } catch (error) {
    assert.instance(error, HookError);
    return (error as Error).message;
  }
  return "none";
}

function seen(): string {
  return fs.readFileSync(join(folder, "seen"), "utf8");
}

test("runHook() tells the state on standard input, in the working directory it is given", async () => {
  await hook("cat > seen");
  assert.equal(JSON.parse(seen()), STATE);
});

test("runHook() appends what the hook writes to files that annotations name", async () => {
  const annotations = { "run.oci.hooks.stdout": "out", "run.oci.hooks.stderr": join(folder, "err") };
  const state = { ...STATE, annotations };
  await hook("echo one; echo two >&2", { state });
  assert.match(await failureOf(hook("echo three; echo four >&2; exit 5", { state })), /exit status 5$/);
  assert.equal(["out", "err"].map((name) => fs.readFileSync(join(folder, name), "utf8")), ["one\nthree\n", "two\nfour\n"]);
  // With one of them alone the other's words are in the error still.
  const half = { ...STATE, annotations: { "run.oci.hooks.stdout": "out" } };
  assert.match(await failureOf(hook("echo five; echo six >&2; exit 5", { state: half })), /exit status 5: six$/);
  const nowhere = { ...STATE, annotations: { "run.oci.hooks.stderr": "no/such/folder" } };
  assert.match(await failureOf(hook("true", { state: nowhere })), /cannot open "no\/such\/folder" for what it writes: ENOENT/);
});

test("runHook() gives the caller's environment, or the hook's own, if only an empty one", async () => {
  const env = (own?: string[]): Promise<void> =>
    runHook({
      point: "poststop",
      index: 0,
      hook: { path: "/bin/sh", args: ["sh", "-c", "/usr/bin/env > seen"], ...(own === undefined ? {} : { env: own }) },
      state: STATE,
      cwd: folder,
      environment: ["CALLER=1"],
    });
  await env();
  assert.match(seen(), "CALLER=1\n");
  await env(["OWN=2"]);
  assert.match(seen(), "OWN=2\n");
  assert.not.match(seen(), "CALLER");
  await env([]);
  assert.not.match(seen(), "CALLER");
});

test("runHook() has the path for the first argument where there are none", async () => {
  fs.writeFileSync(join(folder, "script"), "#!/bin/sh\necho \"$0 $#\" > seen\n", { mode: 0o755 });
  await hook("", { hook: { path: join(folder, "script") } });
  assert.is(seen(), `${folder}/script 0\n`);
});

test("runHook() tells status, signal and the hook's last words", async () => {
  const name = 'cannot run createRuntime hook #2 "/bin/sh": ';
  assert.is(await failureOf(hook("exit 3")), `${name}exit status 3`);
  assert.is(await failureOf(hook("echo one; echo two >&2; exit 1")), `${name}exit status 1: one\ntwo`);
  assert.is(await failureOf(hook("kill -9 $$")), `${name}it died of SIGKILL`);
  assert.is(await failureOf(hook("true")), "none");
});

test("runHook() tells why the hook could not be executed", async () => {
  const path = join(folder, "script");
  const failure = async (text: string, mode: number): Promise<string> => {
    fs.writeFileSync(path, text);
    fs.chmodSync(path, mode);
    return (await failureOf(hook("", { hook: { path } }))).replace(`cannot run createRuntime hook #2 "${path}": `, "");
  };
  assert.is(await failure("#!/none\n", 0o755), 'ENOENT: no such file or directory; it needs the interpreter "/none", which is missing');
  assert.is(await failure("#!/bin/sh\n", 0o644), "EACCES: permission denied; its mode 0644 lets nobody execute it");
  assert.is(await failure("true\n", 0o755), 'ENOEXEC: exec format error; it is text without a first line that begins with "#!"');
});

test("runHook() keeps the end of what a hook says at length, and does not choke on it", async () => {
  const words = await failureOf(hook("head -c 300000 /dev/zero | tr '\\0' x; echo the end; exit 1"));
  assert.ok(words.endsWith("xxxthe end"));
  assert.ok(words.length < 5000, `${words.length}`);
});

test("runHook() kills a hook whose time is over", async () => {
  const start = performance.now();
  const one = { path: "/bin/sh", args: ["sh", "-c", "echo begun; exec sleep 100"], timeout: 1 };
  assert.match(await failureOf(hook("", { hook: one })), "it did not end within 1 s: begun");
  assert.ok(performance.now() - start < 50_000);
});

test("runHook() does not wait for what a hook leaves behind with its output", async () => {
  const start = performance.now();
  await hook("sleep 100 & echo $! > seen");
  assert.ok(performance.now() - start < 50_000);
  process.kill(Number(seen()), "SIGKILL");
});

test("runHook() is content with a hook that does not read, however long the state", async () => {
  await hook("exec <&-; sleep 0.05", { state: { ...STATE, annotations: { long: "x".repeat(500_000) } } });
  await hook("wc -c > seen", { state: { ...STATE, annotations: { long: "x".repeat(500_000) } } });
  assert.ok(Number(seen()) > 500_000);
});

test("runHook() tells of a hook that cannot be executed, with the reason", async () => {
  assert.match(await failureOf(hook("", { hook: { path: "/no/hook" } })), /cannot run createRuntime hook #2 "\/no\/hook": .*ENOENT/);
});

test("runHook() gives up when it is told to", async () => {
  const controller = new AbortController();
  setTimeout(() => controller.abort(new Error("given up")), 50);
  const start = performance.now();
  const failure = await hook("exec sleep 100", { abort: controller.signal }).catch((error: unknown) => (error as Error).message);
  assert.is(failure, "given up");
  assert.ok(performance.now() - start < 50_000);
});

test("runHook() leaves neither descriptors nor processes", async () => {
  const owned = (): string => {
    const children = fs.readdirSync("/proc/self/task").map((task) => fs.readFileSync(`/proc/self/task/${task}/children`, "utf8"));
    return `${fs.readdirSync("/proc/self/fd").length} ${children.join("")}`;
  };
  await hook("true");
  const before = owned();
  for (let round = 0; round < 10; round++) {
    await hook("cat > /dev/null");
    await failureOf(hook("exit 1"));
    await failureOf(hook("", { hook: { path: "/no/hook" } }));
  }
  assert.is(owned(), before);
});

test.run();
