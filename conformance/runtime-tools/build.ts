/** Builds the specification's validation suite (runtime-tools) from Debian's packages into build/runtime-tools. */

import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import * as fs from "node:fs";
import { join } from "node:path";
import { Apt } from "../../test/debian.ts";
import { PROJECT } from "../../test/runtime.ts";

/** The built suite. */
export interface ValidationSuite {
  /** Has the programs in `programs`, `runtimetest`, and the root file system that the programs unpack. */
  readonly folder: string;
  /** The version of the suite and of all that it was built with. */
  readonly versions: readonly string[];
}

/** The packages that the suite imports; apt finds what these need. The release's Go, for sid's moves weekly. */
const PACKAGES = [
  "golang-go",
  "golang-github-blang-semver-dev",
  "golang-github-google-uuid-dev",
  "golang-github-hashicorp-go-multierror-dev",
  "golang-github-mrunalp-fileutils-dev",
  "golang-github-opencontainers-selinux-dev",
  "golang-github-opencontainers-specs-dev",
  "golang-github-sirupsen-logrus-dev",
  "golang-github-urfave-cli-dev",
  "golang-github-xeipuuv-gojsonschema-dev",
  "golang-gocapability-dev",
  "golang-golang-x-sys-dev",
];

/** Debian's packages of it leave the programs out, its sources have them; older releases have older ones. */
const SOURCE = "golang-github-opencontainers-runtime-tools";
const IMPORT_PATH = "github.com/opencontainers/runtime-tools";
const BUSYBOX = "/bin/busybox";

/** Returns the suite, built when it is not there yet; a string says why it cannot be had. */
export function validationSuite(): ValidationSuite | string {
  const folder = join(PROJECT, "build/runtime-tools");
  const stamp = join(folder, "versions.json");
  const own = fingerprint();
  const built = readStamp(stamp);
  if (built?.own === own) return { folder, versions: built.versions };
  const scratch = `${folder}.new`;
  fs.rmSync(scratch, { recursive: true, force: true });
  const work = join(scratch, "work");
  let versions: string[];
  try {
    versions = fetch(work);
  } catch (error) {
    fs.rmSync(scratch, { recursive: true, force: true });
    return `the packages of the validation suite cannot be had: ${(error as Error).message}`;
  }
  compile(work, scratch);
  packRoot(join(work, "rootfs"), join(scratch, `rootfs-${GOARCH}.tar.gz`));
  // A Go tree of half a gigabyte that nobody needs any more.
  fs.rmSync(work, { recursive: true, force: true });
  fs.writeFileSync(join(scratch, "versions.json"), JSON.stringify({ own, versions }));
  fs.rmSync(folder, { recursive: true, force: true });
  fs.renameSync(scratch, folder);
  return { folder, versions };
}

/** The suite is as old as what makes it. */
function fingerprint(): string {
  const hash = createHash("sha256");
  for (const name of ["build.ts", "tap.go"]) hash.update(fs.readFileSync(join(PROJECT, "conformance/runtime-tools", name)));
  return hash.digest("hex");
}

function readStamp(path: string): { own: string; versions: string[] } | undefined {
  return fs.existsSync(path) ? (JSON.parse(fs.readFileSync(path, "utf8")) as { own: string; versions: string[] }) : undefined;
}

/** Fetches what is needed; returns the version of each. */
function fetch(work: string): string[] {
  const apt = new Apt(join(work, "apt"), [{ type: "deb", release: "own" }, { type: "deb-src", release: "sid" }]);
  const packages = apt.unpack(PACKAGES, /^golang-/, join(work, "root"));
  const version = apt.unpackSource(SOURCE, join(work, "go/src", IMPORT_PATH));
  const tap = join(work, "go/src/github.com/mndrix/tap-go");
  fs.mkdirSync(tap, { recursive: true });
  fs.copyFileSync(join(PROJECT, "conformance/runtime-tools/tap.go"), join(tap, "tap.go"));
  return [`runtime-tools ${version}`, ...packages];
}

const GOARCH = process.arch === "x64" ? "amd64" : process.arch;

