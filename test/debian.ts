/** Fetches Debian's packages and the sources of its packages with an apt state of its own: nothing is installed. */

import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import { join } from "node:path";

const KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg";
/** Of one call of apt, which may be to fetch some hundred megabytes. */
const TIMEOUT_MS = 240_000;

/** What is read: binary packages or sources, of a release. */
export interface Index {
  readonly type: "deb" | "deb-src";
  /** A code name, `sid`, or `own` for the release of this machine. */
  readonly release: string;
}

/** An apt that knows only the given indices, from the mirror that this machine's apt uses. */
export class Apt {
  readonly #folder: string;
  readonly #options: readonly string[];

  /** Throws an error whose first line says why nothing can be had. */
  constructor(folder: string, indices: readonly Index[]) {
    this.#folder = folder;
    for (const name of ["state/lists/partial", "cache/archives/partial", "none"]) fs.mkdirSync(join(folder, name), { recursive: true });
    fs.writeFileSync(join(folder, "status"), "");
    const site = mirror();
    const lines = indices.map(({ type, release }) => `${type} [signed-by=${KEYRING}] ${site} ${release === "own" ? ownRelease() : release} main\n`);
    fs.writeFileSync(join(folder, "sources.list"), lines.join(""));
    this.#options = optionsIn(folder);
    // Without this a mirror that does not answer is a warning.
    this.#run("apt-get", [...this.#options, "-o", "APT::Update::Error-Mode=any", "update"]);
  }

  /** Unpacks the packages, and what they need of those whose name `wanted` matches, below a folder; returns `name version` of each. */
  unpack(packages: readonly string[], wanted: RegExp, target: string): string[] {
    const plan = this.#run("apt-get", [...this.#options, "install", "--yes", "--no-install-recommends", "--print-uris", ...packages]);
    const names = [...plan.matchAll(/^'[^']+' ([^_ ]+)_/gm)].map(([, name = ""]) => name).filter((name) => wanted.test(name));
    const folder = join(this.#folder, "packages");
    fs.mkdirSync(folder, { recursive: true });
    this.#run("apt-get", [...this.#options, "download", ...names], folder);
    fs.mkdirSync(target, { recursive: true });
    return fs.readdirSync(folder).map((name) => {
      this.#run("dpkg-deb", ["-x", join(folder, name), target]);
      return decodeURIComponent(name).replace(/_[^_]*$/, "").replace("_", " ");
    });
  }

  /** Unpacks the upstream sources of the newest version of a source package into a folder; returns the version. */
  unpackSource(source: string, target: string, ...members: readonly string[]): string {
    const uris = this.#run("apt-get", [...this.#options, "--print-uris", "--download-only", "source", source]);
    const [, uri = "", name = "", hash = ""] = /^'([^']+)' (\S+\.orig\.tar\.\w+) \d+ (SHA256:\w+)$/m.exec(uris) ?? [];
    if (uri === "") throw new Error(`apt finds no sources of ${source}`);
    const archive = join(this.#folder, name);
    this.#run("/usr/lib/apt/apt-helper", ["-o", "APT::Sandbox::User=root", "download-file", uri, archive, hash]);
    fs.mkdirSync(target, { recursive: true });
    this.#run("tar", ["-xf", archive, "--strip-components=1", "-C", target, "--wildcards", ...members]);
    return name.replace(/^[^_]*_/, "").replace(/\.orig\.tar\.\w+$/, "");
  }

  #run(command: string, args: readonly string[], cwd = this.#folder): string {
    return run(command, args, cwd);
  }
}

function mirror(): string {
  const sites = run("apt-get", ["indextargets", "--format", "$(SITE)", "Created-By: Packages"], "/");
  const site = sites.split("\n").find((line) => /\/debian\/?$/.test(line));
  if (site === undefined) throw new Error("apt knows no mirror of Debian");
  return site;
}

function ownRelease(): string {
  const [, codename] = /^VERSION_CODENAME=(\w+)$/m.exec(fs.readFileSync("/etc/os-release", "utf8")) ?? [];
  if (codename === undefined) throw new Error("/etc/os-release has no code name");
  return codename;
}

function optionsIn(folder: string): string[] {
  return Object.entries({
    "Dir::Etc::SourceList": join(folder, "sources.list"),
    "Dir::Etc::SourceParts": "/dev/null",
    "Dir::Etc::PreferencesParts": join(folder, "none"),
    "Dir::Etc::Preferences": join(folder, "none/x"),
    "Dir::State": join(folder, "state"),
    "Dir::State::Lists": join(folder, "state/lists"),
    "Dir::State::status": join(folder, "status"),
    "Dir::Cache": join(folder, "cache"),
    "Acquire::Languages": "none",
    "Acquire::Retries": "3",
    "APT::Sandbox::User": "root",
    "APT::Default-Release": "",
  }).flatMap(([name, value]) => ["-o", `${name}=${value}`]);
}

/** The error's first line tells what went wrong, so that it serves as the reason of a skip. */
function run(command: string, args: readonly string[], cwd: string): string {
  try {
    return execFileSync(command, args, { cwd, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"], timeout: TIMEOUT_MS, maxBuffer: 2 ** 26 });
  } catch (error) {
    const { stderr = "", message } = error as Error & { stderr?: string };
    const [reason = message.split("\n")[0] ?? ""] = stderr.split("\n").filter((line) => /^E:|error/i.test(line));
    throw new Error(`${command}: ${reason.replace(/^E: /, "")}`, { cause: error });
  }
}
