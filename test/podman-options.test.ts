/** What podman run can be told about a container, and what else podman does with one that runs. */

import * as fs from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { SHOW_SIZE, must, until } from "./engine.ts";
import { needs, suite } from "./harness.ts";
import type { Ground } from "./harness.ts";
import { IMAGE } from "./image.ts";
import { driven as drivenBy } from "./podman.ts";
import type { Podman } from "./podman.ts";

const test = suite("podman-options");

function driven(title: string, body: (podman: Podman, t: Ground) => Promise<void>): void {
  drivenBy(test, title, body);
}

function shell(podman: Podman, options: readonly string[], script: string): Promise<string> {
  return must(podman.run(["--rm", ...options, IMAGE, "sh", "-c", script]));
}

const CAPABILITIES = "grep -E '^(CapEff|CapBnd|NoNewPrivs|Seccomp):' /proc/self/status | tr -s '\\t\\n' '  '";

driven("capabilities, privileges and seccomp profiles", async (podman, t) => {
  assert.match(await shell(podman, [], CAPABILITIES), /^CapEff: (0{8}[89a-f][0-9a-f]{7}) CapBnd: \1 NoNewPrivs: 0 Seccomp: 2$/);
  const few = ["--cap-drop", "ALL", "--cap-add", "NET_ADMIN", "--security-opt", "no-new-privileges", "--security-opt", "seccomp=unconfined"];
  assert.is(await shell(podman, few, CAPABILITIES), "CapEff: 0000000000001000 CapBnd: 0000000000001000 NoNewPrivs: 1 Seccomp: 0");
  const profile = join(t.folder, "profile.json");
  const rule = { names: ["mkdir", "mkdirat"], action: "SCMP_ACT_ERRNO", errnoRet: 28 };
  fs.writeFileSync(profile, JSON.stringify({ defaultAction: "SCMP_ACT_ALLOW", syscalls: [rule] }));
  assert.match(await shell(podman, ["--security-opt", `seccomp=${profile}`], "mkdir /new 2>&1; true"), /No space left on device/);
  assert.is(await shell(podman, ["--security-opt", "mask=/tmp", "--security-opt", "unmask=/proc/kcore"], "touch /tmp/file 2>/dev/null || echo masked; grep -q ' /proc/kcore ' /proc/mounts || echo shown"), "masked\nshown");
  assert.is(await shell(podman, ["--privileged"], "mount -t tmpfs none /root && touch /root/file && test -w /proc/sys/kernel/hostname && echo done"), "done");
});

driven("limits, devices, sysctls, and namespaces of the host and of another container", async (podman) => {
  const limits = ["--cpus", "0.5", "--cpuset-cpus", "0", "--pids-limit", "50", "--memory", "64m", "--memory-reservation", "32m", "--ulimit", "nofile=100:200", "--ulimit", "nproc=4096:4096", "--shm-size", "3m"];
  const v1 = ["cpu/cpu.cfs_quota_us", "cpuset/cpuset.cpus", "pids/pids.max", "memory/memory.limit_in_bytes", "memory/memory.soft_limit_in_bytes"];
  const v2 = ["cpu.max", "cpuset.cpus", "pids.max", "memory.max", "memory.low"];
  const files = fs.existsSync("/sys/fs/cgroup/cgroup.controllers") ? v2 : v1;
  const script = `cat ${files.map((file) => `/sys/fs/cgroup/${file}`).join(" ")}; ulimit -n; ulimit -H -n; df -k /dev/shm | tail -n 1 | tr -s ' ' | cut -d' ' -f2`;
  const shown = await shell(podman, limits, script);
  const [quota, ...rest] = shown.split("\n");
  assert.match(quota ?? "", /^50000( 100000)?$/, shown);
  assert.equal(rest, ["0", "50", `${64 << 20}`, `${32 << 20}`, "100", "200", "3072"]);
  const device = "true < /dev/nothing && echo opened; (: > /dev/nothing) 2>/dev/null || echo refused";
  assert.is(await shell(podman, ["--device", "/dev/fuse:/dev/nothing:r"], device), "opened\nrefused");
  assert.is(await shell(podman, ["--sysctl", "kernel.msgmax=4096", "--group-add", "77", "--oom-score-adj", "333"], "cat /proc/sys/kernel/msgmax; id -G; cat /proc/self/oom_score_adj"), "4096\n0 77\n333");
  const kinds = ["pid", "ipc", "uts", "cgroup"];
  const namespaces = `for kind in ${kinds.join(" ")}; do readlink /proc/self/ns/$kind; done`;
  const host = kinds.map((kind) => fs.readlinkSync(`/proc/self/ns/${kind}`));
  assert.equal((await shell(podman, kinds.map((kind) => `--${kind === "cgroup" ? "cgroupns" : kind}=host`), namespaces)).split("\n"), host);
  await must(podman.run(["--detach", "--name", "one", "--ipc=shareable", "--cgroupns=private", IMAGE, "sleep", "100"]));
  const own = (await must(podman.podman(["exec", "one", "sh", "-c", namespaces]))).split("\n");
  assert.equal(own.filter((name) => host.includes(name)), []);
  assert.equal((await shell(podman, ["--pid=container:one", "--ipc=container:one", "--uts=container:one"], namespaces)).split("\n").slice(0, 3), own.slice(0, 3));
});

