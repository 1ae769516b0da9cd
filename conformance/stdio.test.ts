/** Descriptors: what the program finds open, and what it must not (runtime-linux.md#file-descriptors). */

import * as fs from "node:fs";
import * as assert from "uvu/assert";
import type { Ground } from "../test/harness.ts";
import { created, file, fromShell, output, read, refused, running, script, silent, waitFor } from "./containers.ts";
import { onlyOurs, suite } from "./suite.ts";

const test = suite("descriptors");

/** Prints the shell's descriptors; the shell itself has the directory open meanwhile, in the lowest place that is free. */
const LIST = "cd /proc/$$/fd; echo *";

function listing(t: Ground): string {
  return t.bundle((config) => script(config, LIST)).path;
}

test("RL-01 only 0, 1 and 2 are open", async (t) => {
  assert.is(output(await t.runtime(["run", "--bundle", listing(t), t.id()])), "0 1 2 3\n");
});

test("RL-01 what the caller has open beyond does not reach the program", async (t) => {
  const result = await fromShell(t, "exec 3</etc 4</etc 5</etc/passwd 9</etc/passwd 20</", ["run", "--bundle", listing(t), t.id()]);
  assert.is(output(result), "0 1 2 3\n");
});

test("RL-01 init, waiting for start, has no descriptor of a host directory or file (CVE-2024-21626)", async (t) => {
  const container = await created(t);
  const { pid } = await container.state();
  const links = fs.readdirSync(`/proc/${pid}/fd`).map((fd) => [Number(fd), fs.readlinkSync(`/proc/${pid}/fd/${fd}`)] as const);
  const beyond = links.filter(([fd]) => fd > 2).map(([, link]) => link);
  const harmless = /^(\/|pipe:.*|socket:.*|anon_inode:.*|\/memfd:.*|.*exec\.fifo)$/;
  assert.equal(beyond.filter((link) => !harmless.test(link)), []);
});

test("RL-01 a created container's program finds only 0, 1 and 2", async (t) => {
  const container = await running(t);
  const { pid } = await container.state();
  assert.equal(fs.readdirSync(`/proc/${pid}/fd`), ["0", "1", "2"]);
});

test("create gives its own standard streams to the program", async (t) => {
  const bundle = t.bundle((config) => script(config, "cat; echo to error >&2; touch /tmp/done"));
  bundle.config.root.readonly = false;
  bundle.write();
  const id = t.id();
  fs.writeFileSync(file(t, "in"), "from the caller\n");
  const result = await fromShell(t, `exec <${file(t, "in")} >${file(t, "out")} 2>${file(t, "err")}`, ["create", "--bundle", bundle.path, id]);
  assert.is(result.status, 0);
  const pid = (JSON.parse(output(await t.runtime(["state", id]))) as { pid: number }).pid;
  assert.equal([0, 1, 2].map((fd) => fs.readlinkSync(`/proc/${pid}/fd/${fd}`)), [file(t, "in"), file(t, "out"), file(t, "err")]);
  silent(await t.runtime(["start", id]));
  await waitFor("the program has written all", () => read(file(t, "err")) === "to error\n");
  assert.equal([read(file(t, "out")), read(file(t, "err"))], ["from the caller\n", "to error\n"]);
});

test("RL-02 --preserve-fds passes as many as it says from 3 on, and no more", async (t) => {
  const bundle = t.bundle((config) => script(config, `${LIST}; cat <&3; cat <&4`));
  for (const name of ["three", "four", "five"]) fs.writeFileSync(file(t, name), `${name}\n`);
  const open = `exec 3<${file(t, "three")} 4<${file(t, "four")} 5<${file(t, "five")}`;
  assert.is(output(await fromShell(t, open, ["run", "--preserve-fds", "2", "--bundle", bundle.path, t.id()])), "0 1 2 3 4 5\nthree\nfour\n");
});

