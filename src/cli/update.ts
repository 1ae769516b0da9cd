/** `tsrun update`. */

import { update } from "../container/update.ts";
import { UsageError } from "../errors.ts";
import { readFileSync } from "../native/files.ts";
import { readToEnd } from "../native/stream.ts";
import type { Resources } from "../spec/config.ts";
import { formatResources, parseResources } from "../spec/resources-document.ts";
import { inWords } from "../container/store.ts";
import { parseInteger, parseSize } from "./amounts.ts";
import { onlyArgument } from "./invocation.ts";
import type { Invocation } from "./invocation.ts";
import { text } from "./parse.ts";
import type { Parsed } from "./parse.ts";

export async function updateVerb(invocation: Invocation): Promise<number> {
  const { store, parsed, warn, environment } = invocation;
  const id = onlyArgument(invocation, "update");
  const schemata = givenSchemata(parsed);
  const file = text(parsed, "resources");
  if (file !== undefined && file !== "") {
    const resources = await readResources(invocation, file);
    await update({ store, id, resources, schemata, file: file === "-" ? "standard input" : file, environment });
    return 0;
  }
  for (const option of ["kernel-memory", "kernel-memory-tcp"]) {
    if (text(parsed, option) !== undefined) warn(`option "--${option}" is ignored: the kernel no longer limits its own memory apart`);
  }
  await update({ store, id, resources: givenResources(parsed), schemata, environment });
  return 0;
}

async function readResources({ path }: Invocation, file: string): Promise<Resources> {
  if (file === "-") return parseResources(await readToEnd(0), "standard input");
  let document: string;
  try {
    document = readFileSync(path(file), "utf8");
  } catch (error) {
    throw inWords(`read "${file}"`, error);
  }
  return parseResources(document, file);
}

/** In the order in which create writes them, and held to the same rules (config-linux.md#intelrdt). */
function givenSchemata(parsed: Parsed): string[] {
  const lines: string[] = [];
  for (const option of ["l3-cache-schema", "mem-bw-schema"]) {
    const line = text(parsed, option) ?? "";
    if (line.includes("\n")) throw new UsageError(`cannot use option "--${option}": it must be one line`);
    if (option === "mem-bw-schema" && line !== "" && !line.startsWith("MB:")) {
      throw new UsageError(`cannot use option "--${option}": ${JSON.stringify(line)} does not begin with "MB:"`);
    }
    if (line !== "") lines.push(line);
  }
  return lines;
}

type Read = (option: string, value: string) => unknown;

const unsigned: Read = (option, value) => parseInteger(option, value, { signed: false });
const signed: Read = (option, value) => parseInteger(option, value, { signed: true });
const list: Read = (_, value) => value;

/** The place of each option in config.json below `linux.resources`, and how it is read. */
const FIELDS: readonly (readonly [option: string, controller: string, field: string, read: Read])[] = [
  ["blkio-weight", "blockIO", "weight", unsigned],
  ["cpu-period", "cpu", "period", unsigned],
  ["cpu-quota", "cpu", "quota", signed],
  ["cpu-burst", "cpu", "burst", unsigned],
  ["cpu-share", "cpu", "shares", unsigned],
  ["cpu-rt-period", "cpu", "realtimePeriod", unsigned],
  ["cpu-rt-runtime", "cpu", "realtimeRuntime", signed],
  ["cpu-idle", "cpu", "idle", signed],
  ["cpuset-cpus", "cpu", "cpus", list],
  ["cpuset-mems", "cpu", "mems", list],
  ["memory", "memory", "limit", parseSize],
  ["memory-reservation", "memory", "reservation", parseSize],
  ["memory-swap", "memory", "swap", parseSize],
  ["pids-limit", "pids", "limit", signed],
];

/** What the options say, judged as a document would be. */
function givenResources(parsed: Parsed): Resources {
  const given: Record<string, Record<string, unknown>> = {};
  for (const [option, controller, field, read] of FIELDS) {
    const value = text(parsed, option);
    if (value !== undefined && value !== "") (given[controller] ??= {})[field] = read(option, value);
  }
  return parseResources(formatResources(given));
}
