/** The C++ under sanitizers: init's pure parts fed with what is malformed, all of it and the small engine at work. */

import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { encodePlan } from "../src/plan/encode.ts";
import type { Bundle } from "./bundle.ts";
import { needs, skip, suite } from "./harness.ts";
import type { Ground } from "./harness.ts";
import { MAPS, configOf, namespaces, planOf } from "./plan-cases.ts";
import { everything, withUserNamespace } from "./rich-configs.ts";
import { PROJECT, runRuntime } from "./runtime.ts";


const test = suite("sanitizers");

const FOLDER = join(PROJECT, "build/sanitize");

function cmake(...args: string[]): void {
  const { status, stdout, stderr } = spawnSync("cmake", args, { encoding: "utf8" });
  if (/cannot find.*lib(a|ub)san/.test(stdout + stderr)) skip("the compiler's sanitizers are not installed");
  assert.is(status, 0, stdout + stderr);
}

/** Builds a target that nothing else builds, and returns its path. */
function built(target: string): string {
  needs("cmake", "g++");
  // A checkout that was moved is another one to cmake.
  const cache = join(FOLDER, "CMakeCache.txt");
  if (fs.existsSync(cache) && !fs.readFileSync(cache, "utf8").includes(`CMAKE_HOME_DIRECTORY:INTERNAL=${join(PROJECT, "addon")}\n`)) {
    fs.rmSync(FOLDER, { recursive: true });
  }
  cmake("-S", join(PROJECT, "addon"), "-B", FOLDER);
  cmake("--build", FOLDER, "--target", target);
  return join(FOLDER, target);
}

test("the plan reader reads good plans, and refuses cut off and changed ones without a bad access", (t) => {
  const program = built("plan-reader-test");
  const user = { namespaces: namespaces("mount", "pid", "user"), ...MAPS, maskedPaths: ["/proc/kcore"] };
  const configs = [
    configOf({ process: undefined, linux: { namespaces: [] } }),
    configOf({ process: { env: ["ä=ö", ""].filter((entry) => entry !== ""), args: ["sh", "", "a b"], user: { uid: 0, gid: 0, additionalGids: [1, 2] } } }),
    configOf({ linux: user, hooks: { createContainer: [{ path: "/bin/hook", args: ["a"] }] } }),
  ];
  const paths = configs.map((config, index) => {
    const path = join(t.folder, `${index}.plan`);
    const { steps } = planOf(config);
    fs.writeFileSync(path, encodePlan(steps, steps.flatMap((step) => (step.op === "spawn" ? step.inherit : []))));
    return path;
  });
  const { status, stdout, stderr } = spawnSync(program, ["plans", "1", ...paths], { encoding: "utf8", timeout: 120_000 });
  assert.is(status, 0, stderr);
  const [, refused, read] = /^(\d+) refused, (\d+) read$/m.exec(stdout) ?? [];
  // Many changes are of a number that means nothing to the reader.
  assert.ok(Number(refused) > 5000 && Number(read) > 1000, stdout);
});

test("the plan reader tells a plan that is none", (t) => {
  const program = built("plan-reader-test");
  fs.writeFileSync(join(t.folder, "x"), "no plan");
  const { status, stderr } = spawnSync(program, ["plans", "1", join(t.folder, "x")], { encoding: "utf8" });
  assert.is(status, 1);
  assert.match(stderr, "a good plan is refused");
});

const [ANY, DIRECTORY, FILE] = [0, 1, 2];

/** What the image holds: links out of it, round in circles, into what is not there. */
const LINKS: Readonly<Record<string, string>> = {
  out: "/../../../../../..",
  up: "../../../../../../..",
  absolute: "/sub/dir",
  relative: "sub",
  dangling: "missing/place",
  "dangling-absolute": "/missing/absolute",
  self: "self",
  one: "two",
  two: "one",
  "sub/back": "../relative/dir",
  host: "/etc/passwd",
};

const LONG = "x".repeat(300);
const DEEP = Array.from({ length: 300 }, () => "d").join("/");

