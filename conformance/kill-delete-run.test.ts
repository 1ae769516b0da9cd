/** What kill, delete and run do, with all their options, exit statuses and the errors of programs. */

import * as fs from "node:fs";
import { basename, join } from "node:path";
import * as assert from "uvu/assert";
import type { Ground } from "../test/harness.ts";
import { Container, created, file, fromShell, output, read, refused, run, runBundle, running, script, silent, waitFor } from "./containers.ts";
import { onlyOurs, suite } from "./suite.ts";

const test = suite("kill, delete, run");

test("kill sends SIGTERM where no signal is named", async (t) => {
  const container = await trapping(t, "TERM");
  silent(await container.verb("kill"));
  await container.stopped();
  assert.is(read(join(container.bundle.rootfs, "tmp/got")), "TERM\n");
});

test("ANN-07 kill sends the image's stop signal where none is named, and any other one that is", async (t) => {
  for (const [args, signal] of [[[], "QUIT"], [["TERM"], "TERM"], [["USR1"], "USR1"]] as const) {
    const container = await trapping(t, signal, { "org.opencontainers.image.stopSignal": "SIGQUIT" });
    silent(await container.verb("kill", ...args));
    await container.stopped();
    assert.is(read(join(container.bundle.rootfs, "tmp/got")), `${signal}\n`);
  }
});

test("ANN-07 a stop signal that does not exist keeps nothing alive", async (t) => {
  const container = await trapping(t, "TERM", { "org.opencontainers.image.stopSignal": "SIGNONE" });
  silent(await container.verb("kill"));
  await container.stopped();
});

test("OP-06 kill takes names with and without SIG, in any case, and numbers", async (t) => {
  for (const signal of ["USR1", "SIGUSR1", "usr1", "sigusr1", "10"]) {
    const container = await trapping(t, "USR1");
    silent(await container.verb("kill", signal));
    await container.stopped();
    assert.is(read(join(container.bundle.rootfs, "tmp/got")), "USR1\n", signal);
  }
});

test("kill with a signal that does not exist is an error without effect", async (t) => {
  const container = await running(t);
  for (const signal of ["FROB", "SIGFROB", "999", "1x"]) assert.is((await container.verb("kill", signal)).status, 1, signal);
  assert.is((await t.runtime(["kill", "--", container.id, "-1"])).status, 1);
  assert.is(await container.status(), "running");
});

test("kill --all reaches every process of a container without a pid namespace of its own", async (t) => {
  const container = await running(t, (config) => {
    config.linux.namespaces = config.linux.namespaces.filter(({ type }) => type !== "pid");
    script(config, "sleep 100 & sleep 100 & wait");
  });
  const cgroup = join("/sys/fs/cgroup/pids", /:pids:(.*)/.exec(await container.proc("cgroup"))?.[1] ?? "missing");
  await waitFor("three processes run", () => read(join(cgroup, "cgroup.procs")).split("\n").length === 4);
  silent(await container.verb("kill", "--all", "KILL"));
  await container.stopped();
  await waitFor("all processes are gone", () => read(join(cgroup, "cgroup.procs")) === "");
  silent(await container.verb("delete"));
});

test("kill --all sends the signal to each process once", async (t) => {
  const container = await running(t, (config) => {
    config.root.readonly = false;
    const count = (name: string): string => `trap 'echo ${name} >>/tmp/got' USR1; touch /tmp/ready-${name}; while :; do sleep 0.01; done`;
    script(config, `(${count("child")}) & ${count("first")}`);
  });
  const tmp = join(container.bundle.rootfs, "tmp");
  await waitFor("both are ready", () => fs.existsSync(join(tmp, "ready-child")) && fs.existsSync(join(tmp, "ready-first")));
  silent(await container.verb("kill", "--all", "USR1"));
  await waitFor("both have got it", () => read(join(tmp, "got")).split("\n").length === 3);
  await new Promise((resolve) => setTimeout(resolve, 50));
  assert.equal(read(join(tmp, "got")).trim().split("\n").sort(), ["child", "first"]);
});

