#!/usr/bin/env node
/**
 * Compares the installed tsrun with runc and crun, in one run and in turns.
 *
 *   node scripts/bench.mjs [--pairs N] [--quick] [--containerd] [--engines] [--only TEXT] [--json FILE] [--tsrun PATH] [--runc PATH] [--crun PATH]
 *
 * Each measurement is made in a tight loop, and spaced by a pause of 80 ms: the kernel keeps some of its locks warm for
 * who comes at once, and no user does. With --containerd all is measured that containerd's users wait for, and the memory
 * of idle shims; with --engines what users of docker and podman wait for. These are the first in the PATH. It needs root,
 * and leaves nothing behind.
 */

import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { makeBundles } from "./bench-bundles.mjs";
import { describeHost, enterNamespace, measureBusyness, mountLeftControllers, removeCgroups, unmountControllers } from "./bench-host.mjs";
import { report, reportMeasurement, reportMemory } from "./bench-report.mjs";
import { clientOf, containerdMeasurements, measureMemory, startContainerd } from "./bench-containerd.mjs";
import { engineMeasurements, startEngines } from "./bench-engines.mjs";
import { MEASUREMENT as SECOND_CONTAINER, measureSecondContainer } from "./bench-shim.mjs";
import { compileArguments, findBun } from "./bun.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
const NAME = `tsrun-bench-${process.pid}`;
const WARM_UP = 3;
const LISTED = 100;
const PACES = [{ name: "tight", pause: 0 }, { name: "spaced", pause: 80 }];
const SEPARATOR = "\x1f";

/**
 * What is measured: the commands of one round. A step with a key is timed; `pause` says where a spaced round waits.
 * `container` is the bundle of a container that runs through all rounds.
 */
const MEASUREMENTS = [
  {
    name: "run, default config",
    round: ({ runtime, id, bundles }) => [timed("run", [...runtime, "run", "--bundle", bundles.default, id])],
  },
  {
    name: "run, config as large as an engine's",
    round: ({ runtime, id, bundles }) => [timed("run", [...runtime, "run", "--bundle", bundles.large, id])],
  },
  {
    name: "create, start, state, kill, delete",
    sum: true,
    round: ({ runtime, id, bundles, pidFile }) => [
      timed("create", [...runtime, "create", "--bundle", bundles.sleeping, "--pid-file", pidFile, id]),
      timed("start", [...runtime, "start", id]),
      timed("state", [...runtime, "state", id]),
      timed("kill", [...runtime, "kill", id, "KILL"]),
      { reap: pidFile },
      timed("delete", [...runtime, "delete", id]),
    ],
  },
  {
    name: "delete --force of a running container",
    round: ({ runtime, id, bundles, pidFile }) => [
      untimed([...runtime, "create", "--bundle", bundles.sleeping, "--pid-file", pidFile, id]),
      untimed([...runtime, "start", id]),
      timed("delete --force", [...runtime, "delete", "--force", id]),
      { reap: pidFile },
    ],
  },
  {
    name: "pause and resume of a running container",
    sum: true,
    round: ({ runtime, id, bundles, pidFile }) => [
      untimed([...runtime, "create", "--bundle", bundles.sleeping, "--pid-file", pidFile, id]),
      untimed([...runtime, "start", id]),
      timed("pause", [...runtime, "pause", id]),
      timed("resume", [...runtime, "resume", id]),
      untimed([...runtime, "delete", "--force", id]),
      { reap: pidFile },
    ],
  },
  ...containerdMeasurements({ timed, untimed }),
  ...engineMeasurements({ timed }),
  {
    name: "exec",
    container: ({ sleeping }) => sleeping,
    round: ({ runtime, container }) => [timed("exec", [...runtime, "exec", container, "/bin/true"])],
  },
  {
    name: "exec of a process file, config as large as an engine's",
    container: ({ largeSleeping }) => largeSleeping,
    round: ({ runtime, container, bundles }) => [timed("exec", [...runtime, "exec", "--process", bundles.processFile, container])],
  },
  {
    name: `list of ${LISTED} containers`,
    lasting: ({ name, runtime, bundles, folder }) => {
      const containers = Array.from({ length: LISTED }, (_, index) => ({ id: `${NAME}-listed-${name}-${index}`, pidFile: join(folder, `pid-${name}-${index}`) }));
      const begin = containers.map(({ id, pidFile }) => untimed([...runtime, "create", "--bundle", bundles.sleeping, "--pid-file", pidFile, id]));
      const end = containers.flatMap(({ id, pidFile }) => [untimed([...runtime, "delete", "--force", id]), { reap: pidFile }]);
      return [begin, end];
    },
    round: ({ runtime }) => [timed("list", [...runtime, "list"])],
  },
  { name: "start-up", withHello: true, round: ({ runtime }) => [timed("--version", [runtime[0], "--version"])] },
  { name: "the bench itself", onlyFirst: true, round: () => [timed("true", ["/bin/true"])] },
];

