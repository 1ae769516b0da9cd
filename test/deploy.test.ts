/** What deploy/ has for nodes: the programs that read these files take them, and the installer puts them in place and away. */

import { spawnSync } from "node:child_process";
import type { SpawnSyncReturns } from "node:child_process";
import * as fs from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { Containerd } from "./containerd.ts";
import { RELEASES, nothingLeft, programOf, programsOf } from "./engine.ts";
import type { Release } from "./engine.ts";
import { RUN_NAME, needs, skip, suite } from "./harness.ts";
import type { Ground } from "./harness.ts";
import { PROJECT } from "./runtime.ts";

const deploy = suite("deploy");

const FILES = join(PROJECT, "deploy");
const BUSYBOX = "/bin/busybox";

function run(command: readonly string[], env: Readonly<Record<string, string>> = {}): SpawnSyncReturns<string> {
  const [program = "", ...args] = command;
  return spawnSync(program, args, { encoding: "utf8", env: { ...process.env, ...env } });
}

/** Stands for what the build made, where only its place matters. */
function smallSource(t: Ground): string {
  const folder = join(t.folder, "source");
  fs.mkdirSync(folder);
  for (const name of ["tsrun", "containerd-shim-tsrun-v1", "tsrun-engine", "tsrun.node", "tsrun-init"]) fs.writeFileSync(join(folder, name), name);
  return folder;
}

/** A node's root, and the installer in the smallest shell that it has to do with. */
function node(t: Ground, config?: string, source: string = smallSource(t)): { readonly host: string; readonly path: string; install(...args: string[]): SpawnSyncReturns<string> } {
  const host = join(t.folder, "host");
  const path = join(host, "etc/containerd/config.toml");
  fs.mkdirSync(join(path, ".."), { recursive: true });
  if (config !== undefined) fs.writeFileSync(path, config, { mode: 0o640 });
  const install = (...args: string[]): SpawnSyncReturns<string> => run([BUSYBOX, "sh", join(FILES, "install-node"), ...args], { HOST: host, SOURCE: source });
  return { host, path, install };
}

/** What containerd makes of a config. */
function dump(release: Release, config: string): string {
  const { status, stdout, stderr } = run([programOf(release, "containerd"), "--config", config, "config", "dump"]);
  assert.is(status, 0, stderr);
  return stdout.replaceAll("'", '"');
}

const RUNC = (plugin: string): string => `
[plugins."${plugin}".containerd]
  default_runtime_name = "runc"
  [plugins."${plugin}".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
    [plugins."${plugin}".containerd.runtimes.runc.options]
      SystemdCgroup = true
`;
const OF_1 = RUNC("io.containerd.grpc.v1.cri");
const OF_2 = RUNC("io.containerd.cri.v1.runtime");

/** Each config of a node, with who can read it. */
const CONFIGS: readonly (readonly [title: string, config: string, releases: readonly Release[]])[] = [
  ["of version 2", `version = 2\nroot = "/var/lib/containerd"\n${OF_1}`, RELEASES],
  ["of version 2 without an end of line", `version = 2\n${OF_1}`.trimEnd(), RELEASES],
  ["of version 3 without imports", `version = 3\nroot = "/var/lib/containerd"\n${OF_2}`, ["sid"]],
  ["of version 3 with empty imports", `version = 3\nimports = []\n${OF_2}`, ["sid"]],
  ["of version 3 with imports", `imports = ["/nonexistent/*.toml"]\nversion = 3\n${OF_2}`, ["sid"]],
  ["of version 3 that imports the folder", `version = 3\nimports = ["conf.d/*.toml"]\n${OF_2}`, ["sid"]],
];

for (const [title, config, releases] of CONFIGS) {
  for (const release of releases) {
    deploy(`install-node registers tsrun in a config ${title}, beside what it says, and takes it away again (${release})`, (t) => {
      const { path, install } = node(t, config);
      const first = install();
      assert.is(first.status, 0, first.stderr);
      assert.match(first.stdout, "restart containerd");
      const dumped = dump(release, path);
      assert.match(dumped, /runtimes\.tsrun\]\n(.+\n)*? +runtime_type = "io\.containerd\.tsrun\.v1"/);
      assert.match(dumped, /runtimes\.runc\.options\]\n(.+\n)*? +SystemdCgroup = true/);
      const text = fs.readFileSync(path, "utf8");
      const again = install();
      assert.is(fs.readFileSync(path, "utf8"), text);
      assert.not.match(again.stdout, "restart containerd");
      const removed = install("--remove");
      assert.is(removed.status, 0, removed.stderr);
      assert.is(fs.readFileSync(path, "utf8").trimEnd(), config.trimEnd());
      assert.is(fs.statSync(path).mode & 0o777, 0o640);
      assert.equal(fs.readdirSync(join(path, "..")), ["config.toml"]);
    });
  }
}

