/** docker and podman for the bench: what a container costs their users, with tsrun and with the others. */

import { spawn, spawnSync } from "node:child_process";
import * as fs from "node:fs";
import { dirname, join } from "node:path";
import { setTimeout } from "node:timers/promises";

const PATIENCE_MILLISECONDS = 20_000;
const IMAGE = "bench";
/** dockerd makes it outside of all folders that it is given. */
const DOCKERS = "/run/docker";

/** As scripts/bench.mjs has them. */
export function engineMeasurements({ timed }) {
  return [
    { name: "docker run --rm --network none, our shim and containerd's own with the others", engine: "docker", round: runOf },
    { name: "podman run --rm --network none", engine: "podman", round: runOf },
  ];

  function runOf({ client }) {
    return [timed("run", [...client, IMAGE, "/bin/true"])];
  }
}

/**
 * Starts those that are in the PATH: `{ docker: { version, client, stop } }`, where `client` gives the command that runs a
 * container with a runtime. Those that do not start are told of by `note`.
 */
export async function startEngines(folder, { runtimes, rootfs, namespace, note }) {
  const archive = join(folder, "rootfs.tar");
  tool(["tar", "--create", "--file", archive, "--directory", rootfs, "."]);
  const engines = {};
  for (const [name, start] of Object.entries({ docker: startDocker, podman: startPodman })) {
    const home = join(folder, name);
    fs.mkdirSync(home);
    const engine = await start(home, { runtimes, archive, namespace });
    note(engine?.version ?? `${name} does not start here: it is left out`);
    if (engine !== undefined) engines[name] = engine;
  }
  return engines;
}

/** In a network namespace of its own: dockerd changes the network, even when it is told not to have one. */
async function startDocker(home, { runtimes, archive, namespace }) {
  const others = runtimes.filter(({ name }) => name === "crun").map(({ name, path }) => [name, { path }]);
  fs.writeFileSync(join(home, "daemon.json"), JSON.stringify({ runtimes: Object.fromEntries(others) }));
  const host = `unix://${home}/socket`;
  const folders = ["--config-file", join(home, "daemon.json"), "--data-root", join(home, "data"), "--exec-root", join(home, "exec"), "--pidfile", join(home, "pid")];
  const names = ["--containerd-namespace", namespace, "--containerd-plugins-namespace", `${namespace}-plugins`, "--cgroup-parent", `/${namespace}`];
  const network = ["--bridge=none", "--iptables=false", "--ip6tables=false"];
  // It looks for shims, and for runc, in its PATH.
  const pathOf = (name) => runtimes.filter((one) => one.name === name).map(({ path }) => dirname(fs.realpathSync(path)));
  const env = { ...process.env, PATH: [...pathOf("tsrun"), ...pathOf("runc"), process.env["PATH"] ?? "", "/usr/sbin"].join(":") };
  const foreign = fs.existsSync(DOCKERS);
  const log = fs.openSync(join(home, "log"), "w");
  const child = spawn("unshare", ["--net", "dockerd", "--host", host, ...folders, ...names, ...network], { stdio: ["ignore", log, log], env });
  fs.closeSync(log);
  const ended = new Promise((resolve) => {
    child.on("exit", resolve);
    child.on("error", resolve);
  });
  const stop = async () => {
    child.kill("SIGTERM");
    await ended;
    for (const place of ["exec/netns/default", "data"]) spawnSync("umount", [join(home, place)], { stdio: "ignore" });
    for (const name of ["runc", "tsrun"]) fs.rmSync(`/run/containerd/${name}/${namespace}`, { recursive: true, force: true });
    if (!foreign) fs.rmSync(DOCKERS, { recursive: true, force: true });
  };
  const docker = [inPath("docker"), "--host", host];
  for (const deadline = Date.now() + PATIENCE_MILLISECONDS; spawnSync(docker[0], [...docker.slice(1), "version"]).status !== 0; await setTimeout(50)) {
    if (Date.now() < deadline && child.exitCode === null && child.pid !== undefined) continue;
    await stop();
    return undefined;
  }
  tool([...docker, "import", archive, IMAGE]);
  const words = { tsrun: "io.containerd.tsrun.v1", runc: "runc", crun: "crun" };
  const client = ({ name }) => [...docker, "run", "--rm", "--network", "none", "--runtime", words[name]];
  return { client, stop, version: `dockerd ${tool([...docker, "version", "--format", "{{.Server.Version}}"])}` };
}

// podman raises limits as far as it thinks root may; not every root may.
const PODMAN_SETTINGS = `[containers]
default_ulimits = ["nofile=1024:1024", "nproc=4096:4096"]
cgroups = "no-conmon"
[engine]
lock_type = "file"
`;

/** Its storage copies nothing: an overlay, as its users have it. */
function startPodman(home, { archive, namespace }) {
  fs.writeFileSync(join(home, "containers.conf"), PODMAN_SETTINGS);
  const storage = ["root", "runroot", "tmpdir"].flatMap((name) => [`--${name}`, join(home, name)]);
  const settings = [`CONTAINERS_CONF=${join(home, "containers.conf")}`, "PODMAN_IGNORE_CGROUPSV1_WARNING=1"];
  const program = inPath("podman");
  if (program === undefined) return undefined;
  const podman = [inPath("env"), ...settings, program, ...storage, "--storage-driver", "overlay", "--cgroup-manager", "cgroupfs", "--events-backend", "file"];
  const imported = spawnSync(podman[0], [...podman.slice(1), "import", "--quiet", archive, IMAGE]);
  if (imported.status !== 0) return undefined;
  const client = ({ path }) => [...podman, "--runtime", path, "run", "--rm", "--network", "none", "--cgroup-parent", `/${namespace}`];
  const stop = () => {
    spawnSync(podman[0], [...podman.slice(1), "rm", "--all", "--force", "--time", "0"]);
    spawnSync("umount", [join(home, "root/overlay")], { stdio: "ignore" });
  };
  return { client, stop, version: tool([program, "--version"]) };
}

function inPath(program) {
  const folders = (process.env["PATH"] ?? "").split(":");
  return folders.map((folder) => join(folder, program)).find((path) => fs.existsSync(path));
}

function tool([program, ...args]) {
  const { status, stdout, stderr, error } = spawnSync(program, args, { encoding: "utf8" });
  if (status !== 0) throw new Error(`cannot execute ${[program, ...args].join(" ")}: ${error?.message ?? stderr}`);
  return stdout.trim();
}
