/** What docker run can be told about a container, and what else docker does with one that runs. */

import * as fs from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { driven as drivenBy } from "./docker.ts";
import type { Docker } from "./docker.ts";
import { SHOW_SIZE, must, until } from "./engine.ts";
import { needs, suite } from "./harness.ts";
import type { Ground } from "./harness.ts";
import { IMAGE } from "./image.ts";

const test = suite("docker-options");

function driven(title: string, body: (docker: Docker, t: Ground) => Promise<void>): void {
  drivenBy(test, title, body);
}

function shell(docker: Docker, options: readonly string[], script: string): Promise<string> {
  return must(docker.run(["--rm", ...options, IMAGE, "sh", "-c", script]));
}

const CAPABILITIES = "grep -E '^(CapEff|CapBnd|NoNewPrivs|Seccomp):' /proc/self/status | tr -s '\\t\\n' '  '";

driven("capabilities, privileges and seccomp profiles", async (docker, t) => {
  assert.is(await shell(docker, [], CAPABILITIES), "CapEff: 00000000a80425fb CapBnd: 00000000a80425fb NoNewPrivs: 0 Seccomp: 2");
  const few = ["--cap-drop", "ALL", "--cap-add", "NET_ADMIN", "--security-opt", "no-new-privileges", "--security-opt", "seccomp=unconfined"];
  assert.is(await shell(docker, few, CAPABILITIES), "CapEff: 0000000000001000 CapBnd: 0000000000001000 NoNewPrivs: 1 Seccomp: 0");
  const profile = join(t.folder, "profile.json");
  const rule = { names: ["mkdir", "mkdirat"], action: "SCMP_ACT_ERRNO", errnoRet: 28 };
  fs.writeFileSync(profile, JSON.stringify({ defaultAction: "SCMP_ACT_ALLOW", syscalls: [rule] }));
  assert.match(await shell(docker, ["--security-opt", `seccomp=${profile}`], "mkdir /new 2>&1; true"), /No space left on device/);
  assert.match(await shell(docker, [], "mount -t tmpfs none /root 2>&1; true"), /(permission denied|Operation not permitted|are you root)/i);
  const privileged = "mount -t tmpfs none /root && touch /root/file && test -w /proc/sys/kernel/hostname && test -e /dev/null && ls /dev | grep -cx -e kmsg -e mem";
  assert.match(await shell(docker, ["--privileged"], privileged), /^[12]$/);
});

driven("an init of docker's own, limits, devices, and namespaces of the host", async (docker) => {
  assert.match(await shell(docker, ["--init"], "cat /proc/1/comm; echo $$"), /^(docker-init|tini.*)\n[2-9]$/);
  const limits = ["--cpus", "0.5", "--cpuset-cpus", "0", "--pids-limit", "50", "--memory", "64m", "--memory-reservation", "32m", "--cpu-shares", "512", "--ulimit", "nofile=100:200", "--shm-size", "3m"];
  const folder = "/sys/fs/cgroup";
  const v1 = ["cpu/cpu.cfs_quota_us", "cpuset/cpuset.cpus", "pids/pids.max", "memory/memory.limit_in_bytes", "memory/memory.soft_limit_in_bytes", "cpu/cpu.shares"];
  const v2 = ["cpu.max", "cpuset.cpus", "pids.max", "memory.max", "memory.low", "cpu.weight"];
  const files = fs.existsSync(`${folder}/cgroup.controllers`) ? v2 : v1;
  const script = `cat ${files.map((file) => join(folder, file)).join(" ")}; ulimit -n; ulimit -H -n; df -k /dev/shm | tail -n 1 | tr -s ' ' | cut -d' ' -f2`;
  const [quota, cpus, pids, memory, reservation, shares, ...rest] = (await shell(docker, limits, script)).split("\n");
  assert.match(quota ?? "", /^50000( 100000)?$/);
  assert.equal([cpus, pids, memory, reservation], ["0", "50", `${64 << 20}`, `${32 << 20}`]);
  assert.match(shares ?? "", /^(512|20|59)$/);
  assert.equal(rest, ["100", "200", "3072"]);
  const device = "true < /dev/nothing && echo opened; (: > /dev/nothing) 2>/dev/null || echo refused";
  assert.is(await shell(docker, ["--device", "/dev/fuse:/dev/nothing:r"], device), "opened\nrefused");
  const namespaces = "for kind in pid ipc uts cgroup; do readlink /proc/self/ns/$kind; done";
  const host = ["pid", "ipc", "uts", "cgroup"].map((kind) => fs.readlinkSync(`/proc/self/ns/${kind}`));
  assert.equal((await shell(docker, ["--pid=host", "--ipc=host", "--uts=host", "--cgroupns=host"], namespaces)).split("\n"), host);
  const own = (await shell(docker, ["--ipc=private", "--cgroupns=private"], namespaces)).split("\n");
  assert.equal(own.filter((name) => host.includes(name)), []);
  assert.is(await shell(docker, ["--sysctl", "kernel.msgmax=4096", "--group-add", "77", "--oom-score-adj", "333"], "cat /proc/sys/kernel/msgmax; id -G; cat /proc/self/oom_score_adj"), "4096\n0 77\n333");
});