deploy("install-node makes a config where there is none, and removes it again", (t) => {
  const { host, path, install } = node(t, undefined, join(PROJECT, "dist"));
  assert.is(install().status, 0);
  assert.match(dump("installed", path), "runtimes.tsrun]");
  assert.is(run([join(host, "usr/local/bin/tsrun"), "--version"]).status, 0);
  assert.is(install("--remove").status, 0);
  const left = fs.readdirSync(host, { recursive: true, encoding: "utf8" }).filter((name) => !fs.statSync(join(host, name)).isDirectory());
  assert.equal(left, []);
});

deploy("install-node refuses what it cannot change, and another's program, and changes nothing", (t) => {
  const { host, path, install } = node(t, "[grpc]\n");
  const old = install();
  assert.is(old.status, 1);
  assert.match(old.stderr, "neither version 2 nor 3");
  fs.writeFileSync(path, 'version = 3\nimports = [\n  "a.toml",\n]\n');
  assert.match(install().stderr, "over several lines");
  const other = join(host, "usr/local/bin/tsrun");
  fs.rmSync(other);
  fs.writeFileSync(other, "");
  assert.match(install().stderr, "is another's");
  assert.is(fs.readFileSync(path, "utf8"), 'version = 3\nimports = [\n  "a.toml",\n]\n');
});

deploy("install-node keeps an older version for as long as something runs from it, and is not removed before", async (t) => {
  const { host, install } = node(t);
  assert.is(install().status, 0);
  const programs = join(host, "opt/tsrun");
  const current = fs.readlinkSync(join(programs, "current"));
  // What runs from a version is a program in its folder.
  fs.cpSync(join(programs, current), join(programs, "older"), { recursive: true });
  fs.copyFileSync(BUSYBOX, join(programs, "older/sleep"));
  const { spawn } = await import("node:child_process");
  const child = spawn(join(programs, "older/sleep"), ["1000"], { stdio: "ignore" });
  const ended = new Promise((resolve) => child.on("exit", resolve));
  try {
    assert.is(install().status, 0);
    assert.equal(fs.readdirSync(programs).sort(), [current, "current", "older"].sort());
    assert.match(install("--remove").stderr, "containers still run on tsrun");
  } finally {
    child.kill("SIGKILL");
    await ended;
  }
  assert.is(install().status, 0);
  assert.equal(fs.readdirSync(programs).sort(), [current, "current"].sort());
});

for (const [release, version] of [["installed", 2], ["sid", 2], ["sid", 3]] as const) {
  deploy(`containerd reads the snippet of version ${version} (${release})`, (t) => {
    const path = join(t.folder, "config.toml");
    const snippet = fs.readFileSync(join(FILES, `containerd/version-${version}.toml`), "utf8");
    fs.writeFileSync(path, version === 3 ? snippet : `version = 2\n${snippet}`);
    assert.match(dump(release, path), /runtimes\.tsrun\]\n(.+\n)*? +runtime_type = "io\.containerd\.tsrun\.v1"/);
  });
}

for (const name of ["daemon.json", "daemon-options.json"]) {
  deploy(`dockerd takes ${name}`, (t) => {
    const { status, stdout, stderr } = run([programOf("sid", "dockerd"), "--validate", "--config-file", join(FILES, "docker", name), "--data-root", t.folder, "--userland-proxy=false"]);
    assert.is(status, 0, stderr);
    assert.match(stdout + stderr, "configuration OK");
  });
}

