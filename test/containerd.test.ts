/** containerd runs containers with runc, with tsrun in runc's place, and with tsrun's own shim: each test passes with all. */

import * as assert from "uvu/assert";
import { Containerd } from "./containerd.ts";
import { RELEASES, SHOW_SIZE, programOf, until } from "./engine.ts";
import { IMAGE, makeImage } from "./image.ts";
import { RUN_NAME, needs, suite } from "./harness.ts";
import type { Ground } from "./harness.ts";
import { RUNTIME } from "./runtime.ts";
import { findStrays, removeStray } from "./strays.ts";

const containerd = suite("containerd");

interface Driven {
  readonly name: string;
  readonly containerd: Containerd;
  /** The root file system, as ctr's arguments. */
  readonly rootfs: readonly string[];
}

/** Adds a test of the runtime behind containerd's shim and of our shim, and of runc, which shows that the test is right. */
function driven(title: string, body: (t: Ground, driven: Driven) => Promise<void>): void {
  for (const release of RELEASES) {
    for (const name of ["runc", "tsrun", "shim"]) {
      containerd(`${release} containerd, ${name}: ${title}`, async (t) => {
        needs("root");
        const runtime = name === "runc" ? programOf(release, "runc") : name === "tsrun" ? RUNTIME : undefined;
        const { rootfs } = t.bundle();
        await Containerd.within(t, { release, runtime }, async (started) => {
          await body(t, { name, containerd: started, rootfs: ["--rootfs", rootfs] });
          await until(() => started.leftovers().length === 0, () => `left: ${started.leftovers().join(", ")}`);
        });
        // A shim answers containerd before it ends.
        await until(() => strays(t).length === 0, () => `left: ${strays(t).join(", ")}`);
      });
    }
  }
}

/** What is left outside of the test's folder, the shim's processes among it. */
function strays(t: Ground): string[] {
  // The cgroup of containerd's namespace stays, though a container's was made in it: the next one needs it, too.
  for (const stray of findStrays(RUN_NAME)) if (stray.kind === "cgroup" && stray.what.endsWith(RUN_NAME)) removeStray(stray);
  return findStrays(RUN_NAME)
    .filter(({ kind, what }) => kind !== "file" || what !== t.folder)
    .map(({ kind, what }) => `${kind} ${what}`);
}

driven("ctr run passes output and the exit status on", async (t, { containerd, rootfs }) => {
  const { status, stdout, stderr } = await containerd.run(["--rm", ...rootfs, t.id(), "/bin/sh", "-c", "echo out; echo err >&2; echo pid $$; exit 7"]);
  assert.is(stdout, "out\npid 1\n");
  assert.is(stderr, "err\n");
  assert.is(status, 7);
});

driven("a task in the background is listed, killed and deleted", async (t, { containerd, rootfs }) => {
  const id = t.id();
  const { status, stderr } = await containerd.run(["--detach", ...rootfs, id, "/bin/sh", "-c", "sleep 100 & wait"]);
  assert.is(status, 0, stderr);
  const listed = (await containerd.ctr(["tasks", "ls"])).stdout;
  const [, pid = ""] = new RegExp(`^${id} +(\\d+) +RUNNING`, "m").exec(listed) ?? [];
  let processes: readonly string[] = [];
  // The shell may not have come to its child yet.
  const hasBoth = async (): Promise<boolean> => {
    processes = (await containerd.ctr(["tasks", "ps", id])).stdout.match(/^\d+/gm) ?? [];
    return processes.length === 2;
  };
  await until(hasBoth, () => `processes: ${processes.join(" ")}`);
  assert.ok(processes.includes(pid), listed);
  const early = await containerd.ctr(["tasks", "delete", id]);
  assert.match(early.stderr, "must be stopped before deletion");
  assert.is((await containerd.ctr(["tasks", "kill", "--signal", "KILL", id])).status, 0);
  await untilStopped(containerd, id);
  const late = await containerd.ctr(["tasks", "kill", id]);
  assert.match(late.stderr, /process already finished|not found/);
  assert.match((await containerd.ctr(["tasks", "delete", id])).stderr, "non-zero exit code 137");
  assert.is((await containerd.ctr(["containers", "rm", id])).status, 0);
});

driven("a task is paused and resumed", async (t, { containerd, rootfs }) => {
  const id = t.id();
  await containerd.run(["--detach", ...rootfs, id, "/bin/sleep", "100"]);
  for (const [verb, status] of [["pause", "PAUSED"], ["resume", "RUNNING"], ["pause", "PAUSED"]] as const) {
    const result = await containerd.ctr(["tasks", verb, id]);
    assert.is(result.status, 0, result.stderr);
    assert.match((await containerd.ctr(["tasks", "ls"])).stdout, new RegExp(`^${id} +\\d+ +${status}`, "m"));
  }
  await containerd.ctr(["tasks", "kill", "--signal", "KILL", id]);
  await containerd.ctr(["tasks", "resume", id]);
  await untilStopped(containerd, id);
  await containerd.ctr(["tasks", "delete", id]);
  assert.is((await containerd.ctr(["containers", "rm", id])).status, 0);
});