test("RL-02 --preserve-fds works with create and start, too", async (t) => {
  const bundle = t.bundle();
  bundle.config.process.args = ["/bin/sleep", "100"];
  bundle.write();
  const id = t.id();
  fs.writeFileSync(file(t, "three"), "");
  silent(await fromShell(t, `exec 3<${file(t, "three")}`, ["create", "--preserve-fds=1", "--bundle", bundle.path, id]));
  silent(await t.runtime(["start", id]));
  const pid = (JSON.parse(output(await t.runtime(["state", id]))) as { pid: number }).pid;
  assert.equal(fs.readdirSync(`/proc/${pid}/fd`), ["0", "1", "2", "3"]);
  assert.is(fs.readlinkSync(`/proc/${pid}/fd/3`), file(t, "three"));
});

test("RL-02 --preserve-fds of what is not open is an error", async (t) => {
  const result = await fromShell(t, "exec 3<&- 4<&-", ["run", "--preserve-fds", "9", "--bundle", listing(t), t.id()]);
  refused(result, /preserve/);
});

test("--preserve-fds never passes a descriptor of the runtime's own", async (t) => {
  onlyOurs("runc takes its own for the caller's");
  const result = await fromShell(t, "exec 3<&- 4<&-", ["run", "--preserve-fds", "1", "--bundle", listing(t), t.id()]);
  refused(result, "cannot preserve descriptor 3");
});

test("--preserve-fds of what is no number is an error", async (t) => {
  for (const value of ["x", "1.5"]) {
    assert.is((await t.runtime(["run", `--preserve-fds=${value}`, "--bundle", listing(t), t.id()])).status, 1, value);
  }
});

test("RL-02 the sockets of LISTEN_FDS come first, and the program is told of them", async (t) => {
  const bundle = t.bundle((config) => script(config, 'echo "$LISTEN_FDS $LISTEN_PID"; cat <&3; cat <&4'));
  for (const name of ["three", "four"]) fs.writeFileSync(file(t, name), `${name}\n`);
  const open = `exec 3<${file(t, "three")} 4<${file(t, "four")}; export LISTEN_FDS=1 LISTEN_PID=$$`;
  assert.is(output(await fromShell(t, open, ["run", "--preserve-fds", "1", "--bundle", bundle.path, t.id()])), "1 1\nthree\nfour\n");
});

test("LISTEN_FDS for another process means nothing", async (t) => {
  const bundle = t.bundle((config) => script(config, 'echo "[$LISTEN_FDS]"; ls /proc/self/fd | wc -l'));
  const open = `exec 3</dev/null; export LISTEN_FDS=1 LISTEN_PID=1`;
  // ls has one of its own for the folder.
  assert.is(output(await fromShell(t, open, ["run", "--bundle", bundle.path, t.id()])), "[]\n4\n");
});

test("a standard stream that the caller has closed is no descriptor of the runtime's in the container", async (t) => {
  onlyOurs("others pass what happens to be there");
  const bundle = t.bundle((config) => script(config, "ls -l /proc/$$/fd 2>/dev/null >&1; exit 0"));
  const result = await fromShell(t, "exec 0<&-", ["run", "--bundle", bundle.path, t.id()]);
  assert.is(result.status, 0);
  assert.not.match(result.stdout, / 0 -> (?!\/dev\/null)/);
});

test("run leaves the caller's pipe blocking, and loses nothing when its reader stalls", async (t) => {
  const bundle = t.bundle((config) => script(config, "yes 0123456789 | head -c 300000"));
  const result = await fromShell(
    t,
    // The runtime's own exit status is the shell's, its output goes through a pipe whose reader sleeps first.
    `"$0" "$@" | { sleep 0.3; wc -c; }; exit 0`,
    ["run", "--bundle", bundle.path, t.id()],
  );
  assert.is(result.stdout.trim(), "300000");
});

test("the working directory of the caller is not within the program's reach", async (t) => {
  const container = await running(t);
  const { pid } = await container.state();
  assert.is(fs.readlinkSync(`/proc/${pid}/cwd`), "/");
  assert.is(fs.readlinkSync(`/proc/${pid}/root`), "/");
});

test("the caller's environment does not reach the program", async (t) => {
  const bundle = t.bundle((config) => (config.process.args = ["/bin/cat", "/proc/self/environ"]));
  const result = await t.runtime(["run", "--bundle", bundle.path, t.id()], { env: { SECRET_OF_THE_CALLER: "1" } });
  assert.not.match(output(result), "SECRET_OF_THE_CALLER");
});

test.run();