for (const release of RELEASES) {
  deploy(`podman knows tsrun by its drop-in (${release})`, (t) => {
    const tsrun = join(PROJECT, "dist/tsrun");
    const path = join(t.folder, "containers.conf");
    fs.writeFileSync(path, fs.readFileSync(join(FILES, "podman/tsrun.conf"), "utf8").replace("/usr/local/bin/tsrun", tsrun));
    const folders = ["--root", join(t.folder, "root"), "--runroot", join(t.folder, "run"), "--tmpdir", join(t.folder, "tmp"), "--storage-driver", "vfs"];
    const command = [programOf(release, "podman"), ...folders, "--runtime", "tsrun", "info", "--format", "{{.Host.OCIRuntime.Path}}"];
    const { status, stdout, stderr } = run(command, { CONTAINERS_CONF: path, PATH: programsOf(release) });
    assert.is(status, 0, stderr);
    assert.is(stdout.trim(), tsrun);
  });
}

interface Manifest {
  readonly kind: string;
  readonly handler?: string;
  readonly spec?: { readonly template: { readonly spec: { readonly initContainers: readonly Install[]; readonly volumes: readonly Volume[] } } };
}

interface Install {
  readonly command: readonly string[];
  readonly env: readonly { readonly name: string; readonly value: string }[];
  readonly volumeMounts: readonly { readonly name: string; readonly mountPath: string }[];
}

interface Volume {
  readonly name: string;
  readonly hostPath: { readonly path: string };
}

function manifest(name: string): Manifest {
  const program = "import json, sys, yaml; json.dump(list(yaml.safe_load_all(sys.stdin)), sys.stdout)";
  const { status, stdout, stderr } = spawnSync("python3", ["-c", program], { encoding: "utf8", input: fs.readFileSync(join(FILES, "kubernetes", name)) });
  if (stderr.includes("No module named 'yaml'")) skip("python3-yaml is not installed");
  assert.is(status, 0, stderr);
  const documents = JSON.parse(stdout) as Manifest[];
  assert.is(documents.length, 1);
  return documents[0] as Manifest;
}

deploy("the manifests are YAML, and name the handler that the snippets register", () => {
  needs("python3");
  const runtimeClass = manifest("runtimeclass.yaml");
  assert.equal([runtimeClass.kind, runtimeClass.handler], ["RuntimeClass", "tsrun"]);
  assert.is(manifest("installer.yaml").kind, "DaemonSet");
});

deploy("the installer's image, run by containerd as the DaemonSet says, installs tsrun on a node and removes it", async (t) => {
  needs("root", "python3", "busybox");
  const [install] = manifest("installer.yaml").spec?.template.spec.initContainers ?? [];
  const volumes = manifest("installer.yaml").spec?.template.spec.volumes ?? [];
  assert.ok(install !== undefined);
  const { host } = node(t, `version = 2\n${OF_1}`);
  const archive = join(t.folder, "installer.tar");
  const made = run([join(FILES, "make-image"), archive, "tsrun.test/installer:latest"]);
  assert.is(made.status, 0, made.stderr);
  const mounts = install.volumeMounts.flatMap(({ name, mountPath }) => {
    const source = join(host, volumes.find((volume) => volume.name === name)?.hostPath.path ?? "");
    fs.mkdirSync(source, { recursive: true });
    return ["--mount", `type=bind,src=${source},dst=${mountPath},options=rbind:rw`];
  });
  // A restart is told of only: this is no node.
  const env = install.env.filter(({ name }) => name !== "RESTART" && name !== "ACTION").flatMap(({ name, value }) => ["--env", `${name}=${value}`]);
  await Containerd.within(t, {}, async (containerd) => {
    assert.is((await containerd.ctr(["images", "import", archive])).status, 0);
    for (const action of ["install", "remove"]) {
      const options = ["--rm", ...mounts, ...env, "--env", `ACTION=${action}`];
      const { status, stdout, stderr } = await containerd.run([...options, "tsrun.test/installer:latest", t.id(), ...install.command]);
      assert.is(status, 0, stderr);
      assert.match(stdout, "restart containerd");
      const shim = run([join(host, "usr/local/bin/containerd-shim-tsrun-v1"), "-v"]);
      assert.is(shim.status, action === "install" ? 0 : null);
      assert.is(fs.readFileSync(join(host, "etc/containerd/config.toml"), "utf8").includes("tsrun"), action === "install");
    }
  });
  await nothingLeft(t, { cgroups: new RegExp(`/${RUN_NAME}$`) });
});

deploy.run();
