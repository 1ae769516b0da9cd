/** criu's reasons, from logs as it writes them. */

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { reasonsIn, refusal } from "./log.ts";
import type { Response } from "./generated/rpc.ts";

const test = suite("criu/log");

const LOG = `(00.054212) Error (criu/util.c:1534): rlimit: Can't setup RLIMIT_NOFILE for self: Operation not permitted
(00.075924) Dumping path for 0 fd via self 18 [/dev/null]
(00.075983) Error (criu/files-reg.c:1790): Can't lookup mount=27 for fd=1 path=/tmp/out
(00.075987) ----------------------------------------
(00.076008) Error (criu/cr-dump.c:1545): Dump files (pid: 25720) failed with -1
(00.126082) Error (criu/cr-dump.c:1975): Dumping FAILED.
`;
const REFUSED: Response = {
  type: 1,
  success: false,
  restore: undefined,
  notify: undefined,
  cr_errno: 0,
  features: undefined,
  cr_errmsg: undefined,
  version: undefined,
};

test("reasonsIn() takes the errors, without what says nothing", () => {
  assert.equal(reasonsIn(LOG), ["Can't lookup mount=27 for fd=1 path=/tmp/out", "Dump files (pid: 25720) failed with -1"]);
});

test("reasonsIn() takes the last of many, also those that name a process", () => {
  const log = [1, 2, 3, 4].map((number) => `(00.${number})     ${number}: Error (criu/mount.c:${number}): mnt: reason ${number}\n`).join("");
  assert.equal(reasonsIn(log), ["mnt: reason 2", "mnt: reason 3", "mnt: reason 4"]);
});

test("refusal() without a log tells what the answer tells", () => {
  const path = "/nowhere/dump.log";
  assert.is(refusal("checkpoint it", { ...REFUSED, cr_errno: 3 }, path).message, `cannot checkpoint it: criu: ESRCH: no such process (${path})`);
  assert.is(refusal("checkpoint it", { ...REFUSED, cr_errmsg: "words" }, path).message, `cannot checkpoint it: criu: words (${path})`);
  assert.is(refusal("checkpoint it", REFUSED, path).message, `cannot checkpoint it: criu: it failed (${path})`);
});

test("refusal() says what helps, where criu does not", () => {
  const folder = mkdtempSync(join(tmpdir(), "tsrun-log-"));
  const path = join(folder, "restore.log");
  writeFileSync(path, "(00.143525)      1: Error (criu/mount.c:2955): mnt: Can't create a temporary directory: Read-only file system\n");
  const { message } = refusal("restore it", REFUSED, path);
  rmSync(folder, { recursive: true });
  assert.is(
    message,
    `cannot restore it: criu: mnt: Can't create a temporary directory: Read-only file system (${path}); a root that is read-only needs a folder "tmp", which criu uses for a moment`,
  );
});

test.run();
