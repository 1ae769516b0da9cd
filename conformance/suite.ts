/** Suites that judge any runtime: where one deviates for a known reason, its failure is a skip, and its success an error. */

import { spawnSync } from "node:child_process";
import { Skip, needs, skip, suite as groundSuite } from "../test/harness.ts";
import type { Ground, Suite } from "../test/harness.ts";
import { RUNTIME } from "../test/runtime.ts";
import { DEVIATIONS } from "./deviations.ts";
import type { Deviation } from "./deviation.ts";

let version: string | undefined;

/** The first line of `--version`, without the word "version": `runc 1.1.5`. */
export function runtimeVersion(): string {
  version ??= (spawnSync(RUNTIME, ["--version"], { encoding: "utf8" }).stdout.split("\n")[0] ?? "").replace(" version ", " ");
  return version;
}

/** Whether this project's own runtime is judged: what nobody else promises is asked of it only. */
export function isOurs(): boolean {
  return runtimeVersion().startsWith("tsrun ");
}

/** Whether the runtime tells errors in runc's words, which engines read; another one's words are its own. */
export function hasRuncsWords(): boolean {
  return !runtimeVersion().startsWith("crun ");
}

/** Skips with a reason unless this project's own runtime is judged. */
export function onlyOurs(reason: string): void {
  if (!isOurs()) skip(`only tsrun promises it: ${reason}`);
}

/** As the harness's suite, with the known deviations of the runtime that is judged; `demand` may skip every test of it. */
export function suite(name: string, demand?: () => void): Suite {
  const inner = groundSuite(name);
  const add = (title: string, body: (ground: Ground) => Promise<void> | void): void => {
    inner(title, (ground) => {
      needs("root");
      demand?.();
      return judge(`${name}: ${title}`, () => body(ground));
    });
  };
  return Object.assign(add, { run: () => inner.run() });
}

async function judge(test: string, body: () => Promise<void> | void): Promise<void> {
  const isAbout = (row: Deviation): boolean => (row.wholeTitle === true ? test === row.test : test.startsWith(row.test));
  const deviation = DEVIATIONS.find((row) => isAbout(row) && runtimeVersion().startsWith(row.runtime));
  if (deviation === undefined) return body();
  try {
    await body();
    if (deviation.byChance === true) return;
  } catch (error) {
    if (error instanceof Skip) throw error;
    throw new Deviates(`${deviation.runtime} deviates: ${deviation.reason}`);
  }
  throw new NoDeviation(`${runtimeVersion()} passes, though deviations.ts says that it does not: ${deviation.reason}`);
}

class Deviates extends Skip {
  override readonly outcome = "deviates";
}

class NoDeviation extends Error {}
