/** Finds the official JSON Schemas and samples of the specification, which are not in the repository. */

import * as fs from "node:fs";
import { join } from "node:path";
import { Apt } from "./debian.ts";
import { PROJECT } from "./runtime.ts";

export interface OfficialSchema {
  /** Has the schemas, and in `test` the samples. */
  readonly folder: string;
  readonly version: "1.3" | "1.2";
}

/** Debian's packages have the schemas without the samples, its sources have both; the release is too old, sid is not. */
const SOURCE = "golang-github-opencontainers-specs";

/** Returns the folder that TSRUN_OFFICIAL_SCHEMA names, else that of Debian's sources; a string says why there is none. */
export function officialSchema(): OfficialSchema | string {
  const named = process.env["TSRUN_OFFICIAL_SCHEMA"];
  if (named !== undefined && named !== "") return withVersion(named);
  const unpacked = join(PROJECT, "build/official-schema");
  try {
    if (!fs.existsSync(join(unpacked, "schema"))) unpack(unpacked);
  } catch (error) {
    const { message } = error as Error;
    return `TSRUN_OFFICIAL_SCHEMA is not set, and Debian's sources of ${SOURCE} cannot be had: ${message}`;
  }
  return withVersion(join(unpacked, "schema"));
}

/** Each minor version brought a file that the one before lacks. */
function withVersion(folder: string): OfficialSchema | string {
  if (!fs.existsSync(join(folder, "config-schema.json"))) return `there is no config-schema.json in "${folder}"`;
  if (fs.existsSync(join(folder, "config-freebsd.json"))) return { folder, version: "1.3" };
  if (fs.existsSync(join(folder, "features-schema.json"))) return { folder, version: "1.2" };
  return `the schemas in "${folder}" are older than 1.2`;
}

function unpack(target: string): void {
  // The test runs under both engines at the same time: each has a state of its own, and the first to finish is kept.
  const state = `${target}.apt-${process.pid}`;
  const unpacked = join(state, "unpacked");
  try {
    new Apt(state, [{ type: "deb-src", release: "sid" }]).unpackSource(SOURCE, unpacked, "*/schema/*");
    keep(unpacked, target);
  } finally {
    fs.rmSync(state, { recursive: true, force: true });
  }
}

function keep(unpacked: string, target: string): void {
  try {
    fs.renameSync(unpacked, target);
  } catch (error) {
    // There is one already: the other engine's, or that of an older checkout.
    if (fs.existsSync(join(target, "schema"))) return;
    if (!fs.existsSync(target)) throw error;
    fs.rmSync(target, { recursive: true });
    fs.renameSync(unpacked, target);
  }
}