driven("ctr run --tty gives the container a terminal", async (t, { containerd, rootfs }) => {
  needs("setsid");
  const pty = containerd.runOnTerminal(["--rm", "--tty", ...rootfs, t.id(), "/bin/sh"]);
  await pty.until(/# /);
  pty.type(`tty; ${SHOW_SIZE}\n`);
  await pty.until(/\/dev\/pts\/0\r+\n30 100\r+\n/);
  // The client stops reading when it learns of the end: what comes right before is lost at times, with runc's shim too.
  pty.type("exit 3\n");
  assert.is(await pty.ended, 3);
  pty.close();
});

driven("a program that is missing, or is none, is named", async (t, { containerd, rootfs }) => {
  const cases: [program: string, error: RegExp][] = [
    ["/bin/none", /exec: "\/bin\/none": stat \/bin\/none: no such file or directory/],
    ["none", /exec: "none": executable file not found in \$PATH/],
    ["/etc/passwd", /exec: "\/etc\/passwd": permission denied/],
  ];
  for (const [program, error] of cases) {
    const { status, stderr } = await containerd.run(["--rm", ...rootfs, t.id(), program]);
    assert.is(status, 1);
    assert.match(stderr, error);
  }
});

// Not whether containerd hears of it: on v1 that depends on whether its shim looks before the cgroup is gone, with runc, too.
driven("what takes more memory than its limit is killed", async (t, { containerd, rootfs }) => {
  const limit = ["--memory-limit", `${32 * 1024 * 1024}`];
  const { status } = await containerd.run(["--rm", ...limit, ...rootfs, t.id(), "/bin/dd", "if=/dev/zero", "of=/dev/null", "bs=64M", "count=1"]);
  assert.is(status, 137);
});

driven("an image is unpacked and runs, with the default seccomp profile and a file system of its own", async (t, { containerd }) => {
  const archive = makeImage(t.folder, t.bundle().rootfs);
  const imported = await containerd.ctr(["images", "import", archive]);
  assert.is(imported.status, 0, imported.stderr);
  const script = "grep ^Seccomp: /proc/self/status; echo written > /file && cat /file; mount | grep '^[^ ]* on / '; echo $GREETING";
  const options = ["--rm", "--seccomp", "--env", "GREETING=hello", "--cwd", "/tmp"];
  const { status, stdout, stderr } = await containerd.run([...options, IMAGE, t.id(), "/bin/sh", "-c", script]);
  assert.is(status, 0, stderr);
  assert.match(stdout, /^Seccomp:\t2\nwritten\noverlay on \/ type overlay .*\nhello\n$/);
});

driven("further programs run in a task: their output, status, user and end are told", async (t, { containerd, rootfs }) => {
  const id = t.id();
  await containerd.run(["--detach", ...rootfs, id, "/bin/sleep", "100"]);
  const exec = (name: string, ...args: string[]): ReturnType<Containerd["ctr"]> => containerd.ctr(["tasks", "exec", "--exec-id", name, ...args]);
  const one = await exec("one", "--user", "1000:1001", "--cwd", "/tmp", id, "/bin/sh", "-c", "id -u; id -g; pwd; exit 7");
  assert.equal([one.stdout, one.status], ["1000\n1001\n/tmp\n", 7], one.stderr);
  const missing = await exec("two", id, "none");
  assert.is(missing.status, 1);
  assert.match(missing.stderr, /exec: "none": executable file not found in \$PATH/);
  const detached = await exec("three", "--detach", id, "/bin/sleep", "50");
  assert.is(detached.status, 0, detached.stderr);
  assert.match((await containerd.ctr(["tasks", "ps", id])).stdout, /three/);
  assert.is((await containerd.ctr(["tasks", "kill", "--exec-id", "three", "--signal", "KILL", id])).status, 0);
  await containerd.ctr(["tasks", "kill", "--signal", "KILL", id]);
  await untilStopped(containerd, id);
  await containerd.ctr(["tasks", "delete", id]);
  assert.is((await containerd.ctr(["containers", "rm", id])).status, 0);
});

async function untilStopped(containerd: Containerd, id: string): Promise<void> {
  const stopped = new RegExp(`^${id} +\\d+ +STOPPED`, "m");
  await until(async () => stopped.test((await containerd.ctr(["tasks", "ls"])).stdout), () => `${id} does not stop`);
}

containerd.run();
