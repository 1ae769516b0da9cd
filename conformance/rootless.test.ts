/** Containers of an ordinary user, with the config that `spec --rootless` writes. */

import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import type { Bundle } from "../test/bundle.ts";
import { needs, skip } from "../test/harness.ts";
import type { Ground } from "../test/harness.ts";
import { RUNTIME, runRuntime } from "../test/runtime.ts";
import type { Result } from "../test/runtime.ts";
import { file, output, silent, waitFor } from "./containers.ts";
import { suite } from "./suite.ts";

const test = suite("rootless");

const USER = 12_345;
const AS_USER = ["--reuid", `${USER}`, "--regid", `${USER}`, "--clear-groups", "--"];

/** Calls the runtime as the ordinary user, with a state root of his. */
function asUser(t: Ground, ...args: readonly string[]): Promise<Result> {
  return runRuntime([...AS_USER, RUNTIME, "--root", file(t, "his/state"), ...args], {
    folder: t.folder,
    program: "setpriv",
    cwd: file(t, "his"),
    env: { HOME: file(t, "his"), XDG_RUNTIME_DIR: file(t, "his") },
  });
}

/** A bundle of the user's with the config of `spec --rootless` and this program. */
async function bundleOfUser(t: Ground, ...args: readonly string[]): Promise<Bundle> {
  needs("setpriv");
  if (spawnSync("setpriv", [...AS_USER, "test", "-x", RUNTIME]).status !== 0) skip("an ordinary user cannot reach the runtime");
  fs.mkdirSync(file(t, "his"));
  const bundle = t.bundle();
  fs.rmSync(join(bundle.path, "config.json"));
  for (const path of [file(t, "his"), bundle.path, bundle.rootfs]) fs.chownSync(path, USER, USER);
  silent(await asUser(t, "spec", "--rootless", "--bundle", bundle.path));
  const config = JSON.parse(fs.readFileSync(join(bundle.path, "config.json"), "utf8")) as Bundle["config"];
  config.process.terminal = false;
  config.process.args = [...args];
  // Under test is what the kernel allows; the warnings about capabilities are another test's matter.
  config.process["capabilities"] = {};
  bundle.write(JSON.stringify(config));
  return bundle;
}

test("run runs a container for a user who is root nowhere else", async (t) => {
  const bundle = await bundleOfUser(t, "/bin/sh", "-c", "id -u; cat /proc/self/uid_map; hostname; exit 7");
  const result = await asUser(t, "run", "--bundle", bundle.path, t.id());
  assert.is(result.status, 7, result.stderr);
  assert.match(result.stdout, new RegExp(`^0\\n +0 +${USER} +1\\n\\w+\\n$`));
});

test("create, start, state, kill and delete work for him, too", async (t) => {
  const bundle = await bundleOfUser(t, "/bin/sleep", "100");
  const id = t.id();
  silent(await asUser(t, "create", "--bundle", bundle.path, id));
  silent(await asUser(t, "start", id));
  const { pid, status } = JSON.parse(output(await asUser(t, "state", id))) as { pid: number; status: string };
  assert.is(status, "running");
  assert.is(fs.statSync(`/proc/${pid}`).uid, USER);
  silent(await asUser(t, "kill", id, "KILL"));
  await waitFor("it stops", async () => (await asUser(t, "state", id)).stdout.includes('"stopped"'));
  silent(await asUser(t, "delete", id));
});

test("without --root his states are in XDG_RUNTIME_DIR", async (t) => {
  const bundle = await bundleOfUser(t, "/bin/true");
  const id = t.id();
  const result = await runRuntime([...AS_USER, RUNTIME, "run", "--keep", "--bundle", bundle.path, id], {
    folder: t.folder,
    program: "setpriv",
    env: { HOME: file(t, "his"), XDG_RUNTIME_DIR: file(t, "his"), USER: "someone" },
  });
  assert.is(result.status, 0, result.stderr);
  const name = fs.readdirSync(file(t, "his")).find((entry) => fs.existsSync(join(file(t, "his"), entry, id)));
  assert.is(name, RUNTIME.split("/").at(-1));
});

/** The daemon user's: newuidmap(1) wants a user that passwd(5) knows. */
const DAEMON = 1;

test("his states in XDG_RUNTIME_DIR are sticky: nobody cleans them away", async (t) => {
  const bundle = await bundleOfUser(t, "/bin/true");
  const environment = { HOME: file(t, "his"), XDG_RUNTIME_DIR: file(t, "his"), USER: "someone" };
  silent(await runRuntime([...AS_USER, RUNTIME, "run", "--bundle", bundle.path, t.id()], { folder: t.folder, program: "setpriv", env: environment }));
  const name = RUNTIME.split("/").at(-1) ?? "";
  assert.is(fs.statSync(join(file(t, "his"), name)).mode & 0o7777, 0o1700);
});