function compile(work: string, target: string): void {
  const source = join(work, "go/src", IMPORT_PATH);
  const [version = ""] = fs.readdirSync(join(work, "root/usr/lib")).filter((name) => name.startsWith("go-"));
  const goroot = join(work, "root/usr/lib", version);
  const env = {
    PATH: `${goroot}/bin:${process.env["PATH"] ?? ""}`,
    HOME: work,
    GOROOT: goroot,
    GOPATH: `${join(work, "go")}:${join(work, "root/usr/share/gocode")}`,
    GOCACHE: join(work, "cache"),
    GO111MODULE: "off",
    GOTOOLCHAIN: "local",
    GOENV: "off",
    CGO_ENABLED: "0",
  };
  const overlay = join(work, "overlay.json");
  fs.writeFileSync(overlay, JSON.stringify({ Replace: changes(work, goroot, source) }));
  const go = (...args: readonly string[]): string => execFileSync("go", args, { cwd: source, env, encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] });
  const flags = ["-trimpath", "-ldflags=-s -w", "-overlay", overlay];
  go("build", ...flags, "-o", join(target, "runtimetest"), "./cmd/runtimetest");
  const programs = go("list", "./validation/...").trim().split("\n").filter((name) => !name.endsWith("/util"));
  fs.mkdirSync(join(target, "programs"));
  go("build", ...flags, "-o", `${join(target, "programs")}/`, ...programs);
}

const LABEL = '"github.com/opencontainers/selinux/go-selinux/label"';

/**
 * Files that are compiled in another form. Since 1.19 Go's library raises the soft limit of open files when a program
 * starts, and the program in the container would report that; and newer releases of the SELinux library have a function in
 * another package.
 */
function changes(work: string, goroot: string, source: string): Record<string, string> {
  const library = join(work, "root/usr/share/gocode/src/github.com/opencontainers/selinux/go-selinux/label");
  const moved = !fs.readdirSync(library).some((name) => fs.readFileSync(join(library, name), "utf8").includes("\nfunc FileLabel("));
  const all: readonly (readonly [file: string, from: string, to: string])[] = [
    [join(goroot, "src/os/rlimit.go"), "func init() {", "func notCalled() {"],
    [join(goroot, "src/syscall/rlimit.go"), "func init() {", "func notCalled() {"],
    ...(moved ? [[join(source, "cmd/runtimetest/main.go"), LABEL, LABEL.replace("/label", "").replace('"', 'label "')] as const] : []),
  ];
  const replaced: Record<string, string> = {};
  for (const [file, from, to] of all) {
    const text = fs.existsSync(file) ? fs.readFileSync(file, "utf8") : "";
    if (!text.includes(from)) continue;
    const changed = join(work, `changed-${Object.keys(replaced).length}.go`);
    fs.writeFileSync(changed, text.replace(from, to));
    // Debian's tree is made of links; go names files by either path.
    for (const name of new Set([file, fs.realpathSync(file)])) replaced[name] = changed;
  }
  return replaced;
}

/**
 * What every program unpacks into its bundle, which is the root at the same time. Links are relative, as hooks run its
 * shell from outside; "./" has a mode that lets the users of a user namespace in.
 */
function packRoot(folder: string, archive: string): void {
  for (const name of ["bin", "dev", "etc", "proc", "sys"]) fs.mkdirSync(join(folder, name), { recursive: true, mode: 0o755 });
  fs.chmodSync(folder, 0o755);
  fs.copyFileSync(BUSYBOX, join(folder, "bin/busybox"));
  fs.chmodSync(join(folder, "bin/busybox"), 0o755);
  const applets = execFileSync(BUSYBOX, ["--list"], { encoding: "utf8" }).trim().split("\n");
  for (const name of applets.filter((applet) => applet !== "busybox")) fs.symlinkSync("busybox", join(folder, "bin", name));
  fs.writeFileSync(join(folder, "etc/passwd"), "root:x:0:0:root:/root:/bin/sh\n");
  fs.writeFileSync(join(folder, "etc/group"), "root:x:0:\ntty:x:5:\n");
  execFileSync("tar", ["-czf", archive, "--owner=0", "--group=0", "--numeric-owner", "-C", folder, "."]);
}
