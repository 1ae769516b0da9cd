/** A containerd for the bench: what a container costs its users there, with our shim and with containerd's own. */

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

/** `ctr run` with our shim, or with containerd's own and another runtime; the root file system, id and program follow. */
export function ctrRun({ ctr }, { name, path }) {
  const runtime = name === "tsrun" ? ["--runtime", "io.containerd.tsrun.v1"] : ["--runtime", "io.containerd.runc.v2", "--runc-binary", path];
  return [...ctr, "run", "--rm", ...runtime, "--rootfs"];
}
