/** Hooks of all six kinds: when, where, with what on standard input, and what their failures do (config.md#posix-platform-hooks). */

import * as fs from "node:fs";
import * as assert from "uvu/assert";
import type { BundleConfig } from "../test/bundle.ts";
import { needs } from "../test/harness.ts";
import type { Ground } from "../test/harness.ts";
import { Container, cannotCreate, created, file, read, refused, running, runBundle, script, silent, waitFor } from "./containers.ts";
import type { State } from "./containers.ts";
import { onlyOurs, suite } from "./suite.ts";

const test = suite("hooks");
needs("root");

type Hook = NonNullable<BundleConfig["hooks"]>[string][number];

/** In the order in which they run. */
const POINTS = ["prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop"] as const;
/** Without poststart, which runc runs elsewhere up to 1.5: what holds of the others should be proved on it. */
const ALL_BUT_POSTSTART = POINTS.filter((point) => point !== "poststart");
const RUNTIME_POINTS = ["prestart", "createRuntime", "poststart", "poststop"] as const;
/** In createContainer /proc is still the host's, where a shell cannot find itself by its pid. */
const IN_OWN_PROC = POINTS.filter((point) => point !== "createContainer");
const CREATE_POINTS = ["prestart", "createRuntime", "createContainer"] as const;
const NAMESPACES = ["mnt", "pid", "net", "ipc", "uts"] as const;

/** A hook that runs a shell script; the script finds the test's folder in the container under its own name. */
function hook(text: string, more: Partial<Hook> = {}): Hook {
  return { path: "/bin/sh", args: ["sh", "-c", text], env: ["PATH=/usr/bin:/bin"], ...more };
}

/** The test's folder appears in the container where it is on the host. */
function shareFolder(t: Ground, config: BundleConfig): void {
  config.mounts.push({ destination: t.folder, source: t.folder, options: ["rbind", "rw"] });
}

/** One hook at each of the points, which runs a script with the point's name as $0. */
function everywhere(t: Ground, config: BundleConfig, text: string, points: readonly string[] = POINTS, more: Partial<Hook> = {}): void {
  shareFolder(t, config);
  const at = (point: string): Hook => hook(text, { args: ["sh", "-c", text, point], ...more });
  config.hooks = Object.fromEntries(points.map((point) => [point, [at(point)]]));
}

/** Runs a whole life; the program ends when it is killed. */
async function live(t: Ground, change: (config: BundleConfig) => void): Promise<Container> {
  const container = await running(t, change);
  await container.end();
  silent(await container.verb("delete"));
  return container;
}

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
  await live(t, (config) => {
    everywhere(t, config, `echo $0 >>${log}`, ["startContainer"]);
    script(config, `echo program >>${log}; exec sleep 100`);
  });
  assert.is(read(log), "startContainer\nprogram\n");
});

test("HK-14 poststart runs when the program was executed", async (t) => {
  await live(t, (config) => everywhere(t, config, `read state; pid=\${state#*'"pid":'}; cat /proc/\${pid%%,*}/cmdline >${file(t, "seen")}`, ["poststart"]));
  assert.is(read(file(t, "seen")), "/bin/sleep\x00100\x00");
});

test("HK-15 delete runs poststop, when the container is gone", async (t) => {
  const container = await running(t, (config) => everywhere(t, config, `echo $0 >>${file(t, "log")}; ls ${t.stateRoot} >>${file(t, "log")}`, ["poststop"]));
  await container.end();
  assert.is(read(file(t, "log")), "");
  silent(await container.verb("delete"));
  assert.is(read(file(t, "log")), "poststop\n");
});

test("run runs all kinds but poststart, each once and in order", async (t) => {
  const bundle = t.bundle((config) => everywhere(t, config, `echo $0 >>${file(t, "log")}`, ALL_BUT_POSTSTART));
  silent(await runBundle(t, bundle));
  assert.is(read(file(t, "log")), ALL_BUT_POSTSTART.map((point) => `${point}\n`).join(""));
});

test("run runs all six kinds, each once and in order", async (t) => {
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
  const container = await created(t, (config) => everywhere(t, config, `[ -e ${t.folder} ]; grep -c "$PWD/dev " /proc/self/mountinfo >${file(t, "seen")}`, ["createContainer"]));
  assert.not.match(read("/proc/self/mountinfo"), container.bundle.rootfs);
});

test("HK-13 startContainer finds its program in the container", async (t) => {
  await live(t, (config) => everywhere(t, config, `busybox ls -d /bin /home >${file(t, "seen")} 2>&1; exit 0`, ["startContainer"]));
  assert.is(read(file(t, "seen")), "ls: /home: No such file or directory\n/bin\n");
});

