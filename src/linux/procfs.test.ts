/** Tests of the readers of /proc/PID and of /etc/passwd. */

import { readFileSync } from "node:fs";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { hasArguments, isDead, parseExit, parseNspid, parseStat, parseStatus } from "./procfs.ts";

const test = suite("linux/procfs");

const REST = "S 1 42 43 0 -1 4194304 100 0 0 0 1 2 0 0 20 0 1 0 987654 1000 200 18446744073709551615 1 1";

test("parseStat() reads the start time, which is field 22", () => {
  assert.equal(parseStat(`42 (sleep) ${REST}\n`), {
    pid: 42,
    comm: "sleep",
    state: "S",
    ppid: 1,
    pgrp: 42,
    session: 43,
    startTime: 987654,
  });
});

for (const comm of [") R 7 (", "a) S 1 2 3", "((", "))", "", "a\nb"]) {
  test(`parseStat() is not misled by the name ${JSON.stringify(comm)}`, () => {
    const stat = parseStat(`42 (${comm}) ${REST}\n`);
    assert.is(stat?.comm, comm);
    assert.is(stat?.ppid, 1);
    assert.is(stat?.startTime, 987654);
  });
}

for (const text of ["", "42", "42 (sleep) S 1", "42 )sleep( S"]) {
  test(`parseStat() gives undefined for "${text}"`, () => assert.is(parseStat(text), undefined));
}

test("parseStat() reads this process", () => {
  const stat = parseStat(readFileSync("/proc/self/stat", "utf8"));
  assert.is(stat?.pid, process.pid);
  assert.is(stat?.ppid, process.ppid);
  assert.ok((stat?.startTime ?? 0) > 0);
});

test("isDead() knows zombies", () => {
  const stat = parseStat(`42 (sleep) ${REST}`);
  assert.ok(stat);
  assert.not(isDead(stat));
  assert.ok(isDead({ ...stat, state: "Z" }));
  assert.ok(isDead({ ...stat, state: "X" }));
});

test("hasArguments() looks at field 48", () => {
  assert.ok(hasArguments(readFileSync("/proc/self/stat", "utf8")));
  // A thread of the kernel has no memory of its own.
  assert.not(hasArguments(`2 (a) 0 (kthreadd) S ${Array(60).fill("0").join(" ")}`));
  const fields = Array<string>(49).fill("0");
  fields[48 - 4] = "4096";
  assert.ok(hasArguments(`2 (a) S ${fields.join(" ")}`));
  assert.not(hasArguments(`42 (sleep) ${REST}`));
});

test("parseStatus() reads values by name", () => {
  const status = parseStatus(readFileSync("/proc/self/status", "utf8"));
  assert.is(status.get("Pid"), String(process.pid));
  assert.is(parseStatus("Name:\ta:b\nUmask:\t0022\n").get("Name"), "a:b");
});

test("parseNspid() lists the pids from outside in", () => {
  assert.equal(parseNspid("Name:\tx\nNSpid:\t1234\t7\t1\n"), [1234, 7, 1]);
  assert.equal(parseNspid("Name:\tx\n"), []);
});

test("parseExit() reads how a process ended, whatever its name", () => {
  const zeros = "0 ".repeat(48);
  assert.equal(parseExit(`7 (a) b) Z ${zeros}256\n`), { code: 1, signal: 0 });
  // A core dump (0x80) or not: the signal is the same.
  assert.equal(parseExit(`7 (x) Z ${zeros}159\n`), { code: 0, signal: 31 });
});

test.run();
