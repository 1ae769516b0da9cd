/** `process`: what the program finds of itself when it begins (config.md#process). */

import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { skip } from "../test/harness.ts";
import type { Ground } from "../test/harness.ts";
import type { Bundle, BundleConfig } from "../test/bundle.ts";
import { cannotCreate, created, fromShell, inside, output, read, run, runBundle, script } from "./containers.ts";
import { probe } from "./probe.ts";
import { onlyOurs, suite } from "./suite.ts";

const test = suite("process");

const ALL_LIMITS = "AS CORE CPU DATA FSIZE LOCKS MEMLOCK MSGQUEUE NICE NOFILE NPROC RSS RTPRIO RTTIME SIGPENDING STACK".split(" ");

test("PRC-08 args are argv exactly", async (t) => {
  const args = ["/bin/sh", "-c", "tr '\\0' '|' </proc/$$/cmdline; exit", "", "a  b", "ä\n", "--"];
  assert.is(await inside(t, "", (config) => (config.process.args = args)), `${args.join("|")}|`);
});

test("PRC-08 a program without a slash is looked for in PATH of process.env", async (t) => {
  const bundle = t.bundle((config) => {
    config.process.env = ["PATH=/nowhere:/tmp"];
    config.process.args = ["mine", "argument"];
  });
  fs.writeFileSync(join(bundle.rootfs, "tmp/mine"), '#!/bin/sh\necho "$0 $1"\n', { mode: 0o755 });
  assert.is(output(await runBundle(t, bundle)), "/tmp/mine argument\n");
});

test("PRC-08 a program that is found but not executable is passed over", async (t) => {
  const bundle = t.bundle((config) => {
    config.process.env = ["PATH=/etc:/tmp"];
    config.process.args = ["mine"];
  });
  fs.writeFileSync(join(bundle.rootfs, "etc/mine"), "", { mode: 0o644 });
  fs.writeFileSync(join(bundle.rootfs, "tmp/mine"), "#!/bin/sh\necho found\n", { mode: 0o755 });
  assert.is(output(await runBundle(t, bundle)), "found\n");
});

test("PRC-08 a program with a slash is relative to the working directory, and argv[0] stays as it is", async (t) => {
  const bundle = t.bundle((config) => {
    config.process.cwd = "/bin";
    config.process.args = ["./sh", "-c", "tr '\\0' '|' </proc/$$/cmdline; exit"];
  });
  assert.match(output(await runBundle(t, bundle)), /^\.\/sh\|-c\|/);
});

test("PRC-08 empty args are an error", async (t) => {
  await cannotCreate(t, (config) => (config.process.args = []), "args");
});

test("PRC-07 env is the whole environment, but for HOME", async (t) => {
  const env = await environment(t, ["A=1", "PATH=/bin", "B=x=y  z", "EMPTY="]);
  assert.equal(env, ["A=1", "B=x=y  z", "EMPTY=", "HOME=/root", "PATH=/bin"]);
});

test("PRC-07 HOME is found from any working directory", async (t) => {
  const bundle = t.bundle((config) => {
    config.process.cwd = "/tmp";
    config.process.env = ["PATH=/bin"];
    config.process.args = ["sh", "-c", "pwd; echo $HOME"];
  });
  assert.is(output(await runBundle(t, bundle)), "/tmp\n/root\n");
});

test("PRC-07 of two entries of one name the last one counts", async (t) => {
  assert.equal(await environment(t, ["PATH=/bin", "A=1", "A=2", "HOME=/a", "A=3"]), ["A=3", "HOME=/a", "PATH=/bin"]);
});

test("HOME comes from the container's passwd where it is not set", async (t) => {
  const home = async (uid: number, env: readonly string[] = []): Promise<string> => {
    const bundle = t.bundle((config) => {
      config.process.user.uid = uid;
      config.process.env.push(...env);
      script(config, 'echo "$HOME"');
    });
    fs.appendFileSync(join(bundle.rootfs, "etc/passwd"), "someone:x:1000:1000::/home/someone:/bin/sh\n");
    return output(await runBundle(t, bundle));
  };
  assert.is(await home(0), "/root\n");
  assert.is(await home(1000), "/home/someone\n");
  assert.is(await home(4321), "/\n");
  assert.is(await home(1000, ["HOME=/mine"]), "/mine\n");
});

