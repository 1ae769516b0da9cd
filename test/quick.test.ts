/** The small engine: what it has of Node.js and of the web's standards behaves as theirs, and it fails in one line. */

import { spawnSync } from "node:child_process";
import type { SpawnSyncReturns } from "node:child_process";
import * as fs from "node:fs";
import { dirname, join } from "node:path";
import * as assert from "uvu/assert";
import { skip, suite } from "./harness.ts";
import type { Ground } from "./harness.ts";
import { PROJECT } from "./runtime.ts";

const quick = suite("quick");

const BUILT = join(PROJECT, "build/quick");
const PRELUDE = `
const addon = { exports: {} };
process.dlopen(addon, "");
const print = (...values) => addon.exports.write(1, values.map(String).join(" ") + "\\n");
`;

type Modules = Readonly<Record<string, string>>;

/** The engine with modules of the test's own; "main.js" is what runs. */
function compiled(t: Ground, modules: Modules): string {
  if (!fs.existsSync(join(BUILT, "quick-compile"))) skip("the small engine is not built: QuickJS's source is not within reach");
  const js = join(t.folder, "js");
  fs.mkdirSync(join(js, "late"), { recursive: true });
  for (const [name, text] of Object.entries(modules)) fs.writeFileSync(join(js, name), text);
  const program = join(t.folder, "program");
  const { status, stderr } = spawnSync(join(BUILT, "quick-compile"), [join(BUILT, "tsrun-quick-base"), program, js], { encoding: "utf8" });
  assert.is(status, 0, stderr);
  fs.chmodSync(program, 0o755);
  return program;
}

function run(t: Ground, main: string, { args = [], modules = {} }: { args?: readonly string[]; modules?: Modules } = {}): SpawnSyncReturns<string> {
  const program = compiled(t, { "main.js": `${PRELUDE}${main}`, ...modules });
  return spawnSync(program, args, { encoding: "utf8", timeout: 60_000 });
}

function lines(t: Ground, main: string, options?: { args?: readonly string[]; modules?: Modules }): string[] {
  const { stdout, stderr, status } = run(t, `${main}\n`, options);
  assert.is(stderr, "");
  assert.is(status, 0);
  return stdout.split("\n").slice(0, -1);
}

/** Bytes around every border of UTF-8's table, and some at random, always the same. */
function* byteStrings(): Generator<Uint8Array> {
  const borders = [0x00, 0x41, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xc1, 0xc2, 0xdf, 0xe0, 0xe1, 0xec, 0xed, 0xee, 0xef, 0xf0, 0xf3, 0xf4, 0xf5, 0xff];
  for (const first of borders) for (const second of borders) for (const third of [0x41, 0x80, 0xbf, 0xe2]) yield Uint8Array.of(0x61, first, second, third);
  let seed = 7;
  for (let turn = 0; turn < 300; turn++) {
    yield Uint8Array.from({ length: turn % 23 }, () => {
      seed = (seed * 1103515245 + 12345) & 0x7fffffff;
      return borders[(seed >> 8) % borders.length] ?? 0;
    });
  }
  yield Uint8Array.of(0xef, 0xbb, 0xbf, 0x61);
}

