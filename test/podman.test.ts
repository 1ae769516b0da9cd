/** podman runs containers with runc, and with tsrun in its place: each test passes with both. */

import * as fs from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { SHOW_SIZE, must, until } from "./engine.ts";
import { needs, suite } from "./harness.ts";
import { IMAGE } from "./image.ts";
import { CGROUP_PARENT, driven } from "./podman.ts";

const test = suite("podman");

driven(test, "run passes output, settings and the exit status on", async (podman) => {
  const options = ["--rm", "--hostname", "host", "--env", "GREETING=hello", "--user", "1000:1001", "--workdir", "/tmp"];
  const { status, stdout, stderr } = await podman.run([...options, IMAGE, "sh", "-c", "hostname; echo $GREETING $$; id -u; id -g; pwd; echo err >&2; exit 7"]);
  assert.equal([status, stdout, stderr], [7, "host\nhello 1\n1000\n1001\n/tmp\n", "err\n"]);
});

driven(test, "a wrong option, a program that is none and one that is missing are told apart by the exit status", async (podman) => {
  const cases: [args: string[], status: number, error: RegExp][] = [
    [["--no-such-option", IMAGE, "true"], 125, /unknown flag/],
    [[IMAGE, "/etc/passwd"], 126, /permission denied/],
    [[IMAGE, "none"], 127, /executable file not found in \$PATH/],
    [[IMAGE, "/bin/none"], 127, /no such file or directory/],
  ];
  for (const [args, expected, error] of cases) {
    const { status, stderr } = await podman.run(["--rm", ...args]);
    assert.is(status, expected, stderr);
    assert.match(stderr, error);
  }
});

driven(test, "a container in the background: exec, top, stats, pause, update, logs, kill", async (podman) => {
  await must(podman.run(["--detach", "--name", "one", "--memory", "64m", IMAGE, "sh", "-c", "echo out; echo err >&2; sleep 100 & wait"]));
  const exec = await podman.podman(["exec", "--user", "1000:1001", "--workdir", "/tmp", "one", "sh", "-c", "id -u; id -g; pwd; exit 7"]);
  assert.equal([exec.status, exec.stdout], [7, "1000\n1001\n/tmp\n"], exec.stderr);
  assert.is((await podman.podman(["exec", "one", "none"])).status, 127);
  assert.is((await podman.podman(["exec", "one", "/etc/passwd"])).status, 126);
  await until(async () => /sleep 100/.test(await must(podman.podman(["top", "one"]))), () => "its child does not begin");
  assert.match(await must(podman.podman(["stats", "--no-stream", "--format", "{{.MemUsage}}", "one"])), / \/ 67\.11MB$/);
  await must(podman.podman(["pause", "one"]));
  assert.is(await must(podman.podman(["inspect", "--format", "{{.State.Status}}", "one"])), "paused");
  await must(podman.podman(["unpause", "one"]));
  await must(podman.podman(["update", "--memory", "48m", "one"]));
  const limits = await must(podman.podman(["exec", "one", "sh", "-c", "cat /sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/memory.max 2>/dev/null; true"]));
  assert.is(limits, `${48 * 1024 * 1024}`);
  let logs = await podman.podman(["logs", "one"]);
  await until(async () => (logs = await podman.podman(["logs", "one"])).stdout === "out\n" && logs.stderr === "err\n", () => `its log has ${logs.stdout}, ${logs.stderr}`);
  await must(podman.podman(["kill", "one"]));
  assert.is(await must(podman.podman(["wait", "one"])), "137");
  await must(podman.podman(["rm", "one"]));
  assert.is(await must(podman.podman(["ps", "--all", "--quiet"])), "");
});

driven(test, "a container is stopped, started again and removed while it runs", async (podman) => {
  await must(podman.run(["--detach", "--name", "one", IMAGE, "sh", "-c", "trap 'exit 5' TERM; echo begun; sleep 100 & wait"]));
  const begun = async (times: number): Promise<void> =>
    until(
      async () => (await podman.podman(["logs", "one"])).stdout === "begun\n".repeat(times),
      () => "it does not begin",
    );
  await begun(1);
  await must(podman.podman(["stop", "one"]));
  assert.is(await must(podman.podman(["inspect", "--format", "{{.State.ExitCode}}", "one"])), "5");
  await must(podman.podman(["start", "one"]));
  await begun(2);
  await must(podman.podman(["rm", "--force", "--time", "0", "one"]));
});

