/** `ps`: the processes of a container, as pids or as the host's ps(1) shows them. */

import { pidsOf } from "../cgroup/processes.ts";
import { ProgramError } from "../errors.ts";
import { outputOf } from "./program.ts";
import type { ProgramOptions } from "./program.ts";
import { statusOf } from "./status.ts";
import type { Store } from "./store.ts";

/** Pids as the host has them; none when the container has stopped. */
export function processesOf(store: Store, id: string): number[] {
  const state = store.load(id, "list the processes of");
  return statusOf(store, state) === "stopped" ? [] : pidsOf(state.cgroup?.directories ?? []);
}

const EVERYONE = ["-ef"];

/** What ps(1) prints of these processes, with its heading; `args` are options of its own, which must show the pid. */
export async function processTable(pids: readonly number[], args: readonly string[], options: ProgramOptions): Promise<string> {
  const output = await outputOf("ps", args.length === 0 ? EVERYONE : args, options);
  const [heading = "", ...lines] = output.split("\n");
  const column = words(heading).indexOf("PID");
  if (column < 0) throw new ProgramError(`cannot list the processes: ps shows no column "PID" (${args.join(" ")})`);
  const wanted = new Set(pids.map(String));
  const shown = lines.filter((line) => wanted.has(words(line)[column] ?? ""));
  return `${[heading, ...shown].join("\n")}\n`;
}

function words(line: string): string[] {
  return line.trim().split(/\s+/);
}
