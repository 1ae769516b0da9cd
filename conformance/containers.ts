/** Makes containers for a test, through the command line only. */

import * as fs from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import type { Bundle, BundleConfig } from "../test/bundle.ts";
import type { Ground } from "../test/harness.ts";
import { RUNTIME, runRuntime } from "../test/runtime.ts";
import type { Result, RunOptions } from "../test/runtime.ts";
import { hasRuncsWords } from "./suite.ts";
import { isOurs } from "./suite.ts";

export type Change = (config: BundleConfig) => void;

/** What `state` prints (runtime.md#state). */
export interface State {
  readonly ociVersion: string;
  readonly id: string;
  readonly status: string;
  readonly pid: number;
  readonly bundle: string;
  readonly annotations?: Readonly<Record<string, string>>;
}

const POLL_MILLISECONDS = 5;
const PATIENCE_MILLISECONDS = 60_000;

/** Waits until something holds, and fails with its name when it does not in a reasonable time. */
export async function waitFor(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  for (const end = performance.now() + PATIENCE_MILLISECONDS; performance.now() < end; ) {
    if (await holds()) return;
    await new Promise((resolve) => setTimeout(resolve, POLL_MILLISECONDS));
  }
  throw new Impatience(`waited in vain: ${what}`);
}

class Impatience extends Error {}

/** Sets the program to a shell script. */
export function script(config: BundleConfig, text: string): void {
  config.process.args = ["/bin/sh", "-c", text];
}

/** Runs a shell script as a container's program in the foreground. */
export async function run(t: Ground, text: string, change?: Change, options?: RunOptions): Promise<Result> {
  const bundle = t.bundle((config) => {
    script(config, text);
    change?.(config);
  });
  return runBundle(t, bundle, options);
}

export function runBundle(t: Ground, bundle: Bundle, options?: RunOptions): Promise<Result> {
  return t.runtime(["run", "--bundle", bundle.path, t.id()], options);
}

/** What a shell script prints in a container; it must succeed, and nobody may complain. */
export async function inside(t: Ground, text: string, change?: Change): Promise<string> {
  return output(await run(t, text, change));
}

/** What was printed by something that must succeed without a word on standard error. */
export function output(result: Result): string {
  assert.is(result.stderr, "");
  assert.is(result.status, 0);
  return result.stdout;
}

/**
 * Demands an error: status 1 (or another), a text on standard error, nothing on standard output. What is neither tsrun nor
 * runc may have any status and text: the specification names none.
 */
export function refused(result: Result, text: string | RegExp, status = 1): void {
  assert.match(result.stderr, hasRuncsWords() ? text : /\w/);
  if (hasRuncsWords()) assert.is(result.status, status, result.stderr);
  else assert.ok(result.status !== 0 && result.status !== undefined, `it ended with ${result.status}`);
  assert.is(result.stdout, "");
}

/** Demands success without a word. */
export function silent(result: Result): void {
  assert.is(output(result), "");
}

/**
 * Demands that a container with this config cannot be created, that the error has this text and, from this project's own
 * runtime, names this place in config.json, and that nothing of the container stays.
 */
export async function cannotCreate(t: Ground, change: Change, text: string | RegExp, place = ""): Promise<void> {
  const id = t.id();
  const bundle = t.bundle(change);
  const result = await t.runtime(["create", "--bundle", bundle.path, id]);
  refused(result, text);
  if (isOurs() && place !== "") assert.match(result.stderr, new RegExp(`config\\.json:\\d+(:\\d+)? ${place}\\b`));
  assert.is((await t.runtime(["state", id])).status, 1);
  assert.equal(t.leftovers(id), []);
}

/** A container that the test has made. */
export class Container {
  readonly id: string;
  readonly bundle: Bundle;
  readonly #ground: Ground;

  constructor(ground: Ground, bundle: Bundle, id: string) {
    this.id = id;
    this.bundle = bundle;
    this.#ground = ground;
  }

  /** Calls the runtime: `verb("kill", "--all", "TERM")` is `kill --all ID TERM`. */
  verb(name: string, ...args: readonly string[]): Promise<Result> {
    const options = args.filter((arg) => arg.startsWith("-"));
    return this.#ground.runtime([name, ...options, this.id, ...args.filter((arg) => !arg.startsWith("-"))]);
  }

  /** Runs a command in it: `exec [options] ID command`. */
  exec(command: readonly string[], options: readonly string[] = [], run?: RunOptions): Promise<Result> {
    return this.#ground.runtime(["exec", ...options, this.id, ...command], run);
  }

  async state(): Promise<State> {
    return JSON.parse(output(await this.verb("state"))) as State;
  }

  async status(): Promise<string> {
    return (await this.state()).status;
  }

  /** Starts the created container. */
  async start(): Promise<void> {
    silent(await this.verb("start"));
  }

  /** Waits until it has stopped. */
  async stopped(): Promise<void> {
    await waitFor(`container ${this.id} stops`, async () => (await this.status()) === "stopped");
  }

  /** Kills its process and waits for its end. */
  async end(): Promise<void> {
    silent(await this.verb("kill", "KILL"));
    await this.stopped();
  }

  /** A file of the container's process below /proc. */
  async proc(file: string): Promise<string> {
    return fs.readFileSync(`/proc/${(await this.state()).pid}/${file}`, "latin1");
  }
}

/** Creates a container whose program is `sleep`, unless the change says otherwise. */
export async function created(t: Ground, change?: Change, ...options: readonly string[]): Promise<Container> {
  const bundle = t.bundle((config) => {
    config.process.args = ["/bin/sleep", "100"];
    change?.(config);
  });
  const id = t.id();
  const result = await t.runtime(["create", "--bundle", bundle.path, ...options, id]);
  assert.is(result.stderr, "");
  assert.is(result.status, 0);
  return new Container(t, bundle, id);
}

/** Creates a container and starts it. */
export async function running(t: Ground, change?: Change, ...options: readonly string[]): Promise<Container> {
  const container = await created(t, change, ...options);
  await container.start();
  return container;
}

/** What a command prints in a container that runs; it must succeed, and nobody may complain. */
export async function inExec(container: Container, command: readonly string[], options: readonly string[] = []): Promise<string> {
  return output(await container.exec(command, options));
}

/** A file of the test's folder, which a hook may write and everyone may read. */
export function file(t: Ground, name: string): string {
  return join(t.folder, name);
}

/** What a file holds, or "" while it is not there. */
export function read(path: string): string {
  try {
    return fs.readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

/** Calls the runtime from a shell that first does something to itself: opens descriptors, sets limits, ignores signals. */
export function fromShell(t: Ground, first: string, args: readonly string[], options?: RunOptions): Promise<Result> {
  const words = ["-c", `${first}\nexec "$0" "$@"`, RUNTIME, "--root", t.stateRoot, ...args];
  return runRuntime(words, { folder: t.folder, program: "/bin/bash", ...options });
}
