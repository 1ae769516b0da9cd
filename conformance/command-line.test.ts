/** The command line of create, start, state, kill, delete, list and run: options, formats, exit statuses, wrong calls. */

import * as fs from "node:fs";
import { basename, dirname, join } from "node:path";
import * as assert from "uvu/assert";
import { needs } from "../test/harness.ts";
import { Container, created, file, inside, output, read, refused, run, running, runBundle, script, silent, waitFor } from "./containers.ts";
import type { State } from "./containers.ts";
import { onlyOurs, suite } from "./suite.ts";

const test = suite("command line");
needs("root");

interface Listed extends State {
  readonly created: string;
  readonly owner: string;
  readonly rootfs: string;
}

const RFC_3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/;

test("--version names program and specification on lines of their own", async (t) => {
  const lines = output(await t.runtime(["--version"])).split("\n");
  assert.match(lines[0] ?? "", /^\w+ version \d+\.\d+\.\d+\S*$/);
  assert.ok(lines.some((line) => /^spec: \d+\.\d+\.\d+/.test(line)));
  assert.is(output(await t.runtime(["-v"])), lines.join("\n"));
});

test("--help and no command at all print help and succeed", async (t) => {
  for (const args of [["--help"], ["-h"], ["help"], []]) {
    const help = output(await t.runtime(args));
    for (const verb of ["create", "start", "state", "kill", "delete", "list", "run", "spec"]) assert.match(help, new RegExp(`\\b${verb}\\b`));
  }
});

test("VERB --help prints the verb's options and succeeds", async (t) => {
  for (const verb of ["create", "run"]) assert.match(output(await t.runtime([verb, "--help"])), "--pid-file");
  assert.match(output(await t.runtime(["delete", "-h"])), "--force");
});

test("an unknown command is an error with status 3", async (t) => {
  const result = await t.runtime(["frobnicate"]);
  assert.is(result.status, 3);
  assert.match(result.stderr, "No help topic for 'frobnicate'");
});

test("an unknown option is an error, global or of a verb", async (t) => {
  assert.is((await t.runtime(["--frobnicate", "list"])).status, 1);
  assert.is((await t.runtime(["list", "--frobnicate"])).status, 1);
});

test("an unknown option leaves standard output empty", async (t) => {
  onlyOurs("others print their help there");
  refused(await t.runtime(["list", "--frobnicate"]), "--frobnicate");
});

test("OP-01 OP-02 OP-05 OP-06 OP-07 each operation without an id is an error", async (t) => {
  const bundle = t.bundle();
  for (const args of [["create", "--bundle", bundle.path], ["run", "--bundle", bundle.path], ["start"], ["state"], ["kill"], ["delete"]]) {
    const result = await t.runtime(args);
    assert.is(result.status, 1, args.join(" "));
    assert.is.not(result.stderr, "");
  }
});

test("too many arguments are an error", async (t) => {
  const container = await created(t);
  for (const verb of ["start", "state", "delete"]) assert.is((await container.verb(verb, "more")).status, 1, verb);
  assert.is(await container.status(), "created");
});

test("OP-01 OP-05 OP-06 OP-07 an operation on what does not exist says so, and prints nothing", async (t) => {
  const id = t.id();
  for (const verb of ["start", "state", "kill", "delete"]) refused(await t.runtime([verb, id]), "container does not exist");
});

test("delete --force of what does not exist succeeds", async (t) => {
  silent(await t.runtime(["delete", "--force", t.id()]));
  silent(await t.runtime(["delete", "-f", t.id()]));
});

test("OP-02 a container id that is taken is an error, and the first container stays as it was", async (t) => {
  const container = await created(t);
  const before = await container.state();
  for (const verb of ["create", "run"]) {
    refused(await t.runtime([verb, "--bundle", container.bundle.path, container.id]), "container with given ID already exists");
  }
  assert.equal(await container.state(), before);
  await container.start();
  assert.is(await container.status(), "running");
});

