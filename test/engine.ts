/** What the tests that drive a whole engine have in common: where engines are found, and what they leave behind. */

import { existsSync, readFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import * as assert from "uvu/assert";
import { RUN_NAME, skip } from "./harness.ts";
import type { Ground } from "./harness.ts";
import type { Result } from "./runtime.ts";
import { sidEngines } from "./sid.ts";
import { findStrays, removeStray } from "./strays.ts";

/** For a machine that is slow, or busy with other things: when all goes well nobody waits so long. */
const PATIENCE_MILLIS = 60_000;

/** Which of the engines: those that are installed, or those of Debian sid. */
export type Release = "installed" | "sid";
export const RELEASES: readonly Release[] = ["installed", "sid"];

/** The folders in which an engine finds its programs, in their order. */
export function programsOf(release: Release): string {
  const installed = [process.env["PATH"] ?? "", "/usr/sbin", "/sbin"].join(delimiter);
  if (release === "installed") return installed;
  const engines = sidEngines();
  if (typeof engines === "string") skip(engines);
  return `${engines.folder}${delimiter}${installed}`;
}

/** Where a program is; skips where it is not. */
export function programOf(release: Release, program: string): string {
  const path = programsOf(release)
    .split(delimiter)
    .map((folder) => join(folder, program))
    .find((candidate) => existsSync(candidate));
  return path ?? skip(`${program} is not installed`);
}

/** What a command printed; fails where it does. */
export async function must(result: Promise<Result>): Promise<string> {
  const { status, stdout, stderr } = await result;
  assert.is(status, 0, `${stdout}${stderr}`);
  return stdout.trim();
}

/** Waits for what an engine does behind its client's back. */
export async function until(condition: () => boolean | Promise<boolean>, words: () => string, patienceMillis = PATIENCE_MILLIS): Promise<void> {
  for (const deadline = performance.now() + patienceMillis; !(await condition()); ) {
    if (performance.now() > deadline) throw new Error(words());
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** Commands of a shell that show the size of its terminal, when the engine's client has come to tell it: 30 100. */
export const SHOW_SIZE = 'until [ "$(stty size 2>/dev/null)" = "30 100" ]; do sleep 0.1; done; stty size';

/** What an engine is known to leave, with any runtime. */
export interface Known {
  /** The cgroups that are its own. */
  readonly cgroups: RegExp;
}

/** Fails when there is more outside of the test's folder than the cgroups that are the engine's own, which it removes. */
export async function nothingLeft(t: Ground, { cgroups }: Known): Promise<void> {
  const left = (): string[] =>
    findStrays(RUN_NAME)
      .filter(({ kind, what }) => (kind !== "file" || what !== t.folder) && (kind !== "cgroup" || !cgroups.test(what)))
      .map(({ kind, what }) => `${kind} ${what}`);
  // What stands behind a container may end after the client is told.
  const wait = until(() => left().length === 0, () => `left: ${left().join(", ")}`);
  await wait.finally(() => {
    for (const stray of findStrays(RUN_NAME)) if (stray.kind === "cgroup") removeStray(stray);
  });
}

/** The mounts of a namespace of the engine's own that bear the test's name: lines of /proc/mounts. */
export function mountsLeft(mounts: string): string[] {
  return readFileSync(mounts, "utf8").split("\n").filter((line) => line.includes(RUN_NAME));
}
