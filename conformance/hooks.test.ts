/** Hooks of all six kinds: when they run, where, and with what (config.md#posix-platform-hooks). */

import * as fs from "node:fs";
import * as assert from "uvu/assert";
import { needs } from "../test/harness.ts";
import { Container, created, file, read, refused, running, runBundle, script, silent, waitFor } from "./containers.ts";
import type { State } from "./containers.ts";
import { ALL_BUT_POSTSTART, everywhere, hook, IN_OWN_PROC, live, NAMESPACES, POINTS, RUNTIME_POINTS, shareFolder } from "./hooks.ts";
import type { Hook } from "./hooks.ts";
import { onlyOurs, suite } from "./suite.ts";

const test = suite("hooks");

/** Shell: the variable pid from the state, however that is laid out. */
const READ_PID = `pid=$(grep -o '"pid": *[0-9]*' | grep -o '[0-9]*')`;

test("HK-10 HK-11 HK-12 create runs prestart, createRuntime, createContainer in this order, and no others", async (t) => {
  await created(t, (config) => everywhere(t, config, `echo $0 >>${file(t, "log")}`, ALL_BUT_POSTSTART));
  assert.is(read(file(t, "log")), "prestart\ncreateRuntime\ncreateContainer\n");
});

test("HK-13 start runs startContainer", async (t) => {
  const container = await created(t, (config) => everywhere(t, config, `echo $0 >>${file(t, "log")}`, ALL_BUT_POSTSTART));
  fs.rmSync(file(t, "log"));
  await container.start();
  await waitFor("startContainer runs", () => read(file(t, "log")) !== "");
  assert.is(read(file(t, "log")), "startContainer\n");
});

test("HK-14 create does not run poststart, start does after startContainer", async (t) => {
  const container = await created(t, (config) => everywhere(t, config, `echo $0 >>${file(t, "log")}`, ["startContainer", "poststart"]));
  assert.is(read(file(t, "log")), "");
  await container.start();
  assert.is(read(file(t, "log")), "startContainer\npoststart\n");
});

test("HK-13 startContainer runs before the program", async (t) => {
  const log = file(t, "log");
  await running(t, (config) => {
    everywhere(t, config, `echo $0 >>${log}`, ["startContainer"]);
    script(config, `echo program >>${log}; exec sleep 100`);
  });
  await waitFor("the program runs", () => read(log).includes("program"));
  assert.is(read(log), "startContainer\nprogram\n");
});

test("HK-14 poststart runs when the program was executed", async (t) => {
  await live(t, (config) => everywhere(t, config, `${READ_PID}; cat /proc/$pid/cmdline >${file(t, "seen")}`, ["poststart"]));
  assert.is(read(file(t, "seen")), "/bin/sleep\x00100\x00");
});

test("HK-15 delete runs poststop, when the container is gone", async (t) => {
  const container = await running(t, (config) => everywhere(t, config, `echo $0 >>${file(t, "log")}; ls ${t.stateRoot} >>${file(t, "log")}`, ["poststop"]));
  await container.end();
  assert.is(read(file(t, "log")), "");
  silent(await container.verb("delete"));
  assert.is(read(file(t, "log")), "poststop\n");
});

test("HK-01 OP-08 run runs all kinds but poststart, each once and in order", async (t) => {
  const bundle = t.bundle((config) => everywhere(t, config, `echo $0 >>${file(t, "log")}`, ALL_BUT_POSTSTART));
  silent(await runBundle(t, bundle));
  assert.is(read(file(t, "log")), ALL_BUT_POSTSTART.map((point) => `${point}\n`).join(""));
});

test("HK-01 OP-08 run runs all six kinds, each once and in order", async (t) => {
  const bundle = t.bundle((config) => everywhere(t, config, `echo $0 >>${file(t, "log")}`));
  silent(await runBundle(t, bundle));
  assert.is(read(file(t, "log")), POINTS.map((point) => `${point}\n`).join(""));
});

