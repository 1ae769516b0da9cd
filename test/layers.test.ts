/** The rules of the source that a program can check: who imports whom, what is pure, names and sizes. */

import * as fs from "node:fs";
import { basename, dirname, join, normalize } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { PROJECT } from "./runtime.ts";

const layers = suite("layers");

/** A line may import from lines above it, and from its own folder; never from a neighbour in its line. */
const ORDER: readonly (readonly string[])[] = [
  // What stands for parts of Node.js in the small engine: nobody imports it by this name.
  ["quick"],
  ["errors.ts", "log.ts"],
  ["linux", "protobuf", "dbus"],
  ["spec"],
  ["resources", "seccomp"],
  // The facts are of these parts' types, and only plans ask for them.
  ["host.ts"],
  ["plan"],
  ["native"],
  ["cgroup"],
  ["container"],
  ["criu"],
  // The command line's entry is the shim's, too: they are one executable.
  ["shim"],
  ["index.ts", "cli"],
];

const PURE = /^src\/(linux\/|dbus\/|spec\/|host\.ts$|resources\/|seccomp\/|plan\/)/;
const BANNED_NAMES = /(^|-)(utils?|helpers?|common|misc|index|handlers?|data|info|services?|stuff)($|-)/;
const MAX_LINES = 400;

interface Source {
  /** From the checkout's folder: `src/plan/plan.ts`. */
  readonly path: string;
  readonly text: string;
  /** Without comments, which may speak of what the rules forbid. */
  readonly code: string;
}

function sources(folder: string, extension: RegExp): Source[] {
  const absolute = join(PROJECT, folder);
  if (!fs.existsSync(absolute)) return [];
  return fs.readdirSync(absolute, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    // Generated code is the generator's matter; it is not in the repository.
    if (entry.isDirectory()) return entry.name === "generated" ? [] : sources(path, extension);
    if (!extension.test(entry.name)) return [];
    const text = fs.readFileSync(join(PROJECT, path), "utf8");
    return [{ path, text, code: withoutComments(text) }];
  });
}

