/** The README by its word: its links, the commands and options that it names, the errors that it quotes, its drawings. */

import { spawnSync } from "node:child_process";
import { chmodSync, existsSync, readFileSync, readdirSync, renameSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import * as assert from "uvu/assert";
import { needs, skip, suite } from "./harness.ts";
import type { Ground } from "./harness.ts";
import { PROJECT } from "./runtime.ts";
import { GLOBAL_OPTIONS, VERBS } from "../src/cli/options.ts";

const test = suite("README");

const DOCUMENTS = ["README.md", "CHANGELOG.md", "conformance/README.md"];
const README = read("README.md");

for (const document of DOCUMENTS) {
  test(`${document} links to what exists`, () => {
    const text = withoutCode(read(document));
    const targets = [...text.matchAll(/\]\(([^)\s]+)\)|(?:src|href)="([^"]+)"/g)].map(([, link, attribute]) => link ?? attribute ?? "");
    assert.ok(targets.length > 0);
    for (const target of targets.filter((link) => !/^https?:/.test(link))) assert.ok(isThere(document, target), `${document}: ${target}`);
  });
}

test("README.md names only npm scripts that exist", () => {
  const { scripts } = JSON.parse(read("package.json")) as { scripts: Record<string, string> };
  const names = [...README.matchAll(/\bnpm (?:run ([\w:]+)|(start|test)\b)/g)].map(([, script, own]) => script ?? own ?? "");
  assert.ok(names.length > 3);
  for (const name of names) assert.ok(name in scripts, name);
});

