/** What state, list and spec print. */

import * as fs from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { created, file, output, read, refused, running, silent } from "./containers.ts";
import type { State } from "./containers.ts";
import { suite } from "./suite.ts";

const test = suite("state, list, spec");

interface Listed extends State {
  readonly created: string;
  readonly owner: string;
  readonly rootfs: string;
}

const RFC_3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/;

test("ST-01 to ST-06 state prints JSON with the specification's fields and runc's", async (t) => {
  const container = await created(t, (config) => {
    config.annotations = { "org.example.key": "value", "org.example.empty": "" };
  });
  const state = (await container.state()) as Listed;
  assert.is(state.id, container.id);
  assert.match(state.ociVersion, /^1\.\d+\.\d+/);
  assert.is(state.bundle, container.bundle.path);
  assert.is(state.rootfs, container.bundle.rootfs);
  assert.equal(state.annotations, { "org.example.key": "value", "org.example.empty": "" });
  assert.match(state.created, RFC_3339);
  assert.ok(fs.existsSync(`/proc/${state.pid}`));
});

test("state has the root's shortest path, however config.json spells it", async (t) => {
  for (const path of ["./rootfs/", "rootfs/."]) {
    const container = await created(t, (config) => (config.root.path = path));
    assert.is(((await container.state()) as Listed).rootfs, container.bundle.rootfs, path);
    await container.verb("delete", "--force");
  }
});

test("ST-06 state has no annotations, or none in it, when the config has none", async (t) => {
  assert.equal((await (await created(t)).state()).annotations ?? {}, {});
});

test("ST-03 ST-04 status and pid follow the container: created, running, stopped with pid 0", async (t) => {
  const container = await created(t);
  const { pid, status } = await container.state();
  assert.is(status, "created");
  await container.start();
  assert.equal([await container.status(), (await container.state()).pid], ["running", pid]);
  await container.end();
  assert.is((await container.state()).pid, 0);
});

test("list prints a table with runc's headings", async (t) => {
  const container = await created(t);
  const lines = output(await t.runtime(["list"])).trimEnd().split("\n");
  assert.is(lines[0]?.trim().split(/ +/).join(" "), "ID PID STATUS BUNDLE CREATED OWNER");
  const { pid } = await container.state();
  const [id, listedPid, status, bundle, date, owner] = lines[1]?.split(/ +/) ?? [];
  assert.equal([id, listedPid, status, bundle, owner], [container.id, `${pid}`, "created", container.bundle.path, "root"]);
  assert.match(date ?? "", RFC_3339);
});

test("list --format json prints an array of states, list --quiet ids", async (t) => {
  const first = await created(t);
  const second = await running(t);
  const listed = JSON.parse(output(await t.runtime(["list", "--format", "json"]))) as Listed[];
  assert.equal(listed.map(({ id, status, pid }) => [id, status, pid]).sort(), [
    [first.id, "created", (await first.state()).pid],
    [second.id, "running", (await second.state()).pid],
  ].sort());
  for (const { owner, created: date, bundle } of listed) {
    assert.is(owner, "root");
    assert.match(date, RFC_3339);
    assert.ok(fs.existsSync(join(bundle, "config.json")));
  }
  for (const quiet of ["-q", "--quiet"]) assert.equal(output(await t.runtime(["list", quiet])).split("\n").sort(), ["", first.id, second.id].sort());
  assert.is(output(await t.runtime(["list", "-f=json", "-q"])), output(await t.runtime(["list", "-q"])));
});

test("list prints null as JSON, only the headings as a table, and no id, where there is nothing", async (t) => {
  fs.mkdirSync(t.stateRoot);
  assert.is(output(await t.runtime(["list", "--format", "json"])), "null\n");
  assert.match(output(await t.runtime(["list"])), /^ID .*OWNER\n$/);
  assert.is(output(await t.runtime(["list", "--quiet"])), "");
});

test("list of an unknown format is an error", async (t) => {
  fs.mkdirSync(t.stateRoot);
  refused(await t.runtime(["list", "--format", "xml"]), "invalid format option");
});

test("list shows stopped containers and passes over what it cannot read", async (t) => {
  const container = await running(t);
  await container.end();
  fs.mkdirSync(join(t.stateRoot, "broken"));
  fs.writeFileSync(join(t.stateRoot, "broken/state.json"), "{");
  const result = await t.runtime(["list", "--format", "json"]);
  assert.is(result.status, 0);
  assert.equal((JSON.parse(result.stdout) as Listed[]).map(({ id, status, pid }) => [id, status, pid]), [[container.id, "stopped", 0]]);
});

test("spec writes a config.json that runs, and refuses to write over one", async (t) => {
  const folder = file(t, "specified");
  fs.renameSync(t.bundle().path, folder);
  fs.rmSync(join(folder, "config.json"));
  silent(await t.runtime(["spec", "--bundle", folder]));
  refused(await t.runtime(["spec"], { cwd: folder }), "exists");
  const config = JSON.parse(read(join(folder, "config.json"))) as { process: { terminal: boolean; args: string[] }; root: object; hostname: string };
  assert.equal([config.process.terminal, config.process.args, config.root], [true, ["sh"], { path: "rootfs", readonly: true }]);
  config.process.terminal = false;
  config.process.args = ["hostname"];
  fs.writeFileSync(join(folder, "config.json"), JSON.stringify(config));
  assert.is(output(await t.runtime(["run", "--bundle", folder, t.id()])), `${config.hostname}\n`);
});

test("spec --rootless writes a config with a user namespace and without a network namespace", async (t) => {
  silent(await t.runtime(["spec", "--rootless"], { cwd: t.folder }));
  const { linux } = JSON.parse(read(file(t, "config.json"))) as {
    linux: { namespaces: { type: string }[]; uidMappings: object[]; gidMappings: object[]; resources?: object };
  };
  const types = linux.namespaces.map(({ type }) => type);
  assert.ok(types.includes("user") && !types.includes("network"));
  const own = [{ containerID: 0, hostID: 0, size: 1 }];
  assert.equal([linux.uidMappings, linux.gidMappings, linux.resources ?? {}], [own, own, {}]);
});

test.run();
