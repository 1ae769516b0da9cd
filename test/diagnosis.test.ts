/** What tsrun says when something goes wrong: always once, where the caller looks for it, with the cause and not only the errno. */

import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { needs, suite } from "./harness.ts";
import type { Ground } from "./harness.ts";
import { PROJECT } from "./runtime.ts";

const test = suite("diagnosis");

/** The messages of level error in a log of JSON lines. */
function errorsIn(t: Ground): string[] {
  const lines = fs.readFileSync(join(t.folder, "log"), "utf8").split("\n").filter((line) => line !== "");
  const records = lines.map((line) => JSON.parse(line) as { level: string; msg: string; time: string });
  return records.filter(({ level }) => level === "error").map(({ msg }) => msg);
}

for (const [words, status, message] of [
  [["--log", "LOG", "--log-format", "json", "--nope", "list"], 1, 'cannot use option "--nope": flag provided but not defined'],
  [["--nope", "--log=LOG", "--log-format=json"], 1, 'cannot use option "--nope": flag provided but not defined'],
  [["--log", "LOG", "--log-format", "json", "--root"], 1, 'cannot use option "--root": it needs a value'],
  [["--log-format", "json", "--log", "LOG", "nope"], 3, "No help topic for 'nope': it is not a command of tsrun (tsrun --help)"],
  [["--log-format", "json", "--log", "LOG", "state"], 1, "cannot state: it needs a container id (tsrun state --help)"],
] as const) {
  test(`--log has exactly one error of the command line ${words.join(" ")}`, async (t) => {
    const log = join(t.folder, "log");
    const { status: ended } = await t.runtime(words.map((word) => word.replace("LOG", log)));
    assert.equal([ended, errorsIn(t)], [status, [message]]);
  });
}

for (const [what, code] of [
  ["an exception that nobody catches", 'setTimeout(() => { throw new Error("told"); }, 200);'],
  ["a rejection that nobody waits for", 'setTimeout(() => void Promise.reject(new Error("told")), 200);'],
  ["what is thrown and is no error", 'setTimeout(() => { throw "told"; }, 200);'],
] as const) {
  test(`--log has exactly one error of ${what} in the JavaScript`, (t) => {
    needs("root");
    const bundle = t.bundle((config) => {
      config.hooks = { createRuntime: [{ path: "/bin/sleep", args: ["sleep", "5"], timeout: 5 }] };
    });
    const fault = join(t.folder, "fault.mjs");
    fs.writeFileSync(fault, code);
    const main = join(PROJECT, "dist/js/src/cli/main.js");
    const options = ["--root", t.stateRoot, "--log", join(t.folder, "log"), "--log-format", "json"];
    const command = ["--import", fault, main, ...options, "create", "--bundle", bundle.path, t.id()];
    const { status, stderr } = spawnSync(process.execPath, command, { encoding: "utf8" });
    assert.equal([status, errorsIn(t)], [1, ["internal error: told"]]);
    assert.is(stderr, "tsrun: internal error: told\n", "no stack trace");
  });
}

test.run();