test("HOME is / where the container has no passwd", async (t) => {
  const bundle = t.bundle((config) => script(config, 'echo "$HOME"'));
  fs.rmSync(join(bundle.rootfs, "etc/passwd"));
  assert.is(output(await runBundle(t, bundle)), "/\n");
});

test("HOME is / where the container's passwd is a directory, or a fifo that nobody writes", async (t) => {
  const bundle = t.bundle((config) => script(config, 'echo "$HOME"'));
  const passwd = join(bundle.rootfs, "etc/passwd");
  fs.rmSync(passwd);
  fs.mkdirSync(passwd);
  assert.is(output(await runBundle(t, bundle)), "/\n");
  fs.rmdirSync(passwd);
  execFileSync("mkfifo", [passwd]);
  assert.is(output(await runBundle(t, bundle)), "/\n");
});

test("PRC-06 cwd is the program's working directory", async (t) => {
  assert.is(await inside(t, "pwd -P", (config) => (config.process.cwd = "/etc")), "/etc\n");
});

test("PRC-06 a cwd that is missing is made", async (t) => {
  const text = await inside(t, "pwd -P; stat -c '%a %u %g' . ..", (config) => {
    config.process.cwd = "/new/directory";
  });
  assert.is(text, "/new/directory\n755 0 0\n755 0 0\n");
});

test("PRC-06 a cwd that only the program's user may enter is entered", async (t) => {
  const bundle = t.bundle((config) => {
    config.process.user = { uid: 1000, gid: 1000 };
    config.process.cwd = "/private";
    script(config, "pwd -P");
  });
  fs.mkdirSync(join(bundle.rootfs, "private"));
  fs.chownSync(join(bundle.rootfs, "private"), 1000, 1000);
  fs.chmodSync(join(bundle.rootfs, "private"), 0o700);
  assert.is(output(await runBundle(t, bundle)), "/private\n");
});

test("PRC-06 a cwd that is a file is an error", async (t) => {
  await cannotCreate(t, (config) => (config.process.cwd = "/etc/passwd"), /not a directory/);
});

test("PRC-06 a cwd that is not absolute is an error", async (t) => {
  await cannotCreate(t, (config) => (config.process.cwd = "etc"), /absolute/i);
});

test("PRC-10 PRC-11 PRC-12 PRC-14 uid, gid and additionalGids are the program's, all four of them", async (t) => {
  const text = await inside(t, "grep -E '^(Uid|Gid|Groups)' /proc/self/status", (config) => {
    config.process["user"] = { uid: 1234, gid: 2345, additionalGids: [10, 2345, 400000] };
  });
  assert.is(text.replace(/ +$/gm, ""), "Uid:\t1234\t1234\t1234\t1234\nGid:\t2345\t2345\t2345\t2345\nGroups:\t10 2345 400000\n");
});

test("PRC-14 without additionalGids there are none, whoever calls", async (t) => {
  assert.is((await inside(t, "grep Groups /proc/self/status")).trim(), "Groups:");
});

test("PRC-13 umask is 0022, or what the config says, whatever the caller's is", async (t) => {
  const umask = async (given?: number): Promise<string> => {
    const bundle = t.bundle((config) => {
      if (given !== undefined) config.process["user"] = { uid: 0, gid: 0, umask: given };
      script(config, "umask");
    });
    return output(await fromShell(t, "umask 0007", ["run", "--bundle", bundle.path, t.id()]));
  };
  assert.is(await umask(), "0022\n");
  assert.is(await umask(0o077), "0077\n");
  assert.is(await umask(0), "0000\n");
});

test("PRC-17 PRC-18 PRC-19 rlimits are what the config says", async (t) => {
  const before = parseLimits(read("/proc/self/limits"));
  const wanted = ALL_LIMITS.map((name) => {
    const hard = Math.min(before.get(name)?.[1] ?? 0, 1 << 30);
    return { type: `RLIMIT_${name}`, soft: Math.floor(hard / 2), hard };
  });
  const limits = parseLimits(await inside(t, "cat /proc/self/limits", (config) => (config.process["rlimits"] = wanted)));
  for (const { type, soft, hard } of wanted) assert.equal(limits.get(type.slice("RLIMIT_".length)), [soft, hard], type);
});