const WALKS: readonly (readonly [kind: number, path: string, result: string])[] = [
  [ANY, "/sub/dir", "/sub/dir"],
  [ANY, "sub//dir/", "/sub/dir"],
  [ANY, "/nothing", "ENOENT"],
  [DIRECTORY, "/new/a/b", "/new/a/b"],
  [FILE, "/new/file", "/new/file"],
  [DIRECTORY, "/new/file", "ENOTDIR"],
  [DIRECTORY, "/new/file/x", "ENOTDIR"],
  [DIRECTORY, "/out", ""],
  [DIRECTORY, "/out/made", "/made"],
  [FILE, "/up/made-file", "/made-file"],
  [DIRECTORY, "/../../made2", "/made2"],
  [DIRECTORY, "/absolute/x", "/sub/dir/x"],
  [DIRECTORY, "/relative/y", "/sub/y"],
  [DIRECTORY, "/dangling/z", "/missing/place/z"],
  [FILE, "/dangling-absolute", "/missing/absolute"],
  [DIRECTORY, "/sub/back/./../q", "/sub/q"],
  [DIRECTORY, "/self", "ELOOP"],
  [DIRECTORY, "/one/x", "ELOOP"],
  [FILE, "/host", "/etc/passwd"],
  [DIRECTORY, `/${LONG}`, "ENAMETOOLONG"],
  [DIRECTORY, `/${DEEP}`, `/${DEEP}`],
  [DIRECTORY, `/${Array.from({ length: 2100 }, () => "e").join("/")}`, "ENAMETOOLONG"],
  [DIRECTORY, ".", ""],
  [DIRECTORY, "/", ""],
];

function image(t: Ground): string {
  const root = join(t.folder, "root");
  fs.mkdirSync(join(root, "sub/dir"), { recursive: true });
  for (const [path, target] of Object.entries(LINKS)) fs.symlinkSync(target, join(root, path));
  return root;
}

test("the walk through a root file system never leaves it, whatever its links say", (t) => {
  const program = built("plan-reader-test");
  const root = image(t);
  const before = fs.readdirSync(t.folder);
  const input = WALKS.map(([kind, path]) => `${kind} ${path}\n`).join("");
  const { status, stdout, stderr } = spawnSync(program, ["walk", root], { encoding: "utf8", input, timeout: 60_000 });
  assert.is(status, 0, stderr);
  const results = stdout.trimEnd().split("\n");
  for (const [index, [, path, expected]] of WALKS.entries()) {
    assert.is(results[index], /^E[A-Z]+$/.test(expected) ? expected : root + expected, path.slice(0, 40));
  }
  assert.equal(fs.readdirSync(t.folder), before);
});

test("the walk through a root file system holds for paths and links at random", (t) => {
  const program = built("plan-reader-test");
  const root = image(t);
  let state = 7;
  const random = (below: number): number => (state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff) % below;
  const words = [...Object.keys(LINKS), "..", ".", "", "sub", "dir", "new", "made", "x", "a b"];
  const path = (): string => Array.from({ length: 1 + random(6) }, () => words[random(words.length)] ?? "").join("/");
  for (let index = 0; index < 40; index++) fs.symlinkSync(`${random(2) === 0 ? "/" : ""}${path()}` || "x", join(root, `link-${index}`));
  words.push(...Array.from({ length: 40 }, (_, index) => `link-${index}`));
  const lines = Array.from({ length: 3000 }, () => `${random(3)} ${path() || "."}`);
  const { status, stdout, stderr } = spawnSync(program, ["walk", root], { encoding: "utf8", input: `${lines.join("\n")}\n`, timeout: 60_000 });
  assert.is(status, 0, stderr);
  const results = stdout.trimEnd().split("\n");
  assert.is(results.length, lines.length);
  for (const [index, result] of results.entries()) {
    assert.ok(/^E[A-Z]+$/.test(result) || result === root || result.startsWith(`${root}/`), `${lines[index]}: ${result}`);
  }
  assert.ok(results.filter((result) => result.startsWith("/")).length > 300, "most are found or made");
  assert.equal(fs.readdirSync(t.folder), ["root"]);
});

/** A copy of the program whose init traps at each undefined behaviour. */
function trapping(t: Ground): string {
  const init = built("tsrun-init-ubsan");
  const folder = join(t.folder, "program");
  fs.mkdirSync(folder);
  for (const name of ["tsrun", "tsrun-engine", "tsrun-quick", "tsrun.node"]) {
    const from = join(PROJECT, "dist", name);
    if (!fs.existsSync(from)) continue;
    try {
      fs.linkSync(from, join(folder, name));
    } catch {
      fs.copyFileSync(from, join(folder, name));
    }
  }
  fs.copyFileSync(init, join(folder, "tsrun-init"));
  assert.ok(fs.statSync(init).size > fs.statSync(join(PROJECT, "dist/tsrun-init")).size, "the checks are in it");
  return join(folder, "tsrun");
}

