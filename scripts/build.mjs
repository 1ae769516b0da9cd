#!/usr/bin/env node
/**
 * Builds dist/: validators from the schemas, the native programs, the TypeScript as JavaScript, the engine.
 *
 *   node scripts/build.mjs [--verbose] [PART...]
 *
 * Each part is skipped when the contents of its inputs are those of its last build.
 */

import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import * as fs from "node:fs";
import { createRequire } from "node:module";
import { availableParallelism } from "node:os";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { compileArguments, findBun, programDefinitions } from "./bun.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
const require = createRequire(import.meta.url);
const STAMPS = "build/stamps.json";
const NATIVE_PROGRAMS = { tsrun: "tsrun", "containerd-shim-tsrun-v1": "tsrun", "tsrun-init": "tsrun-init", "tsrun.node": "Release/tsrun.node" };

/** What is built from what, in this order. */
const PARTS = {
  schemas: {
    inputs: ["schemas", "scripts/build-schemas.mjs", "node_modules/ajv/package.json"],
    outputs: ["src/spec/generated"],
    build: buildSchemas,
  },
  messages: {
    inputs: ["schemas/containerd", "schemas/criu", "scripts/build-messages.mjs", "node_modules/protobufjs/package.json"],
    outputs: ["src/shim/generated", "src/criu/generated"],
    build: () => run(process.execPath, ["scripts/build-messages.mjs"]),
  },
  native: {
    inputs: ["addon", "node_modules/node-addon-api/package.json", "node_modules/node-api-headers/package.json"],
    outputs: Object.keys(NATIVE_PROGRAMS).map((name) => `dist/${name}`),
    build: buildNative,
  },
  js: {
    inputs: ["src", "test", "conformance", "tsconfig.json", "node_modules/typescript/package.json"],
    outputs: ["dist/js"],
    build: buildJs,
  },
  engine: {
    inputs: ["src", "package.json", "node_modules/bun/package.json", "node_modules/.package-lock.json"],
    ignores: /\.test\.ts$/,
    outputs: ["dist/tsrun-engine"],
    build: buildEngine,
  },
  quick: {
    inputs: ["src", "addon", "package.json", "scripts/build-quick.mjs", "scripts/quickjs-source", "node_modules/.package-lock.json"],
    ignores: /\.test\.ts$|^addon\/(init|launcher|test)\//,
    outputs: ["dist/tsrun-quick"],
    build: () => run(process.execPath, ["scripts/build-quick.mjs"], { stdio: "inherit" }),
  },
};

class BuildError extends Error {}

let verbose = false;

function buildSchemas() {
  run(process.execPath, ["scripts/build-schemas.mjs"]);
}

/** By cmake-js, which takes Node-API's headers from a package (addon/package.json says so) and downloads nothing. */
function buildNative() {
  for (const [command, remedy] of [["cmake", "cmake"], ["c++", "g++"], ["make", "make"]]) {
    if (!hasCommand(command)) throw new BuildError(`${command} is missing: run: scripts/setup build (Debian's package: ${remedy})`);
  }
  forgetMovedBuild("build/native");
  const cmakeJs = join(dirname(require.resolve("cmake-js/package.json")), "bin/cmake-js");
  const options = ["--directory", "addon", "--out", "build/native", "--config", "Release"];
  run(process.execPath, [cmakeJs, "build", ...options, "--parallel", String(availableParallelism())]);
  for (const [name, built] of Object.entries(NATIVE_PROGRAMS)) replaceFile(`build/native/${built}`, `dist/${name}`);
}

/** cmake refuses a build folder that was made for another path: the checkout was moved. */
function forgetMovedBuild(folder) {
  const cache = join(folder, "CMakeCache.txt");
  if (!fs.existsSync(cache)) return;
  if (!fs.readFileSync(cache, "utf8").includes(`CMAKE_HOME_DIRECTORY:INTERNAL=${join(root, "addon")}\n`)) {
    fs.rmSync(folder, { recursive: true });
  }
}

