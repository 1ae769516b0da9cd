/** Where Bun is, and how it compiles an executable: for the engine, and for what the engine is compared with. */

import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));

/** The Bun of the npm package for this machine; the plain one needs AVX2, and which libc this is only a start can tell. */
export function findBun() {
  const arch = process.arch === "arm64" ? "aarch64" : "x64";
  return ["", "-baseline", "-musl", "-musl-baseline"]
    .map((suffix) => join(root, `node_modules/@oven/bun-linux-${arch}${suffix}/bin/bun`))
    .find((bun) => fs.existsSync(bun) && spawnSync(bun, ["--version"], { stdio: "ignore" }).status === 0);
}

/** With bytecode, which saves the parsing at each start; and the executable reads no file of settings where it stands. */
export function compileArguments(source, executable, options = []) {
  const isolation = ["dotenv", "bunfig", "tsconfig", "package-json"].map((file) => `--no-compile-autoload-${file}`);
  const form = ["--compile", "--minify", "--bytecode", "--format=esm", "--splitting"];
  return ["build", ...form, ...isolation, ...options, "--outfile", executable, source];
}

/** What is known at build time: the last commit that changed the program, for --version; none where this is no checkout. */
export function programDefinitions() {
  const args = ["log", "-1", "--format=%H", "--", "src", "addon", "package.json"];
  const { status, stdout } = spawnSync("git", args, { cwd: root, encoding: "utf8" });
  const commit = status === 0 ? stdout.trim() : "";
  return commit === "" ? [] : [`--define=TSRUN_COMMIT=${JSON.stringify(commit)}`];
}