test("HK-06 hooks of one kind run in the order of the list", async (t) => {
  const bundle = t.bundle((config) => {
    shareFolder(t, config);
    const at = (point: string): Hook[] => [1, 2, 3].map((number) => hook(`echo ${point} ${number} >>${file(t, "log")}`));
    config.hooks = Object.fromEntries(ALL_BUT_POSTSTART.map((point) => [point, at(point)]));
  });
  silent(await runBundle(t, bundle));
  assert.is(read(file(t, "log")), ALL_BUT_POSTSTART.flatMap((point) => [1, 2, 3].map((number) => `${point} ${number}\n`)).join(""));
});

test("HK-10 HK-11 HK-14 HK-15 hooks of the runtime's run in the runtime's namespaces", async (t) => {
  await live(t, (config) => everywhere(t, config, `cd /proc/self/ns; for i in ${NAMESPACES.join(" ")}; do readlink $i; done >${t.folder}/$0`, RUNTIME_POINTS));
  const ours = NAMESPACES.map((name) => `${fs.readlinkSync(`/proc/self/ns/${name}`)}\n`).join("");
  for (const point of RUNTIME_POINTS) assert.is(read(file(t, point)), ours, point);
});

test("HK-12 HK-13 createContainer and startContainer run in the container's namespaces", async (t) => {
  const container = await running(t, (config) =>
    everywhere(t, config, `for i in ${NAMESPACES.join(" ")}; do readlink /proc/self/ns/$i; done >${t.folder}/$0`, [
      "createContainer",
      "startContainer",
    ]),
  );
  const { pid } = await container.state();
  const theirs = NAMESPACES.map((name) => `${fs.readlinkSync(`/proc/${pid}/ns/${name}`)}\n`).join("");
  await waitFor("startContainer has run", () => read(file(t, "startContainer")).length >= theirs.length);
  for (const point of ["createContainer", "startContainer"]) assert.is(read(file(t, point)), theirs, point);
});

test("HK-12 createContainer finds its program on the host, and sees the mounts of the container in its rootfs", async (t) => {
  const container = await created(t, (config) => everywhere(t, config, `[ -e ${t.folder} ] && grep -c " ${t.folder}/.*/rootfs/dev " /proc/self/mountinfo >${file(t, "seen")}`, ["createContainer"]));
  assert.not.match(read("/proc/self/mountinfo"), container.bundle.rootfs);
});

test("HK-13 startContainer finds its program in the container", async (t) => {
  await live(t, (config) => everywhere(t, config, `busybox ls -d /bin /home >${file(t, "seen")} 2>&1; exit 0`, ["startContainer"]));
  assert.is(read(file(t, "seen")), "ls: /home: No such file or directory\n/bin\n");
});

test("HK-07 ST-02 ST-05 ST-06 the state is on standard input", async (t) => {
  const container = await live(t, (config) => {
    config.annotations = { "org.example.key": 'a "quoted" ä/ö' };
    everywhere(t, config, `cat >${t.folder}/$0`);
  });
  for (const point of POINTS) {
    const { id, bundle, annotations } = JSON.parse(read(file(t, point))) as State;
    assert.is(id, container.id, point);
    assert.is(bundle, container.bundle.path, point);
    assert.equal(annotations, { "org.example.key": 'a "quoted" ä/ö' }, point);
  }
});

test("the state on standard input is one line without escaped slashes, as shell scripts read it", async (t) => {
  await live(t, (config) => everywhere(t, config, `cat >${t.folder}/$0`));
  for (const point of POINTS) {
    const text = read(file(t, point));
    assert.is(text.trim().split("\n").length, 1, point);
    assert.ok(!text.includes("\\/"), point);
  }
});

test("HK-08 the pid on standard input is init's, as the hook's namespace sees it", async (t) => {
  const container = await running(t, (config) => everywhere(t, config, `cat >${t.folder}/$0`));
  const { pid } = await container.state();
  const seen = (point: string): number => (JSON.parse(read(file(t, point))) as State).pid;
  for (const point of ["prestart", "createRuntime", "poststart"]) assert.is(seen(point), pid, point);
  for (const point of ["createContainer", "startContainer"]) assert.is(seen(point), 1, point);
});