function timed(key, command) {
  return { key, command };
}

function untimed(command) {
  return { key: "", command };
}

async function main() {
  const options = readOptions();
  if (process.geteuid?.() !== 0) throw new Error("it makes containers: run it as root");
  // The signal ends what is measured, and then the bench ends and tidies up.
  for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => undefined);
  const status = enterNamespace();
  if (status !== undefined) return status;
  const folder = fs.mkdtempSync(join(tmpdir(), `${NAME}-`));
  const ground = { folder, mounted: [], runtimes: [], containerd: undefined, engines: {} };
  try {
    await bench(ground, options);
  } finally {
    await ground.containerd?.stop();
    for (const engine of Object.values(ground.engines)) await engine.stop();
    deleteContainers(ground.runtimes);
    removeCgroups(NAME);
    await unmountControllers(ground.mounted);
    fs.rmSync(folder, { recursive: true, force: true });
  }
  return 0;
}

/** What a failure or a signal left. */
function deleteContainers(runtimes) {
  for (const { command: [path, ...options], states } of runtimes) {
    const ids = fs.existsSync(states) ? fs.readdirSync(states).filter((id) => id.startsWith(NAME)) : [];
    for (const id of ids) spawnSync(path, [...options, "delete", "--force", id]);
  }
}

function readOptions() {
  const text = { type: "string" };
  const { values } = parseArgs({
    options: { pairs: text, quick: { type: "boolean" }, containerd: { type: "boolean" }, engines: { type: "boolean" }, only: text, json: text, tsrun: text, runc: text, crun: text },
  });
  const pairs = Number(values.pairs ?? (values.quick === true ? 7 : 30));
  if (!Number.isInteger(pairs) || pairs < 1) throw new Error(`--pairs "${values.pairs}" is not a number above 0`);
  return { ...values, pairs };
}

async function bench(ground, options) {
  const { folder } = ground;
  const host = describeHost();
  const busy = await measureBusyness();
  const view = mountLeftControllers(folder);
  const mounted = view ?? [];
  ground.mounted = mounted;
  if (view === undefined) report.note("others' cgroups hold a controller on v2: crun, which refuses that, is left out");
  const runtimes = findRuntimes(options, folder).filter(({ name }) => view !== undefined || name !== "crun");
  ground.runtimes = runtimes;
  report.head({ host, busy, mounted, runtimes, pairs: options.pairs });
  const [tsrun] = runtimes;
  const tools = { folder, driver: compileDriver(folder), bundles: makeBundles(folder, tsrun.path), hello: compileHello(folder) };
  const results = [];
  if (options.engines === true) {
    const rootfs = join(tools.bundles.default, "rootfs");
    tools.engines = ground.engines = await startEngines(folder, { runtimes, rootfs, namespace: NAME, note: report.note });
  }
  for (const measurement of wantedMeasurements(options)) {
    if (measurement.engine !== undefined && tools.engines[measurement.engine] === undefined) continue;
    if (measurement.withContainerd === true && tools.containerd === undefined) {
      tools.containerd = ground.containerd = await startContainerd(folder, { tsrun: tsrun.path, namespace: NAME });
      report.note(tools.containerd?.version ?? "containerd does not start here: it is left out");
      if (tools.containerd === undefined) continue;
    }
    for (const pace of measurement.share === undefined ? PACES : PACES.slice(0, 1)) {
      const result = { measurement: measurement.name, pace: pace.name, ...measure(tools, { measurement, pace, runtimes, pairs: options.pairs }) };
      results.push(result);
      reportMeasurement(result);
    }
  }
  for (const result of await secondContainer(options, { folder, bundles: tools.bundles, runtimes })) {
    results.push(result);
    reportMeasurement(result);
  }
  const memory = options.containerd === true && tools.containerd !== undefined
    ? await measureMemory(tools.containerd, { subjects: runtimes, namespace: NAME, rootfs: join(tools.bundles.default, "rootfs") })
    : undefined;
  if (memory !== undefined) reportMemory(memory);
  report.tail(busy, await measureBusyness());
  const facts = { host, busy, mounted, pairs: options.pairs, runtimes: runtimes.map(({ name, path, version }) => ({ name, path, version })) };
  if (options.json !== undefined) fs.writeFileSync(options.json, `${JSON.stringify({ ...facts, results, ...(memory === undefined ? {} : { memory }) }, undefined, 2)}\n`);
}