quick("TextDecoder decodes what is malformed, and refuses it when fatal, as Node.js does", (t) => {
  const given = [...byteStrings()];
  fs.writeFileSync(join(t.folder, "given"), given.map((bytes) => Buffer.from(bytes).toString("hex")).join("\n"));
  const program = `
    const bytesOf = (hex) => Uint8Array.from({ length: hex.length / 2 }, (_, at) => parseInt(hex.slice(2 * at, 2 * at + 2), 16));
    const attempt = (make) => { try { return JSON.stringify(make()); } catch (error) { return error.constructor.name; } };
    for (const hex of addon.exports.readText(process.argv[2]).split("\\n")) {
      const bytes = bytesOf(hex), stream = new TextDecoder();
      print(attempt(() => new TextDecoder().decode(bytes)), attempt(() => new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes)),
        attempt(() => [...bytes].map((byte) => stream.decode(Uint8Array.of(byte), { stream: true })).join("") + stream.decode()));
    }
    process.exit(0);`;
  const seen = lines(t, program, { args: [join(t.folder, "given")] });
  const attempt = (make: () => string): string => {
    try {
      return JSON.stringify(make());
    } catch (error) {
      return (error as Error).constructor.name;
    }
  };
  const expected = given.map((bytes) => {
    const all = new TextDecoder().decode(bytes);
    return [attempt(() => all), attempt(() => new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes)), attempt(() => all)].join(" ");
  });
  assert.is(seen.length, expected.length);
  for (const [index, line] of seen.entries()) assert.is(line, expected[index], Buffer.from(given[index] ?? []).toString("hex"));
});

quick("TextEncoder writes half a surrogate pair as U+FFFD", (t) => {
  const program = String.raw`
    print([...new TextEncoder().encode("a\ud800b\udc00\u00e4\ud83d\ude00")].map((byte) => byte.toString(16)).join(" "), new TextEncoder().encode().length);
    process.exit(0);`;
  assert.equal(lines(t, program), ["61 ef bf bd 62 ef bf bd c3 a4 f0 9f 98 80 0"]);
});

quick("jobs go before immediates and timers, and timers by their time", (t) => {
  const program = `
    setTimeout(() => print("later"), 30);
    setTimeout(() => { print("soon"); Promise.resolve().then(() => print("its job")); }, 1);
    const cleared = setTimeout(() => print("never"), 5);
    setImmediate(() => { print("immediate"); clearTimeout(cleared); });
    Promise.resolve().then(() => print("job"));
    let count = 0;
    const interval = setInterval(() => { print("interval", ++count); if (count === 3) clearInterval(interval); }, 40);
    setTimeout(() => process.exit(0), 300);
    setTimeout(() => print("never"), 1e6).unref();
    print("main");`;
  const seen = lines(t, program);
  assert.equal(seen.slice(0, 2), ["main", "job"]);
  assert.equal(seen.filter((line) => line !== "immediate").slice(2), ["soon", "its job", "later", "interval 1", "interval 2", "interval 3"]);
  assert.ok(seen.indexOf("immediate") < seen.indexOf("later"));
});

quick("what nobody catches goes to the program's handlers, and not what is caught a job later", (t) => {
  const program = `
    process.on("uncaughtException", (error) => print("uncaught", error.message));
    process.on("unhandledRejection", (error) => print("unhandled", error.message));
    const late = Promise.reject(new Error("caught later"));
    Promise.resolve().then(() => late.catch(() => print("caught")));
    Promise.reject(new Error("nobody's"));
    setTimeout(() => { throw new Error("of a timer"); }, 1);
    setTimeout(() => process.exit(0), 20);`;
  assert.equal(lines(t, program), ["caught", "unhandled nobody's", "uncaught of a timer"]);
});

quick("an error without a handler ends it with one line and status 1", (t) => {
  const { status, stderr } = run(t, "null.x;");
  assert.is(status, 1);
  assert.match(stderr, /^tsrun: TypeError: [^\n]*\n$/);
});

quick("it says so when nothing is left to wait for", (t) => {
  const { status, stderr } = run(t, "new Promise(() => {});");
  assert.is(status, 1);
  assert.is(stderr, "tsrun: cannot go on: nothing is left to wait for\n");
});

quick("a late module runs when a function of it is called first, and only once", (t) => {
  const modules = {
    "late/of-errors.js": 'let calls = 0; globalThis.loads = (globalThis.loads ?? 0) + 1; export function tell(text) { return `${text} ${++calls}`; }',
  };
  const program = `import { tell } from "./generated/of-errors.ts";
    print(globalThis.loads); print(tell("told")); print(tell("told")); print(globalThis.loads); process.exit(0);`;
  assert.equal(lines(t, program, { modules }), ["undefined", "told 1", "told 2", "1"]);
});