driven("cp, diff, commit, rename, restart, signals", async (podman, t) => {
  const [from, to] = [join(t.folder, "from"), join(t.folder, "to")];
  fs.writeFileSync(from, "copied\n");
  const trap = "trap 'echo hup' HUP; trap 'exit 6' INT; echo begun; while :; do sleep 0.1; done";
  await must(podman.run(["--detach", "--name", "one", "--stop-signal", "INT", "--tmpfs", "/memory", IMAGE, "sh", "-c", trap]));
  const shows = (text: string): Promise<void> => until(async () => (await podman.podman(["logs", "one"])).stdout === text, () => `"one" never says ${text}`);
  await shows("begun\n");
  for (const place of ["/tmp", "/memory"]) {
    await must(podman.podman(["cp", from, `one:${place}/file`]));
    assert.is(await must(podman.podman(["exec", "one", "cat", `${place}/file`])), "copied");
    await must(podman.podman(["cp", `one:${place}/file`, to]));
    assert.is(fs.readFileSync(to, "utf8"), "copied\n");
  }
  assert.match(await must(podman.podman(["diff", "one"])), /^A \/tmp\/file$/m);
  await must(podman.podman(["commit", "--quiet", "one", "committed"]));
  assert.is(await must(podman.run(["--rm", "committed", "cat", "/tmp/file"])), "copied");
  await must(podman.podman(["kill", "--signal", "HUP", "one"]));
  await shows("begun\nhup\n");
  await must(podman.podman(["restart", "one"]));
  await shows("begun\nhup\nbegun\n");
  await must(podman.podman(["stop", "one"]));
  assert.is(await must(podman.podman(["inspect", "--format", "{{.State.ExitCode}}", "one"])), "6");
  await must(podman.podman(["init", "one"]));
  assert.is(await must(podman.podman(["inspect", "--format", "{{.State.Status}}", "one"])), "initialized");
  await must(podman.podman(["start", "one"]));
  await shows("begun\nhup\nbegun\nbegun\n");
});

driven("attach, exec -it, input, and the keys that let go", async (podman) => {
  needs("setsid");
  const reads = await podman.podman(["run", "--rm", "--interactive", IMAGE, "cat"], { input: "typed\n" });
  assert.equal([reads.status, reads.stdout], [0, "typed\n"], reads.stderr);
  await must(podman.run(["--detach", "--interactive", "--tty", "--name", "one", IMAGE, "sh"]));
  const first = podman.onTerminal(["attach", "--detach-keys", "ctrl-b", "one"]);
  first.type(`echo begun; ${SHOW_SIZE}\n`);
  await first.until(/\nbegun\r+\n30 100\r/);
  first.type("\x02");
  await first.ended;
  first.close();
  const exec = podman.onTerminal(["exec", "--interactive", "--tty", "one", "sh"]);
  exec.type(`tty; ${SHOW_SIZE}; exit 4\n`);
  await exec.until(/\/dev\/pts\/1\r+\n30 100\r+\n/);
  assert.is(await exec.ended, 4);
  exec.close();
  const input = await podman.podman(["exec", "--interactive", "one", "cat"], { input: "typed\n" });
  assert.equal([input.status, input.stdout], [0, "typed\n"], input.stderr);
  const second = podman.onTerminal(["attach", "one"]);
  second.type("exit 5\n");
  assert.is(await must(podman.podman(["wait", "one"])), "5");
  await second.ended;
  second.close();
});

test.run();
