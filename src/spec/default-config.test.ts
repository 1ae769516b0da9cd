import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { planOf } from "../../test/plan-cases.ts";
import { defaultConfig, type DefaultConfigOptions, OCI_VERSION } from "./default-config.ts";

const test = suite("spec/default-config");

test("defaultConfig() returns a new object each time", () => {
  const first = defaultConfig();
  assert.equal(first, defaultConfig());
  assert.is.not(first.mounts, defaultConfig().mounts);
  const { bounding, effective } = first.process?.capabilities ?? {};
  assert.is.not(bounding, effective);
});

test("defaultConfig() adds a cgroup namespace on a host with the unified hierarchy alone", () => {
  const types = (options: DefaultConfigOptions): unknown => defaultConfig(options).linux?.namespaces?.map(({ type }) => type);
  assert.equal(types({}), ["pid", "network", "ipc", "uts", "mount"]);
  assert.equal(types({ unified: true }), ["pid", "network", "ipc", "uts", "mount", "cgroup"]);
  const rootless = { uid: 1, gid: 2 };
  assert.equal(types({ rootless, unified: true }), ["pid", "ipc", "uts", "mount", "cgroup", "user"]);
});

test("defaultConfig() maps the caller's ids for rootless use, and asks for no limits", () => {
  const { linux } = defaultConfig({ rootless: { uid: 1000, gid: 100 } });
  assert.equal(linux?.uidMappings, [{ containerID: 0, hostID: 1000, size: 1 }]);
  assert.equal(linux?.gidMappings, [{ containerID: 0, hostID: 100, size: 1 }]);
  assert.is(linux?.resources, undefined);
});

test("defaultConfig() asks for nothing that is not supported or cannot be granted", () => {
  for (const config of [defaultConfig(), defaultConfig({ rootless: { uid: 1, gid: 1 }, unified: true })]) {
    assert.equal(planOf(config).warnings, []);
  }
});

/** What `runc spec` writes in an empty folder, undefined where there is no runc. */
function runcSpec(args: readonly string[]): Record<string, Record<string, unknown>> | undefined {
  const folder = fs.mkdtempSync(join(tmpdir(), "tsrun-spec-"));
  try {
    execFileSync("runc", ["spec", ...args], { cwd: folder, stdio: "ignore" });
    return JSON.parse(fs.readFileSync(join(folder, "config.json"), "utf8")) as Record<string, Record<string, unknown>>;
  } catch {
    return undefined;
  } finally {
    fs.rmSync(folder, { recursive: true });
  }
}

const isUnified = fs.existsSync("/sys/fs/cgroup/cgroup.controllers");
const ids = { uid: process.geteuid?.() ?? 0, gid: process.getegid?.() ?? 0 };
const peers: readonly (readonly [args: readonly string[], options: DefaultConfigOptions])[] = [
  [[], {}],
  [["--rootless"], { rootless: ids }],
];
for (const [args, options] of peers) {
  const name = `defaultConfig() equals ${["runc spec", ...args].join(" ")} but for name, version and ambient capabilities`;
  const theirs = runcSpec(args);
  if (theirs === undefined) {
    console.log(`skipped: ${name}: runc is not installed`);
    test.skip(name, () => undefined);
    continue;
  }
  test(name, () => {
    const ours = JSON.parse(JSON.stringify(defaultConfig({ ...options, unified: isUnified }))) as typeof theirs;
    const theirCapabilities = theirs["process"]?.["capabilities"] as Record<string, unknown>;
    delete theirCapabilities["ambient"];
    assert.equal(ours, { ...theirs, hostname: "tsrun", ociVersion: OCI_VERSION });
  });
}

test.run();