driven(test, "run -it and exec -it give a terminal", async (podman) => {
  needs("setsid");
  const pty = podman.runOnTerminal(["--rm", "--interactive", "--tty", IMAGE, "sh"]);
  await pty.until(/# /);
  pty.type(`tty; ${SHOW_SIZE}; exit 3\n`);
  await pty.until(/\/dev\/pts\/0\r+\n30 100\r+\n/);
  assert.is(await pty.ended, 3);
  pty.close();
});

driven(test, "a health check tells what its command says", async (podman) => {
  const health = ["--health-cmd", "test -f /tmp/well", "--health-interval", "disable", "--health-retries", "1"];
  await must(podman.run(["--detach", "--name", "one", ...health, IMAGE, "sleep", "100"]));
  assert.is((await podman.podman(["healthcheck", "run", "one"])).status, 1);
  await must(podman.podman(["exec", "one", "touch", "/tmp/well"]));
  await must(podman.podman(["healthcheck", "run", "one"]));
});

driven(test, "the containers of a pod share what the pod shares", async (podman) => {
  const infra = ["--infra-image", IMAGE, "--infra-command", "/bin/sleep 1000", "--share", "uts,ipc,net"];
  await must(podman.podman(["pod", "create", "--name", "pod", "--hostname", "pod-host", "--cgroup-parent", CGROUP_PARENT, ...infra]));
  await must(podman.podman(["run", "--detach", "--pod", "pod", "--name", "one", IMAGE, "sleep", "100"]));
  const script = "hostname; for kind in uts ipc net mnt pid; do readlink /proc/self/ns/$kind; done";
  const [name, uts, ipc, net, mnt, pid] = (await must(podman.podman(["run", "--rm", "--pod", "pod", IMAGE, "sh", "-c", script]))).split("\n");
  const other = (await must(podman.podman(["exec", "one", "sh", "-c", script]))).split("\n");
  assert.equal(other.slice(0, 4), [name, uts, ipc, net]);
  assert.is(name, "pod-host");
  assert.is.not(other[4], mnt);
  assert.is.not(other[5], pid);
  await must(podman.podman(["pod", "stop", "--time", "0", "pod"]));
  await must(podman.podman(["pod", "rm", "pod"]));
});

driven(test, "a user namespace, and a volume that belongs to its root", async (podman, t) => {
  const folder = join(t.folder, "volume");
  fs.mkdirSync(folder);
  fs.chownSync(folder, 100000, 100000);
  const maps = ["--uidmap", "0:100000:65536", "--gidmap", "0:100000:65536"];
  const script = "cat /proc/self/uid_map; echo written > /volume/file; stat -c %u /volume/file";
  const stdout = await must(podman.run(["--rm", ...maps, "--volume", `${folder}:/volume`, IMAGE, "sh", "-c", script]));
  assert.equal(stdout.split(/\s+/), ["", "0", "100000", "65536", "0"].slice(1));
  assert.is(fs.readFileSync(join(folder, "file"), "utf8"), "written\n");
  assert.is(fs.statSync(join(folder, "file")).uid, 100000);
});

driven(test, "volumes, a read-only root and a tmpfs", async (podman, t) => {
  const folder = join(t.folder, "volume");
  fs.mkdirSync(folder);
  await must(podman.podman(["volume", "create", "named"]));
  const options = ["--rm", "--read-only", "--tmpfs", "/scratch:size=1m", "--volume", "named:/named", "--volume", `${folder}:/read:ro`];
  const script = "for place in /named /read /scratch /root; do touch $place/file 2>/dev/null && echo $place; done; true";
  assert.is(await must(podman.run([...options, IMAGE, "sh", "-c", script])), "/named\n/scratch");
  assert.is(await must(podman.run([...options, IMAGE, "ls", "/named"])), "file");
  await must(podman.podman(["volume", "rm", "named"]));
});

driven(test, "what takes more memory than its limit is killed", async (podman) => {
  const { status } = await podman.run(["--rm", "--memory", "32m", IMAGE, "dd", "if=/dev/zero", "of=/dev/null", "bs=64M", "count=1"]);
  assert.is(status, 137);
});

test.run();
