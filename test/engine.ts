/** What the tests that drive a whole engine have in common: where engines are found, and what they leave behind. */

import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import { RUN_NAME } from "./harness.ts";
import type { Ground } from "./harness.ts";
import { findStrays, removeStray } from "./strays.ts";

const PATIENCE_MILLIS = 10_000;

/** A folder with other engines than the system's, which goes first: newer ones, for example. */
const { TSRUN_ENGINES: engines } = process.env;
if (engines !== undefined) process.env["PATH"] = `${engines}${delimiter}${process.env["PATH"] ?? ""}`;

/** Where a program is, if anywhere. */
export function pathOf(program: string): string | undefined {
  const folders = [...(process.env["PATH"] ?? "").split(delimiter), "/usr/sbin"];
  return folders.map((folder) => join(folder, program)).find((path) => existsSync(path));
}

/** Waits for what an engine does behind its client's back. */
export async function until(condition: () => boolean | Promise<boolean>, words: () => string): Promise<void> {
  for (const deadline = Date.now() + PATIENCE_MILLIS; !(await condition()); ) {
    if (Date.now() > deadline) throw new Error(words());
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** Fails when there is more outside of the test's folder than the cgroups that are the engine's own, which it removes. */
export async function nothingLeft(t: Ground, ofEngine: RegExp): Promise<void> {
  const left = (): string[] =>
    findStrays(RUN_NAME)
      .filter(({ kind, what }) => (kind !== "file" || what !== t.folder) && (kind !== "cgroup" || !ofEngine.test(what)))
      .map(({ kind, what }) => `${kind} ${what}`);
  // What stands behind a container may end after the client is told.
  const wait = until(() => left().length === 0, () => `left: ${left().join(", ")}`);
  await wait.finally(() => {
    for (const stray of findStrays(RUN_NAME)) if (stray.kind === "cgroup") removeStray(stray);
  });
}