/** With --containerd; it has no client, so it is none of the driver's. */
async function secondContainer({ containerd = false, only = "", pairs }, ground) {
  if (!containerd || !SECOND_CONTAINER.includes(only)) return [];
  const results = await measureSecondContainer({ ...ground, root, namespace: NAME, paces: PACES, pairs, warmUp: WARM_UP });
  if (results.length === 0) report.note("containerd-shim-runc-v2 is not installed: the second container of a pod is not measured");
  return results.map((result) => ({ measurement: SECOND_CONTAINER, ...result }));
}

/** With --containerd its own, all of them, and with --engines theirs; else the rest, and of those the ones that take no time. */
function wantedMeasurements({ only = "", containerd = false, engines = false }) {
  return MEASUREMENTS.filter(({ name, withContainerd = false, onRequest = false, engine }) => {
    if (!name.includes(only)) return false;
    if (containerd || engines) return (containerd && withContainerd) || (engines && engine !== undefined);
    return !onRequest && engine === undefined;
  });
}

/** The installed ones; tsrun is the checkout's own where none is installed. */
function findRuntimes(options, folder) {
  return ["tsrun", "runc", "crun"].flatMap((name) => {
    const path = options[name] === undefined ? inPath(name) ?? (name === "tsrun" ? join(root, "dist/tsrun") : undefined) : resolve(options[name]);
    if (path === undefined) {
      report.note(`${name} is not installed: it is left out`);
      return [];
    }
    const { status, stdout } = spawnSync(path, ["--version"], { encoding: "utf8" });
    if (status !== 0) throw new Error(`cannot execute "${path}": ${name === "tsrun" ? "run: npm run build" : "is it a runtime?"}`);
    const states = join(folder, `state-${name}`);
    return [{ name, path, version: stdout.split("\n", 1)[0] ?? "", states, command: [path, "--root", states] }];
  });
}

function inPath(name) {
  const folders = [...(process.env["PATH"] ?? "").split(":"), "/usr/sbin", "/sbin"];
  return folders.map((folder) => join(folder, name)).find((path) => fs.existsSync(path));
}

function compileDriver(folder) {
  const driver = join(folder, "driver");
  runTool("g++", ["-O2", "-std=c++17", "-o", driver, join(root, "scripts/bench-driver.cc")]);
  return driver;
}

/** The least that the engine can do: what every start-up of it costs. */
function compileHello(folder) {
  const bun = findBun();
  if (bun === undefined) throw new Error("no Bun of the package @oven/bun-linux-* runs on this machine: run: npm ci");
  const source = join(folder, "hello.ts");
  fs.writeFileSync(source, 'console.log("hello");\n');
  runTool(bun, compileArguments(source, join(folder, "hello")), folder);
  return join(folder, "hello");
}

function runTool(program, args, cwd = root) {
  const { status, stderr, error } = spawnSync(program, args, { cwd, encoding: "utf8" });
  if (status !== 0) throw new Error(`cannot execute ${program}: ${error?.message ?? stderr}`);
}