function withoutComments(text: string): string {
  return text.replace(/\/\*[^]*?\*\//g, "").replace(/(^|\s)\/\/.*$/gm, "");
}

const all = sources("src", /\.ts$/);
const program = all.filter(({ path }) => !path.endsWith(".test.ts"));
const native = sources("addon", /\.(cc|h)$/);

function imports(source: Source): string[] {
  const forms = /^(?:import|export)\b[^;"]*?\bfrom\s*"([^"]+)"|^import\s*"([^"]+)"|\bimport\(\s*"([^"]+)"/gm;
  return [...source.code.matchAll(forms)].flatMap(([, from, bare, dynamic]) => from ?? bare ?? dynamic ?? []);
}

/** The files of the checkout that a source imports. */
function neighbours(source: Source): string[] {
  return imports(source).flatMap((name) => (name.startsWith(".") ? [normalize(join(dirname(source.path), name))] : []));
}

function part(path: string): string {
  return path.split("/")[1] ?? "";
}

function layer(path: string): number {
  return ORDER.findIndex((parts) => parts.includes(part(path)));
}

/** A rule holds when the list of what breaks it is empty; the list is what a failure shows. */
function none(broken: readonly string[]): void {
  assert.equal(broken, []);
}

function matches(list: readonly Source[], pattern: RegExp): string[] {
  return list.flatMap(({ path, code }) => [...code.matchAll(new RegExp(pattern, `${pattern.flags}g`))].map(([text]) => `${path}: ${text}`));
}

layers("there are sources to judge", () => {
  assert.ok(program.length > 20 && native.length > 5);
});

layers("every folder of src has a place in the order", () => {
  none(all.map(({ path }) => path).filter((path) => layer(path) < 0));
});

layers("nothing imports upwards, or from a neighbour of its layer", () => {
  const broken = program.flatMap((source) =>
    neighbours(source)
      .filter((path) => part(path) !== part(source.path) && layer(path) >= layer(source.path))
      .map((path) => `${source.path} imports ${path}`),
  );
  none(broken);
});

layers("the program imports no tests, and of the rest of the checkout only its version", () => {
  const strangers = (path: string): boolean => (!path.startsWith("src/") && path !== "package.json") || path.endsWith(".test.ts");
  none(program.flatMap((source) => neighbours(source).filter(strangers)));
});

layers("pure folders import their own kind only", () => {
  const broken = program
    .filter(({ path }) => PURE.test(path))
    .flatMap((source) => imports(source).filter((name) => !name.startsWith(".")).map((name) => `${source.path} imports ${name}`));
  none(broken);
});

layers("pure folders touch neither process, clock, chance nor console", () => {
  const pure = program.filter(({ path }) => PURE.test(path));
  // A config has a `process` too, so only what that one lacks tells which is meant.
  none(matches(pure, /\bprocess\.(pid|argv|platform|arch|stdin|stdout|stderr|get\w*uid|hrtime|on|kill)\b|\bprocess\.cwd\(|\bprocess\.env(\.|\[")/));
  none(matches(pure, /\b(Date\.now|new Date\(\)|performance\.|Math\.random|console\.|setTimeout|globalThis|require\()/));
});

layers("the source uses no API of one engine only", () => {
  none(matches(all, /\bBun\.\w+|from "bun(:\w+)?"|\bDeno\.\w+/));
});

layers("the addon uses no libuv, which one of the engines lacks", () => {
  none(matches(native, /\buv_\w+/));
});

layers("the program loads no module of the engine that takes its start long", () => {
  // Measured: node:fs 0.9 ms, node:url 0.2, node:crypto 3, of 5 to 6. src/native/ has what is needed of them.
  none(program.flatMap((source) => imports(source).filter((name) => /^node:(?!path$)/.test(name)).map((name) => `${source.path} imports ${name}`)));
});

layers("no error is without a class", () => {
  none(matches(program, /\bnew Error\(/));
});

layers("only main.ts ends the process", () => {
  none(matches(program.filter(({ path }) => path !== "src/cli/main.ts"), /\bprocess\.(exit|abort|reallyExit)\(/));
});

layers("the judge of runtimes imports nothing of this one", () => {
  const broken = sources("conformance", /\.ts$/).flatMap((source) =>
    neighbours(source).filter((path) => path.startsWith("src/")).map((path) => `${source.path} imports ${path}`),
  );
  none(broken);
});

layers("no test shuts out the others of its file", () => {
  const tests = [...all, ...sources("test", /\.ts$/), ...sources("conformance", /\.ts$/)].filter(({ path }) => path.endsWith(".test.ts"));
  // Within a string it is a test of just this.
  none(matches(tests, /^\w+\.only\(/m));
});

layers("no file is a drawer", () => {
  const files = [...all, ...native, ...sources("test", /\.ts$/), ...sources("scripts", /\.mjs$/)];
  none(files.map(({ path }) => path).filter((path) => path !== "src/index.ts" && BANNED_NAMES.test(basename(path).replace(/\..*$/, ""))));
});

layers("file names are kebab-case", () => {
  none([...all, ...native].map(({ path }) => path).filter((path) => !/^[a-z0-9]+(-[a-z0-9]+)*(\.\w+)+$/.test(basename(path))));
});

layers(`no file has more than ${MAX_LINES} lines`, () => {
  const files = [...all, ...native, ...sources("test", /\.ts$/), ...sources("scripts", /\.mjs$/)];
  none(files.flatMap(({ path, text }) => (text.split("\n").length - 1 > MAX_LINES ? [`${path}: ${text.split("\n").length - 1}`] : [])));
});

layers("every file of the program says at its top what it is for", () => {
  const headers = new Set(native.map(({ path }) => path));
  // What belongs to a header is explained there.
  const own = [...program, ...native].filter(({ path }) => !headers.has(path.replace(/\.cc$/, ".h")) || path.endsWith(".h"));
  none(own.filter(({ text }) => !/^(#!.*\n)?(\/\*\*|\/\/)/.test(text)).map(({ path }) => path));
});

layers.run();
