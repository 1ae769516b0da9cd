/** `tsrun list`. */

import { describeBriefly } from "../container/describe.ts";
import type { Description } from "../container/describe.ts";
import { UsageError } from "../errors.ts";
import { readFileSync } from "../native/files.ts";
import type { Invocation } from "./invocation.ts";
import { flag, text } from "./parse.ts";
import { print } from "./output.ts";

const HEADINGS: readonly string[] = ["ID", "PID", "STATUS", "BUNDLE", "CREATED", "OWNER"];
/** As runc's columns are. */
const GAP = 3;
const LEAST_WIDTH = 12;

export function listVerb(invocation: Invocation): number {
  const { parsed } = invocation;
  if (parsed.args.length > 0) throw new UsageError(`cannot list: too many arguments: ${parsed.args.join(" ")}`);
  const format = text(parsed, "format") ?? "table";
  if (format !== "table" && format !== "json") throw new UsageError(`cannot list: invalid format option: ${format}`);
  if (flag(parsed, "quiet")) {
    print(idsOf(invocation).map((id) => `${id}\n`).join(""));
    return 0;
  }
  const containers = describeAll(invocation);
  if (format === "json") print(`${containers.length === 0 ? "null" : JSON.stringify(containers)}\n`);
  else print(table(containers));
  return 0;
}

/** Also those of containers whose state nobody can read: it is by its id that one is deleted. */
function idsOf({ store }: Invocation): string[] {
  return store.ids().filter((id) => store.hasState(id));
}

/** A container that cannot be read must not hide the others. */
function describeAll({ store, warn }: Invocation): Description[] {
  return store.ids().flatMap((id) => {
    try {
      const description = describeBriefly(store, id);
      if (description === undefined) return [];
      return [{ ...description, owner: ownerName(description.owner) }];
    } catch (error) {
      warn(error instanceof Error ? error.message : String(error));
      return [];
    }
  });
}

function table(containers: readonly Description[]): string {
  const rows = [HEADINGS, ...containers.map(({ id, pid, status, bundle, created, owner }) => [id, `${pid}`, status, bundle, created, owner])];
  const widths = HEADINGS.map((_, column) => Math.max(LEAST_WIDTH, ...rows.map((row) => (row[column]?.length ?? 0) + GAP)));
  return rows.map((row) => `${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join("").trimEnd()}\n`).join("");
}

/** As the host's passwd has it. */
function ownerName(owner: string): string {
  if (owner === "0") return "root";
  try {
    for (const line of readFileSync("/etc/passwd", "utf8").split("\n")) {
      const [name = "", , uid] = line.split(":");
      if (uid === owner && name !== "") return name;
    }
  } catch {
    // Then there is a number only.
  }
  return `#${owner}`;
}