test("kill --all of a stopped container succeeds", async (t) => {
  const container = await running(t);
  await container.end();
  assert.is((await container.verb("kill", "--all", "KILL")).status, 0);
  assert.is((await container.verb("kill", "-a", "9")).status, 0);
});

test("delete of a stopped container removes it all", async (t) => {
  const container = await running(t);
  await container.end();
  silent(await container.verb("delete"));
  refused(await container.verb("state"), "container does not exist");
  assert.equal(t.leftovers(container.id), []);
});

test("delete --force ends a running container", async (t) => {
  const container = await running(t);
  const { pid } = await container.state();
  silent(await container.verb("delete", "--force"));
  assert.not(fs.existsSync(`/proc/${pid}/exe`));
  assert.equal(t.leftovers(container.id), []);
});

test("delete --force ends a created container", async (t) => {
  const container = await created(t);
  silent(await container.verb("delete", "-f"));
  assert.equal(t.leftovers(container.id), []);
});

test("OP-07 an id may be used again after delete", async (t) => {
  const container = await running(t);
  await container.end();
  silent(await container.verb("delete"));
  silent(await t.runtime(["create", "--bundle", container.bundle.path, container.id]));
});

test("run gives the program's exit status", async (t) => {
  for (const status of [0, 1, 3, 126, 255]) assert.is((await run(t, `exit ${status}`)).status, status);
});

test("run gives 128 + n for signal n", async (t) => {
  for (const [signal, number] of [["KILL", 9], ["TERM", 15]] as const) {
    const result = await run(t, `sleep 100 & kill -${signal} $!; wait $!; exit $?`);
    assert.is(result.status, 128 + number);
  }
  const bundle = t.bundle((config) => script(config, "echo up; sleep 100"));
  const id = t.id();
  const ending = t.runtime(["run", "--bundle", bundle.path, id]);
  await waitFor("the container runs", async () => (await t.runtime(["state", id])).stdout.includes('"running"'));
  silent(await t.runtime(["kill", id, "KILL"]));
  assert.is((await ending).status, 128 + 9);
});

test("run removes the container at its end", async (t) => {
  const bundle = t.bundle();
  const id = t.id();
  silent(await t.runtime(["run", "--bundle", bundle.path, id]));
  refused(await t.runtime(["state", id]), "container does not exist");
  assert.equal(t.leftovers(id), []);
});

test("run --keep keeps it, stopped", async (t) => {
  const bundle = t.bundle();
  const id = t.id();
  silent(await t.runtime(["run", "--keep", "--bundle", bundle.path, id]));
  assert.is(await new Container(t, bundle, id).status(), "stopped");
  silent(await t.runtime(["delete", id]));
});

test("run --detach returns while the program runs", async (t) => {
  for (const detach of ["-d", "--detach"]) {
    const bundle = t.bundle((config) => script(config, "exec sleep 100"));
    const container = new Container(t, bundle, t.id());
    silent(await t.runtime(["run", detach, "--bundle", bundle.path, "--pid-file", file(t, "pid"), container.id]));
    assert.is(await container.status(), "running");
    assert.is(read(file(t, "pid")), `${(await container.state()).pid}`);
  }
});

test("run passes standard input, output and error through", async (t) => {
  const result = await run(t, "cat; echo to error >&2; exit 4", undefined, { input: "a\nb\0c" });
  assert.is(result.stdout, "a\nb\0c");
  assert.is(result.stderr, "to error\n");
  assert.is(result.status, 4);
});

for (const signal of ["TERM", "HUP", "USR1", "USR2", "ALRM", "WINCH"]) {
  test(`run forwards ${signal}, or keeps it where it is not the program's`, async (t) => {
    const bundle = t.bundle((config) => {
      config.root.readonly = false;
      script(config, `trap 'echo got; exit 7' ${signal}; trap 'exit 8' QUIT; touch /tmp/ready; while :; do sleep 0.01; done`);
    });
    // WINCH is about the terminal, which there is none of; QUIT shows that the container is still there.
    const send = signal === "WINCH" ? "kill -WINCH $pid; sleep 0.1; kill -QUIT $pid" : `kill -${signal} $pid`;
    const first = `"$0" "$@" & pid=$!\nwhile [ ! -e ${bundle.rootfs}/tmp/ready ]; do sleep 0.01; done\n${send}\nwait $pid; exit $?`;
    const result = await fromShell(t, `set -m\n${first}`, ["run", "--bundle", bundle.path, t.id()]);
    assert.equal([result.stdout, result.status], signal === "WINCH" ? ["", 8] : ["got\n", 7], result.stderr);
  });
}

