import * as fs from "node:fs";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { problemsOf } from "../../test/config-cases.ts";
import { planOf } from "../../test/plan-cases.ts";
import { PROJECT } from "../../test/runtime.ts";
import { ConfigError } from "../errors.ts";
import type { Config } from "./config.ts";
import { defaultConfig } from "./default-config.ts";
import { isPlainConfig } from "./generated/config.ts";
import { schemaErrorsOfConfig } from "./generated/config-errors.ts";
import { parseConfig, parseConfigBytes } from "./parse.ts";

const test = suite("spec/mutations");

/** MUTATION_SEED repeats a run; MUTATIONS makes it longer. */
const SEED = Number(process.env["MUTATION_SEED"] ?? 1);
const ROUNDS = Number(process.env["MUTATIONS"] ?? 2000);

/** A generator that is the same everywhere (mulberry32). */
function randomFrom(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

const ODD: readonly unknown[] = [
  null,
  true,
  0,
  -1,
  1.5,
  1e300,
  9007199254740993,
  "",
  "x",
  "/",
  "../..",
  "\0",
  "\ud800",
  "9".repeat(50),
  [],
  [null],
  [[]],
  {},
  { "": {} },
  { __proto__: null, path: 1 },
];

type Tree = Record<string, unknown>;

/** Every object and array of a tree, with the keys in it. */
function places(tree: unknown, found: [Tree, string][] = []): [Tree, string][] {
  if (typeof tree !== "object" || tree === null) return found;
  for (const [key, value] of Object.entries(tree)) {
    found.push([tree as Tree, key]);
    places(value, found);
  }
  return found;
}

function mutateTree(tree: unknown, random: (below: number) => number): void {
  const all = places(tree);
  const [node, key] = all[random(all.length)] ?? [{}, ""];
  const [, otherKey] = all[random(all.length)] ?? [{}, ""];
  const [otherNode] = all[random(all.length)] ?? [{} as Tree];
  switch (random(4)) {
    case 0:
      if (Array.isArray(node)) node.splice(Number(key), 1);
      else delete node[key];
      break;
    case 1:
      node[key] = structuredClone(ODD[random(ODD.length)]);
      break;
    case 2:
      node[otherKey] = structuredClone(otherNode[otherKey]);
      break;
    default:
      if (Array.isArray(node)) node.push(structuredClone(node[0]));
      else node[`${key}X`] = structuredClone(ODD[random(ODD.length)]);
  }
}

function mutateText(text: string, random: (below: number) => number): string {
  const at = random(text.length);
  const end = at + random(4);
  const pieces = ['"', "\\", "{", "}", "[", "]", ",", ":", "\\u0000", "9".repeat(20), "\n", "\uFEFF", "\ud800", ""];
  return text.slice(0, at) + (pieces[random(pieces.length)] ?? "") + text.slice(end);
}

const ENGINES = join(PROJECT, "src/spec/testdata/engine-configs");
const seeds = [
  defaultConfig(),
  defaultConfig({ rootless: { uid: 1, gid: 1 }, unified: true }),
  ...["docker-1.json", "podman-5.json", "containerd-1.json"].map((name) => JSON.parse(fs.readFileSync(join(ENGINES, name), "utf8"))),
  everyField(),
];

/** A config with a value in every field, so that every check is reached. */
function everyField(): unknown {
  const config = structuredClone(defaultConfig({ rootless: { uid: 1, gid: 1 } })) as unknown as Record<string, Tree>;
  const { process = {}, linux = {} } = config;
  process["scheduler"] = { policy: "SCHED_DEADLINE", runtime: 1, deadline: 2, period: 3, flags: ["SCHED_FLAG_RECLAIM"] };
  process["ioPriority"] = { class: "IOPRIO_CLASS_BE", priority: 1 };
  process["execCPUAffinity"] = { initial: "0-1", final: "0" };
  config["annotations"] = { a: "b" };
  config["hooks"] = { prestart: [{ path: "/x", args: ["x"], env: ["A=b"], timeout: 1 }] };
  const device = { major: 8, minor: 0 };
  linux["resources"] = {
    memory: { limit: 1, swap: 2, swappiness: 3 },
    cpu: { quota: 2, burst: 1, cpus: "0-1", mems: "0", idle: 1, realtimePeriod: 2, realtimeRuntime: 1 },
    blockIO: { weightDevice: [{ ...device, weight: 10 }], throttleReadBpsDevice: [{ ...device, rate: 1 }] },
    hugepageLimits: [{ pageSize: "2MB", limit: 1 }],
    network: { classID: 1, priorities: [{ name: "eth0", priority: 1 }] },
    pids: { limit: 1 },
    rdma: { mlx: { hcaHandles: 1 } },
    unified: { "memory.high": "1" },
    devices: [{ allow: true, type: "c", major: 1, minor: 2, access: "r" }],
  };
  linux["devices"] = [{ type: "c", path: "/dev/x", ...device }];
  linux["netDevices"] = { eth0: { name: "eth1" } };
  linux["timeOffsets"] = { monotonic: { secs: 1, nanosecs: 2 } };
  linux["intelRdt"] = { closID: "x", schemata: ["L3:0=f"] };
  linux["memoryPolicy"] = { mode: "MPOL_BIND", nodes: "0", flags: ["MPOL_F_STATIC_NODES"] };
  linux["personality"] = { domain: "LINUX" };
  linux["sysctl"] = { "kernel.sem": "1" };
  const args = [{ index: 0, value: 1, valueTwo: 2, op: "SCMP_CMP_EQ" }];
  linux["seccomp"] = { defaultAction: "SCMP_ACT_ERRNO", syscalls: [{ names: ["read"], action: "SCMP_ACT_ALLOW", args }] };
  linux["namespaces"] = ["pid", "network", "mount", "ipc", "uts", "user", "cgroup", "time"].map((type) => ({ type }));
  return config;
}

test("the seeds are good", () => {
  for (const seed of seeds) assert.equal(problemsOf(JSON.stringify(seed)), []);
});

test(`parseConfig() throws nothing but ConfigError for ${ROUNDS} mutated trees (seed ${SEED})`, () => {
  const random = randomFrom(SEED);
  for (let round = 0; round < ROUNDS; round++) {
    const tree: unknown = structuredClone(seeds[random(seeds.length)]);
    for (let i = random(4); i >= 0; i--) mutateTree(tree, random);
    const text = JSON.stringify(tree);
    const problems = inRound(round, text, () => problemsOf(text));
    for (const problem of problems) {
      const hasPlace = problem.line !== undefined && problem.column !== undefined;
      assert.ok(hasPlace || problem.message === "further problems are not listed", `${JSON.stringify(problem)} ${text}`);
    }
    if (problems.length > 0) continue;
    // What is accepted can be used by whoever comes next.
    const config = parseConfig(text);
    inRound(round, text, () => planWhatIsAccepted(config));
  }
});

/** A planner may refuse what only it can know of, and refuses it as a problem of the config. */
function planWhatIsAccepted(config: Config): void {
  try {
    planOf(config);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
  }
}

test(`parseConfigBytes() throws nothing but ConfigError for ${ROUNDS} mutated texts (seed ${SEED})`, () => {
  const random = randomFrom(SEED + 1);
  for (let round = 0; round < ROUNDS; round++) {
    let text = JSON.stringify(seeds[random(seeds.length)], null, random(2) * 2);
    for (let i = random(4); i >= 0; i--) text = mutateText(text, random);
    inRound(round, text, () => problemsOf(text));
    const bytes = new TextEncoder().encode(text);
    bytes[random(bytes.length)] = random(256);
    inRound(round, text, () => onlyConfigError(() => parseConfigBytes(bytes)));
  }
});

test(`isPlainConfig() says yes only where the thorough validator finds nothing (seed ${SEED})`, () => {
  const random = randomFrom(SEED + 2);
  let yes = 0;
  for (let round = 0; round < ROUNDS; round++) {
    const tree: unknown = structuredClone(seeds[random(seeds.length)]);
    for (let i = random(3); i > 0; i--) mutateTree(tree, random);
    const parsed: unknown = JSON.parse(JSON.stringify(tree));
    const errors = schemaErrorsOfConfig(parsed);
    if (isPlainConfig(parsed)) {
      yes++;
      assert.equal(errors, []);
    } else {
      const isBig = JSON.stringify(parsed).includes("9007199254740992");
      assert.ok(errors.length > 0 || isBig, JSON.stringify(parsed));
    }
  }
  assert.ok(yes > ROUNDS / 4, `${yes} of ${ROUNDS}`);
});

function onlyConfigError(run: () => unknown): void {
  try {
    run();
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
  }
}

function inRound<T>(round: number, text: string, run: () => T): T {
  try {
    return run();
  } catch (error) {
    const { stack = "" } = error instanceof Error ? error : {};
    return assert.unreachable(`round ${round}: ${stack}\n${text}`) as never;
  }
}

test.run();
