/** The lifecycle: what each operation may do in which status, and what it must leave alone (runtime.md#lifecycle). */

import * as fs from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { skip } from "../test/harness.ts";
import type { Ground } from "../test/harness.ts";
import { Container, created, file, output, read, refused, running, script, silent, waitFor } from "./containers.ts";
import { onlyOurs, suite } from "./suite.ts";

const test = suite("lifecycle");

const FREEZER = "/sys/fs/cgroup/freezer";

test("OP-03 create does not run the program, start does", async (t) => {
  const container = await created(t, marking);
  assert.not(fs.existsSync(mark(container)));
  await container.start();
  await waitFor("the program runs", () => fs.existsSync(mark(container)));
});

test("OP-02 create returns when the container is created, with the program not there yet", async (t) => {
  const container = await created(t);
  assert.is.not(await container.proc("comm"), "sleep\n");
});

test("OP-05 start returns when the program runs", async (t) => {
  onlyOurs("runc's start returns when init was told");
  const container = await running(t);
  assert.is(await container.proc("cmdline"), "/bin/sleep\x00100\x00");
});

test("G-11 a config that changes after create means nothing", async (t) => {
  const container = await created(t, (config) => {
    marking(config);
    config.hooks = { poststop: [hook(`echo first >>${file(t, "poststop")}`)] };
  });
  container.bundle.config.process.args = ["/bin/false"];
  container.bundle.config.hooks = { poststart: [hook("exit 1")], poststop: [hook(`echo second >>${file(t, "poststop")}`)] };
  container.bundle.write();
  await container.start();
  await waitFor("the first program runs", () => fs.existsSync(mark(container)));
  await container.end();
  silent(await container.verb("delete"));
  assert.is(read(file(t, "poststop")), "first\n");
});

test("G-11 a config that is no JSON any more, or gone, means nothing either", async (t) => {
  const container = await created(t, marking);
  container.bundle.write("{");
  await container.start();
  fs.rmSync(join(container.bundle.path, "config.json"));
  assert.is(await container.status(), "running");
  await container.end();
  silent(await container.verb("delete"));
});

test("OP-05 start of a running container is an error without effect", async (t) => {
  const container = await running(t);
  const before = await container.state();
  refused(await container.verb("start"), "cannot start an already running container");
  assert.equal(await container.state(), before);
});

test("OP-05 start of a stopped container is an error without effect", async (t) => {
  const container = await running(t);
  await container.end();
  const before = await container.state();
  refused(await container.verb("start"), "cannot start a container that has stopped");
  assert.equal(await container.state(), before);
});

test("TOP-04 create takes a config without process", async (t) => {
  assert.is(await (await created(t, withoutProcess)).status(), "created");
});

test("PRC-01 OP-05 start of a container without process is an error", async (t) => {
  const container = await created(t, withoutProcess);
  refused(await container.verb("start"), "process");
});

test("OP-06 kill of a created container ends it: by TERM, and by KILL", async (t) => {
  for (const signal of ["TERM", "KILL", "INT"]) {
    const container = await created(t);
    silent(await container.verb("kill", signal));
    await container.stopped();
    refused(await container.verb("start"), "cannot start a container that has stopped");
    silent(await container.verb("delete"));
  }
});

test("OP-06 kill of a stopped container is an error without effect", async (t) => {
  const container = await running(t);
  await container.end();
  const before = await container.state();
  refused(await container.verb("kill", "KILL"), "container not running");
  refused(await container.verb("kill", "0"), "container not running");
  assert.equal(await container.state(), before);
});

test("OP-06 a signal without a handler does nothing to a container's first process", async (t) => {
  const container = await running(t);
  silent(await container.verb("kill", "USR1"));
  assert.is(await container.status(), "running");
});

test("OP-07 delete of a created container is an error that names the way out, without effect", async (t) => {
  const container = await created(t);
  const before = await container.state();
  const result = await container.verb("delete");
  refused(result, "not stopped");
  assert.match(result.stderr, "kill");
  assert.match(result.stderr, "--force");
  assert.equal(await container.state(), before);
  await container.start();
});

