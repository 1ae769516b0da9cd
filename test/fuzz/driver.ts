/**
 * The fuzzer inside of its sandbox (enter.sh): gives the runtime case after case, and judges what it does and leaves.
 *
 *   driver.js '{"seed":1,"from":0,"seconds":60}'      each line that it prints is a Report
 */

import * as fs from "node:fs";
import { createServer } from "node:net";
import type { Socket } from "node:net";
import { Cases, OPTIONS, finish } from "./cases.ts";
import type { Case } from "./cases.ts";
import { Commands, knownVerbs, writeBundle, writeDocuments } from "./commands.ts";
import { documentsOf } from "./documents.ts";
import { minimise } from "./minimise.ts";
import { difference, lookAround, removeFolders, tidy } from "./system.ts";
import type { Things } from "./system.ts";
import { isObject, objectsIn, removeAt, toBytes } from "./tree.ts";
import type { Json } from "./tree.ts";

export interface Task {
  readonly seed: number;
  /** The first case. */
  readonly from: number;
  readonly seconds: number;
  /** No cases from this one on. */
  readonly end?: number;
  /** A config to try, and its options, instead of the seed's cases. */
  readonly config?: string;
  readonly options?: readonly string[];
  /** The seeds' configs as they are, instead. */
  readonly untouched?: boolean;
}

export type Report =
  | { readonly kind: "begin"; readonly number: number }
  | { readonly kind: "failure"; readonly number: number; readonly problems: readonly string[]; readonly story: string; readonly options: readonly string[]; readonly config: string; readonly from: number; readonly documents: readonly string[] }
  | { readonly kind: "case"; readonly number: number; readonly story: string; readonly created: boolean; readonly started: boolean; readonly said: string }
  /** `dirty`: the sandbox cannot be used any more. */
  | { readonly kind: "end"; readonly next: number; readonly dirty: boolean };

const MINIMISE_MILLIS = 90_000;
/** How long a process may take to end that was told to. */
const DYING_MILLIS = 10_000;
const MOST_PAUSE_MILLIS = 50;
const MOST_ROUNDS = 6;

let baseline: Things;
let verbs: ReadonlySet<string>;

async function main(task: Task): Promise<void> {
  for (const path of ["/run/console.sock", "/run/seccomp.sock"]) listen(path);
  verbs = await knownVerbs();
  writeBundle({ bytes: Buffer.from("{}"), owner: 0 });
  fs.mkdirSync("/state");
  baseline = lookAround();
  const until = performance.now() + task.seconds * 1000;
  const cases = new Cases("/fuzz/schemas", "/fuzz/configs");
  const given = givenCases(task, cases);
  let number = task.from;
  for (; ; number++) {
    if (performance.now() > until || number >= (given?.length ?? task.end ?? Infinity)) break;
    report({ kind: "begin", number });
    await tryCase(given?.[number] ?? cases.case(task.seed, number), number);
    if (isDirty()) return report({ kind: "end", next: number + 1, dirty: true });
  }
  report({ kind: "end", next: number, dirty: false });
}

function givenCases({ config, options = [], untouched = false }: Task, cases: Cases): Case[] | undefined {
  if (untouched) return cases.untouched();
  if (config === undefined) return undefined;
  const { bytes } = finish(Buffer.from(config, "base64"));
  const one = { bytes, options: OPTIONS.filter((option) => options.includes(option)), story: "the config that was given" };
  return [{ ...one, documents: documentsOf(parse(bytes)) }];
}

/** Tries a case; where it is refused, it is tried again without what it is refused for, to come further. */
async function tryCase(one: Case, number: number): Promise<void> {
  let current: Case | undefined = one;
  for (let round = 0; current !== undefined && round < MOST_ROUNDS; round++) {
    const { problems, commands } = await judge(current);
    const { created, started, said } = commands;
    report({ kind: "case", number, story: current.story, created, started, said });
    if (problems.length > 0) return examine(current, number, problems);
    current = created ? undefined : mend(current, said);
  }
}

/** Without the places of config.json that an error names; undefined where it names none. */
function mend(one: Case, said: string): Case | undefined {
  const tree = parse(one.bytes);
  const pointers = [...said.matchAll(/config\.json[:\d]* \/([^\s)]*)\)/g)].map(([, pointer = ""]) => pointer).filter((pointer) => pointer !== "");
  // The last first, so that the others' places in lists stay what they are.
  const removed = pointers.reverse().filter((pointer) => removePointer(tree, pointer.split("/")));
  if (removed.length === 0) return undefined;
  const { bytes } = finish(toBytes(tree));
  return { ...one, bytes, story: `${one.story}, without ${removed.map((pointer) => `/${pointer}`).join(" ")}` };
}

function removePointer(tree: Json, path: readonly string[]): boolean {
  let node: Json | undefined = tree;
  const keys = path.map((part) => part.replaceAll("~1", "/").replaceAll("~0", "~"));
  const last = keys.pop() ?? "";
  for (const key of keys) node = typeof node === "object" && node !== null && Object.hasOwn(node, key) ? (node as Record<string, Json>)[key] : undefined;
  if (typeof node !== "object" || node === null || !Object.hasOwn(node, last)) return false;
  removeAt({ parent: node, key: last, path: [] });
  return true;
}

