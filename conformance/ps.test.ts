/** `ps`: the processes of a container, as the host sees them. */

import * as assert from "uvu/assert";
import { created, output, refused, running, script, waitFor } from "./containers.ts";
import type { Container } from "./containers.ts";
import { suite } from "./suite.ts";

const test = suite("ps");

async function pids(container: Container): Promise<number[]> {
  return JSON.parse(output(await container.verb("ps", "--format=json"))) as number[];
}

test("--format json lists the pids, children and theirs among them", async (t) => {
  const container = await running(t, (config) => script(config, "sleep 100 & (sleep 100 & exec sleep 100) & exec sleep 100"));
  await waitFor("all processes are there", async () => (await pids(container)).length === 4);
  assert.ok((await pids(container)).includes((await container.state()).pid));
  assert.ok(output(await t.runtime(["ps", "-f", "json", container.id])).endsWith("]\n"));
});

test("the table is that of ps -ef, of the container's processes only", async (t) => {
  const container = await running(t, (config) => script(config, "sleep 12345 & exec sleep 12345"));
  await waitFor("both processes are there", async () => (await pids(container)).length === 2);
  const [heading = "", ...lines] = output(await container.verb("ps")).trimEnd().split("\n");
  assert.match(heading, /^UID +PID +PPID .*CMD$/);
  assert.is(lines.length, 2);
  for (const line of lines) assert.match(line, /sleep 12345$/);
  const inLines = lines.map((line) => Number(line.trim().split(/\s+/)[1])).sort((a, b) => a - b);
  assert.equal(inLines, (await pids(container)).sort((a, b) => a - b));
  assert.is(output(await container.verb("ps", "--format=table")).split("\n")[0], heading);
});

test("what follows the id are options for ps", async (t) => {
  const container = await running(t, (config) => (config.process.args = ["/bin/sleep", "100"]));
  const { id } = container;
  assert.match(output(await t.runtime(["ps", id, "-o", "pid,comm"])), /^ +PID COMMAND\n *\d+ sleep\n$/);
  assert.match(output(await t.runtime(["ps", "--format", "table", id, "aux"])), /^USER +PID .*\nroot .*sleep 100\n$/);
});

test("options for ps that do not show the pid, or that it does not know, are errors", async (t) => {
  const { id } = await running(t);
  refused(await t.runtime(["ps", id, "-o", "comm"]), /PID/);
  refused(await t.runtime(["ps", id, "--no-such-option"]), /no-such-option|unknown/);
});

test("a created container has its init", async (t) => {
  const container = await created(t);
  assert.equal(await pids(container), [(await container.state()).pid]);
});

test("a stopped container has no processes, which is no error", async (t) => {
  const container = await running(t);
  await container.end();
  assert.match(output(await container.verb("ps")), /^UID +PID .*\n$/);
  assert.is(output(await container.verb("ps", "--format=json")), "null\n");
});

test("another format, or no container, is an error", async (t) => {
  const container = await running(t);
  refused(await container.verb("ps", "--format=xml"), /format/);
  refused(await t.runtime(["ps", t.id()]), /does not exist/);
  assert.is((await t.runtime(["ps"])).status, 1);
});

test.run();