test("list names who owns a container, and gives his number where he has no name", async (t) => {
  const bundle = await bundleOfUser(t, "/bin/sleep", "100");
  const mapping = (hostID: number): object[] => [{ containerID: 0, hostID, size: 1 }];
  for (const [user, name] of [[USER, `#${USER}`], [DAEMON, "daemon"]] as const) {
    const his = JSON.parse(fs.readFileSync(join(bundle.path, "config.json"), "utf8")) as { linux: object };
    Object.assign(his.linux, { uidMappings: mapping(user), gidMappings: mapping(user) });
    bundle.write(JSON.stringify(his));
    for (const path of [file(t, "his"), bundle.path, bundle.rootfs]) fs.chownSync(path, user, user);
    const id = t.id();
    const as = ["--reuid", `${user}`, "--regid", `${user}`, "--clear-groups", "--", RUNTIME, "--root", file(t, `his/${user}`)];
    const call = (...args: readonly string[]): Promise<Result> => runRuntime([...as, ...args], { folder: t.folder, program: "setpriv" });
    silent(await call("create", "--bundle", bundle.path, id));
    assert.match(output(await call("list")), new RegExp(`^${id} .* ${name}$`, "m"));
    assert.is((JSON.parse(output(await call("list", "--format", "json"))) as { owner: string }[])[0]?.owner, name);
    silent(await call("delete", "--force", id));
  }
});

/** Runs a bundle as that user, in a mount namespace in which these ids are granted to him. */
async function runGranted(t: Ground, bundle: Bundle, grants: string): Promise<Result> {
  needs("unshare", "newuidmap");
  const granted = file(t, "granted");
  fs.writeFileSync(granted, grants);
  const mounts = ["subuid", "subgid"].map((name) => `mount --bind ${granted} /etc/${name}`).join("; ");
  const user = `setpriv --reuid ${DAEMON} --regid ${DAEMON} --clear-groups --`;
  for (const path of [bundle.path, bundle.rootfs, file(t, "his")]) fs.chownSync(path, DAEMON, DAEMON);
  const command = `${mounts}; exec ${user} ${RUNTIME} --root ${file(t, "his/state")} run --bundle ${bundle.path} ${t.id()}`;
  return runRuntime(["--mount", "sh", "-c", command], { folder: t.folder, program: "unshare", env: { XDG_RUNTIME_DIR: file(t, "his") } });
}

function mapMore(bundle: Bundle): void {
  const config = JSON.parse(fs.readFileSync(join(bundle.path, "config.json"), "utf8")) as Bundle["config"] & { linux: Record<string, unknown> };
  const map = [
    { containerID: 0, hostID: DAEMON, size: 1 },
    { containerID: 1, hostID: 100_000, size: 1000 },
  ];
  Object.assign(config.linux, { uidMappings: map, gidMappings: map });
  config.process.user = { uid: 5, gid: 6 };
  bundle.write(JSON.stringify(config));
}

test("ids that /etc/subuid and /etc/subgid grant him are mapped, too", async (t) => {
  const bundle = await bundleOfUser(t, "/bin/sh", "-c", "id; cat /proc/self/uid_map");
  mapMore(bundle);
  const { status, stdout, stderr } = await runGranted(t, bundle, "daemon:100000:65536\n");
  assert.is(status, 0, stderr);
  assert.match(stdout, /^uid=5 gid=6.*\n +0 +1 +1\n +1 +100000 +1000\n$/);
});

test("ids that nobody granted him are refused", async (t) => {
  const bundle = await bundleOfUser(t, "/bin/true");
  mapMore(bundle);
  const { status, stderr } = await runGranted(t, bundle, "daemon:300000:5\n");
  assert.is(status, 1);
  assert.match(stderr, /map|user namespace/);
});

test("a container without a user namespace is refused", async (t) => {
  const bundle = await bundleOfUser(t, "/bin/true");
  const config = JSON.parse(fs.readFileSync(join(bundle.path, "config.json"), "utf8")) as Bundle["config"];
  config.linux.namespaces = config.linux.namespaces.filter(({ type }) => type !== "user");
  Object.assign(config.linux, { uidMappings: [], gidMappings: [] });
  bundle.write(JSON.stringify(config));
  const { status, stderr } = await asUser(t, "run", "--bundle", bundle.path, t.id());
  assert.is(status, 1);
  assert.match(stderr, /user/);
});

test("a limit where he has no cgroup is refused", async (t) => {
  const bundle = await bundleOfUser(t, "/bin/true");
  const config = JSON.parse(fs.readFileSync(join(bundle.path, "config.json"), "utf8")) as Bundle["config"];
  config.linux.resources = { pids: { limit: 10 } };
  bundle.write(JSON.stringify(config));
  const { status, stderr } = await asUser(t, "run", "--bundle", bundle.path, t.id());
  assert.is(status, 1);
  assert.match(stderr, /cgroup|pids/);
});

test.run();
