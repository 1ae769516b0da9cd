/** `run` in the foreground with a terminal: what a person at a keyboard sees, and what becomes of what nobody reads. */

import { spawn, spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as assert from "uvu/assert";
import { native } from "../src/native/native.ts";
import type { Bundle } from "./bundle.ts";
import { until } from "./engine.ts";
import { needs, suite } from "./harness.ts";
import type { Ground } from "./harness.ts";
import { Pty } from "./pty.ts";
import type { PtyOptions } from "./pty.ts";
import { RUNTIME } from "./runtime.ts";

const terminal = suite("terminal");

const SHELL = ["/bin/sh"];

function bundle(t: Ground, args: readonly string[], isTerminal = true): Bundle {
  needs("root", "setsid");
  return t.bundle((config) => {
    config.process.terminal = isTerminal;
    config.process.args = [...args];
    config.process.env.push("PS1=# ");
  });
}

/** The command line of a run in the foreground, and the container's id. */
function command(t: Ground, { path }: Bundle): [command: string[], id: string] {
  const id = t.id();
  return [[RUNTIME, "--root", t.stateRoot, "run", "--bundle", path, id], id];
}

/** What is run is in a terminal of its own, which ends with the test. */
async function within(pty: Pty, body: (pty: Pty) => Promise<void>): Promise<void> {
  try {
    await body(pty);
  } finally {
    pty.close();
  }
}

async function inPty(t: Ground, args: readonly string[], body: (pty: Pty, id: string) => Promise<void>): Promise<void> {
  const [line, id] = command(t, bundle(t, args));
  await within(new Pty(line, { cwd: t.folder }), (pty) => body(pty, id));
}

/** A shell of the host that has job control. */
function hostShell(t: Ground, options: Partial<PtyOptions> = {}): Pty {
  return new Pty(["sh", "-i"], { cwd: t.folder, ...options });
}

async function status(t: Ground, id: string): Promise<unknown> {
  const { stdout } = await t.runtime(["state", id]);
  return stdout === "" ? undefined : (JSON.parse(stdout) as { status: unknown }).status;
}

terminal("run shows a shell of the container that has its own terminal, and passes its exit status on", async (t) => {
  await inPty(t, SHELL, async (pty, id) => {
    await pty.until(/# /);
    pty.type("tty; stty size; echo pid $$\n");
    await pty.until(/\/dev\/pts\/0\r\n30 100\r\npid 1\r\n/);
    pty.type("exit 7\n");
    assert.is(await pty.ended, 7);
    assert.is(await status(t, id), undefined);
  });
});

terminal("what goes to a file or a pipe in place of the terminal has lines as the program wrote them", async (t) => {
  const [line] = command(t, bundle(t, ["printf", "a\\nb\\n"]));
  const output = `${t.folder}/output`;
  await within(new Pty(["sh", "-c", `"$@" >${output}`, "sh", ...line], { cwd: t.folder }), async (pty) => {
    assert.is(await pty.ended, 0);
  });
  // What the terminal echoes of the end of the input may come first.
  assert.match(fs.readFileSync(output, "utf8"), /^(\^D\x08\x08)?a\nb\n$/);
});

terminal("run is raw while the program runs, and puts the settings back", async (t) => {
  await inPty(t, SHELL, async (pty) => {
    const { before } = pty;
    assert.match(before, / icanon /);
    await pty.until(/# /);
    assert.match(pty.settings(), / -icanon /);
    pty.type("exit\n");
    await pty.ended;
    assert.is(pty.settings(), before);
  });
});

terminal("run puts the settings back when the program cannot be executed, and when its hook fails", async (t) => {
  const none = bundle(t, ["/bin/none"]);
  const hooked = bundle(t, SHELL);
  hooked.config.hooks = { startContainer: [{ path: "/bin/busybox", args: ["false"] }] };
  hooked.write();
  for (const failing of [none, hooked]) {
    const [line] = command(t, failing);
    await within(hostShell(t), async (pty) => {
      await pty.until(/\$ /);
      const { before } = pty;
      pty.type(`${line.join(" ")} || echo fail''ed\n`);
      await pty.until(/failed/);
      assert.is(pty.settings(), before);
    });
  }
});

terminal("run passes each change of the window's size on", async (t) => {
  await inPty(t, ["/bin/sh", "-c", "trap 'stty size' WINCH; echo ready; while :; do sleep 0.05; done"], async (pty) => {
    await pty.until(/ready/);
    pty.resize(41, 132);
    await pty.until(/41 132/);
    pty.resize(20, 70);
    await pty.until(/20 70/);
  });
});

terminal("run gives the size of config.json until the window's changes", async (t) => {
  const made = bundle(t, ["/bin/sh", "-c", "trap 'stty size' WINCH; stty size; while :; do sleep 0.05; done"]);
  made.config.process["consoleSize"] = { height: 11, width: 22 };
  made.write();
  await within(new Pty(command(t, made)[0], { cwd: t.folder }), async (pty) => {
    await pty.until(/11 22/);
    pty.resize(33, 44);
    await pty.until(/33 44/);
  });
});

terminal("Control-C and Control-Z are for the jobs of the container's shell", async (t) => {
  await inPty(t, SHELL, async (pty, id) => {
    await pty.until(/# /);
    pty.type("sleep 100\n");
    await pty.press("\x1a", /Stopped/);
    pty.type("fg\n");
    await pty.until(/fg\r\nsleep 100\r\n/);
    assert.is(await status(t, id), "running");
    await pty.press("\x03", /# /);
    pty.type("echo status $?; jobs; echo no more jobs\n");
    await pty.until(/status 130\r\nno more jobs/);
    pty.type("\x04");
    await pty.ended;
  });
});

terminal("a full-screen editor works", async (t) => {
  await inPty(t, SHELL, async (pty) => {
    await pty.until(/# /);
    pty.type("vi /dev/shm/file\n");
    await pty.until(/\/dev\/shm\/file.* 1\/1 100%/);
    pty.type("iwritten by hand\x1b");
    await pty.until(/written by hand/);
    // An escape that something follows at once would be the beginning of a key.
    await new Promise((resolve) => setTimeout(resolve, 300));
    pty.type(":wq\n");
    await pty.until(/# /);
    pty.type("cat /dev/shm/file\n");
    await pty.until(/\nwritten by hand\r\n/);
    pty.type("exit\n");
    assert.is(await pty.ended, 0);
  });
});

terminal("a job in the background stops until it gets the terminal", async (t) => {
  const [line] = command(t, bundle(t, SHELL));
  await within(hostShell(t), async (pty) => {
    await pty.until(/\$ /);
    pty.type(`${line.join(" ")} &\n`);
    for (let tries = 0; tries < 1000 && !/Stopped/.test(pty.shown); tries++) {
      pty.type("jobs\n");
      await pty.until(/jobs\r\n[^$]*\$ /);
    }
    pty.type("fg\n");
    await pty.until(/# /);
    pty.type("exit 3\n");
    await pty.until(/\$ /);
    pty.type("echo status $?\n");
    await pty.until(/status 3/);
  });
});

terminal("SIGTSTP stops the runtime and gives the terminal back, and the job continues where it was", async (t) => {
  const [line] = command(t, bundle(t, SHELL));
  await within(hostShell(t), async (pty) => {
    await pty.until(/\$ /);
    pty.type(`sh -c 'echo pid $$; exec ${line.join(" ")}'\n`);
    const [, pid] = /pid (\d+)\r\n/.exec(await pty.until(/pid \d+\r\n/)) ?? [];
    await pty.until(/# /);
    process.kill(Number(pid), "SIGTSTP");
    await pty.until(/Stopped[^]*\n\$ /);
    assert.match(pty.settings(), / icanon /);
    pty.type("fg\n");
    await pty.until(/fg\r\n/);
    pty.type("stty size\n");
    await pty.until(/30 100\r\n/);
    assert.match(pty.settings(), / -icanon /);
    pty.type("exit 4\n");
    await pty.until(/\$ /);
    pty.type("echo status $?\n");
    await pty.until(/status 4/);
  });
});

terminal("the container's terminal hangs up with the caller's, and the container is removed", async (t) => {
  await inPty(t, SHELL, async (pty, id) => {
    await pty.until(/# /);
    pty.close();
    // The shell is told by the end of its input.
    await pty.ended;
    assert.is(await status(t, id), undefined);
  });
});

terminal("a screen that stalls loses nothing, and the program waits", async (t) => {
  const LINES = 5000;
  const script = `i=0; while [ $i -lt ${LINES} ]; do i=$((i+1)); echo "$i 0123456789012345678901234567890123456789"; done; exit 6`;
  await inPty(t, ["/bin/sh", "-c", script], async (pty, id) => {
    await until(async () => (await status(t, id)) === "running", () => "it does not run");
    await new Promise((resolve) => setTimeout(resolve, 300));
    assert.is(await status(t, id), "running");
    await pty.until(new RegExp(`\n${LINES} 0123456789012345678901234567890123456789\r\n$`));
    const numbers = pty.shown.trim().split("\r\n").map((line) => Number(line.split(" ")[0]));
    assert.equal(numbers, Array.from({ length: LINES }, (_, index) => index + 1));
    assert.is(await pty.ended, 6);
  });
});

/** More than one terminal holds that nobody reads, and less than two. */
const MUCH = "head -c 18000 /dev/zero | tr '\\0' x > /dev/shm/x; cat /dev/shm/x";

terminal("what the program wrote last is shown when its reader is late", async (t) => {
  await inPty(t, ["/bin/sh", "-c", `${MUCH}; echo; echo the end`], async (pty, id) => {
    await until(async () => (await status(t, id)) === "stopped", () => "it does not stop");
    await pty.until(/x{18000}\r\nthe end\r\n/);
    assert.is(await pty.ended, 0);
  });
});

terminal("SIGTERM ends the wait for a screen that stalls", async (t) => {
  await inPty(t, ["/bin/sh", "-c", `${MUCH}; exit 5`], async (pty, id) => {
    await until(async () => (await status(t, id)) === "stopped", () => "it does not stop, or the runtime does not wait for the screen");
    process.kill(pty.pid, "SIGTERM");
    assert.is(await pty.ended, 5);
  });
});

terminal("signals are heard while the program never stops talking", async (t) => {
  await inPty(t, ["/bin/sh", "-c", "trap 'exit 9' TERM; yes & wait"], async (pty) => {
    await pty.until(/y\r\ny\r\n/);
    const reading = setInterval(() => pty.read(), 1);
    process.kill(pty.pid, "SIGTERM");
    assert.is(await pty.ended, 9);
    clearInterval(reading);
  });
});

terminal("input from a pipe ends, and so does a shell that reads it", async (t) => {
  const [line] = command(t, bundle(t, SHELL));
  const [reader, writer] = native().pipe();
  fs.writeSync(writer, "echo from the pipe\ncat; echo after cat\nto cat\n");
  fs.closeSync(writer);
  const pty = new Pty(line, { cwd: t.folder, stdio: [reader] });
  fs.closeSync(reader);
  await within(pty, async () => {
    await pty.until(/\nfrom the pipe\r+\n[^]*\nto cat\r+\nafter cat\r+\n/);
    assert.is(await pty.ended, 0);
  });
});

terminal("output into a pipe that nobody reads any more hangs the container's terminal up", async (t) => {
  const [line] = command(t, bundle(t, ["/bin/sh", "-c", "trap 'exit 8' HUP; while :; do echo x; sleep 0.02; done"]));
  const [reader, writer] = native().pipe();
  const pty = new Pty(line, { cwd: t.folder, stdio: [undefined, writer] });
  fs.closeSync(writer);
  await within(pty, async () => {
    fs.readSync(reader, new Uint8Array(1));
    fs.closeSync(reader);
    assert.is(await pty.ended, 8);
  });
});

/** The flags of the open file description of standard output: O_NONBLOCK is 04000. */
function flagsOf(fd: number): number {
  return Number.parseInt(/^flags:\s+(\d+)$/m.exec(fs.readFileSync(`/proc/self/fdinfo/${fd}`, "utf8"))?.[1] ?? "", 8);
}

for (const isTerminal of [false, true]) {
  terminal(`standard streams that others share stay as they are, ${isTerminal ? "with" : "without"} a terminal`, async (t) => {
    const big = "head -c 300000 /dev/zero && echo fine >&2";
    const [line] = command(t, bundle(t, ["/bin/sh", "-c", `cat; ${big}`], isTerminal));
    const [input, inputEnd] = native().pipe();
    const [reader, writer] = native().pipe();
    const errors = `${t.folder}/errors`;
    const pty = new Pty(line, { cwd: t.folder, stdio: [input, writer, isTerminal ? undefined : fs.openSync(errors, "w")] });
    await within(pty, async () => {
      fs.writeSync(inputEnd, "begin\n");
      fs.readSync(reader, new Uint8Array(5));
      fs.closeSync(inputEnd);
      // Nobody reads for a while: who writes must be made to wait, not be told EAGAIN.
      await new Promise((resolve) => setTimeout(resolve, 200));
      const O_NONBLOCK = 0o4000;
      for (const fd of [input, writer]) assert.is(flagsOf(fd) & O_NONBLOCK, 0);
      for (const fd of [input, writer]) fs.closeSync(fd);
      let size = 0;
      for (let got; (got = fs.readSync(reader, new Uint8Array(65536))) > 0; size += got);
      assert.ok(size >= 300_000, `${size} bytes`);
      assert.is(await pty.ended, 0);
      if (!isTerminal) assert.is(fs.readFileSync(errors, "utf8"), "fine\n");
    });
    fs.closeSync(reader);
  });
}

terminal("Control-Z stops a container without a terminal of its own, which is paused until its job continues", async (t) => {
  const script = "trap 'echo interrupted; exit 4' INT; i=0; while :; do i=$((i+1)); echo tick $i; sleep 0.05; done";
  const [line, id] = command(t, bundle(t, ["/bin/sh", "-c", script], false));
  await within(hostShell(t), async (pty) => {
    await pty.until(/\$ /);
    pty.type(`${line.join(" ")}\n`);
    await pty.until(/tick 3/);
    pty.type("\x1a");
    await pty.until(/Stopped[^$]*\$ /);
    assert.is(await status(t, id), "paused");
    pty.type("fg\n");
    await pty.until(/tick \d+[^]*tick \d+/);
    assert.is(await status(t, id), "running");
    pty.type("\x03");
    await pty.until(/interrupted\r\n\$ /);
    pty.type("echo status $?\n");
    await pty.until(/status 4/);
  });
});

terminal("run without anything that is a terminal says so", async (t) => {
  const [line, id] = command(t, bundle(t, SHELL));
  const { status: exit, stderr } = spawnSync("setsid", ["--wait", ...line], { encoding: "utf8" });
  assert.is(exit, 1, stderr);
  assert.match(stderr, /^tsrun: cannot use a terminal: no standard stream is one, .*--console-socket/, stderr);
  assert.is(await status(t, id), undefined);
});

terminal("run --detach needs a console socket for a terminal, and only for one", async (t) => {
  const [withTerminal] = command(t, bundle(t, SHELL));
  const [without] = command(t, bundle(t, SHELL, false));
  const refused = await t.runtime([...withTerminal.slice(1), "--detach"]);
  assert.match(refused.stderr, "cannot allocate tty if tsrun will detach without setting console socket");
  for (const args of [[...without.slice(1), "--detach"], withTerminal.slice(1)]) {
    const result = await t.runtime([...args, "--console-socket", "/nowhere"]);
    assert.match(result.stderr, "cannot use console socket if tsrun will not detach or allocate tty");
    assert.is(result.status, 1);
  }
});

terminal("run --detach gives the terminal to the console socket", async (t) => {
  const made = bundle(t, ["/bin/sh", "-c", "read line; echo got $line; stty size"]);
  made.config.process["consoleSize"] = { height: 12, width: 34 };
  made.write();
  const [line, id] = command(t, made);
  const receiver = ["import socket, os, sys", "s = socket.socket(socket.AF_UNIX); s.bind('console.sock'); s.listen()", "print('ready', flush=True)",
    "c, _ = s.accept(); _, fds, _, _ = socket.recv_fds(c, 100, 1); os.write(fds[0], b'word\\n')",
    "text = b''", "while b'34' not in text: text += os.read(fds[0], 100)", "print(text.decode())"];
  needs("python3");
  const child = spawn("python3", ["-c", receiver.join("\n")], { cwd: t.folder, stdio: ["ignore", "pipe", "inherit"] });
  const ended = new Promise((resolve) => child.on("close", resolve));
  let said = "";
  await new Promise<void>((resolve) => child.stdout.on("data", (data) => ((said += String(data)), resolve())));
  const result = await t.runtime([...line.slice(1), "--detach", "--console-socket", `${t.folder}/console.sock`, "--pid-file", `${t.folder}/pid`]);
  assert.is(result.status, 0, result.stderr);
  assert.match(fs.readFileSync(`${t.folder}/pid`, "utf8"), /^\d+$/);
  await ended;
  assert.match(said, /got word\r\n12 34/);
  await until(async () => (await status(t, id)) === "stopped", () => "it does not stop");
  assert.is((await t.runtime(["delete", id])).status, 0);
});

terminal("however much is shown, in however many pieces, the runtime does not grow", async (t) => {
  const lines = 'n=0; while [ $n -lt 4000 ]; do /bin/true; echo "line $n"; n=$((n + 1)); done; echo "all $1"; read -r _';
  const [run] = command(t, bundle(t, ["/bin/sh", "-c", `set -- one; ${lines}; set -- two; ${lines}`]));
  const memory = (pid: number): number => Number(/^VmRSS:\s+(\d+)/m.exec(fs.readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]);
  await within(new Pty(run, { cwd: t.folder }), async (pty) => {
    await pty.until(/all one/);
    const before = memory(pty.pid);
    pty.type("\n");
    await pty.until(/all two/);
    const grown = memory(pty.pid) - before;
    pty.type("\n");
    assert.is(await pty.ended, 0);
    assert.ok(grown < 1024, `${grown} kB more`);
  });
});

terminal.run();