function buildJs() {
  run(join(dirname(require.resolve("typescript/package.json")), "bin/tsc"), ["--project", "."]);
  removeStale("dist/js");
}

/** What a deleted source once became must not be tested any more. */
function removeStale(folder) {
  for (const file of filesBelow(folder)) {
    const source = relative("dist/js", file).replace(/(\.d\.ts|\.js)$/, ".ts");
    if (!fs.existsSync(source)) fs.rmSync(file);
  }
}

/**
 * With bytecode, which saves the parsing at each start. The second pass lays it out in the order in which the commands
 * of the first one used it, so that fewer pages are read.
 */
function buildEngine() {
  const bun = findBun();
  if (bun === undefined) throw new BuildError("no Bun of the package @oven/bun-linux-* runs on this machine: run: npm ci");
  const folder = join(root, "build/engine");
  fs.rmSync(folder, { recursive: true, force: true });
  fs.mkdirSync(join(folder, "bundle/rootfs"), { recursive: true });
  compileEngine(bun, "first", []);
  const orders = recordOrders(folder);
  const order = orders.length > 0 ? [`--bytecode-order=${orders.join(",")}`] : [];
  compileEngine(bun, "tsrun-engine", [...order, ...programDefinitions()]);
  replaceFile("build/engine/tsrun-engine", "dist/tsrun-engine");
  fs.rmSync(folder, { recursive: true });
}

/** Runs commands that change nothing on the system, and returns the files that say what they used. */
function recordOrders(folder) {
  for (const name of Object.keys(NATIVE_PROGRAMS)) if (fs.existsSync(`dist/${name}`)) fs.copyFileSync(`dist/${name}`, join(folder, name));
  const bundle = join(folder, "bundle");
  const verbs = ["state", "start", "kill", "delete"].map((verb) => [verb, "none"]);
  const commands = [["spec", "--bundle", bundle], ["explain", "--bundle", bundle], ["list"], ["--version"], ...verbs];
  return commands.flatMap((command, index) => {
    const order = join(folder, `order-${index}.txt`);
    const env = { PATH: process.env["PATH"], BUN_BYTECODE_ORDER_OUT: order, BUN_JSC_useJIT: "0" };
    const args = ["--root", join(folder, "state"), ...command];
    spawnSync(join(folder, "first"), args, { cwd: "/", env, stdio: "ignore", timeout: 10_000 });
    return fs.existsSync(order) ? [order] : [];
  });
}

function compileEngine(bun, name, options) {
  const folder = join(root, "build/engine");
  // Bun leaves its temporary file in the working directory when it is interrupted.
  run(bun, compileArguments(join(root, "src/cli/main.ts"), join(folder, name), options), { cwd: folder });
}

/** Runs a program; its output is shown when it fails, or is asked for. */
function run(command, args, options = {}) {
  const stdio = verbose ? "inherit" : ["ignore", "pipe", "pipe"];
  const result = spawnSync(command, args, { cwd: root, encoding: "utf8", stdio, maxBuffer: 1 << 28, ...options });
  if (result.error !== undefined) throw new BuildError(`cannot execute "${command}": ${result.error.message}`);
  if (result.status === 0) return;
  process.stderr.write(`${result.stdout ?? ""}${result.stderr ?? ""}`);
  throw new BuildError(`${relative(root, command)} ended with ${result.signal ?? `status ${result.status}`}`);
}

function hasCommand(name) {
  return (process.env["PATH"] ?? "").split(":").some((folder) => fs.existsSync(join(folder, name)));
}

/** Replaces a file that may be running; an equal one stays, so that what depends on its time does. */
function replaceFile(from, to) {
  fs.mkdirSync(dirname(to), { recursive: true });
  if (fs.existsSync(to) && hash([from]) === hash([to])) return;
  const temporary = `${to}.new`;
  fs.copyFileSync(from, temporary, fs.constants.COPYFILE_FICLONE);
  fs.chmodSync(temporary, 0o755);
  fs.renameSync(temporary, to);
}