test("run BUNDLE takes a folder with a slash as the bundle and its name as the id", async (t) => {
  onlyOurs("others take it as an id");
  const bundle = t.bundle((config) => script(config, 'hostname; echo "$0"'));
  assert.match(output(await t.runtime(["run", `./${basename(bundle.path)}`])), "tsrun-test");
  assert.match(output(await t.runtime(["run", bundle.path])), "tsrun-test");
});

test("run NAME takes a folder of that name as the bundle, unless the working directory is one", async (t) => {
  onlyOurs("others take it as an id");
  const bundle = t.bundle((config) => script(config, "echo inner"));
  assert.is(output(await t.runtime(["run", basename(bundle.path)])), "inner\n");
  const outer = t.bundle((config) => script(config, "echo outer"));
  fs.renameSync(bundle.path, join(outer.path, "inner"));
  assert.is(output(await t.runtime(["run", "inner"], { cwd: outer.path })), "outer\n");
  refused(await t.runtime(["run", "nothing-of-that-name"]), "config.json");
});

test("run BUNDLE whose name is no id asks for one", async (t) => {
  onlyOurs("others take it as an id");
  const bundle = t.bundle();
  fs.renameSync(bundle.path, file(t, "not an id"));
  refused(await t.runtime(["run", "./not an id"]), "--bundle");
});

test("a program that is not in PATH fails create and run with the text that docker looks for", async (t) => {
  const bundle = t.bundle((config) => {
    config.process.args = ["no-such-program"];
  });
  for (const verb of ["create", "run"]) {
    const result = await t.runtime([verb, "--bundle", bundle.path, t.id()]);
    refused(result, /"no-such-program\\?"/);
    assert.match(result.stderr, "executable file not found in $PATH");
  }
});

test("a program's path that does not exist fails create with the text that docker looks for", async (t) => {
  const bundle = t.bundle((config) => {
    config.process.args = ["/bin/no-such-program"];
  });
  for (const verb of ["create", "run"]) {
    const result = await t.runtime([verb, "--bundle", bundle.path, t.id()]);
    refused(result, "no-such-program");
    assert.match(result.stderr, "no such file or directory");
  }
});

test("a program that is not executable, or a folder, fails create with the text that docker looks for", async (t) => {
  const bundle = t.bundle();
  fs.writeFileSync(join(bundle.rootfs, "bin/plain"), "#!/bin/sh\n", { mode: 0o644 });
  for (const program of ["/bin/plain", "/etc"]) {
    bundle.config.process.args = [program];
    bundle.write();
    const result = await t.runtime(["create", "--bundle", bundle.path, t.id()]);
    refused(result, program);
    assert.match(result.stderr, program === "/etc" ? /permission denied|is a directory/ : "permission denied");
  }
});

test("a program that the kernel cannot execute is an error of start, or of run", async (t) => {
  const bundle = t.bundle((config) => {
    config.process.args = ["/bin/nonsense"];
  });
  fs.writeFileSync(join(bundle.rootfs, "bin/nonsense"), "neither a script nor a program\n", { mode: 0o755 });
  assert.is.not((await runBundle(t, bundle)).status, 0);
});

/** A container whose shell writes the signal's name to /tmp/got and ends. */
async function trapping(t: Ground, signal: string, annotations: Readonly<Record<string, string>> = {}): Promise<Container> {
  const container = await running(t, (config) => {
    config.annotations = annotations;
    config.root.readonly = false;
    script(config, `trap 'echo ${signal} >/tmp/got; exit' ${signal}; touch /tmp/ready; while :; do sleep 0.01; done`);
  });
  await waitFor("the shell is ready", () => fs.existsSync(join(container.bundle.rootfs, "tmp/ready")));
  return container;
}

test.run();
