/** The state of a container, as `state` prints it and as hooks get it (runtime.md#state). */

import * as fs from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import type { Ground } from "../test/harness.ts";
import { Container, created, file, output, read, running, script, silent } from "./containers.ts";
import type { State } from "./containers.ts";
import { everywhere, hook, live, POINTS } from "./hooks.ts";
import { isValid } from "./official.ts";
import { suite } from "./suite.ts";

const test = suite("state");

const SEMVER = /^1\.\d+\.\d+(-[\w.-]+)?(\+[\w.-]+)?$/;

/** The states that the hooks of a whole life got, by their points. */
async function onHooks(t: Ground): Promise<Readonly<Record<string, State>>> {
  await live(t, (config) => {
    config.annotations = { "org.example.key": "value" };
    everywhere(t, config, `cat >${t.folder}/$0`);
  });
  return Object.fromEntries(POINTS.map((point) => [point, JSON.parse(read(file(t, point))) as State]));
}

test("ST-01 ociVersion is a version of the specification", async (t) => {
  assert.match((await (await created(t)).state()).ociVersion, SEMVER);
  for (const [point, { ociVersion }] of Object.entries(await onHooks(t))) assert.match(ociVersion, SEMVER, point);
});

test("ST-02 id is the one that create was given", async (t) => {
  const [first, second] = [await created(t), await created(t)];
  assert.equal([(await first.state()).id, (await second.state()).id], [first.id, second.id]);
});

test("ST-03 status is created, running and stopped in turn", async (t) => {
  const container = await created(t);
  assert.is(await container.status(), "created");
  await container.start();
  assert.is(await container.status(), "running");
  await container.end();
  assert.is(await container.status(), "stopped");
});

test("ST-03 the status that hooks get is one of the four, running at poststart and stopped at poststop", async (t) => {
  const states = await onHooks(t);
  for (const [point, { status }] of Object.entries(states)) assert.ok(["creating", "created", "running", "stopped"].includes(status), `${point}: ${status}`);
  assert.equal([states["poststart"]?.status, states["poststop"]?.status], ["running", "stopped"]);
});

test("ST-04 pid is the container process's on the host while it is created and runs", async (t) => {
  const container = await created(t);
  const { pid } = await container.state();
  assert.match(read(`/proc/${pid}/status`), new RegExp(`^NSpid:\t${pid}\t1$`, "m"));
  await container.start();
  assert.is((await container.state()).pid, pid);
  assert.match(await container.proc("cmdline"), /^\/bin\/sleep\0/);
});

test("ST-05 bundle is the absolute path of the bundle, wherever it was named from", async (t) => {
  const bundle = t.bundle((config) => (config.process.args = ["/bin/sleep", "100"]));
  for (const [path, cwd] of [["bundle-0", t.folder], [".", bundle.path], ["../bundle-0/", bundle.path], [bundle.path, "/"]] as const) {
    const id = t.id();
    silent(await t.runtime(["create", "--bundle", path, id], { cwd }));
    assert.is((await new Container(t, bundle, id).state()).bundle, bundle.path, path);
    silent(await t.runtime(["delete", "--force", id]));
  }
});

test("ST-05 a bundle that is named by a link is told by its own path, to hooks as well", async (t) => {
  const told = file(t, "told");
  const bundle = t.bundle((config) => {
    script(config, "exit 0");
    config.hooks = { createRuntime: [hook(`cat >${told}`)] };
  });
  fs.symlinkSync(bundle.path, join(t.folder, "link"));
  for (const [path, cwd] of [["link", t.folder], [".", join(t.folder, "link")], ["link/../link/", t.folder]] as const) {
    const id = t.id();
    silent(await t.runtime(["create", "--bundle", path, id], { cwd }));
    const { bundle: seen, rootfs } = (await new Container(t, bundle, id).state()) as State & { rootfs?: string };
    assert.equal([seen, rootfs], [bundle.path, bundle.rootfs], path);
    assert.is((JSON.parse(read(told)) as State).bundle, bundle.path, path);
    assert.match(output(await t.runtime(["list"])), `${bundle.path} `);
    silent(await t.runtime(["delete", "--force", id]));
    silent(await t.runtime(["run", "--bundle", path, t.id()], { cwd }));
    assert.is((JSON.parse(read(told)) as State).bundle, bundle.path, `run ${path}`);
  }
});

test("ST-06 annotations are the config's, and none where it has none", async (t) => {
  const annotations = { "org.example.key": "value", "org.example.empty": "" };
  assert.equal((await (await created(t, (config) => (config.annotations = annotations))).state()).annotations, annotations);
  assert.equal((await (await created(t)).state()).annotations ?? {}, {});
});

test("ST-08 the state is valid by the official schema in each status, and on every hook's standard input", async (t) => {
  const container = await created(t, (config) => (config.annotations = { key: "value" }));
  isValid("state-schema.json", await container.state(), "created");
  await container.start();
  isValid("state-schema.json", await container.state(), "running");
  await container.end();
  isValid("state-schema.json", await container.state(), "stopped");
  for (const [point, state] of Object.entries(await onHooks(t))) isValid("state-schema.json", state, point);
});

test("ST-02 ST-05 ids and paths of other characters than usual arrive as they are", async (t) => {
  const folder = file(t, "a \"quoted\" ü, \\ and 'more'");
  fs.renameSync(t.bundle((config) => script(config, "exit 0")).path, folder);
  const id = `${t.id()}_+.-`;
  silent(await t.runtime(["create", "--bundle", folder, id]));
  const state = JSON.parse(output(await t.runtime(["state", id]))) as State;
  silent(await t.runtime(["delete", "--force", id]));
  assert.equal([state.id, state.bundle], [id, folder]);
});

test("OP-01 state changes nothing, however often it is asked for", async (t) => {
  const container = await running(t);
  const files = (): string[] => fs.readdirSync(join(t.stateRoot, container.id)).map((name) => `${name} ${fs.statSync(join(t.stateRoot, container.id, name)).mtimeMs}`);
  const before = files();
  const first = await container.state();
  for (let i = 0; i < 3; i++) assert.equal(await container.state(), first);
  assert.equal(files(), before);
});

test.run();