test("HK-07 ST-01 to ST-06 the state is on standard input, in one line", async (t) => {
  const container = await live(t, (config) => {
    config.annotations = { "org.example.key": 'a "quoted" ä/ö' };
    everywhere(t, config, `cat >${t.folder}/$0`);
  });
  for (const point of POINTS) {
    const text = read(file(t, point));
    assert.is(text.trim().split("\n").length, 1, point);
    assert.ok(!text.includes("\\/"), point);
    const { id, bundle, annotations, ociVersion } = JSON.parse(text) as State;
    assert.is(id, container.id, point);
    assert.is(bundle, container.bundle.path, point);
    assert.equal(annotations, { "org.example.key": 'a "quoted" ä/ö' }, point);
    assert.match(ociVersion, /^1\.\d+\.\d+/, point);
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
    config.hooks = { createRuntime: [hook(`sleep 100 & echo $! >${file(t, "daemon")}`)] };
  });
  assert.ok(performance.now() - begin < 3000);
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

test("HK-10 HK-11 HK-12 a hook of create that fails fails create, and nothing stays", async (t) => {
  for (const point of CREATE_POINTS) {
    await cannotCreate(
      t,
      (config) => {
        config.hooks = { [point]: [hook("echo my last words >&2; exit 7")] };
      },
      /hook[^]*(status 7[^]*my last words|my last words[^]*status 7)/,
    );
  }
});

test("the error of a hook that fails names its kind and its place in the list", async (t) => {
  for (const point of CREATE_POINTS) {
    await cannotCreate(
      t,
      (config) => {
        config.hooks = { [point]: [hook("exit 0"), hook("exit 7")] };
      },
      new RegExp(`${point}.*1`),
    );
  }
});

test("HK-10 HK-11 HK-12 when a hook of create fails the next ones do not run, but poststop does", async (t) => {
  for (const point of CREATE_POINTS) {
    const log = file(t, point);
    await cannotCreate(
      t,
      (config) => {
        everywhere(t, config, `echo $0 >>${log}`);
        if (config.hooks?.["poststart"] !== undefined) delete config.hooks["poststart"];
        config.hooks?.[point]?.unshift(hook("exit 1"));
      },
      "hook",
    );
    const before = POINTS.slice(0, POINTS.indexOf(point));
    assert.is(read(log), [...before, "poststop"].map((name) => `${name}\n`).join(""), point);
  }
});

test("HK-10 a hook whose program does not exist fails create", async (t) => {
  for (const point of CREATE_POINTS) {
    await cannotCreate(
      t,
      (config) => {
        config.hooks = { [point]: [{ path: "/no/such/hook" }] };
      },
      "no such file or directory",
    );
  }
});

test("HK-10 a hook that dies of a signal fails create", async (t) => {
  for (const point of CREATE_POINTS) {
    await cannotCreate(
      t,
      (config) => {
        config.hooks = { [point]: [hook("kill -KILL $$")] };
      },
      /signal|SIGKILL/,
    );
  }
});

test("HK-13 a startContainer hook that fails keeps the program from running, and nothing stays but poststop's work", async (t) => {
  const container = await created(t, (config) => {
    everywhere(t, config, `echo $0 >>${file(t, "log")}`, ["startContainer", "poststart", "poststop"]);
    config.hooks?.["startContainer"]?.unshift(hook("echo my last words >&2; exit 7"));
    script(config, `echo program >>${file(t, "log")}`);
  });
  refused(await container.verb("start"), /startContainer[^]*(status 7[^]*my last words|my last words[^]*status 7)/);
  refused(await container.verb("state"), "container does not exist");
  assert.is(read(file(t, "log")), "poststop\n");
  assert.equal(t.leftovers(container.id), []);
});

test("HK-13 run with a startContainer hook that fails fails, and nothing stays", async (t) => {
  const id = t.id();
  const bundle = t.bundle((config) => {
    everywhere(t, config, `echo $0 >>${file(t, "log")}`, ["poststop"]);
    config.hooks = { ...config.hooks, startContainer: [hook("exit 7")] };
    script(config, `echo program >>${file(t, "log")}`);
  });
  const result = await t.runtime(["run", "--bundle", bundle.path, id]);
  assert.is.not(result.status, 0);
  assert.match(result.stderr, "startContainer");
  assert.is(read(file(t, "log")), "poststop\n");
  assert.equal(t.leftovers(id), []);
});

test("HK-14 a poststart hook that fails is an error of start; the container is ended, and poststop runs", async (t) => {
  const container = await created(t, (config) => {
    everywhere(t, config, `echo $0 >>${file(t, "log")}`, ["poststop"]);
    config.hooks = { ...config.hooks, poststart: [hook("echo my last words >&2; exit 7"), hook(`echo next >>${file(t, "log")}`)] };
  });
  const { pid } = await container.state();
  refused(await container.verb("start"), /poststart[^]*(status 7[^]*my last words|my last words[^]*status 7)/);
  assert.not(fs.existsSync(`/proc/${pid}/exe`));
  refused(await container.verb("state"), "container does not exist");
  assert.is(read(file(t, "log")), "poststop\n");
  assert.equal(t.leftovers(container.id), []);
});

test("HK-14 run with a poststart hook that fails fails, and nothing stays", async (t) => {
  const id = t.id();
  const bundle = t.bundle((config) => {
    config.process.args = ["/bin/sleep", "100"];
    config.hooks = { poststart: [hook("exit 7")] };
  });
  const result = await t.runtime(["run", "--bundle", bundle.path, id]);
  assert.is(result.status, 1);
  assert.match(result.stderr, "poststart");
  assert.equal(t.leftovers(id), []);
});

test("HK-15 a poststop hook that fails is a warning: the next ones run, and delete succeeds", async (t) => {
  const container = await running(t, (config) => {
    everywhere(t, config, `echo $0 >>${file(t, "log")}`, ["poststop"]);
    config.hooks?.["poststop"]?.unshift(hook("echo my last words >&2; exit 7"), { path: "/no/such/hook" });
  });
  await container.end();
  const result = await container.verb("delete");
  assert.is(result.status, 0);
  assert.match(result.stderr, /warning[^]*poststop/);
  assert.is(read(file(t, "log")), "poststop\n");
  assert.equal(t.leftovers(container.id), []);
});

test("HK-15 run with a poststop hook that fails keeps the program's exit status", async (t) => {
  const bundle = t.bundle((config) => {
    script(config, "exit 5");
    config.hooks = { poststop: [hook("exit 7")] };
  });
  const result = await runBundle(t, bundle);
  assert.is(result.status, 5);
  assert.match(result.stderr, /warning[^]*poststop/);
});

test("HK-05 a hook of create that takes longer than its timeout is ended and fails create", async (t) => {
  const late = (point: string): Hook => hook(`echo $$ >${t.folder}/${point}-pid; exec sleep 100`, { timeout: 1 });
  await Promise.all(
    CREATE_POINTS.map(async (point) => {
      const begin = performance.now();
      await cannotCreate(
        t,
        (config) => {
          config.hooks = { [point]: [late(point)] };
        },
        "hook",
      );
      const seconds = (performance.now() - begin) / 1000;
      assert.ok(seconds >= 1 && seconds < 5, `${point} took ${seconds} s`);
    }),
  );
  for (const point of ["prestart", "createRuntime"]) assert.not(fs.existsSync(`/proc/${read(file(t, `${point}-pid`)).trim()}/exe`), point);
});

test("HK-05 a startContainer hook that takes longer than its timeout is ended and fails start", async (t) => {
  const container = await created(t, (config) => {
    config.hooks = { startContainer: [hook("exec sleep 100", { timeout: 1 })] };
  });
  const begin = performance.now();
  refused(await container.verb("start"), "startContainer");
  assert.ok(performance.now() - begin < 5000);
});

test("HK-05 a poststop hook that takes longer than its timeout is a warning", async (t) => {
  const container = await running(t, (config) => {
    config.hooks = { poststop: [hook("exec sleep 100", { timeout: 1 }), hook(`echo next >${file(t, "log")}`)] };
  });
  await container.end();
  const result = await container.verb("delete");
  assert.is(result.status, 0);
  assert.match(result.stderr, /warning[^]*poststop/);
  assert.is(read(file(t, "log")), "next\n");
});

test("HK-05 a hook that ends within its timeout is no failure", async (t) => {
  await created(t, (config) => {
    config.hooks = Object.fromEntries(CREATE_POINTS.map((point) => [point, [hook("exit 0", { timeout: 5 })]]));
  });
});

test("HK-02 a hook's path that is not absolute is an error", async (t) => {
  for (const point of POINTS) {
    await cannotCreate(
      t,
      (config) => {
        config.hooks = { [point]: [{ path: "bin/true" }] };
      },
      /absolute/,
    );
  }
});

test("HK-05 a timeout that is not positive is an error", async (t) => {
  for (const timeout of [0, -1]) {
    await cannotCreate(
      t,
      (config) => {
        config.hooks = { createRuntime: [{ path: "/bin/true", timeout }] };
      },
      /timeout/,
    );
  }
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
    const enable = `read state; pid=\${state#*'"pid":'}; nsenter -t \${pid%%,*} -n sh -c 'echo 1 >/proc/sys/net/ipv4/ip_forward'`;
    config.hooks = { createRuntime: [hook(enable)] };
  });
  needs("nsenter");
  const result = await runBundle(t, bundle);
  assert.is(result.stderr, "");
  assert.is(result.stdout, "1\n");
});

test.run();
