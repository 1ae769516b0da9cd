/**
 * A containerd for the bench: what a container costs its users there, with our shim and with containerd's own, in time and
 * in memory.
 */

import { spawn, spawnSync } from "node:child_process";
import * as fs from "node:fs";
import { dirname, join } from "node:path";
import { setTimeout } from "node:timers/promises";

const PATIENCE_MILLISECONDS = 10_000;
const PLUGINS = ["io.containerd.grpc.v1.cri", "io.containerd.internal.v1.opt"].concat(
  ["aufs", "btrfs", "devmapper", "zfs"].map((name) => `io.containerd.snapshotter.v1.${name}`),
);

/** Starts one in the folder; undefined where it is not installed, or does not start. */
export async function startContainerd(folder, { tsrun, namespace }) {
  const home = join(folder, "containerd");
  fs.mkdirSync(home);
  const socket = join(home, "socket");
  const config = `version = 2\nroot = "${home}/root"\nstate = "${home}/state"\ndisabled_plugins = ${JSON.stringify(PLUGINS)}\n`;
  fs.writeFileSync(join(home, "config.toml"), `${config}[grpc]\naddress = "${socket}"\n[ttrpc]\naddress = "${socket}.ttrpc"\n`);
  // It looks for shims in its PATH.
  const env = { ...process.env, PATH: `${dirname(fs.realpathSync(tsrun))}:${process.env["PATH"] ?? ""}` };
  const log = fs.openSync(join(home, "log"), "w");
  const child = spawn("containerd", ["--config", join(home, "config.toml")], { stdio: ["ignore", log, log], env });
  fs.closeSync(log);
  const ended = new Promise((resolve) => {
    child.on("exit", resolve);
    child.on("error", resolve);
  });
  const folders = (process.env["PATH"] ?? "").split(":");
  const client = folders.map((path) => join(path, "ctr")).find((path) => fs.existsSync(path)) ?? "ctr";
  const ctr = [client, "--address", socket, "--namespace", namespace];
  const stop = async () => {
    child.kill("SIGTERM");
    await ended;
    for (const name of ["runc", "tsrun"]) fs.rmSync(`/run/containerd/${name}/${namespace}`, { recursive: true, force: true });
  };
  for (const deadline = Date.now() + PATIENCE_MILLISECONDS; spawnSync(ctr[0], [...ctr.slice(1), "version"]).status !== 0; await setTimeout(50)) {
    if (Date.now() < deadline && child.exitCode === null && child.pid !== undefined) continue;
    await stop();
    return undefined;
  }
  return { ctr, stop, version: spawnSync("containerd", ["--version"], { encoding: "utf8" }).stdout.trim() };
}

const POD = "io.kubernetes.cri.sandbox-id";
const AT_ONCE = 50;
/** So many idle containers are looked at. */
const IDLE = 10;
const SETTLE_MILLISECONDS = 3000;

/** containerd's client, and what says which shim and runtime are meant. */
export function clientOf({ ctr }, { name, path }) {
  const runtime = name === "tsrun" ? ["--runtime", "io.containerd.tsrun.v1"] : ["--runtime", "io.containerd.runc.v2", "--runc-binary", path];
  return { ctr, runtime };
}

/** `ctr run` with our shim, or with containerd's own and another runtime; options, the root file system, id and program follow. */
export function ctrRun({ ctr, runtime }, ...options) {
  return [...ctr, "run", ...options, ...runtime, "--rootfs"];
}

/** Its status is the container's. */
function deleted(ctr, id) {
  return ["/bin/sh", "-c", '"$@" || true', "sh", ...ctr, "tasks", "delete", "--force", id];
}

function removed(ctr, id) {
  return [...ctr, "containers", "rm", id];
}

