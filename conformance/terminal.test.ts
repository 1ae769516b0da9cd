/** `process.terminal` and --console-socket (config.md#process). */

import * as fs from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import type { BundleConfig } from "../test/bundle.ts";
import type { Ground } from "../test/harness.ts";
import { cannotCreate, Container, file, refused, script, silent, waitFor } from "./containers.ts";
import { listen } from "./probe.ts";
import type { Listener } from "./probe.ts";
import { suite } from "./suite.ts";

const test = suite("terminal");

interface Session {
  readonly container: Container;
  readonly listener: Listener;
}

/** Runs a script on a terminal whose master the probe gets; ends when the script has. */
async function onTerminal(t: Ground, text: string, change?: (config: BundleConfig) => void): Promise<string> {
  const { container, listener } = await createWithTerminal(t, text, change);
  await container.start();
  await container.stopped();
  await listener.end();
  return listener.output();
}

async function createWithTerminal(t: Ground, text: string, change?: (config: BundleConfig) => void): Promise<Session> {
  const listener = await listen(t, "console");
  const bundle = t.bundle((config) => {
    config.process.terminal = true;
    script(config, text);
    change?.(config);
  });
  const container = new Container(t, bundle, t.id());
  silent(await t.runtime(["create", "--bundle", bundle.path, "--console-socket", listener.socket, container.id]));
  return { container, listener };
}

/** What the script wrote, without what the probe tells itself; a terminal writes "\r\n" for a line end. */
function shown(output: string): string {
  return output.slice(output.indexOf("\nsize ")).replace(/^\nsize .*\n/, "").replaceAll("\r\n", "\n");
}

test("PRC-02 --console-socket gets the master in one message with one descriptor, and the connection is closed", async (t) => {
  const output = await onTerminal(t, "echo up");
  assert.match(output, /^message 0: 1 descriptors: .+\nclosed\n/);
});

test("PRC-02 the terminal is standard input, output and error, and the controlling terminal", async (t) => {
  const output = await onTerminal(t, "tty; test -t 0 && test -t 1 && test -t 2 && echo all; echo error >&2; echo direct >/dev/tty");
  assert.is(shown(output), "/dev/pts/0\nall\nerror\ndirect\n");
});

test("DEF-07 /dev/console is the terminal", async (t) => {
  const output = await onTerminal(t, 'echo console >/dev/console; stat -c "%t:%T" /dev/console /dev/pts/0; grep " /dev/console " /proc/self/mountinfo | cut -d" " -f4,5');
  assert.is(shown(output), "console\n88:0\n88:0\n/0 /dev/console\n");
});

test("DEF-07 without a terminal there is no /dev/console", async (t) => {
  const result = await t.runtime(["run", "--bundle", t.bundle((config) => script(config, "ls /dev/console")).path, t.id()]);
  assert.match(result.stderr, "No such file or directory");
});

test("PRC-04 PRC-05 consoleSize is the terminal's size", async (t) => {
  const output = await onTerminal(t, "stty size", (config) => (config.process["consoleSize"] = { height: 33, width: 77 }));
  assert.match(output, "\nsize 33 rows 77 columns\n");
  assert.is(shown(output), "33 77\n");
});

test("PRC-04 PRC-05 a consoleSize without height or width is an error", async (t) => {
  for (const size of [{ height: 10 }, { width: 10 }]) {
    await cannotCreate(
      t,
      (config) => {
        config.process["consoleSize"] = size;
        config.process.terminal = true;
      },
      /./,
    );
  }
});

test("PRC-02 the terminal belongs to the program's user", async (t) => {
  const output = await onTerminal(t, "stat -c %u /proc/self/fd/0 -L; echo direct >/dev/pts/0", (config) => {
    config.process.user = { uid: 1000, gid: 1000 };
  });
  assert.is(shown(output), "1000\ndirect\n");
});

test("the terminal's master is closed in the container", async (t) => {
  const { container } = await createWithTerminal(t, "exec sleep 100");
  await container.start();
  const { pid } = await container.state();
  const links = fs.readdirSync(`/proc/${pid}/fd`).map((fd) => fs.readlinkSync(`/proc/${pid}/fd/${fd}`));
  assert.equal(links, ["/dev/pts/0", "/dev/pts/0", "/dev/pts/0"]);
});

test("the terminal hangs up when the master is closed", async (t) => {
  const { container, listener } = await createWithTerminal(t, `trap 'echo hup >/tmp/hup; exit' HUP; echo ready; while :; do sleep 0.05; done`, (config) => {
    config.root.readonly = false;
  });
  await container.start();
  await waitFor("the shell is ready", () => listener.output().includes("ready"));
  listener.kill();
  await container.stopped();
  assert.is(fs.readFileSync(join(container.bundle.rootfs, "tmp/hup"), "utf8"), "hup\n");
});

test("a terminal without a console socket is an error of create", async (t) => {
  await cannotCreate(t, (config) => (config.process.terminal = true), "without setting console socket");
});

test("a terminal without a console socket is an error of a detached run", async (t) => {
  const bundle = t.bundle((config) => (config.process.terminal = true));
  refused(await t.runtime(["run", "--detach", "--bundle", bundle.path, t.id()]), "without setting console socket");
});

test("a console socket without a terminal is an error", async (t) => {
  const listener = await listen(t, "console");
  const id = t.id();
  refused(await t.runtime(["create", "--bundle", t.bundle().path, "--console-socket", listener.socket, id]), "console socket");
  assert.equal(t.leftovers(id), []);
  listener.kill();
});

test("a console socket where nobody listens fails create and leaves nothing", async (t) => {
  const bundle = t.bundle((config) => (config.process.terminal = true));
  const id = t.id();
  refused(await t.runtime(["create", "--bundle", bundle.path, "--console-socket", file(t, "nobody"), id]), /no such file or directory/);
  assert.equal(t.leftovers(id), []);
});

test("a console socket in the working directory may be relative", async (t) => {
  const listener = await listen(t, "console");
  const bundle = t.bundle((config) => {
    config.process.terminal = true;
    script(config, "echo up");
  });
  silent(await t.runtime(["run", "--detach", "--bundle", bundle.path, "--console-socket", "console.sock", t.id()], { cwd: t.folder }));
  await waitFor("the program writes", () => listener.output().includes("up"));
});

test("the terminal is the container's own, in its own devpts", async (t) => {
  const output = await onTerminal(t, "ls /dev/pts; exit");
  assert.is(shown(output).trim().split(/\s+/).sort().join(" "), "0 ptmx");
});

test.run();
