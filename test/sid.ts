/** Unpacks the container engines of Debian sid into build/engines: nothing is installed, and Debian's own stay what they are. */

import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import * as fs from "node:fs";
import { join } from "node:path";
import { Apt } from "./debian.ts";
import { PROJECT } from "./runtime.ts";

/** Unpacked engines. */
export interface Engines {
  /** The folder of their programs, each of which finds the others where it goes first in the PATH. */
  readonly folder: string;
  /** What each says of itself, without its name. */
  readonly versions: Readonly<Record<string, string>>;
}

/** Programs that run on any Debian of the last years as they are, and where their packages put them. */
const PLAIN: Readonly<Record<string, string>> = {
  containerd: "usr/bin/containerd",
  "containerd-shim-runc-v2": "usr/bin/containerd-shim-runc-v2",
  ctr: "usr/bin/ctr",
  dockerd: "usr/sbin/dockerd",
  docker: "usr/bin/docker",
  "docker-buildx": "usr/libexec/docker/cli-plugins/docker-buildx",
  "docker-init": "usr/bin/tini-static",
  "docker-proxy": "usr/sbin/docker-proxy",
};

/** Programs that need a C library as new as they are. */
const LINKED: Readonly<Record<string, string>> = {
  "aardvark-dns": "usr/lib/podman/aardvark-dns",
  conmon: "usr/bin/conmon",
  criu: "usr/sbin/criu",
  crun: "usr/bin/crun",
  netavark: "usr/lib/podman/netavark",
  nft: "usr/sbin/nft",
  podman: "usr/bin/podman",
  runc: "usr/sbin/runc",
};

const PACKAGES = ["containerd", "docker.io", "docker-cli", "docker-buildx", "tini-static", "podman", "conmon", "netavark", "aardvark-dns", "nftables", "runc", "crun", "criu", "libcriu2"];

/** Of what apt would install besides: the libraries. */
const WANTED = new RegExp(`^(?:${PACKAGES.map((name) => name.replace(".", "\\.")).join("|")}|lib.+|zlib1g)$`);

const TELLING = ["containerd", "dockerd", "podman", "netavark", "runc", "crun", "criu"];

let known: Engines | string | undefined;

/** Returns the engines, unpacked when they are not yet there; a string says why they cannot be had. */
export function sidEngines(): Engines | string {
  known ??= find();
  return known;
}

function find(): Engines | string {
  const named = process.env["TSRUN_ENGINES"];
  if (named !== undefined && named !== "") return { folder: named, versions: versionsIn(named) };
  const folder = join(PROJECT, "build/engines");
  const stamp = join(folder, "versions.json");
  const own = fingerprint(folder);
  const before = fs.existsSync(stamp) ? (JSON.parse(fs.readFileSync(stamp, "utf8")) as { own: string; versions: Record<string, string> }) : undefined;
  if (before?.own === own) return { folder: join(folder, "bin"), versions: before.versions };
  fs.rmSync(folder, { recursive: true, force: true });
  try {
    unpack(folder);
    const versions = versionsIn(join(folder, "bin"));
    fs.writeFileSync(stamp, JSON.stringify({ own, versions }));
    return { folder: join(folder, "bin"), versions };
  } catch (error) {
    fs.rmSync(folder, { recursive: true, force: true });
    return `the engines of Debian sid cannot be had: ${(error as Error).message.split("\n", 1)[0]}`;
  }
}

/** They are as old as this file, and know where they lie. */
function fingerprint(folder: string): string {
  return createHash("sha256").update(fs.readFileSync(join(PROJECT, "test/sid.ts"))).update(folder).digest("hex");
}

function unpack(folder: string): void {
  const state = join(folder, "apt");
  const root = join(folder, "root");
  new Apt(state, [{ type: "deb", release: "sid" }]).unpack(PACKAGES, WANTED, root);
  fs.rmSync(state, { recursive: true });
  const bin = join(folder, "bin");
  fs.mkdirSync(bin);
  for (const [name, path] of Object.entries(PLAIN)) fs.symlinkSync(join(root, path), join(bin, name));
  const libraries = librariesIn(root);
  for (const [name, path] of Object.entries(LINKED)) link(join(root, path), join(bin, name), libraries);
}

interface Libraries {
  readonly folder: string;
  readonly loader: string;
}

function librariesIn(root: string): Libraries {
  const triple = fs.readdirSync(join(root, "usr/lib")).find((name) => name.endsWith("-linux-gnu"));
  const folder = join(root, "usr/lib", triple ?? "none");
  const loader = fs.readdirSync(folder).find((name) => /^ld-linux.*\.so/.test(name));
  if (loader === undefined) throw new Error("there is no loader among the libraries");
  return { folder, loader: join(folder, loader) };
}

/** A copy with its own loader and libraries; RPATH, unlike RUNPATH, holds for libraries of libraries, too. */
function link(program: string, copy: string, { folder, loader }: Libraries): void {
  const changes = ["--set-interpreter", loader, "--force-rpath", "--set-rpath", folder, "--output", copy];
  execFileSync("patchelf", [...changes, program], { stdio: ["ignore", "ignore", "pipe"] });
  fs.chmodSync(copy, 0o755);
}

/** Fails where one does not run. */
function versionsIn(folder: string): Record<string, string> {
  const versions: Record<string, string> = {};
  for (const name of TELLING) {
    const words = execFileSync(join(folder, name), ["--version"], { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
    versions[name] = /\d+\.\d+[^\s,]*/.exec(words)?.[0] ?? words;
  }
  return versions;
}