driven("cp into and out of a container, diff, commit", async (docker, t) => {
  const [from, to] = [join(t.folder, "from"), join(t.folder, "to")];
  fs.writeFileSync(from, "copied\n");
  await must(docker.run(["--detach", "--name", "one", "--volume", "named:/volume", IMAGE, "sleep", "100"]));
  for (const place of ["/tmp", "/volume"]) {
    await must(docker.docker(["cp", from, `one:${place}/file`]));
    assert.is(await must(docker.docker(["exec", "one", "cat", `${place}/file`])), "copied");
    await must(docker.docker(["cp", `one:${place}/file`, to]));
    assert.is(fs.readFileSync(to, "utf8"), "copied\n");
  }
  assert.match(await must(docker.docker(["diff", "one"])), /^A \/tmp\/file$/m);
  await must(docker.docker(["commit", "one", "committed"]));
  assert.is(await must(docker.run(["--rm", "committed", "cat", "/tmp/file"])), "copied");
});

driven("attach, input, and the keys that let go", async (docker) => {
  needs("setsid");
  const reads = await docker.docker(["run", "--runtime", docker.runtime, "--network=none", "--rm", "--interactive", IMAGE, "cat"], { input: "typed\n" });
  assert.equal([reads.status, reads.stdout], [0, "typed\n"], reads.stderr);
  await must(docker.run(["--detach", "--interactive", "--tty", "--name", "one", IMAGE, "sh"]));
  const first = docker.onTerminal(["attach", "one"]);
  first.type("echo begun\n");
  await first.until(/\nbegun\r/);
  // The default keys.
  first.type("\x10\x11");
  await first.until(/read escape sequence/);
  await first.ended;
  first.close();
  const second = docker.onTerminal(["attach", "--detach-keys", "ctrl-a,x", "one"]);
  second.type(`${SHOW_SIZE}; tty\n`);
  await second.until(/30 100\r+\n\/dev\/pts\/0/);
  second.type("\x01x");
  await second.until(/read escape sequence/);
  await second.ended;
  second.close();
  const exec = docker.onTerminal(["exec", "--interactive", "--tty", "--detach-keys", "ctrl-b", "one", "sleep", "1000"]);
  await until(async () => (await docker.docker(["top", "one"])).stdout.includes("sleep 1000"), () => "exec does not begin");
  exec.resize(40, 120);
  exec.type("\x02");
  await exec.ended;
  exec.close();
  assert.is(await must(docker.docker(["inspect", "--format", "{{.State.Status}}", "one"])), "running");
  const third = docker.onTerminal(["attach", "one"]);
  third.type("exit 4\n");
  assert.is(await third.ended, 4);
  third.close();
});

driven("signals, restart policies that are changed, and a daemon that restarts under its containers", async (docker) => {
  const state = (name: string, format: string): Promise<string> => must(docker.docker(["inspect", "--format", format, name]));
  const trap = "trap 'echo hup' HUP; trap 'exit 6' INT; echo begun; while :; do sleep 0.1; done";
  await must(docker.run(["--detach", "--name", "one", "--stop-signal", "INT", IMAGE, "sh", "-c", trap]));
  const shows = (text: string): Promise<void> => until(async () => (await docker.docker(["logs", "one"])).stdout === text, () => `"one" never says ${text}`);
  await shows("begun\n");
  await must(docker.docker(["kill", "--signal", "HUP", "one"]));
  await shows("begun\nhup\n");
  await must(docker.docker(["stop", "one"]));
  assert.is(await state("one", "{{.State.ExitCode}}"), "6");
  await must(docker.docker(["update", "--restart", "always", "one"]));
  await must(docker.docker(["start", "one"]));
  const before = await state("one", "{{.State.Pid}}");
  process.kill(Number(before), "SIGKILL");
  await until(async () => (await state("one", "{{.RestartCount}} {{.State.Status}}")) === "1 running", () => "it does not restart");
  const pid = await state("one", "{{.State.Pid}}");
  assert.is.not(pid, before);
  await docker.restart("SIGKILL");
  assert.is(await state("one", "{{.State.Pid}} {{.State.Status}}"), `${pid} running`);
  assert.is((await docker.docker(["exec", "one", "true"])).status, 0);
  await must(docker.docker(["update", "--restart", "no", "one"]));
  await must(docker.docker(["stop", "one"]));
  assert.is(await state("one", "{{.State.ExitCode}}"), "6");
});

test.run();