test("OP-07 delete of a running container is an error without effect", async (t) => {
  const container = await running(t);
  const before = await container.state();
  refused(await container.verb("delete"), "not stopped");
  assert.equal(await container.state(), before);
});

test("OP-07 delete twice: the second time there is nothing", async (t) => {
  const container = await running(t);
  await container.end();
  silent(await container.verb("delete"));
  refused(await container.verb("delete"), "container does not exist");
});

test("ST-03 a container whose program ends by itself is stopped, though nobody waited for it", async (t) => {
  const container = await running(t, (config) => script(config, "exit 3"));
  await container.stopped();
  silent(await container.verb("delete"));
});

test("a process that outlives the program ends with the pid namespace", async (t) => {
  const container = await running(t, (config) => script(config, "sleep 1234 & exec sleep 1234"));
  await container.end();
  silent(await container.verb("delete"));
  assert.equal(t.leftovers(container.id), []);
});

test("delete ends what is left of a container without a pid namespace", async (t) => {
  const container = await running(t, (config) => {
    without(config, "pid");
    config.linux.cgroupsPath = `/${t.id()}`;
    script(config, "sleep 1234 & sleep 1234 & exit");
  });
  await container.stopped();
  silent(await container.verb("delete"));
  assert.equal(t.leftovers(container.id), []);
});

test("delete --force ends all of a container without a pid namespace", async (t) => {
  const container = await running(t, (config) => {
    without(config, "pid");
    script(config, "sleep 1234 & sleep 1234 & wait");
  });
  silent(await container.verb("delete", "--force"));
  assert.equal(t.leftovers(container.id), []);
});

test("CG-01 create refuses a cgroup that holds processes", async (t) => {
  const first = await created(t, (config) => {
    config.linux.cgroupsPath = `/${t.id()}`;
  });
  const bundle = t.bundle((config) => {
    config.linux.cgroupsPath = first.bundle.config.linux.cgroupsPath ?? "";
  });
  const id = t.id();
  refused(await t.runtime(["create", "--bundle", bundle.path, id]), "not empty");
  assert.is((await t.runtime(["state", id])).status, 1);
  assert.is(await first.status(), "created");
  await first.start();
});

test("CG-01 create refuses a frozen cgroup", async (t) => {
  const cgroup = freezerCgroup(t);
  fs.writeFileSync(join(cgroup.path, "freezer.state"), "FROZEN");
  try {
    const bundle = t.bundle((config) => {
      config.linux.cgroupsPath = `/${cgroup.name}`;
    });
    refused(await t.runtime(["create", "--bundle", bundle.path, t.id()]), "frozen");
  } finally {
    fs.writeFileSync(join(cgroup.path, "freezer.state"), "THAWED");
    fs.rmdirSync(cgroup.path);
  }
});

test("a frozen container is paused: not to be started or deleted, but to be killed", async (t) => {
  const container = await running(t);
  const freezer = await freezerOf(container);
  fs.writeFileSync(freezer, "FROZEN");
  await waitFor("it is frozen", () => read(freezer) === "FROZEN\n");
  assert.is(await container.status(), "paused");
  refused(await container.verb("start"), "cannot start a");
  refused(await container.verb("delete"), "not stopped");
  silent(await container.verb("kill", "KILL"));
  await container.stopped();
});

test("delete --force ends a frozen container", async (t) => {
  const container = await running(t);
  const freezer = await freezerOf(container);
  fs.writeFileSync(freezer, "FROZEN");
  await waitFor("it is frozen", () => read(freezer) === "FROZEN\n");
  silent(await container.verb("delete", "--force"));
  assert.equal(t.leftovers(container.id), []);
});

test("OP-07 delete leaves a cgroup that was there before", async (t) => {
  const { name, path } = freezerCgroup(t);
  const container = await running(t, (config) => {
    config.linux.cgroupsPath = `/${name}`;
  });
  await container.end();
  silent(await container.verb("delete"));
  const stays = fs.existsSync(path);
  if (stays) fs.rmdirSync(path);
  assert.ok(stays);
});

