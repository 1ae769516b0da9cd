/** docker runs containers with runc, with tsrun in runc's place, and with tsrun's own shim: each test passes with all. */

import * as fs from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { RUNTIMES, driven } from "./docker.ts";
import { SHOW_SIZE, must, until } from "./engine.ts";
import { needs, suite } from "./harness.ts";
import { IMAGE } from "./image.ts";

const test = suite("docker");

driven(test, "run passes output, settings and the exit status on", async (docker, t) => {
  const settings = ["--rm", "--hostname", "host", "--env", "GREETING=hello", "--user", "1000:1001", "--workdir", "/tmp"];
  const { status, stdout, stderr } = await docker.run([...settings, IMAGE, "sh", "-c", "hostname; echo $GREETING $$; id -u; id -g; pwd; echo err >&2; exit 7"]);
  assert.equal([status, stdout, stderr], [7, "host\nhello 1\n1000\n1001\n/tmp\n", "err\n"]);
  const cases: [args: string[], status: number, error: RegExp][] = [
    [["--no-such-option", IMAGE, "true"], 125, /unknown flag/],
    [[IMAGE, "/etc/passwd"], 126, /permission denied/],
    [[IMAGE, "none"], 127, /executable file not found in \$PATH/],
    [["--memory", "32m", IMAGE, "dd", "if=/dev/zero", "of=/dev/null", "bs=64M", "count=1"], 137, /^/],
  ];
  for (const [args, expected, error] of cases) {
    const failed = await docker.run(["--rm", ...args]);
    assert.is(failed.status, expected, failed.stderr);
    assert.match(failed.stderr, error);
  }
  const folder = join(t.folder, "volume");
  fs.mkdirSync(folder);
  const options = ["--rm", "--read-only", "--tmpfs", "/scratch:size=1m", "--volume", "named:/named", "--volume", `${folder}:/read:ro`];
  const script = "for place in /named /read /scratch /root; do touch $place/file 2>/dev/null && echo $place; done; true";
  assert.is(await must(docker.run([...options, IMAGE, "sh", "-c", script])), "/named\n/scratch");
  assert.is(await must(docker.run([...options, IMAGE, "ls", "/named"])), "file");
});

driven(test, "a container in the background: exec, top, stats, pause, update, logs, kill", async (docker) => {
  await must(docker.run(["--detach", "--name", "one", "--memory", "64m", IMAGE, "sh", "-c", "echo out; echo err >&2; sleep 100 & wait"]));
  const exec = await docker.docker(["exec", "--user", "1000:1001", "--workdir", "/tmp", "one", "sh", "-c", "id -u; id -g; pwd; exit 7"]);
  assert.equal([exec.status, exec.stdout], [7, "1000\n1001\n/tmp\n"], exec.stderr);
  assert.is((await docker.docker(["exec", "one", "none"])).status, 127);
  assert.is((await docker.docker(["exec", "one", "/etc/passwd"])).status, 126);
  await until(async () => /sleep 100/.test(await must(docker.docker(["top", "one"]))), () => "its child does not begin");
  const usage = await must(docker.docker(["stats", "--no-stream", "--format", "{{.MemUsage}}", "one"]));
  // containerd's shim knows none where v1 and v2 lie side by side, with any runtime.
  assert.match(usage, docker.runtime === RUNTIMES["shim"] ? / \/ 64MiB$/ : / \/ 64MiB$|^0B \/ 0B$/);
  await must(docker.docker(["pause", "one"]));
  assert.is(await must(docker.docker(["inspect", "--format", "{{.State.Status}}", "one"])), "paused");
  await must(docker.docker(["unpause", "one"]));
  await must(docker.docker(["update", "--memory", "48m", "--memory-swap", "96m", "--cpus", "0.5", "--pids-limit", "77", "one"]));
  const files = "memory/memory.limit_in_bytes cpu/cpu.cfs_quota_us pids/pids.max memory.max cpu.max";
  const limits = await must(docker.docker(["exec", "--workdir", "/sys/fs/cgroup", "one", "sh", "-c", `cat ${files} 2>/dev/null; cat pids.max 2>/dev/null; true`]));
  assert.match(limits, /^50331648\n50000( 100000)?\n77$/);
  let logs = await docker.docker(["logs", "one"]);
  await until(async () => (logs = await docker.docker(["logs", "one"])).stdout === "out\n" && logs.stderr === "err\n", () => `its log has ${logs.stdout}, ${logs.stderr}`);
  await must(docker.docker(["kill", "one"]));
  assert.is(await must(docker.docker(["wait", "one"])), "137");
  await must(docker.docker(["rm", "one"]));
  assert.is(await must(docker.docker(["ps", "--all", "--quiet"])), "");
});

driven(test, "stop, start, rm --force, a restart policy and a health check", async (docker) => {
  await must(docker.run(["--detach", "--name", "failing", "--restart", "on-failure:2", IMAGE, "sh", "-c", "echo begun; exit 3"]));
  const health = ["--health-cmd", "test -f /tmp/well", "--health-interval", "1s", "--health-retries", "1"];
  await must(docker.run(["--detach", "--name", "one", ...health, IMAGE, "sh", "-c", "trap 'exit 5' TERM; echo begun; sleep 100 & wait"]));
  const shows = (name: string, format: string, text: string): Promise<void> =>
    until(async () => (await docker.docker(["inspect", "--format", format, name])).stdout === `${text}\n`, () => `${name} is never ${text}`);
  await shows("one", "{{.State.Health.Status}}", "unhealthy");
  await must(docker.docker(["exec", "one", "touch", "/tmp/well"]));
  await shows("one", "{{.State.Health.Status}}", "healthy");
  await must(docker.docker(["stop", "one"]));
  await shows("one", "{{.State.Status}} {{.State.ExitCode}}", "exited 5");
  await must(docker.docker(["start", "one"]));
  await until(async () => (await docker.docker(["logs", "one"])).stdout === "begun\nbegun\n", () => "it does not begin again");
  await must(docker.docker(["rm", "--force", "one"]));
  await shows("failing", "{{.State.Status}} {{.State.ExitCode}} {{.RestartCount}}", "exited 3 2");
  await until(async () => (await docker.docker(["logs", "failing"])).stdout === "begun\n".repeat(3), () => "not all that it said is there");
});

driven(test, "run -it and exec -it give a terminal", async (docker) => {
  needs("setsid");
  const pty = docker.runOnTerminal(["--interactive", "--tty", "--name", "one", IMAGE, "sh"]);
  await pty.until(/# /);
  const exec = docker.onTerminal(["exec", "--interactive", "--tty", "one", "sh"]);
  for (const [terminal, name, status] of [[exec, "pts/1", 4], [pty, "pts/0", 3]] as const) {
    terminal.type(`tty; ${SHOW_SIZE}; exit ${status}\n`);
    await terminal.until(new RegExp(`/dev/${name}\\r+\\n30 100\\r+\\n`));
    assert.is(await terminal.ended, status);
    terminal.close();
  }
});

driven(test, "the host's network, and another container's", async (docker) => {
  await must(docker.run(["--detach", "--name", "one", IMAGE, "sleep", "100"]));
  const network = ["readlink", "/proc/self/ns/net"];
  const host = fs.readlinkSync(docker.network.path);
  const one = await must(docker.docker(["exec", "one", ...network]));
  assert.is.not(one, host);
  assert.is(await must(docker.run(["--rm", "--network=container:one", IMAGE, ...network])), one);
  assert.is(await must(docker.run(["--rm", "--network=host", IMAGE, ...network])), host);
});

test.run();
