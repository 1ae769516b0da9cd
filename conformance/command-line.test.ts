/** The command line: how it is read, ids and bundles, the global options, help, errors and the log. */

import * as fs from "node:fs";
import { basename, dirname, join } from "node:path";
import * as assert from "uvu/assert";
import { Container, created, file, inside, output, read, refused, runBundle, script, silent } from "./containers.ts";
import type { State } from "./containers.ts";
import { listen } from "./probe.ts";
import { RUNTIME, runRuntime } from "../test/runtime.ts";
import type { Result } from "../test/runtime.ts";
import { onlyOurs, suite } from "./suite.ts";

const test = suite("command line");

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

test("an unknown command is an error with status 3, also where its help is asked for", async (t) => {
  for (const args of [["frobnicate"], ["help", "frobnicate"]]) {
    const result = await t.runtime(args);
    assert.is(result.status, 3);
    assert.match(result.stderr, "No help topic for 'frobnicate'");
  }
});

test("a switch takes all words that Go takes for true and false", async (t) => {
  fs.mkdirSync(t.stateRoot);
  for (const word of ["1", "t", "T", "true", "True", "TRUE", "0", "f", "F", "false", "False", "FALSE"]) {
    silent(await t.runtime([`--debug=${word}`, "list", "-q"]));
    silent(await t.runtime([`--rootless=${word}`, "list", "-q"]));
  }
  for (const word of ["", "yes", "tRUE"]) assert.is((await t.runtime([`--debug=${word}`, "list", "-q"])).status, 1, word);
});

test("in a working directory that was removed absolute paths do, and relative ones are errors that write nothing", async (t) => {
  const bundle = t.bundle();
  fs.mkdirSync(t.stateRoot);
  const gone = async (...args: readonly string[]): Promise<Result> => {
    const shell = `mkdir ${file(t, "gone")}; cd ${file(t, "gone")}; rmdir ${file(t, "gone")}; exec "$@"`;
    return runRuntime(["-c", shell, "sh", RUNTIME, ...args], { folder: t.folder, program: "/bin/sh" });
  };
  const root = ["--root", t.stateRoot];
  silent(await gone("--log", file(t, "log"), ...root, "run", "--bundle", bundle.path, t.id()));
  assert.is((await gone("--log", "removed-folder-log", ...root, "list")).status, 1);
  assert.is((await gone("--root", "removed-folder-root", "list")).status, 1);
  assert.is((await gone(...root, "create", t.id())).status, 1);
  assert.is((await gone(...root, "spec")).status, 1);
  for (const name of ["removed-folder-log", "removed-folder-root"]) assert.not.ok(fs.existsSync(`/${name}`), name);
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

test("a --log that cannot be opened is an error, whatever the command", async (t) => {
  refused(await t.runtime(["--log", file(t, "none/log"), "list"]), "no such file or directory");
  await created(t);
  assert.is((await t.runtime(["--log", file(t, "log"), "list", "--quiet"])).status, 0);
  assert.is(read(file(t, "log")), "");
});

test("too many arguments are an error", async (t) => {
  const container = await created(t);
  assert.is((await t.runtime(["list", "more"])).status, 1);
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

test("--pidfd-socket of create, run and exec gets the process's pidfd", async (t) => {
  const bundle = t.bundle((config) => (config.process.args = ["/bin/sleep", "100"]));
  for (const verb of ["create", "run"]) {
    const container = new Container(t, bundle, t.id());
    const listener = await listen(t, "pidfd");
    const detach = verb === "run" ? ["--detach"] : [];
    silent(await t.runtime([verb, ...detach, "--bundle", bundle.path, "--pidfd-socket", listener.socket, container.id]));
    await listener.end();
    assert.is(listener.output(), `message 0: 1 descriptors: standard\nclosed\npid ${(await container.state()).pid}\n`);
    fs.rmSync(listener.socket);
    if (verb === "create") continue;
    const second = await listen(t, "pidfd");
    silent(await container.exec(["sleep", "100"], ["--detach", "--pid-file", file(t, "exec"), "--pidfd-socket", second.socket]));
    await second.end();
    assert.is(second.output(), `message 0: 1 descriptors: setns\nclosed\npid ${read(file(t, "exec"))}\n`);
    fs.rmSync(second.socket);
  }
});

test("a --pidfd-socket that nobody listens on is an error, and nothing is left", async (t) => {
  const id = t.id();
  refused(await t.runtime(["create", "--bundle", t.bundle().path, "--pidfd-socket", file(t, "nobody"), id]), "no such file or directory");
  assert.equal(t.leftovers(id), []);
  const container = await created(t);
  refused(await container.exec(["true"], ["--pidfd-socket", file(t, "nobody")]), "no such file or directory", 255);
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

test("a container's output reaches the caller's files, not the log", async (t) => {
  const text = await inside(t, "echo out");
  assert.is(text, "out\n");
});

function assertOneError(text: string): void {
  const lines = text.trimEnd().split("\n");
  const errors = lines.map((line) => JSON.parse(line) as { level: string; msg: string; time: string }).filter(({ level }) => level === "error");
  assert.is(errors.length, 1, text);
  assert.is.not(errors[0]?.msg, "");
  assert.match(errors[0]?.time ?? "", RFC_3339);
}

test.run();