test("OP-07 delete leaves a cgroup that init was moved to", async (t) => {
  const container = await running(t);
  const { path } = freezerCgroup(t);
  fs.writeFileSync(join(path, "cgroup.procs"), `${(await container.state()).pid}`);
  await container.end();
  silent(await container.verb("delete"));
  assert.ok(fs.existsSync(path));
  fs.rmdirSync(path);
});

test("OP-02 of 20 creates of one id at a time exactly one wins", async (t) => {
  onlyOurs("runc has no locks, so sometimes two win");
  const bundle = t.bundle();
  const id = t.id();
  const results = await Promise.all(Array.from({ length: 20 }, () => t.runtime(["create", "--bundle", bundle.path, id])));
  const losers = results.filter(({ status }) => status !== 0);
  assert.is(losers.length, 19, losers.map(({ stderr }) => stderr).join(""));
  for (const loser of losers) refused(loser, "container with given ID already exists");
  const winner = new Container(t, bundle, id);
  assert.is(await winner.status(), "created");
  await winner.start();
});

test("of 10 starts at a time exactly one wins", async (t) => {
  onlyOurs("runc has no locks, so sometimes two win");
  const container = await created(t, (config) => script(config, "echo started >>/tmp/started; exec sleep 100"));
  const results = await Promise.all(Array.from({ length: 10 }, () => container.verb("start")));
  assert.is(results.filter(({ status }) => status === 0).length, 1, results.map(({ stderr }) => stderr).join(""));
  assert.is(await container.status(), "running");
});

test("of 10 deletes at a time exactly one wins, and the others say that there is nothing", async (t) => {
  onlyOurs("runc has no locks, so sometimes two win");
  const container = await running(t, (config) => {
    config.hooks = { poststop: [hook(`echo gone >>${file(t, "poststop")}`)] };
  });
  await container.end();
  const results = await Promise.all(Array.from({ length: 10 }, () => container.verb("delete")));
  assert.is(results.filter(({ status }) => status === 0).length, 1, results.map(({ stderr }) => stderr).join(""));
  for (const loser of results.filter(({ status }) => status !== 0)) refused(loser, "container does not exist");
  assert.is(read(file(t, "poststop")), "gone\n");
});

test("20 containers at a time do not disturb each other", async (t) => {
  const bundles = Array.from({ length: 20 }, (_, index) => t.bundle((config) => script(config, `echo ${index}`)));
  const results = await Promise.all(bundles.map((bundle) => t.runtime(["run", "--bundle", bundle.path, t.id()])));
  assert.equal(results.map(output), bundles.map((_, index) => `${index}\n`));
});

type Config = Container["bundle"]["config"];

function marking(config: Config): void {
  config.root.readonly = false;
  script(config, "touch /tmp/mark; exec sleep 100");
}

function mark({ bundle }: Container): string {
  return join(bundle.rootfs, "tmp/mark");
}

function withoutProcess(config: Config): void {
  delete (config as Partial<Config>).process;
}

function without(config: Config, namespace: string): void {
  config.linux.namespaces = config.linux.namespaces.filter(({ type }) => type !== namespace);
}

function hook(text: string): { path: string; args: string[] } {
  return { path: "/bin/sh", args: ["sh", "-c", text] };
}

function freezerCgroup(t: Ground): { readonly name: string; readonly path: string } {
  if (!fs.existsSync(join(FREEZER, "cgroup.procs"))) skip("this host has no freezer of cgroup v1");
  const name = `of-${t.id()}`;
  const path = join(FREEZER, name);
  fs.mkdirSync(path);
  return { name, path };
}

async function freezerOf(container: Container): Promise<string> {
  if (!fs.existsSync(join(FREEZER, "cgroup.procs"))) skip("this host has no freezer of cgroup v1");
  const path = /:freezer:(.*)/.exec(await container.proc("cgroup"))?.[1] ?? "missing";
  return join(FREEZER, path, "freezer.state");
}

test.run();