test("OP-02 ids of other characters than letters, digits and _+.- are errors", async (t) => {
  const bundle = t.bundle();
  for (const id of ["", ".", "..", "a/b", "../x", "a b", "a:b", "ä", "a\nb", "a*"]) {
    const result = await t.runtime(["create", "--bundle", bundle.path, id]);
    assert.is(result.status, 1, JSON.stringify(id));
    assert.is(result.stdout, "");
  }
});

test("OP-02 ids of letters, digits and _+.- are taken, also with a leading dash after --", async (t) => {
  const bundle = t.bundle();
  for (const id of [`${t.id()}_A+b.c-9`, `-${t.id()}`]) {
    silent(await t.runtime(["create", "--bundle", bundle.path, "--", id]));
    assert.is((JSON.parse(output(await t.runtime(["state", "--", id]))) as State).id, id);
    silent(await t.runtime(["delete", "--force", "--", id]));
  }
});

test("OP-02 an id longer than a file name is an error", async (t) => {
  refused(await t.runtime(["create", "--bundle", t.bundle().path, "x".repeat(256)]), /./);
});

test("B-01 a bundle without config.json is an error that names the file", async (t) => {
  fs.mkdirSync(file(t, "empty"));
  refused(await t.runtime(["create", "--bundle", file(t, "empty"), t.id()]), "config.json");
  assert.is((await t.runtime(["create", "--bundle", file(t, "missing"), t.id()])).status, 1);
});

test("B-03 the bundle is the working directory where none is named, and may be relative", async (t) => {
  const bundle = t.bundle();
  silent(await t.runtime(["run", t.id()], { cwd: bundle.path }));
  silent(await t.runtime(["run", "-b", basename(bundle.path), t.id()], { cwd: dirname(bundle.path) }));
});

test("options may follow the id", async (t) => {
  const bundle = t.bundle();
  const id = t.id();
  silent(await t.runtime(["create", id, "--bundle", bundle.path, "--pid-file", file(t, "pid")]));
  silent(await t.runtime(["delete", id, "--force"]));
  assert.is((await t.runtime(["state", id])).status, 1);
});

test("options take one dash or two, and values after = or a space", async (t) => {
  const bundle = t.bundle();
  silent(await t.runtime(["run", "-bundle", bundle.path, "-no-subreaper", t.id()]));
  silent(await t.runtime(["run", `-bundle=${bundle.path}`, t.id()]));
  silent(await t.runtime(["run", `--bundle=${bundle.path}`, "--keep=false", t.id()]));
});

test("create --pid-file writes the digits of state's pid and nothing else", async (t) => {
  const container = await created(t, undefined, "--pid-file", file(t, "pid"));
  assert.is(read(file(t, "pid")), `${(await container.state()).pid}`);
});

test("create --pid-file replaces what was there, and a relative name is the caller's", async (t) => {
  fs.writeFileSync(file(t, "pid"), "something that is longer than a pid\n");
  const bundle = t.bundle();
  const id = t.id();
  silent(await t.runtime(["create", "--bundle", bundle.path, "--pid-file", "pid", id], { cwd: t.folder }));
  assert.match(read(file(t, "pid")), /^\d+$/);
  assert.equal(fs.readdirSync(t.folder).filter((name) => name.startsWith(".")), []);
});

test("a pid file that cannot be written fails create and leaves nothing", async (t) => {
  const id = t.id();
  refused(await t.runtime(["create", "--bundle", t.bundle().path, "--pid-file", file(t, "missing/pid"), id]), "no such file or directory");
  refused(await t.runtime(["state", id]), "container does not exist");
  assert.equal(t.leftovers(id), []);
});

test("create takes --no-new-keyring", async (t) => {
  await (await created(t, undefined, "--no-new-keyring")).start();
});