test("PRC-19 a limit of 2^64 - 1 is none", async (t) => {
  const bundle = t.bundle((config) => {
    config.process["rlimits"] = [{ type: "RLIMIT_CPU", soft: "INFINITY", hard: "INFINITY" }];
    script(config, "grep 'Max cpu' /proc/self/limits");
  });
  if (parseLimits(read("/proc/self/limits")).get("CPU")?.[1] !== Infinity) skip("the caller's own limit of CPU time is finite");
  bundle.write(JSON.stringify(bundle.config).replaceAll('"INFINITY"', "18446744073709551615"));
  assert.match(output(await runBundle(t, bundle)), /unlimited +unlimited/);
});

test("rlimits that the config does not name are the caller's", async (t) => {
  const bundle = t.bundle((config) => script(config, "ulimit -Sn; ulimit -Hn; ulimit -c"));
  const result = await fromShell(t, "ulimit -Sn 123; ulimit -Hn 4321; ulimit -c 0", ["run", "--bundle", bundle.path, t.id()]);
  assert.is(output(result), "123\n4321\n0\n");
});

test("PRC-16 a type of rlimit that is there twice is an error", async (t) => {
  const limit = { type: "RLIMIT_NOFILE", soft: 10, hard: 10 };
  await cannotCreate(t, (config) => (config.process["rlimits"] = [limit, limit]), /./);
});

test("PRC-17 an unknown rlimit is an error", async (t) => {
  await cannotCreate(t, (config) => (config.process["rlimits"] = [{ type: "RLIMIT_TEST", soft: 10, hard: 10 }]), "RLIMIT_TEST");
});

test("a soft limit above the hard one is an error", async (t) => {
  await cannotCreate(t, (config) => (config.process["rlimits"] = [{ type: "RLIMIT_NOFILE", soft: 11, hard: 10 }]), /./);
});

test("tight limits do not hinder the start", async (t) => {
  onlyOurs("others set them while they still need more themselves");
  const text = await inside(t, "", (config) => {
    config.process["rlimits"] = [
      { type: "RLIMIT_AS", soft: 8 << 20, hard: 8 << 20 },
      { type: "RLIMIT_NOFILE", soft: 3, hard: 3 },
      { type: "RLIMIT_NPROC", soft: 1, hard: 1 },
      { type: "RLIMIT_STACK", soft: 1 << 16, hard: 1 << 16 },
    ];
    config.process.args = ["/bin/echo", "up"];
  });
  assert.is(text, "up\n");
});

test("PRC-27 noNewPrivileges is what the config says", async (t) => {
  for (const value of [true, false]) {
    const text = await inside(t, "grep NoNewPrivs /proc/self/status", (config) => (config.process["noNewPrivileges"] = value));
    assert.is(text, `NoNewPrivs:\t${Number(value)}\n`);
  }
  const unset = await inside(t, "grep NoNewPrivs /proc/self/status", (config) => delete config.process["noNewPrivileges"]);
  assert.is(unset, "NoNewPrivs:\t0\n");
});

test("PRC-28 oomScoreAdj is written", async (t) => {
  const text = await inside(t, "cat /proc/self/oom_score_adj", (config) => (config.process["oomScoreAdj"] = 543));
  assert.is(text, "543\n");
});

test("PRC-28 oomScoreAdj is left as the caller's when it is not set", async (t) => {
  const bundle = t.bundle((config) => script(config, "cat /proc/self/oom_score_adj"));
  const result = await fromShell(t, "echo 321 >/proc/self/oom_score_adj", ["run", "--bundle", bundle.path, t.id()]);
  assert.is(output(result), "321\n");
});

test("PRC-28 an oomScoreAdj out of the kernel's range is an error", async (t) => {
  await cannotCreate(t, (config) => (config.process["oomScoreAdj"] = 1001), /./);
});

test("the program leads a session of its own, as process 1", async (t) => {
  const stat = (await inside(t, "", (config) => (config.process.args = ["/bin/cat", "/proc/self/stat"]))).split(" ");
  const [pid, , , parent, group, session] = stat;
  assert.equal([pid, parent, group, session], ["1", "0", "1", "1"]);
});

test("the program begins with no signal blocked, ignored or caught", async (t) => {
  const text = await inside(t, "", (config) => (config.process.args = ["/bin/grep", "^Sig[BIC]", "/proc/self/status"]));
  const zeros = "\t0000000000000000";
  assert.is(text, `SigBlk:${zeros}\nSigIgn:${zeros}\nSigCgt:${zeros}\n`);
});

