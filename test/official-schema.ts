/** Finds the official JSON Schemas of the specification, which are compared with ours and are not in the repository. */

import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import { join } from "node:path";
import { PROJECT } from "./runtime.ts";

export interface OfficialSchema {
  readonly folder: string;
  readonly version: "1.3" | "1.2";
}

const PACKAGE = "golang-github-opencontainers-specs-dev";
const INSIDE = "usr/share/gocode/src/github.com/opencontainers/runtime-spec/schema";
const KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg";
const APT_TIMEOUT_MS = 60_000;

/** Returns the folder that TSRUN_OFFICIAL_SCHEMA names, else that of Debian's package; a string says why there is none. */
export function officialSchema(): OfficialSchema | string {
  const named = process.env["TSRUN_OFFICIAL_SCHEMA"];
  if (named !== undefined && named !== "") return withVersion(named);
  const unpacked = join(PROJECT, "build/official-schema");
  try {
    if (!fs.existsSync(join(unpacked, INSIDE))) unpack(unpacked);
  } catch (error) {
    const [reason = ""] = String(error).split("\n");
    return `TSRUN_OFFICIAL_SCHEMA is not set, and Debian's package ${PACKAGE} cannot be had: ${reason}`;
  }
  return withVersion(join(unpacked, INSIDE));
}

/** Each minor version brought a file that the one before lacks. */
function withVersion(folder: string): OfficialSchema | string {
  if (!fs.existsSync(join(folder, "config-schema.json"))) return `there is no config-schema.json in "${folder}"`;
  if (fs.existsSync(join(folder, "config-freebsd.json"))) return { folder, version: "1.3" };
  if (fs.existsSync(join(folder, "features-schema.json"))) return { folder, version: "1.2" };
  return `the schemas in "${folder}" are older than 1.2`;
}

/** Fetches the package of Debian sid with an apt state of its own; nothing is installed and no source list changes. */
function unpack(target: string): void {
  // The test runs under both engines at the same time: each has a state of its own, and the first to finish is kept.
  const state = `${target}.apt-${process.pid}`;
  for (const folder of ["state/lists/partial", "cache/archives/partial", "none"]) {
    fs.mkdirSync(join(state, folder), { recursive: true });
  }
  const run = (command: string, args: readonly string[]): string =>
    execFileSync(command, args, { cwd: state, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"], timeout: APT_TIMEOUT_MS });
  const sites = run("apt-get", ["indextargets", "--format", "$(SITE)", "Created-By: Packages"]);
  const site = sites.split("\n").find((line) => /\/debian\/?$/.test(line));
  if (site === undefined) throw new Error("apt knows no mirror of Debian");
  fs.writeFileSync(join(state, "status"), "");
  fs.writeFileSync(join(state, "sources.list"), `deb [signed-by=${KEYRING}] ${site} sid main\n`);
  const options = Object.entries({
    "Dir::Etc::SourceList": join(state, "sources.list"),
    "Dir::Etc::SourceParts": "/dev/null",
    "Dir::Etc::PreferencesParts": join(state, "none"),
    "Dir::Etc::Preferences": join(state, "none/x"),
    "Dir::State": join(state, "state"),
    "Dir::State::Lists": join(state, "state/lists"),
    "Dir::State::status": join(state, "status"),
    "Dir::Cache": join(state, "cache"),
    "Acquire::Languages": "none",
    "APT::Sandbox::User": "root",
    "APT::Default-Release": "",
  }).flatMap(([name, value]) => ["-o", `${name}=${value}`]);
  run("apt-get", [...options, "update"]);
  run("apt-get", [...options, "download", PACKAGE]);
  const archive = fs.readdirSync(state).find((name) => name.endsWith(".deb"));
  run("dpkg-deb", ["-x", join(state, archive ?? ""), join(state, "unpacked")]);
  if (!fs.existsSync(target)) fs.renameSync(join(state, "unpacked"), target);
  fs.rmSync(state, { recursive: true, force: true });
}
