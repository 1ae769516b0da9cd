/**
 * Builds dist/tsrun-quick: the program in the small engine. Without QuickJS's source there is none, and the commands run in the
 * other engine, which starts more slowly.
 */

import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import { availableParallelism } from "node:os";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { findBun, programDefinitions } from "./bun.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
const folder = join(root, "build/quick");
const target = join(root, "dist/tsrun-quick");

/** What leans on Node.js more than this engine can carry; who imports it goes on in the other engine. */
const LEFT_OUT = ["commander", "fs-extra"];
/** Imported, but only called after a failure: they are loaded then. */
const LATE = "src/spec/generated/*-errors.ts";
/** What stands for modules of Node.js and globals that the engine has not (addon/quick/modules.cc names them). */
const STAND_INS = ["path", "abort"];

/** Verbs that run so often, or so long beside them, that the snapshot holds what they load. */
const IN_SNAPSHOT = ["create", "start", "state", "kill", "delete", "run", "exec", "list", "pause", "resume", "ps", "update", "invocation"];
/** The last bytes of an executable with the program, and of one that is to make the snapshot of it (addon/quick/modules.cc). */
const MAGIC = "tsrun-js";
const MAGIC_OF_MAKER = "tsrun-mk";

class QuickError extends Error {}

function run(command, args, options = {}) {
  const { status, error, stdout, stderr } = spawnSync(command, args, { cwd: root, encoding: "utf8", maxBuffer: 1 << 28, ...options });
  if (error !== undefined) throw new QuickError(`cannot execute "${command}": ${error.message}`);
  if (status !== 0) throw new QuickError(`${basename(command)} ended with status ${status}\n${stdout}${stderr}`.trim());
  return stdout.trim();
}

function buildPrograms(source) {
  // A build folder belongs to one path and one compiler: of another checkout it is of no use.
  const cache = join(folder, "CMakeCache.txt");
  if (fs.existsSync(cache) && !fs.readFileSync(cache, "utf8").includes(`CMAKE_HOME_DIRECTORY:INTERNAL=${join(root, "addon/quick")}\n`)) {
    fs.rmSync(folder, { recursive: true });
  }
  run("cmake", ["-S", "addon/quick", "-B", folder, `-DQUICKJS=${source}`, `-DMODULES=${join(root, "node_modules")}`]);
  run("cmake", ["--build", folder, "--parallel", String(availableParallelism())]);
}

/** The program as modules of JavaScript, in a folder: each verb is a chunk that is loaded when it is called. */
function bundle(bun, js) {
  fs.rmSync(js, { recursive: true, force: true });
  const form = ["build", "--target=node", "--format=esm", "--minify"];
  const external = ["node:path", ...LEFT_OUT, basename(LATE)].map((name) => `--external=${name}`);
  run(bun, [...form, "--splitting", ...external, ...programDefinitions(), `--outdir=${js}`, "src/cli/main.ts"]);
  for (const name of STAND_INS) run(bun, [...form, `--outfile=${join(js, `${name}.js`)}`, `src/quick/${name}.ts`]);
  const late = fs.readdirSync(join(root, "src/spec/generated")).filter((name) => name.endsWith(basename(LATE).slice(1)));
  for (const name of late) run(bun, [...form, `--outfile=${join(js, "late", name.replace(/ts$/, "js"))}`, join("src/spec/generated", name)]);
}

/** The chunks that the verbs may come to load. */
function snapshotModules(js) {
  const text = (name) => fs.readFileSync(join(js, name), "utf8");
  const known = new Set();
  const add = (name) => {
    if (known.has(name) || !fs.existsSync(join(js, name))) return;
    known.add(name);
    for (const [, imported] of text(name).matchAll(/(?:from|import\(?)"\.\/([^"]+\.js)"/g)) add(imported);
  };
  for (const [, name, verb] of text("main.js").matchAll(/import\("\.\/((\w+)-\w+\.js)"\)/g)) if (IN_SNAPSHOT.includes(verb)) add(name);
  return [...known];
}

/** Two processes make it, as addresses in the executable are told by that they differ. */
function addSnapshot(program, modules) {
  const maker = `${program}-maker`;
  const bytes = fs.readFileSync(program);
  if (bytes.subarray(-MAGIC.length).toString() !== MAGIC) throw new QuickError(`"${program}" ends otherwise than expected`);
  bytes.write(MAGIC_OF_MAKER, bytes.length - MAGIC_OF_MAKER.length);
  fs.writeFileSync(maker, bytes, { mode: 0o755 });
  const snapshots = ["one", "other"].map((name) => join(folder, `snapshot-${name}`));
  for (const snapshot of snapshots) run(maker, [snapshot, ...modules], { env: {} });
  run(join(folder, "quick-finish"), [program, ...snapshots]);
}

function build(source) {
  const bun = findBun();
  if (bun === undefined) throw new QuickError("no Bun of the package @oven/bun-linux-* runs on this machine");
  buildPrograms(source);
  const js = join(folder, "js");
  bundle(bun, js);
  const made = join(folder, "tsrun-quick");
  run(join(folder, "quick-compile"), [join(folder, "tsrun-quick-base"), made, js]);
  addSnapshot(made, snapshotModules(js));
  fs.chmodSync(made, 0o755);
  fs.mkdirSync(join(root, "dist"), { recursive: true });
  fs.copyFileSync(made, `${target}.new`, fs.constants.COPYFILE_FICLONE);
  fs.renameSync(`${target}.new`, target);
}

try {
  const source = run("scripts/quickjs-source", []);
  build(source);
} catch (error) {
  if (!(error instanceof QuickError)) throw error;
  // An old one would run an old program.
  fs.rmSync(target, { force: true });
  console.error(`build: without tsrun-quick, so each command takes milliseconds longer: ${error.message}`);
  process.exitCode = process.env["TSRUN_QUICKJS"] === undefined ? 0 : 1;
}
