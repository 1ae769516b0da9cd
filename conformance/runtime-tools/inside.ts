/** The part of run.ts that is in the mount namespace: runs the programs, several at a time, and writes the results. */

import { spawn, spawnSync } from "node:child_process";
import * as fs from "node:fs";
import { basename, join } from "node:path";
import { mountLeftControllers, unmountControllers } from "../cgroup-mounts.ts";
import { EXPECTED, RACES } from "./expected.ts";
import { compare, judge } from "./judge.ts";
import type { Run } from "./judge.ts";
import { lookAtMachine, obstacle } from "./machine.ts";
import type { Machine } from "./machine.ts";
import type { Job, ProgramResult } from "./run.ts";

const LIMIT_SECONDS = 120;

/** These use cgroups of one name, so they run one after another; the others mostly wait, for a second and for ten. */
const SHARE_CGROUPS = /^linux_cgroups_|^delete_(only_create_)?resources$/;
const CGROUPS = "/sys/fs/cgroup";
const CGROUP_PATHS = ["cgrouptest", "testdir/cgrouptest/container", "testdir/cgrouptest", "testdir"];
const LONGEST = ["delete", "kill", "pidfile", "start"];
const OTHER_LANES = 3;

async function main(job: Job): Promise<void> {
  const mounted = await mountLeftControllers(job.work);
  try {
    const machine = lookAtMachine();
    const programs = fs.readdirSync(join(job.suite, "programs")).sort((one, other) => rank(one) - rank(other) || (one < other ? -1 : 1));
    const results: ProgramResult[] = [];
    const lane = async (queue: string[]): Promise<void> => {
      for (let program = queue.shift(); program !== undefined; program = queue.shift()) results.push(await runProgram(job, program, machine));
    };
    const others = programs.filter((program) => !SHARE_CGROUPS.test(program));
    await Promise.all([programs.filter((program) => SHARE_CGROUPS.test(program)), ...Array.from({ length: OTHER_LANES }, () => others)].map(lane));
    fs.writeFileSync(job.results, JSON.stringify(results.sort((one, other) => (one.program < other.program ? -1 : 1))));
  } finally {
    await unmountControllers(mounted);
  }
}

function rank(program: string): number {
  return LONGEST.includes(program) ? 0 : 1;
}

async function runProgram(job: Job, program: string, machine: Machine): Promise<ProgramResult> {
  const none = { program, passed: 0, skipped: 0, failures: [], unexpected: [], met: [], missing: [], runs: 0, seconds: 0, stderr: "" };
  const reason = obstacle(program, machine);
  if (reason !== undefined) return { ...none, obstacle: reason };
  const start = performance.now();
  const most = RACES.find((race) => race.program === program)?.runs ?? 1;
  for (let runs = 1; ; runs++) {
    const run = await execute(job, program);
    const verdict = judge(program, run);
    const surprise = compare(program, verdict, EXPECTED, machine);
    if (surprise.unexpected.length > 0 && runs < most) continue;
    const seconds = (performance.now() - start) / 1000;
    return { program, ...verdict, ...surprise, runs, seconds, stderr: run.stderr.slice(0, 2000) };
  }
}

/** The suite calls the runtime without global options, and each program gets a state root and a folder for bundles. */
async function execute(job: Job, program: string): Promise<Run> {
  const folder = join(job.work, program);
  const stateRoot = join(folder, "state");
  const bundles = join(folder, "bundles");
  const runtime = join(folder, "runtime");
  for (const path of [folder, bundles]) fs.mkdirSync(path, { mode: 0o755 });
  fs.writeFileSync(runtime, `#!/bin/sh\nexec '${job.runtime}' --root '${stateRoot}' "$@"\n`, { mode: 0o755 });
  const outputs = { stdout: join(folder, "stdout"), stderr: join(folder, "stderr") };
  const files = [fs.openSync(outputs.stdout, "w"), fs.openSync(outputs.stderr, "w")] as const;
  const child = spawn(join(job.suite, "programs", program), [], {
    cwd: job.suite,
    env: { PATH: process.env["PATH"], TSRUN_TEST: process.env["TSRUN_TEST"], RUNTIME: runtime, TMPDIR: bundles },
    stdio: ["ignore", ...files],
    timeout: LIMIT_SECONDS * 1000,
    killSignal: "SIGKILL",
  });
  for (const fd of files) fs.closeSync(fd);
  const end = await new Promise<Run["end"]>((resolve) => {
    child.on("error", (error) => resolve(error.message));
    child.on("exit", (status, signal) => resolve(status ?? (child.killed ? `no end within ${LIMIT_SECONDS} s` : `ended by ${signal}`)));
  });
  const run = { stdout: fs.readFileSync(outputs.stdout, "utf8"), stderr: fs.readFileSync(outputs.stderr, "utf8"), end };
  cleanUp(job, stateRoot, folder);
  return run;
}

/** Ends the containers that the program has left, and removes what it mounted and made. */
function cleanUp({ runtime }: Job, stateRoot: string, folder: string): void {
  const call = (...args: readonly string[]): string =>
    spawnSync(runtime, ["--root", stateRoot, ...args], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"], timeout: 20_000 }).stdout ?? "";
  const ids = fs.existsSync(stateRoot) ? call("list", "--quiet").split("\n").filter((id) => id !== "") : [];
  for (const id of ids) call("delete", "--force", id);
  const mounts = fs.readFileSync("/proc/self/mountinfo", "utf8").split("\n").map((line) => line.split(" ")[4] ?? "");
  for (const path of mounts.reverse().filter((point) => point.startsWith(`${folder}/`))) spawnSync("umount", ["--lazy", path]);
  fs.rmSync(folder, { recursive: true, force: true });
  for (const hierarchy of SHARE_CGROUPS.test(basename(folder)) ? fs.readdirSync(CGROUPS) : []) {
    for (const path of CGROUP_PATHS) spawnSync("rmdir", [join(CGROUPS, hierarchy, path)], { stdio: "ignore" });
  }
}

await main(JSON.parse(process.argv[2] ?? "") as Job);