/** As scripts/bench.mjs has them; `lasting` are steps before and after all rounds. */
export function containerdMeasurements({ timed, untimed }) {
  const rootfsOf = (bundles) => join(bundles.default, "rootfs");
  const begin = (client, { id, bundles, options = [] }) => [...ctrRun(client, "--detach", ...options), rootfsOf(bundles), id, "/bin/sleep", "600"];
  const podOf = (id) => ["--annotation", `${POD}=${id}`];
  return [
    {
      name: "ctr run --rm, our shim and containerd's own with the others",
      withContainerd: true,
      round: ({ client, id, bundles }) => [timed("ctr run", [...ctrRun(client, "--rm"), rootfsOf(bundles), id, "/bin/true"])],
    },
    {
      name: "a task of containerd: create and start, exec, delete",
      withContainerd: true,
      onRequest: true,
      sum: true,
      round: ({ client, id, bundles }) => [
        timed("run --detach", begin(client, { id, bundles })),
        timed("exec", [...client.ctr, "tasks", "exec", "--exec-id", "x", id, "/bin/true"]),
        timed("delete --force", deleted(client.ctr, id)),
        untimed(removed(client.ctr, id)),
      ],
    },
    {
      name: "the second container of a pod",
      withContainerd: true,
      onRequest: true,
      lasting: ({ client, container, bundles }) => [
        [untimed(begin(client, { id: container, bundles, options: podOf(container) }))],
        [untimed(deleted(client.ctr, container)), untimed(removed(client.ctr, container))],
      ],
      round: ({ client, id, container, bundles }) => [
        timed("run --detach", begin(client, { id, bundles, options: podOf(container) })),
        untimed(deleted(client.ctr, id)),
        untimed(removed(client.ctr, id)),
      ],
    },
    {
      name: `${AT_ONCE} containers at once`,
      withContainerd: true,
      onRequest: true,
      share: 1 / 5,
      round: ({ client, id, bundles }) => [timed(`${AT_ONCE} x ctr run`, atOnce(ctrRun(client, "--rm"), { rootfs: rootfsOf(bundles), id }))],
    },
  ];
}

function atOnce(command, { rootfs, id }) {
  const script = `n=0; while [ $n -lt ${AT_ONCE} ]; do "$@" "${rootfs}" "${id}-$n" /bin/true & n=$((n + 1)); done; wait`;
  return ["/bin/sh", "-c", script, "sh", ...command];
}

/** What the shims of idle containers hold, in bytes for each container: `{ private, proportional, shims }` by subject. */
export async function measureMemory(containerd, { subjects, namespace, rootfs }) {
  const cases = subjects.flatMap((subject) => {
    const alone = { name: subject.name, subject, options: [] };
    const shared = { name: "tsrun, one shim for all", subject, options: ["--annotation", "io.containerd.tsrun.v1.shared=true"] };
    return subject.name === "tsrun" ? [alone, shared] : [alone];
  });
  const results = {};
  for (const { name, subject, options } of cases) {
    const client = clientOf(containerd, subject);
    const ids = Array.from({ length: IDLE }, (_, n) => `${namespace}-idle-${n}`);
    for (const id of ids) tool([...ctrRun(client, "--detach", ...options), rootfs, id, "/bin/sleep", "600"]);
    await setTimeout(SETTLE_MILLISECONDS);
    results[name] = memoryOfShims(namespace, ids.length);
    for (const id of ids) for (const command of [deleted(client.ctr, id), removed(client.ctr, id)]) tool(command);
  }
  return results;
}

function tool([program, ...args]) {
  const { status, stderr } = spawnSync(program, args, { encoding: "utf8", stdio: ["ignore", "ignore", "pipe"] });
  if (status !== 0) throw new Error(`cannot execute ${[program, ...args].join(" ")}: ${stderr}`);
}

function memoryOfShims(namespace, containers) {
  const pids = fs.readdirSync("/proc").filter((pid) => {
    const words = /^\d+$/.test(pid) ? readOr(`/proc/${pid}/cmdline`).split("\0") : [];
    return words[0]?.includes("containerd-shim-") === true && words.includes(namespace);
  });
  const rollups = pids.map((pid) => readOr(`/proc/${pid}/smaps_rollup`));
  const sum = (name) => rollups.reduce((total, text) => total + 1024 * Number(new RegExp(`^${name}: +(\\d+)`, "m").exec(text)?.[1] ?? 0), 0);
  return { private: (sum("Private_Clean") + sum("Private_Dirty")) / containers, proportional: sum("Pss") / containers, shims: pids.length };
}

/** A process may end while it is looked at. */
function readOr(path) {
  try {
    return fs.readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
