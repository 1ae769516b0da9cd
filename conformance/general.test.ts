/** General rules of the specification, the bundle, and what config.json may lack (runtime.md, bundle.md, config.md). */

import * as fs from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import type { BundleConfig } from "../test/bundle.ts";
import { Container, created, file, fromShell, inside, output, read, refused, run, runBundle, script, silent, waitFor } from "./containers.ts";
import { suite } from "./suite.ts";

const test = suite("general");

test("G-07 what is only a warning changes nothing of what follows", async (t) => {
  const result = await run(t, "grep -E '^(Cap(Bnd|Eff)|Gid)' /proc/self/status; exit 5", (config) => {
    const names = ["CAP_NO_SUCH", "CAP_KILL"];
    config.process["capabilities"] = { bounding: names, effective: names, permitted: names };
    config.process.user = { uid: 0, gid: 7 };
  });
  assert.equal([result.stdout, result.status], ["Gid:\t7\t7\t7\t7\nCapEff:\t0000000000000020\nCapBnd:\t0000000000000020\n", 5]);
});

test("G-08 G-09 who created a container can use state, create, start, kill and delete on it from wherever he calls", async (t) => {
  const bundle = t.bundle((config) => (config.process.args = ["/bin/sleep", "100"]));
  const container = new Container(t, bundle, t.id());
  const call = async (first: string, ...words: readonly string[]): Promise<string> => output(await fromShell(t, first, words));
  await call("umask 077", "create", "--bundle", bundle.path, container.id);
  const { pid, status } = JSON.parse(await call("cd /", "state", container.id)) as { pid: number; status: string };
  assert.is(status, "created");
  await call("unset HOME XDG_RUNTIME_DIR; cd /usr", "start", container.id);
  assert.is(await container.status(), "running");
  await call("ulimit -n 64", "kill", container.id, "KILL");
  await container.stopped();
  await call("cd /tmp", "delete", container.id);
  assert.not(fs.existsSync(`/proc/${pid}/exe`));
});

test("G-11 changes of config.json after create show neither in state nor in what the program finds", async (t) => {
  const container = await created(t, (config) => {
    config.annotations = { key: "before" };
    config.process.env.push("WHEN=before");
    config.root.readonly = false;
    script(config, 'echo "$WHEN $(hostname) $(ulimit -n) $(pwd)" >/tmp/seen; exec sleep 100');
    config.process["rlimits"] = [{ type: "RLIMIT_NOFILE", soft: 100, hard: 100 }];
  });
  const { config } = container.bundle;
  Object.assign(config, { hostname: "after", annotations: { key: "after" } });
  Object.assign(config.process, { env: ["WHEN=after"], cwd: "/etc", rlimits: [{ type: "RLIMIT_NOFILE", soft: 50, hard: 50 }] });
  container.bundle.write();
  await container.start();
  assert.equal((await container.state()).annotations, { key: "before" });
  const seen = join(container.bundle.rootfs, "tmp/seen");
  await waitFor("the program writes", () => read(seen).endsWith("\n"));
  assert.is(read(seen), "before tsrun-test 100 /\n");
});

test("B-01 config.json has exactly this name, at the top of the bundle", async (t) => {
  const bundle = t.bundle();
  const config = join(bundle.path, "config.json");
  fs.mkdirSync(join(bundle.path, "sub"));
  for (const name of ["Config.json", "config.JSON", "config", "config.json.orig", "sub/config.json", "rootfs/config.json"]) {
    const elsewhere = join(bundle.path, name);
    fs.renameSync(config, elsewhere);
    refused(await t.runtime(["create", "--bundle", bundle.path, t.id()]), /config\.json/);
    fs.renameSync(elsewhere, config);
  }
});

test("B-02 the root file system is the one that root.path names", async (t) => {
  const bundle = t.bundle((config) => {
    config.root.path = "images/second";
    script(config, "cat /which");
  });
  fs.writeFileSync(join(bundle.rootfs, "which"), "first\n");
  const second = join(bundle.path, "images/second");
  for (const name of ["bin", "dev", "proc", "sys"]) fs.mkdirSync(join(second, name), { recursive: true });
  for (const name of ["sh", "cat"]) fs.linkSync(join(bundle.rootfs, "bin", name), join(second, "bin", name));
  fs.writeFileSync(join(second, "which"), "second\n");
  assert.is(output(await runBundle(t, bundle)), "second\n");
});