test("the status on standard input is created before the program, running at poststart, stopped at poststop", async (t) => {
  await live(t, (config) => everywhere(t, config, `cat >${t.folder}/$0`));
  const status = POINTS.map((point) => (JSON.parse(read(file(t, point))) as State).status);
  assert.equal(status, ["created", "created", "created", "created", "running", "stopped"]);
});

test("HK-03 args are argv, and its first entry is argv[0]", async (t) => {
  await live(t, (config) => {
    shareFolder(t, config);
    // Busybox goes by argv[0], so in the container it has to be a name of its; "exit", so that the shell is not replaced.
    const at = (point: string): Hook => ({
      path: "/bin/sh",
      args: [point === "startContainer" ? "/x/ash" : "other name", "-c", `tr '\\0' '|' </proc/$$/cmdline >${t.folder}/${point}; exit`, "a b", ""],
    });
    config.hooks = Object.fromEntries(["prestart", "startContainer", "poststop"].map((point) => [point, [at(point)]]));
  });
  for (const point of ["prestart", "poststop"]) assert.match(read(file(t, point)), /^other name\|-c\|tr .*\|a b\|\|$/, point);
  assert.match(read(file(t, "startContainer")), /^\/x\/ash\|-c\|tr .*\|a b\|\|$/);
});

test("HK-03 without args argv is the path", async (t) => {
  fs.writeFileSync(file(t, "hook"), `#!/bin/sh\necho "$0 $#" >${t.folder}/$(basename $0)-args\n`, { mode: 0o755 });
  await created(t, (config) => {
    config.hooks = { createRuntime: [{ path: file(t, "hook") }] };
  });
  assert.is(read(file(t, "hook-args")), `${file(t, "hook")} 0\n`);
});

test("HK-04 env is the whole environment", async (t) => {
  await live(t, (config) => everywhere(t, config, `tr '\\0' '\\n' </proc/$$/environ >${t.folder}/$0; exit`, IN_OWN_PROC, { env: ["A=1", "PATH=/bin:/usr/bin", "B=x y"] }));
  for (const point of IN_OWN_PROC) assert.is(read(file(t, point)), "A=1\nPATH=/bin:/usr/bin\nB=x y\n", point);
});

test("HK-04 without env a hook of the runtime's inherits its environment, startContainer that of the process", async (t) => {
  const points = ["startContainer", ...RUNTIME_POINTS];
  const bundle = t.bundle((config) => {
    everywhere(t, config, `echo "$OUTER $INNER" >${t.folder}/$0`, points);
    for (const [only] of Object.values(config.hooks ?? {})) delete only?.env;
    config.process.env.push("INNER=i");
  });
  silent(await runBundle(t, bundle, { env: { OUTER: "o" } }));
  for (const point of points) assert.is(read(file(t, point)), point === "startContainer" ? " i\n" : "o \n", point);
});

test("prestart and createRuntime run in the bundle, createContainer in the root, startContainer in the process's directory", async (t) => {
  const container = await created(t, (config) => {
    config.process.cwd = "/tmp";
    everywhere(t, config, `pwd -P >${t.folder}/$0`);
  });
  assert.is(read(file(t, "prestart")), `${container.bundle.path}\n`);
  assert.is(read(file(t, "createRuntime")), `${container.bundle.path}\n`);
  assert.is(read(file(t, "createContainer")), `${container.bundle.rootfs}\n`);
  await container.start();
  await waitFor("startContainer runs", () => read(file(t, "startContainer")) !== "");
  assert.is(read(file(t, "startContainer")), "/tmp\n");
});

test("poststart and poststop run in the bundle, too", async (t) => {
  const container = await live(t, (config) => everywhere(t, config, `pwd -P >${t.folder}/$0`, ["poststart", "poststop"]));
  for (const point of ["poststart", "poststop"]) assert.is(read(file(t, point)), `${container.bundle.path}\n`, point);
});

