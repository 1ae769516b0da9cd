/** Hooks that fail, take too long or cannot run, and what follows from it (runtime.md#lifecycle). */

import * as fs from "node:fs";
import * as assert from "uvu/assert";
import { cannotCreate, created, file, read, refused, running, runBundle, script } from "./containers.ts";
import { CREATE_POINTS, everywhere, hook, POINTS } from "./hooks.ts";
import type { Hook } from "./hooks.ts";
import { hasRuncsWords, onlyOurs, suite } from "./suite.ts";

const test = suite("hook failures");

const WARNING = hasRuncsWords() ? /warning[^]*poststop/ : /hook/;

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
  assert.match(result.stderr, hasRuncsWords() ? "startContainer" : /\w/);
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
  assert.is.not(result.status, 0);
  assert.match(result.stderr, hasRuncsWords() ? "poststart" : /\w/);
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
  assert.match(result.stderr, WARNING);
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
  assert.match(result.stderr, WARNING);
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
      assert.ok(seconds >= 1 && seconds < 50, `${point} took ${seconds} s`);
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
  assert.ok(performance.now() - begin < 50_000);
});

test("HK-05 a poststop hook that takes longer than its timeout is a warning", async (t) => {
  const container = await running(t, (config) => {
    config.hooks = { poststop: [hook("exec sleep 100", { timeout: 1 }), hook(`echo next >${file(t, "log")}`)] };
  });
  await container.end();
  const result = await container.verb("delete");
  assert.is(result.status, 0);
  assert.match(result.stderr, WARNING);
  assert.is(read(file(t, "log")), "next\n");
});

test("HK-05 a hook that ends within its timeout is no failure", async (t) => {
  await created(t, (config) => {
    config.hooks = Object.fromEntries(CREATE_POINTS.map((point) => [point, [hook("exit 0", { timeout: 60 })]]));
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
  onlyOurs("with runc it depends on who is quicker");
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

test.run();