test("--no-pivot gives the container its own root all the same", async (t) => {
  const bundle = t.bundle((config) => script(config, "ls -d /bin /home /usr 2>&1; cd ..; cd ..; ls -d bin"));
  const text = output(await t.runtime(["run", "--no-pivot", "--bundle", bundle.path, t.id()]));
  assert.is(text, "ls: /home: No such file or directory\nls: /usr: No such file or directory\n/bin\nbin\n");
});

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

test("--root keeps containers apart: another root does not know the id", async (t) => {
  const container = await created(t);
  refused(await t.runtime(["--root", file(t, "elsewhere"), "state", container.id]), "container does not exist");
  const bundle = t.bundle();
  const other = ["--root", file(t, "elsewhere")];
  const id = t.id();
  silent(await t.runtime([...other, "create", "--bundle", bundle.path, id]));
  silent(await t.runtime([...other, "delete", "--force", id]));
});

test("--root of / is an error", async (t) => {
  assert.is((await t.runtime(["--root=/", "create", "--bundle", t.bundle().path, t.id()])).status, 1);
});

test("--root of nothing is an error", async (t) => {
  onlyOurs("others take it for the default");
  refused(await t.runtime(["--root=", "list"]), "--root");
});

test("kill sends SIGTERM where no signal is named", async (t) => {
  const container = await trapping(t, "TERM");
  silent(await container.verb("kill"));
  await container.stopped();
  assert.is(read(join(container.bundle.rootfs, "tmp/got")), "TERM\n");
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
    refused(result, "executable file not found in $PATH");
    assert.match(result.stderr, /"no-such-program\\?"/);
  }
});

test("a program's path that does not exist fails create with the text that docker looks for", async (t) => {
  const bundle = t.bundle((config) => {
    config.process.args = ["/bin/no-such-program"];
  });
  for (const verb of ["create", "run"]) refused(await t.runtime([verb, "--bundle", bundle.path, t.id()]), "no such file or directory");
});

test("a program that is not executable, or a folder, fails create with the text that docker looks for", async (t) => {
  const bundle = t.bundle();
  fs.writeFileSync(join(bundle.rootfs, "bin/plain"), "#!/bin/sh\n", { mode: 0o644 });
  for (const program of ["/bin/plain", "/etc"]) {
    bundle.config.process.args = [program];
    bundle.write();
    refused(await t.runtime(["create", "--bundle", bundle.path, t.id()]), program === "/etc" ? /permission denied|is a directory/ : "permission denied");
  }
});

test("a program that the kernel cannot execute is an error of start, or of run", async (t) => {
  const bundle = t.bundle((config) => {
    config.process.args = ["/bin/nonsense"];
  });
  fs.writeFileSync(join(bundle.rootfs, "bin/nonsense"), "neither a script nor a program\n", { mode: 0o755 });
  assert.is.not((await runBundle(t, bundle)).status, 0);
});

test("the error of a program that the kernel cannot execute says why, at run and at start", async (t) => {
  onlyOurs("others' start has succeeded by then");
  const bundle = t.bundle((config) => {
    config.process.args = ["/bin/nonsense"];
  });
  fs.writeFileSync(join(bundle.rootfs, "bin/nonsense"), "neither a script nor a program\n", { mode: 0o755 });
  refused(await runBundle(t, bundle), "exec format error", 255);
  const container = new Container(t, bundle, t.id());
  silent(await t.runtime(["create", "--bundle", bundle.path, container.id]));
  refused(await container.verb("start"), "exec format error");
  assert.is(await container.status(), "stopped");
});

