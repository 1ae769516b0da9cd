/** The options of checkpoint and restore, and what they mean. */

import { suite } from "uvu";
import * as assert from "uvu/assert";
import { UsageError } from "../errors.ts";
import { checkpointChoices, restoreChoices } from "./criu-choices.ts";
import type { Invocation } from "./invocation.ts";
import { VERBS } from "./options.ts";
import { parseArguments } from "./parse.ts";

const test = suite("cli/criu-choices");

/** A call from `/here`, with a descriptor 7. */
function call(verb: string, argv: readonly string[]): Invocation {
  const parsed = parseArguments(argv, { options: VERBS.find(({ name }) => name === verb)?.options ?? [] });
  const path = (given: string): string => (given.startsWith("/") ? given : `/here/${given}`);
  return { parsed, path, launch: { fds: [0, 1, 2, 7] } } as unknown as Invocation;
}

const NOTHING = { tcpEstablished: false, extUnixSk: false, shellJob: false, fileLocks: false, autoDedup: false, lazyPages: false };

test("without options the images are in ./checkpoint, and nothing is allowed", () => {
  const own = { preDump: false, leaveRunning: false, tcpSkipInFlight: false, linkRemap: false };
  assert.equal(checkpointChoices(call("checkpoint", ["one"])), { imagePath: "/here/checkpoint", ...NOTHING, ...own });
  assert.equal(restoreChoices(call("restore", ["one"])), { imagePath: "/here/checkpoint", ...NOTHING });
});

test("empty values are none, as callers pass them", () => {
  const argv = ["--image-path", "", "--work-path=", "--parent-path=", "--manage-cgroups-mode=", "--page-server=", "--status-fd=-1"];
  assert.equal(checkpointChoices(call("checkpoint", argv)), checkpointChoices(call("checkpoint", [])));
});

test("checkpointChoices() reads all of runc's options", () => {
  const switches = ["--tcp-established", "--ext-unix-sk", "--shell-job", "--file-locks", "--auto-dedup", "--lazy-pages", "--pre-dump", "--leave-running", "--tcp-skip-in-flight", "--link-remap"];
  const values = ["--image-path=i", "--work-path=/w", "--parent-path=../p", "--manage-cgroups-mode=ignore", "--empty-ns=network", "--status-fd=7", "--page-server=[2001:db8::1]:99"];
  const { imagePath, workPath, parentPath, manageCgroupsMode, statusFd, pageServer, ...rest } = checkpointChoices(call("checkpoint", [...switches, ...values]));
  assert.equal([imagePath, workPath, parentPath, manageCgroupsMode, statusFd], ["/here/i", "/w", "../p", "ignore", 7]);
  assert.equal(pageServer, { address: "2001:db8::1", port: 99 });
  assert.is(Object.keys(rest).length, switches.length);
  assert.ok(Object.values(rest).every((value) => value === true));
});

test("restoreChoices() reads the profile and the context of mounts", () => {
  const { lsmProfile, lsmMountContext } = restoreChoices(call("restore", ["--lsm-profile=apparmor:a", "--lsm-mount-context=b"]));
  assert.equal([lsmProfile, lsmMountContext], ["apparmor:a", "b"]);
});

for (const option of ["--manage-cgroups-mode=all", "--empty-ns=pid", "--status-fd=x", "--status-fd=8", "--page-server=host", "--page-server=:1", "--page-server=host:65536", "--page-server=1:2:3"]) {
  test(`${option} is refused by name`, () => {
    assert.throws(() => checkpointChoices(call("checkpoint", [option])), (error: unknown) => {
      return error instanceof UsageError && error.message.startsWith(`cannot use option "${option.split("=")[0] ?? ""}": `);
    });
  });
}

test.run();