/** Makes a failure small, and tells. */
async function examine(one: Case, number: number, problems: readonly string[]): Promise<void> {
  const wanted = kindOf(problems[0] ?? "");
  const small = await minimise(
    one.bytes,
    async (bytes) => !isDirty() && (await judge({ ...one, ...finish(bytes) })).problems.some((problem) => kindOf(problem) === wanted),
    performance.now() + MINIMISE_MILLIS,
  );
  // What is told is what the small one does.
  const again = isDirty() ? problems : (await judge({ ...one, bytes: small })).problems;
  const { options, story, bytes, documents } = one;
  const told = [documents.process, documents.resources].map((document) => document.toString());
  report({ kind: "failure", number, problems: again.length > 0 ? again : problems, story, options, config: small.toString("base64"), from: bytes.length, documents: told });
}

/** `create crashes`, `left processes`. */
function kindOf(problem: string): string {
  return problem.slice(0, problem.indexOf(":"));
}

async function judge({ bytes, options, documents }: Case): Promise<{ readonly problems: readonly string[]; readonly commands: Commands }> {
  const { isJson } = finish(bytes);
  writeBundle({ bytes, owner: rootOf(bytes) });
  fs.rmSync("/tmp/pid", { force: true });
  writeDocuments(documents);
  const commands = new Commands(options, verbs);
  await commands.judge({ isJson });
  hangUp();
  for (const name of ["pid", "log", "process.json", "resources.json"]) fs.rmSync(`/tmp/${name}`, { force: true });
  if (commands.created) removeParents(bytes);
  const left = await leftBehind(bytes);
  if (left.length > 0) tidy(baseline);
  return { problems: [...commands.problems, ...left.map((thing) => `left ${thing}`)], commands };
}

/** Whom the container's root is on the host: engines give him the root file system. */
function rootOf(bytes: Buffer): number {
  const config = parse(bytes);
  const [mapping] = isObject(config) ? objectsIn(config["linux"], "uidMappings") : [];
  const id = mapping?.["hostID"];
  return typeof id === "number" && Number.isInteger(id) && id >= 0 && id < 2 ** 32 - 1 ? id : 0;
}

/** The ancestors of a container's cgroup stay when it is deleted, as others may have come to live there: runc's rule. */
function removeParents(bytes: Buffer): void {
  const config = parse(bytes);
  const linux = isObject(config) ? config["linux"] : undefined;
  const path = isObject(linux) ? linux["cgroupsPath"] : undefined;
  if (typeof path !== "string") return;
  const parents = path.split("/").filter((part) => part !== "" && part !== ".").slice(0, -1);
  for (let count = parents.length; count > 0; count--) removeFolders(`/${parents.slice(0, count).join("/")}`);
}

/** What is just ending is not left behind. */
async function leftBehind(bytes: Buffer): Promise<string[]> {
  const deadline = performance.now() + DYING_MILLIS;
  for (let attempt = 0; ; attempt++) {
    const left = difference(baseline, lookAround());
    if (left.length === 0) return [];
    const mayEnd = left.some((thing) => thing.startsWith("processes"));
    if (mayEnd ? performance.now() < deadline : attempt < 8) await new Promise((resolve) => setTimeout(resolve, Math.min(attempt, MOST_PAUSE_MILLIS)));
    else return left.filter((thing) => !isMountPoint(thing, bytes));
  }
}

/** Where a config mounts something into a folder of the host, the place to mount on is made there: so runc does, too. */
function isMountPoint(thing: string, bytes: Buffer): boolean {
  const config = parse(bytes);
  const root = isObject(config) && isObject(config["root"]) ? config["root"]["path"] : undefined;
  // A folder that is made in a hierarchy of cgroups is a cgroup.
  if (thing.startsWith("cgroups: ")) return typeof root === "string" && root.startsWith("/sys");
  if (!/^files: .* (dir|0|special)$/s.test(thing) || /^files: \/(state|tmp)\//.test(thing)) return false;
  return root !== "rootfs" || objectsIn(config, "mounts").some(({ source }) => typeof source === "string" && /^[/.]/.test(source));
}

function parse(bytes: Buffer): Json {
  try {
    return JSON.parse(bytes.toString());
  } catch {
    return null;
  }
}

/** Whether something is left that could not be tidied away. */
function isDirty(): boolean {
  return difference(baseline, lookAround()).length > 0 && (tidy(baseline), difference(baseline, lookAround()).length > 0);
}

const held: Socket[] = [];

/** Takes no bytes, so that a terminal that was sent stays open until the case is over. */
function listen(path: string): void {
  createServer({ pauseOnConnect: true }, (socket) => held.push(socket.on("error", () => undefined))).listen(path).unref();
}

function hangUp(): void {
  for (const socket of held.splice(0)) socket.destroy();
}

function report(line: Report): void {
  fs.writeSync(1, `${JSON.stringify(line)}\n`);
}

main(JSON.parse(process.argv[2] ?? "{}")).then(
  () => process.exit(0),
  (error: unknown) => {
    fs.writeSync(2, `${error instanceof Error ? error.stack : String(error)}\n`);
    process.exit(1);
  },
);