test("README.md calls only verbs and options that exist", () => {
  const scripts = [...README.matchAll(/^```sh\n(.*?)^```/gms)].map(([, script]) => script).join("");
  const commands = [...scripts.matchAll(/^(?:sudo )?tsrun (.*)$/gm), ...README.matchAll(/^\$ tsrun (.*)$/gm)];
  const calls = [...commands, ...README.matchAll(/`tsrun ([^`]*)`/g)].map(([, words = ""]) => words);
  assert.ok(calls.length > 10);
  for (const call of calls) checkCall(call);
});

test("README.md shows every verb", () => {
  for (const { name } of VERBS) assert.match(README, `tsrun ${name}`);
});

test("docs/architecture.svg shows every folder of src/", () => {
  const drawing = read("docs/architecture.svg");
  const folders = readdirSync(join(PROJECT, "src"), { withFileTypes: true }).filter((entry) => entry.isDirectory());
  for (const { name } of folders) assert.match(drawing, `src/${name}`);
});

test("docs/sequence.svg shows every gate", () => {
  const drawing = read("docs/sequence.svg");
  const folder = join(PROJECT, "src/plan");
  const source = readdirSync(folder).filter((file) => !file.includes(".test.")).map((file) => (file.endsWith(".ts") ? read(`src/plan/${file}`) : ""));
  const gates = new Set([...source.join("").matchAll(/op: "gate", name: "([\w-]+)"/g)].map(([, name = ""]) => name));
  assert.ok(gates.has("created"));
  for (const name of gates) assert.match(drawing, `gate "${name}"`);
});

test("README.md's way to a bundle by hand makes one that runs", async (t) => {
  needs("root");
  if (!existsSync("/bin/busybox")) skip("no /bin/busybox");
  const script = /^```sh\n(mkdir -p web\/rootfs.*?)^```/ms.exec(README)?.[1] ?? "exit 1";
  const made = spawnSync("bash", ["--norc", "-euc", script], { cwd: t.folder, encoding: "utf8", env: { ...process.env, PATH: `${PROJECT}/dist:${process.env["PATH"]}` } });
  assert.is(made.stderr, "");
  const config = join(t.folder, "web/config.json");
  writeFileSync(config, readFileSync(config, "utf8").replace('"terminal": true', '"terminal": false').replace('"sh"', '"sh", "-c", "tty; exit 3"'));
  const { status, stdout } = await t.runtime(["run", "--bundle", join(t.folder, "web"), t.id()]);
  assert.equal({ status, stdout }, { status: 3, stdout: "not a tty\n" });
});

/** What is wrong with the default config, as in the README's examples. */
const BROKEN: readonly (readonly [title: string, change: (config: string) => string])[] = [
  ["two wrong names", (config) => config.replace('"type": "network"', '"type": "net"').replace("RLIMIT_NOFILE", "RLIMIT_NOFILES")],
  ["a key given twice", (config) => config.replace('"hostname"', '"hostname": "a",\n\t"hostname"')],
  ["a missing comma", (config) => config.replace('"hostname": "tsrun",', '"hostname": "tsrun"')],
  ["an option that the file system does not know", (config) => config.replace('"size=65536k"', '"szie=65536k"')],
  ["a bind source that is missing", (config) => config.replace('"mounts": [', `"mounts": [\n\t\t${BIND},`)],
  ["an interpreter that is missing", (config) => config.replace('"sh"', '"/root/script"')],
];
const BIND = '{ "destination": "/data", "type": "bind", "source": "/srv/no-data", "options": ["rbind"] }';

for (const [title, change] of BROKEN) {
  test(`README.md quotes the error of ${title}`, async (t) => {
    needs("root");
    const bundle = await brokenBundle(t, change);
    const { status, stderr } = await t.runtime(["run", "--bundle", bundle, t.id()]);
    assert.is.not(status, 0);
    assert.match(README, stderr.trim());
  });
}

async function brokenBundle(t: Ground, change: (config: string) => string): Promise<string> {
  const bundle = join(t.folder, "web");
  const { status } = await t.runtime(["spec", "--bundle", bundle]);
  assert.is(status, 0);
  const file = join(bundle, "config.json");
  const config = readFileSync(file, "utf8").replace('"terminal": true', '"terminal": false');
  const changed = change(config);
  assert.is.not(changed, config);
  writeFileSync(file, changed);
  const rootfs = join(bundle, "rootfs");
  renameSync(join(t.bundle().path, "rootfs"), rootfs);
  const script = join(rootfs, "root/script");
  writeFileSync(script, "#!/usr/bin/no-such-interpreter\n");
  chmodSync(script, 0o755);
  return bundle;
}

function checkCall(call: string): void {
  const words = (call.split(/ [|>#] ?|\)/)[0] ?? "").split(/\s+/).filter((word) => word !== "");
  const isOption = (word: string): boolean => word.startsWith("-");
  const verbAt = words.findIndex((word) => VERBS.some(({ name }) => name === word));
  const verb = VERBS.find(({ name }) => name === words[verbAt]);
  if (verb === undefined) assert.ok(words.length > 0 && words.every(isOption), `tsrun ${call}`);
  const global = verb === undefined ? words : words.slice(0, verbAt);
  const after = verb === undefined ? [] : words.slice(verbAt + 1);
  // The rest is for another program.
  const own = verb?.trailing === true ? after.slice(0, after.findIndex((word) => !isOption(word))) : after;
  for (const word of global.filter(isOption)) assert.ok(isKnown(word, GLOBAL_OPTIONS), `tsrun ${call}: ${word}`);
  for (const word of own.filter(isOption)) assert.ok(isKnown(word, verb?.options ?? []) || word === "--help", `tsrun ${call}: ${word}`);
}

function isKnown(word: string, options: readonly { readonly name: string; readonly short?: string }[]): boolean {
  const name = word.replace(/^--?/, "").replace(/=.*/s, "");
  return options.some((option) => option.name === name || option.short === name);
}

function isThere(document: string, target: string): boolean {
  const [path = "", anchor] = target.split("#");
  const file = path === "" ? document : join(dirname(document), path);
  if (!existsSync(join(PROJECT, file))) return false;
  return anchor === undefined || !file.endsWith(".md") || anchorsOf(read(file)).includes(anchor);
}

/** As GitHub makes them from headings. */
function anchorsOf(text: string): string[] {
  return [...withoutCode(text).matchAll(/^#+ (.*)$/gm)].map(([, heading = ""]) =>
    heading.toLowerCase().replace(/[^\p{L}\p{N} _-]/gu, "").replaceAll(" ", "-"),
  );
}

function withoutCode(text: string): string {
  return text.replace(/^```.*?^```/gms, "");
}

function read(path: string): string {
  return readFileSync(join(PROJECT, path), "utf8");
}

test.run();
