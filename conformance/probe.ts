/** Compiles probe.cc, and runs it where a test needs it: inside a container, or at the other end of a socket. */

import { spawn, spawnSync } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import * as fs from "node:fs";
import { join } from "node:path";
import { skip } from "../test/harness.ts";
import type { Ground } from "../test/harness.ts";
import { PROJECT } from "../test/runtime.ts";
import { waitFor } from "./containers.ts";

const SOURCE = join(PROJECT, "conformance/probe.cc");
const PROGRAM = join(PROJECT, "build/conformance/probe");

/** The compiled probe's path on the host. */
export function probe(): string {
  const compiled = fs.statSync(PROGRAM, { throwIfNoEntry: false });
  if (compiled !== undefined && compiled.mtimeMs > fs.statSync(SOURCE).mtimeMs) return PROGRAM;
  fs.mkdirSync(join(PROGRAM, ".."), { recursive: true });
  const fresh = `${PROGRAM}.${process.pid}`;
  const { status, error, stderr } = spawnSync("g++", ["-O1", "-static", "-pthread", "-Wall", "-Wextra", "-o", fresh, SOURCE], { encoding: "utf8" });
  if (error !== undefined) skip("g++ is not installed");
  if (status !== 0) throw new Uncompiled(stderr);
  fs.renameSync(fresh, PROGRAM);
  return PROGRAM;
}

class Uncompiled extends Error {}

/** The probe at the other end of a unix socket. */
export interface Listener {
  readonly socket: string;
  /** What the probe has printed until now. */
  readonly output: () => string;
  /** Waits for the probe's own end. */
  readonly end: () => Promise<void>;
  readonly kill: () => void;
}

/** Starts the probe on a socket of the test's folder, ready for a connection. */
export async function listen(t: Ground, mode: "console" | "notify" | "interrupt" | "ready" | "pidfd", ...args: readonly string[]): Promise<Listener> {
  const socket = join(t.folder, `${mode}.sock`);
  const output = join(t.folder, `${mode}.out`);
  const fd = fs.openSync(output, "w");
  const child: ChildProcess = spawn(probe(), [mode, socket, ...args], { stdio: ["ignore", fd, fd], timeout: 120_000 });
  fs.closeSync(fd);
  const ended = new Promise<void>((resolve) => child.on("exit", () => resolve()));
  await waitFor("the probe listens", () => fs.existsSync(socket));
  return { socket, output: () => fs.readFileSync(output, "utf8"), end: () => ended, kill: () => child.kill("SIGKILL") };
}