test("--log takes errors as text, and standard error tells them too", async (t) => {
  const result = await t.runtime(["--log", file(t, "log"), "state", t.id()]);
  refused(result, "container does not exist");
  assert.match(read(file(t, "log")), /level=error msg="?.*container does not exist/);
});

test("--log-format json writes exactly one line of level error", async (t) => {
  for (const args of [["state", t.id()], ["kill", t.id(), "9"], ["create", "--bundle", t.folder, t.id()], ["delete", t.id()]]) {
    fs.rmSync(file(t, "log"), { force: true });
    const result = await t.runtime(["--log", file(t, "log"), "--log-format", "json", ...args]);
    assert.is(result.status, 1);
    assert.is(result.stdout, "");
    assertOneError(read(file(t, "log")));
  }
});

test("--log-format json writes the message's line breaks within the one line", async (t) => {
  const bundle = t.bundle((config) => {
    config.process.cwd = "relative";
    config.hooks = { prestart: [{ path: "relative" }] };
  });
  const log = ["--log", file(t, "log"), "--log-format", "json"];
  assert.is((await t.runtime([...log, "create", "--bundle", bundle.path, t.id()])).status, 1);
  assertOneError(read(file(t, "log")));
});

test("--log-format json tells a wrong command line in one line, too", async (t) => {
  const log = ["--log", file(t, "log"), "--log-format", "json"];
  for (const args of [["state", "--frobnicate"], ["state"], ["list", "--format", "xml"]]) {
    fs.rmSync(file(t, "log"), { force: true });
    assert.is((await t.runtime([...log, ...args])).status, 1);
    assertOneError(read(file(t, "log")));
  }
});

test("--log keeps what was in the file", async (t) => {
  fs.writeFileSync(file(t, "log"), "before\n");
  await t.runtime(["--log", file(t, "log"), "--log-format", "json", "state", t.id()]);
  assert.match(read(file(t, "log")), /^before\n\{.*\}\n$/);
});

test("--log stays empty when all goes well", async (t) => {
  const log = ["--log", file(t, "log"), "--log-format", "json"];
  silent(await t.runtime([...log, "run", "--bundle", t.bundle().path, t.id()]));
  assert.is(read(file(t, "log")), "");
});

test("--log-format of another kind is an error", async (t) => {
  assert.is((await t.runtime(["--log-format", "xml", "list"])).status, 1);
});

test("--debug tells more, and errors all the same in one line of level error", async (t) => {
  const log = ["--debug", "--log", file(t, "log"), "--log-format", "json"];
  await t.runtime([...log, "state", t.id()]);
  const levels = read(file(t, "log")).trim().split("\n").map((line) => (JSON.parse(line) as { level: string }).level);
  assert.is(levels.filter((level) => level === "error").length, 1);
});

test("--systemd-cgroup is a clear error", async (t) => {
  const log = ["--systemd-cgroup", "--root", t.stateRoot];
  refused(await t.runtime([...log, "create", "--bundle", t.bundle().path, t.id()]), "systemd");
});

test("--rootless takes true, false and auto", async (t) => {
  fs.mkdirSync(t.stateRoot);
  for (const value of ["true", "false", "auto"]) silent(await t.runtime(["--rootless", value, "list", "-q"]));
  assert.is((await t.runtime(["--rootless", "perhaps", "create", "--bundle", t.bundle().path, t.id()])).status, 1);
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

test("a container's output reaches the caller's files, not the log", async (t) => {
  const text = await inside(t, "echo out");
  assert.is(text, "out\n");
});

/** A container whose shell writes the signal's name to /tmp/got and ends. */
async function trapping(t: Parameters<typeof running>[0], signal: string): Promise<Container> {
  const container = await running(t, (config) => {
    config.root.readonly = false;
    script(config, `trap 'echo ${signal} >/tmp/got; exit' ${signal}; touch /tmp/ready; while :; do sleep 0.01; done`);
  });
  await waitFor("the shell is ready", () => fs.existsSync(join(container.bundle.rootfs, "tmp/ready")));
  return container;
}

function assertOneError(text: string): void {
  const lines = text.trimEnd().split("\n");
  const errors = lines.map((line) => JSON.parse(line) as { level: string; msg: string; time: string }).filter(({ level }) => level === "error");
  assert.is(errors.length, 1, text);
  assert.is.not(errors[0]?.msg, "");
  assert.match(errors[0]?.time ?? "", RFC_3339);
}

test.run();