test("hooks find no descriptors but 0, 1 and 2", async (t) => {
  await live(t, (config) => everywhere(t, config, `cd /proc/$$/fd; set -- *; echo "$@" >${t.folder}/$0`, IN_OWN_PROC));
  // The shell itself has the directory open meanwhile, in the lowest place that is free.
  for (const point of IN_OWN_PROC) assert.is(read(file(t, point)), "0 1 2 3\n", point);
});

test("what hooks make is not for all to write, as the runtime prepares the root with a umask of 0", async (t) => {
  const points = ["createRuntime", "createContainer", "poststop"];
  await live(t, (config) => everywhere(t, config, `umask >${t.folder}/$0`, points));
  for (const point of points) assert.is(read(file(t, point)), "0022\n", point);
});

test("hooks begin with no signal blocked or ignored", async (t) => {
  // Busybox's shell ignores SIGQUIT by itself, so startContainer is left out.
  const points = ["createRuntime", "createContainer", "poststop"];
  await live(t, (config) => everywhere(t, config, `grep -E 'Sig(Blk|Ign)' /proc/self/status >${t.folder}/$0`, points));
  for (const point of points) {
    assert.is(read(file(t, point)), "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n", point);
  }
});

test("hooks that do not read their standard input do no harm, however long the state is", async (t) => {
  const bundle = t.bundle((config) => {
    config.annotations = { "org.example.long": "x".repeat(200_000) };
    config.hooks = Object.fromEntries(POINTS.map((point) => [point, [{ path: "/bin/true" }]]));
  });
  silent(await runBundle(t, bundle));
});

test("a hook that leaves a daemon behind does not hold the runtime up, and the daemon lives on", async (t) => {
  const begin = performance.now();
  const container = await created(t, (config) => {
    config.hooks = { createRuntime: [hook(`sleep 1000 & echo $! >${file(t, "daemon")}`)] };
  });
  assert.ok(performance.now() - begin < 50_000);
  const daemon = Number(read(file(t, "daemon")));
  await container.start();
  await container.end();
  silent(await container.verb("delete"));
  const alive = fs.existsSync(`/proc/${daemon}/exe`);
  if (alive) process.kill(daemon, "SIGKILL");
  assert.ok(alive);
});

test("a daemon that a createContainer hook leaves ends with the container", async (t) => {
  const container = await live(t, (config) => {
    config.hooks = { createContainer: [hook("sleep 1234 & exit 0")] };
  });
  assert.equal(t.leftovers(container.id), []);
});

test("while a hook runs, state says creating", async (t) => {
  onlyOurs("others know nothing of a container that is being created");
  const id = t.id();
  const bundle = t.bundle((config) => {
    config.hooks = { createRuntime: [hook(`touch ${file(t, "in")}; while [ ! -e ${file(t, "out")} ]; do sleep 0.01; done`)] };
  });
  const creating = t.runtime(["create", "--bundle", bundle.path, id]);
  await waitFor("the hook runs", () => fs.existsSync(file(t, "in")));
  const container = new Container(t, bundle, id);
  assert.is(await container.status(), "creating");
  refused(await container.verb("start"), "created");
  refused(await container.verb("delete"), "created");
  fs.writeFileSync(file(t, "out"), "");
  silent(await creating);
  assert.is(await container.status(), "created");
});

test("a hook's output does not reach the runtime's", async (t) => {
  const bundle = t.bundle((config) => everywhere(t, config, "echo out; echo err >&2"));
  const result = await runBundle(t, bundle);
  assert.equal([result.stdout, result.stderr, result.status], ["", "", 0]);
});

test("createRuntime may change the container's namespaces before the program runs", async (t) => {
  const bundle = t.bundle((config) => {
    script(config, "cat /proc/sys/net/ipv4/ip_forward");
    const enable = `${READ_PID}; nsenter -t $pid -n sh -c 'echo 1 >/proc/sys/net/ipv4/ip_forward'`;
    config.hooks = { createRuntime: [hook(enable)] };
  });
  needs("nsenter");
  const result = await runBundle(t, bundle);
  assert.is(result.stderr, "");
  assert.is(result.stdout, "1\n");
});

test.run();