/** Wall times in milliseconds: `{ run: { tsrun: [...], runc: [...] } }`. */
function measure(tools, { measurement, pace, runtimes, pairs }) {
  const subjects = runtimes.map((one) => subjectOf(tools, measurement, one));
  if (measurement.withHello === true) subjects.push({ name: "hello", runtime: [tools.hello] });
  if (measurement.onlyFirst === true) subjects.splice(1);
  const count = Math.max(1, Math.round(pairs * (measurement.share ?? 1)));
  const rounds = Array.from({ length: count + WARM_UP }, (_, round) => turn(subjects, round).map((subject) => ({ subject, round })));
  const lines = rounds.flat().flatMap(({ subject, round }) => {
    const id = `${NAME}-${round}-${subject.name}`;
    const container = containerOf(subject);
    const steps = measurement.round({ ...subject, id, container, bundles: tools.bundles, pidFile: join(tools.folder, "pid") });
    return steps.map((step) => driverLine(step, { subject: subject.name, pause: pace.pause, isWarm: round >= WARM_UP }));
  });
  const [begin, end] = linesAround(tools, { measurement, subjects });
  return collect(drive(tools, [...begin, ...lines, ...end]), measurement.sum === true);
}

/** What a round is told of a runtime: the command that begins its own commands, or those of what it is behind. */
function subjectOf(tools, { withContainerd = false, engine }, runtime) {
  const { name, command } = runtime;
  if (engine !== undefined) return { name, client: tools.engines[engine].client(runtime) };
  return withContainerd ? { name, client: clientOf(tools.containerd, runtime) } : { name, runtime: command };
}

function containerOf({ name }) {
  return `${NAME}-lasting-${name}`;
}

/** The lines before all rounds, and after them. */
function linesAround(tools, { measurement, subjects }) {
  if (measurement.container !== undefined) return lasting(tools, { measurement, subjects });
  if (measurement.lasting === undefined) return [[], []];
  const parts = subjects.map((subject) => measurement.lasting({ ...subject, container: containerOf(subject), bundles: tools.bundles, folder: tools.folder }));
  return [0, 1].map((part) => parts.flatMap((steps) => steps[part].map((step) => driverLine(step, { subject: "", pause: 0, isWarm: false }))));
}

/** The lines that make and remove a container of each. */
function lasting({ folder, bundles }, { measurement, subjects }) {
  const line = (step) => driverLine(step, { subject: "", pause: 0, isWarm: false });
  const bundle = measurement.container(bundles);
  const pidFile = (name) => join(folder, `pid-${name}`);
  const begin = subjects.flatMap(({ name, runtime }) => [
    untimed([...runtime, "create", "--bundle", bundle, "--pid-file", pidFile(name), containerOf({ name })]),
    untimed([...runtime, "start", containerOf({ name })]),
  ]);
  const end = subjects.flatMap(({ name, runtime }) => [untimed([...runtime, "delete", "--force", containerOf({ name })]), { reap: pidFile(name) }]);
  return [begin.map(line), end.map(line)];
}

/** Each begins as often as the others. */
function turn(list, by) {
  const at = by % list.length;
  return [...list.slice(at), ...list.slice(0, at)];
}

function driverLine(step, { subject, pause, isWarm }) {
  if (step.reap !== undefined) return ["reap", step.reap].join(SEPARATOR);
  const key = step.key === "" || !isWarm ? "-" : `${subject}:${step.key.replaceAll(" ", "_")}`;
  return ["run", key, step.key === "" ? 0 : pause, ...step.command].join(SEPARATOR);
}

function drive({ driver, folder }, lines) {
  const output = join(folder, "output");
  const { status, stdout, stderr } = spawnSync(driver, [output], { input: `${lines.join("\n")}\n`, encoding: "utf8", maxBuffer: 1 << 26 });
  if (status === null) throw new Error("it was interrupted");
  if (status !== 0) throw new Error(`${stderr.trim()}: ${fs.existsSync(output) ? fs.readFileSync(output, "utf8").trim() : ""}`);
  return stdout.trim().split("\n").map((line) => line.split(" ")).filter(([key]) => key !== "-");
}

function collect(rows, withSum) {
  const times = {};
  for (const [key = "", wall] of rows) {
    const [subject = "", what = ""] = key.split(":");
    const list = ((times[what.replaceAll("_", " ")] ??= {})[subject] ??= []);
    list.push(Number(wall) / 1e6);
  }
  if (withSum) {
    const parts = Object.values(times);
    times["sum"] = Object.fromEntries(Object.entries(parts[0] ?? {}).map(([name, list]) => [name, list.map((_, round) => sumOf(parts, name, round))]));
  }
  return { times };
}

function sumOf(parts, name, round) {
  return parts.reduce((sum, part) => sum + (part[name]?.[round] ?? 0), 0);
}

try {
  process.exitCode = await main();
} catch (error) {
  console.error(`bench: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
}