test("B-03 a bundle may be named by any path that leads to it, also one with links, blanks and dots", async (t) => {
  const bundle = t.bundle((config) => script(config, "echo up"));
  const folder = file(t, "with a blank, ü");
  fs.mkdirSync(folder);
  fs.symlinkSync(bundle.path, join(folder, "link"));
  for (const path of [join(folder, "link"), `${folder}/./link/`, "bundle-0", "./bundle-0//"]) {
    assert.is(output(await t.runtime(["run", "--bundle", path, t.id()], { cwd: t.folder })), "up\n", path);
  }
});

/** What is optional at the top of config.json, absent or empty: the program runs nevertheless. */
const ABSENT: Readonly<Record<string, readonly ((config: Record<string, unknown>) => unknown)[]>> = {
  "TOP-03 MNT-01 mounts": [(config) => delete config["mounts"], (config) => (config["mounts"] = [])],
  "TOP-05 TOP-06 hostname and domainname": [(config) => delete config["hostname"], (config) => Object.assign(config, { hostname: "", domainname: "" })],
  "TOP-07 HK-01 hooks": [
    (config) => delete config["hooks"],
    (config) => (config["hooks"] = {}),
    (config) => (config["hooks"] = { prestart: [], createRuntime: [], createContainer: [], startContainer: [], poststart: [], poststop: [] }),
  ],
  "TOP-08 ANN-01 annotations": [(config) => delete config["annotations"], (config) => (config["annotations"] = {})],
};

for (const [what, changes] of Object.entries(ABSENT)) {
  test(`${what} may be absent or empty`, async (t) => {
    for (const change of changes) {
      const text = await inside(t, "echo up", (config) => {
        delete config.linux.maskedPaths;
        delete config.linux.readonlyPaths;
        change(config);
      });
      assert.is(text, "up\n");
    }
  });
}

test("TOP-09 linux may be absent: the program runs in the runtime's namespaces", async (t) => {
  const bundle = t.bundle((config) => {
    for (const name of ["linux", "hostname", "mounts"]) delete config[name];
    config.root.readonly = false;
    script(config, "ls -d /bin; hostname");
  });
  assert.is(output(await runBundle(t, bundle)), `/bin\n${read("/proc/sys/kernel/hostname")}`);
});

test("TOP-10 G-12 what is for other platforms changes nothing on this one", async (t) => {
  const text = await inside(t, "ulimit -n; id -u; hostname", (config) => {
    config["windows"] = { layerFolders: ["C:\\"], resources: { memory: { limit: 1 } } };
    config["solaris"] = { cappedMemory: { physical: "1" } };
    config["vm"] = { hypervisor: { path: "/no/such/hypervisor" }, kernel: { path: "/no/such/kernel" } };
    config["zos"] = { namespaces: [{ type: "mount" }] };
    config["freebsd"] = { jail: { host: "inherit" } };
    config.process["rlimits"] = [{ type: "RLIMIT_NOFILE", soft: 100, hard: 100 }];
  });
  assert.is(text, "100\n0\ntsrun-test\n");
});

test("ANN-01 ST-06 annotations are a map that state and hooks tell as it is, with any key and any text", async (t) => {
  const annotations = { "org.example.key": "", "a b": 'with "quotes" and \\', "ä": "line\nbreak", "org.opencontainers.image.created": "2026-01-01T00:00:00Z" };
  const container = await created(t, (config: BundleConfig) => {
    config.annotations = annotations;
    config.hooks = { createRuntime: [{ path: "/bin/sh", args: ["sh", "-c", `cat >${file(t, "on-stdin")}`] }] };
  });
  assert.equal((await container.state()).annotations, annotations);
  assert.equal((JSON.parse(read(file(t, "on-stdin"))) as { annotations: object }).annotations, annotations);
  silent(await container.verb("kill", "KILL"));
});

test.run();