test("a signal that the caller ignores, or blocks, is ignored and blocked in the container", async (t) => {
  onlyOurs("others' own runtime changes them");
  const bundle = t.bundle((config) => (config.process.args = ["/bin/grep", "^SigIgn", "/proc/self/status"]));
  const result = await fromShell(t, "trap '' HUP USR1", ["run", "--bundle", bundle.path, t.id()]);
  assert.is(output(result), "SigIgn:\t0000000000000201\n");
});

test("a container has a session keyring of its own, unless --no-new-keyring is given", async (t) => {
  const [KEYCTL, GET_KEYRING_ID, SESSION_KEYRING, DO_NOT_CREATE] = [250, 0, -3, 0];
  if (process.arch !== "x64") skip("the number of keyctl is known for x86-64 only");
  const bundle = t.bundle((config) => {
    config.process.args = ["/bin/probe", "call", ...[KEYCTL, GET_KEYRING_ID, SESSION_KEYRING, DO_NOT_CREATE].map(String)];
  });
  fs.copyFileSync(probe(), join(bundle.rootfs, "bin/probe"));
  const serial = async (...options: readonly string[]): Promise<string> =>
    output(await t.runtime(["run", ...options, "--bundle", bundle.path, t.id()]));
  const inherited = await serial("--no-new-keyring");
  assert.is(await serial("--no-new-keyring"), inherited);
  assert.is.not(await serial(), inherited);
  assert.is.not(await serial(), await serial());
});

test("PRC-09 PRC-15 what is for other platforms is ignored", async (t) => {
  const text = await inside(t, "id -u", (config) => {
    config.process["commandLine"] = "cmd.exe";
    config.process["user"] = { uid: 7, gid: 7, username: "root" };
  });
  assert.is(text, "7\n");
});

test("PRC-03 consoleSize is ignored without a terminal", async (t) => {
  assert.is(await inside(t, "echo up", (config) => (config.process["consoleSize"] = { height: 10, width: 20 })), "up\n");
});

test("the program of a container without a pid namespace is known by its pid of the host", async (t) => {
  const container = await created(t, (config) => without(config, "pid"));
  await container.start();
  const { pid } = await container.state();
  assert.is(await container.proc("comm"), "sleep\n");
  assert.match(await container.proc("status"), new RegExp(`^NSpid:\t${pid}$`, "m"));
});

test("an exit status arrives from a program of another user, too", async (t) => {
  const result = await run(t, "exit 9", (config) => (config.process.user = { uid: 65534, gid: 65534 }));
  assert.is(result.status, 9);
});

/** The environment of the program, sorted. */
async function environment(t: Ground, env: string[]): Promise<string[]> {
  const bundle: Bundle = t.bundle((config) => {
    config.process.env = env;
    config.process.args = ["/bin/cat", "/proc/self/environ"];
  });
  return output(await runBundle(t, bundle)).split("\0").slice(0, -1).sort();
}

/** From /proc/PID/limits: soft and hard by the name behind RLIMIT_. */
function parseLimits(text: string): Map<string, [soft: number, hard: number]> {
  const names: Readonly<Record<string, string>> = {
    "address space": "AS",
    "core file size": "CORE",
    "cpu time": "CPU",
    "data size": "DATA",
    "file size": "FSIZE",
    "file locks": "LOCKS",
    "locked memory": "MEMLOCK",
    "msgqueue size": "MSGQUEUE",
    "nice priority": "NICE",
    "open files": "NOFILE",
    processes: "NPROC",
    "resident set": "RSS",
    "realtime priority": "RTPRIO",
    "realtime timeout": "RTTIME",
    "pending signals": "SIGPENDING",
    "stack size": "STACK",
  };
  const value = (word: string): number => (word === "unlimited" ? Infinity : Number(word));
  return new Map(
    [...text.matchAll(/^Max (.+?)  +(\w+) +(\w+)/gm)].map(([, name = "", soft = "", hard = ""]) => [names[name] ?? name, [value(soft), value(hard)]]),
  );
}

function without(config: BundleConfig, namespace: string): void {
  config.linux.namespaces = config.linux.namespaces.filter(({ type }) => type !== namespace);
}

test.run();