test("init makes containers of many kinds without undefined behaviour", async (t) => {
  needs("root");
  const program = trapping(t);
  const bundles: Bundle[] = [t.bundle(), t.bundle(everything), withUserNamespace(t), withUserNamespace(t, everything)];
  for (const bundle of bundles) {
    const result = await runRuntime(["--root", t.stateRoot, "run", "--bundle", bundle.path, t.id()], { folder: t.folder, program });
    assert.is(result.status, 0, result.stderr);
  }
});

test("init fails without undefined behaviour", async (t) => {
  needs("root");
  const program = trapping(t);
  const failing = async (bundle: Bundle, reason: RegExp): Promise<void> => {
    const result = await runRuntime(["--root", t.stateRoot, "run", "--bundle", bundle.path, t.id()], { folder: t.folder, program });
    assert.match(result.stderr, reason);
  };
  await failing(t.bundle(({ process }) => void (process.args = ["no-such-program"])), /executable file not found in \$PATH/);
  await failing(t.bundle(({ mounts }) => void mounts.push({ destination: "/x", type: "tmpfs", options: ["size=nonsense"] })), /size/);
  const hook = { path: "/bin/sh", args: ["sh", "-c", "head -c 9000 /dev/zero | tr '\\0' x; exit 3"] };
  await failing(t.bundle((config) => void (config.hooks = { createContainer: [hook] })), /exit status 3: x{100}/);
  await failing(t.bundle((config) => void (config.hooks = { createContainer: [{ path: "/no/hook" }] })), /no such file or directory/);
});

/** A copy of the program whose small engine tells each bad access and undefined behaviour. */
function checked(t: Ground): string {
  needs("cmake", "g++");
  const quick = join(PROJECT, "build/quick");
  if (!fs.existsSync(join(quick, "js"))) skip("the small engine is not built: QuickJS's source is not within reach");
  cmake("--build", quick, "--target", "tsrun-quick-checked");
  const folder = join(t.folder, "checked");
  fs.mkdirSync(folder);
  for (const name of ["tsrun", "tsrun-init"]) fs.copyFileSync(join(PROJECT, "dist", name), join(folder, name));
  const engine = join(folder, "tsrun-quick");
  const { status, stderr } = spawnSync(join(quick, "quick-compile"), [join(quick, "tsrun-quick-checked"), engine, join(quick, "js")], { encoding: "utf8" });
  assert.is(status, 0, stderr);
  fs.chmodSync(engine, 0o755);
  assert.ok(fs.readFileSync(engine).includes("__asan_init"), "the checks are in it");
  return join(folder, "tsrun");
}

test("the small engine takes a container through its life without a bad access", async (t) => {
  needs("root");
  const program = checked(t);
  const id = t.id();
  const bundle = t.bundle(({ process }) => void (process.args = ["sleep", "100"]));
  const call = async (...args: string[]): Promise<string> => {
    // What is reachable at the end is left to the kernel on purpose.
    const env = { ...process.env, ASAN_OPTIONS: "detect_leaks=0" };
    const { status, stdout, stderr } = await runRuntime(["--root", t.stateRoot, ...args], { folder: t.folder, program, env });
    assert.not.match(stderr, /Sanitizer|runtime error/, args.join(" "));
    return `${status} ${stdout}${stderr}`;
  };
  for (const args of [["create", "--bundle", bundle.path, id], ["start", id], ["state", id], ["list"], ["exec", id, "true"], ["pause", id], ["resume", id]]) {
    assert.match(await call(...args), /^0 /);
  }
  for (const args of [["events", "--stats", id], ["update", "--pids-limit", "50", id], ["ps", id], ["features"], ["kill", id, "KILL"], ["delete", "--force", id]]) {
    assert.match(await call(...args), /^0 /);
  }
  assert.match(await call("run", "--bundle", t.bundle(everything).path, t.id()), /^0 /);
  const broken = t.bundle(({ process }) => void Object.assign(process, { terminal: 7 }));
  assert.match(await call("run", "--bundle", broken.path, t.id()), "must be true or false, got 7");
  assert.match(await call("state", "no-such"), "container does not exist");
});

test.run();
