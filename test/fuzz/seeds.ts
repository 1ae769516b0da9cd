/** The configs that engines really write, fitted to the fuzzer's sandbox: what they name must be there. */

import * as fs from "node:fs";
import { basename, join } from "node:path";
import { copy, isObject, objectsIn } from "./tree.ts";
import type { Json } from "./tree.ts";

export interface Seed {
  readonly name: string;
  readonly config: Json;
}

/** Reads the configs of a folder; those of a single process are none. */
export function readSeeds(folder: string): Seed[] {
  return fs
    .readdirSync(folder)
    .sort()
    .filter((name) => !name.includes("-exec-"))
    .map((name) => ({ name, config: fit(JSON.parse(fs.readFileSync(join(folder, name), "utf8"))) }));
}

const FILES: ReadonlySet<string> = new Set(["resolv.conf", "hostname", "hosts", "etc-hosts", ".containerenv", "8c2d5f01"]);

/** Only what names things of the machine where the config was written is changed. */
function fit(given: Json): Json {
  const config = copy(given);
  if (!isObject(config)) return config;
  config["root"] = { ...(isObject(config["root"]) ? config["root"] : {}), path: "rootfs" };
  const { process, linux } = config;
  if (isObject(process)) {
    process["args"] = ["/bin/sleep", "60"];
    // Where the fuzzer runs, its limits may not be raised.
    process["rlimits"] = objectsIn(process, "rlimits").map(({ type = "" }) => ({ type, soft: 64, hard: 64 }));
    delete process["oomScoreAdj"];
  }
  for (const mount of objectsIn(config, "mounts")) {
    const { source, options } = mount;
    const isBind = Array.isArray(options) && (options.includes("bind") || options.includes("rbind"));
    if (isBind && typeof source === "string") mount["source"] = FILES.has(basename(source)) ? "/src/file" : "/src/dir";
  }
  for (const namespace of objectsIn(linux, "namespaces")) {
    const { type, path } = namespace;
    if (typeof path === "string" && path !== "") namespace["path"] = type === "pid" ? "/proc/1/ns/pid" : `/run/ns/${type === "network" ? "net" : String(type)}`;
  }
  return config;
}