quick("a chunk is loaded by import(), and a thrown error of it is the caller's", (t) => {
  const modules = { "chunk.js": "export const value = 7;", "broken.js": 'throw new RangeError("of the chunk");' };
  const program = `(async () => {
    print((await import("./chunk.js")).value);
    await import("./broken.js").catch((error) => print(error.constructor.name, error.message));
    process.exit(0); })();`;
  assert.equal(lines(t, program, { modules }), ["7", "RangeError of the chunk"]);
});

quick("it becomes the other engine, with its arguments, at a module that it lacks", (t) => {
  const program = compiled(t, { "main.js": 'import { Command } from "commander"; Command;' });
  fs.writeFileSync(join(t.folder, "tsrun-engine"), '#!/bin/sh\necho "$# $1 $2"\n', { mode: 0o755 });
  assert.is(spawnSync(program, ["a", "b c"], { encoding: "utf8" }).stdout, "2 a b c\n");
  fs.rmSync(join(t.folder, "tsrun-engine"));
  const { status, stderr } = spawnSync(program, ["a"], { encoding: "utf8" });
  assert.is(status, 127);
  assert.match(stderr, /^tsrun: cannot execute ".*\/tsrun-engine": No such file or directory\n$/);
});

quick("it compiles nothing that was not there when it was built", (t) => {
  const program = `for (const make of [() => (0, eval)("1"), () => new Function("return 1")(), () => (async () => {}).constructor("return 1")()])
    { try { print(make()); } catch (error) { print("refused"); } }
    process.exit(0);`;
  assert.equal(lines(t, program), ["refused", "refused", "refused"]);
});

quick("Math.random is drawn anew", (t) => {
  const program = "print(Math.random()); process.exit(0);";
  const drawn = [...lines(t, program), ...lines(t, program)].map(Number);
  assert.is(new Set(drawn).size, 2);
  for (const number of drawn) assert.ok(number >= 0 && number < 1);
});

quick("endless recursion is an error that can be caught, also with a small stack", (t) => {
  const program = compiled(t, {
    "main.js": `${PRELUDE} const deep = () => 1 + deep(); try { deep(); } catch (error) { print(error.constructor.name); }
      try { JSON.parse("[".repeat(1e6)); } catch (error) { print(error.constructor.name); } process.exit(0);`,
  });
  for (const kilobytes of ["unlimited", "8192", "256"]) {
    const { stdout, signal } = spawnSync("sh", ["-c", `ulimit -Ss ${kilobytes} 2>/dev/null; exec "$0"`, program], { encoding: "utf8" });
    assert.is(signal, null, kilobytes);
    assert.match(stdout, /^(Range|Internal)Error\n\w*Error\n$/, kilobytes);
  }
});

interface Used {
  readonly globals: readonly string[];
  readonly ofProcess: readonly string[];
}