function filesBelow(path) {
  if (!fs.existsSync(path)) return [];
  if (!fs.statSync(path).isDirectory()) return [path];
  return fs.readdirSync(path, { withFileTypes: true }).flatMap((entry) => {
    const file = join(path, entry.name);
    return entry.isDirectory() ? filesBelow(file) : [file];
  });
}

function hash(files) {
  const digest = createHash("sha256");
  for (const file of files) digest.update(files.length > 1 ? `${file}\0` : "").update(fs.readFileSync(file)).update("\0");
  return digest.digest("hex");
}

function hashInputs(part) {
  const files = part.inputs.flatMap(filesBelow).filter((file) => part.ignores?.test(file) !== true);
  return hash([...files.sort(), "scripts/build.mjs", "scripts/bun.mjs"]);
}

function isCurrent(name, stamps) {
  const part = PARTS[name];
  return part.outputs.every((output) => fs.existsSync(output)) && stamps[name] === hashInputs(part);
}

function readStamps() {
  return fs.existsSync(STAMPS) ? JSON.parse(fs.readFileSync(STAMPS, "utf8")) : {};
}

function buildPart(name, stamps) {
  if (isCurrent(name, stamps)) return;
  const start = performance.now();
  // Taken before the build: what changes meanwhile is built the next time.
  const inputs = hashInputs(PARTS[name]);
  PARTS[name].build();
  stamps[name] = inputs;
  fs.writeFileSync(`${STAMPS}.new`, JSON.stringify(stamps, undefined, 2));
  fs.renameSync(`${STAMPS}.new`, STAMPS);
  console.error(`build: ${name} in ${((performance.now() - start) / 1000).toFixed(1)} s`);
}

function main(args) {
  verbose = args.includes("--verbose");
  const wanted = args.filter((arg) => arg !== "--verbose");
  const unknown = wanted.find((name) => !(name in PARTS));
  if (unknown !== undefined) throw new BuildError(`there is no part "${unknown}", only ${Object.keys(PARTS).join(", ")}`);
  if (isInstalled() && addonLoads()) return 0;
  if (!isThere("cmake-js")) throw new BuildError("the npm packages are missing: run: scripts/setup build");
  const parts = Object.keys(PARTS).filter((name) => wanted.length === 0 || wanted.includes(name));
  const stamps = readStamps();
  // One part makes inputs of another, so only the first part that is not current is certain.
  if (parts.every((name) => isCurrent(name, stamps))) return 0;
  fs.mkdirSync("build", { recursive: true });
  if (process.env["TSRUN_BUILD_LOCKED"] === undefined) return underLock(args);
  for (const name of parts) buildPart(name, stamps);
  return 0;
}

/** Whether this is not a checkout, but what `npm pack` takes of one; npm builds then, too, once it is in its place. */
function isInstalled() {
  return !fs.existsSync("src");
}

/** What was packed serves other machines of its kind; elsewhere the addon is built from its source. */
function addonLoads() {
  const load = `process.dlopen({ exports: {} }, ${JSON.stringify(join(root, "dist/tsrun.node"))})`;
  return spawnSync(process.execPath, ["-e", load], { stdio: "ignore" }).status === 0;
}

/** npm puts packages beside this one, or inside. */
function isThere(name) {
  try {
    require.resolve(`${name}/package.json`);
    return true;
  } catch {
    return false;
  }
}

/** Two builds at once (a test run and a start, say) take turns. */
function underLock(args) {
  const command = ["build/lock", process.execPath, "scripts/build.mjs", ...args];
  const result = spawnSync("flock", command, { stdio: "inherit", env: { ...process.env, TSRUN_BUILD_LOCKED: "1" } });
  if (result.error !== undefined) throw new BuildError("flock is missing (Debian's package: util-linux)");
  return result.status ?? 1;
}

process.chdir(root);
try {
  process.exitCode = main(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof BuildError)) throw error;
  console.error(`build: ${error.message}`);
  process.exitCode = 1;
}