/** What the program has of the engine, or of Node.js and the web, without importing it. */
function usedByProgram(): Used {
  const sources = (folder: string): string[] =>
    fs.readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
      const path = join(folder, entry.name);
      if (entry.isDirectory()) return sources(path);
      return /(?<!\.test)\.js$/.test(entry.name) ? [path] : [];
    });
  const known = new Set(Object.getOwnPropertyNames(globalThis));
  const found = new Set<string>();
  const members = new Set<string>();
  for (const path of sources(join(PROJECT, "dist/js/src"))) {
    const code = fs.readFileSync(path, "utf8").replace(/\/\*[^]*?\*\/|(?<=^|\s)\/\/.*$|"(?:[^"\\\n]|\\.)*"/gm, "");
    for (const [, name = ""] of code.matchAll(/(?<![.\w$#])(?:new\s+)?([A-Za-z]\w+)(?=\s*[.(])/g)) if (known.has(name)) found.add(name);
    // A config has a `process` too, with other fields, and a shim's exec.
    for (const [, name = ""] of code.matchAll(/(?<![.\w$#])process\.(\w+)/g)) if (name in process && !OF_CONFIG.has(name)) members.add(name);
  }
  return { globals: [...found], ofProcess: [...members] };
}

/** Fields of a config's process, and of an exec; the last is for who has no addon, which is a part of this engine. */
const OF_CONFIG = new Set(["title", "kill", "stdin", "stdout", "stderr", "getBuiltinModule"]);

quick("it has each global and each member of process that the program uses", (t) => {
  const { globals, ofProcess } = usedByProgram();
  for (const name of ["JSON", "process", "setTimeout", "TextDecoder", "btoa"]) assert.ok(globals.includes(name), name);
  for (const name of ["argv", "env", "exit", "on"]) assert.ok(ofProcess.includes(name), name);
  // Names of its own: methods, and variables for the caller's terminal.
  const own = new Set(["addEventListener", "removeEventListener", "console"]);
  const args = [...globals.filter((name) => !own.has(name)), ...ofProcess.map((name) => `process.${name}`)];
  const program = `for (const name of process.argv.slice(2))
    if (!(name.startsWith("process.") ? name.slice(8) in process : name in globalThis)) print(name); process.exit(0);`;
  assert.equal(lines(t, program, { args }), []);
});

quick("without its program it says so", (t) => {
  if (!fs.existsSync(join(BUILT, "tsrun-quick-base"))) skip("the small engine is not built: QuickJS's source is not within reach");
  const { status, stderr } = spawnSync(join(BUILT, "tsrun-quick-base"), [], { encoding: "utf8" });
  assert.is(status, 126);
  assert.match(stderr, /^tsrun: cannot run ".*": it holds no program: install tsrun again\n$/);
  assert.ok(t.folder);
});

quick("with a snapshot or without, wherever the kernel puts it, the program is the same", (t) => {
  const program = join(PROJECT, "dist/tsrun-quick");
  if (!fs.existsSync(program)) skip("the small engine is not built: QuickJS's source is not within reach");
  const without = join(t.folder, "tsrun-quick");
  const bytes = fs.readFileSync(program);
  assert.is(bytes.subarray(-8).toString(), "tsrun-js");
  assert.ok(bytes.readBigUInt64LE(bytes.length - 16) > 0n, "it has a snapshot");
  bytes.writeBigUInt64LE(0n, bytes.length - 16);
  fs.writeFileSync(without, bytes, { mode: 0o755 });
  const { stdout } = spawnSync(program, ["manual", "run"], { encoding: "utf8" });
  assert.match(stdout, /^\.TH /m);
  for (const command of [[without], ["setarch", "-R", program], ["sh", "-c", 'ulimit -s unlimited; exec "$0" "$@"', program], ["env", "-i", program]]) {
    const result = spawnSync(command[0] ?? "", [...command.slice(1), "manual", "run"], { encoding: "utf8" });
    assert.is(result.stderr, "");
    assert.is(result.stdout, stdout, command.join(" "));
  }
  for (const argument of ["state", "list"]) {
    const [one, other] = [program, without].map((path) => spawnSync(path, ["--root", join(t.folder, "none"), argument, "no-such"], { encoding: "utf8" }));
    assert.equal([one?.status, one?.stdout, one?.stderr], [other?.status, other?.stdout, other?.stderr]);
  }
});

quick("half an address beside a field is not taken for an address in the snapshot", (t) => {
  if (!fs.existsSync(join(BUILT, "snapshot-one"))) skip("the small engine is not built: QuickJS's source is not within reach");
  const addresses = (one: string, other: string): string => {
    const program = join(t.folder, "program");
    fs.copyFileSync(join(BUILT, "tsrun-quick-maker"), program);
    const { status, stdout, stderr } = spawnSync(join(BUILT, "quick-finish"), [program, one, other], { encoding: "utf8" });
    assert.is(status, 0, stderr);
    return stdout;
  };
  const [one, other] = [fs.readFileSync(join(BUILT, "snapshot-one")), fs.readFileSync(join(BUILT, "snapshot-other"))];
  // The header (addon/quick/snapshot.h) ends with where the executable was, the end of the memory and two numbers of 32 bits.
  const start = 0x1f00000000n;
  let at = 24;
  while (one.readBigUInt64LE(at - 16) - start + BigInt(at) !== BigInt(one.length)) at += 8;
  const image = one.readBigUInt64LE(at - 24);
  const distance = other.readBigUInt64LE(at - 24) - image;
  // The same where the kernel put the executable, for the second time, just 4 GiB higher.
  const higher = Buffer.from(one);
  const raise = (place: number): void => void higher.writeBigUInt64LE(one.readBigUInt64LE(place) + 2n ** 32n, place);
  raise(at - 24);
  for (let place = at; place < one.length; place += 8) if (other.readBigUInt64LE(place) - one.readBigUInt64LE(place) === distance) raise(place);
  const nothing = one.indexOf(Buffer.alloc(64), at + 64);
  const unwritten = nothing + 8 - (nothing % 8);
  one.writeBigUInt64LE((image >> 32n) << 32n, unwritten);
  raise(unwritten);
  fs.writeFileSync(join(t.folder, "one"), one);
  fs.writeFileSync(join(t.folder, "higher"), higher);
  assert.is(addresses(join(t.folder, "one"), join(t.folder, "higher")), addresses(join(BUILT, "snapshot-one"), join(BUILT, "snapshot-other")));
});

quick("without memory it ends with a line that says so, wherever it runs out", (t) => {
  const program = join(PROJECT, "dist/tsrun-quick");
  if (!fs.existsSync(program)) skip("the small engine is not built: QuickJS's source is not within reach");
  // The C library's own start dies below 300.
  for (let kilobytes = 300; kilobytes <= 2200; kilobytes += 50) {
    const command = ["-c", `ulimit -d ${kilobytes}; exec "$0" "$@"`, program, "--root", join(t.folder, "none"), "state", "no-such"];
    const { status, signal, stderr } = spawnSync("sh", command, { encoding: "utf8" });
    assert.equal([status, signal], [1, null], `${kilobytes} KiB: ${stderr}`);
    assert.match(stderr, /^tsrun: .+\n$/, `${kilobytes} KiB`);
  }
});

quick("without memory for a file, and without descriptors, it says what is missing", (t) => {
  // Larger than any address space; most file systems on disks have no such files.
  const [folder, bytes] = ["/dev/shm", 2 ** 50];
  if (!fs.existsSync(folder)) skip(`there is no ${folder}`);
  const huge = join(fs.mkdtempSync(join(folder, "tsrun-test-")), "huge");
  try {
    fs.writeFileSync(huge, "");
    fs.truncateSync(huge, bytes);
    const program = "try { addon.exports.readText(process.argv[2]); } catch (error) { print(error.code, error.syscall); } process.exit(0);";
    assert.equal(lines(t, program, { args: [huge] }), ["ENOMEM readText"]);
  } finally {
    fs.rmSync(dirname(huge), { recursive: true });
  }
  const { status, stderr } = spawnSync("sh", ["-c", 'ulimit -n 3; exec "$0"', compiled(t, { "main.js": "process.exit(0);" })], { encoding: "utf8" });
  assert.is(status, 126);
  assert.match(stderr, /^tsrun: cannot run ".*": it cannot be read: Too many open files\n$/);
});

quick("the command runs in it where it is built", () => {
  if (!fs.existsSync(join(PROJECT, "dist/tsrun-quick"))) skip("the small engine is not built: QuickJS's source is not within reach");
  const { stdout } = spawnSync(join(PROJECT, "dist/tsrun"), ["--version"], { encoding: "utf8" });
  assert.match(stdout, /^quickjs: \d/m);
});

quick.run();
