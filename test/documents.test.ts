/** What the program says of itself: manual pages that man can read, and completions that shells can. */

import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { needs, suite } from "./harness.ts";
import type { Ground } from "./harness.ts";
import { VERBS } from "../src/cli/options.ts";
import { RUNTIME } from "./runtime.ts";

const documents = suite("documents");

/** What bash would offer after these words. */
async function offers(t: Ground, ...words: readonly string[]): Promise<string[]> {
  const { stdout: script } = await t.runtime(["completion", "bash"]);
  const call = `tsrun() { '${RUNTIME}' "$@"; }\n${script}\nCOMP_WORDS=(tsrun "$@"); COMP_CWORD=$#; _tsrun; printf '%s\\n' "\${COMPREPLY[@]}"`;
  const { stdout, stderr, status } = spawnSync("bash", ["-c", call, "bash", ...words], { encoding: "utf8", cwd: t.folder });
  assert.is(status, 0, stderr);
  return stdout.split("\n").filter((word) => word !== "");
}

documents("every verb has a manual page that groff reads without a warning", async (t) => {
  needs("groff");
  for (const name of ["", ...VERBS.map((verb) => verb.name)]) {
    const { stdout, status } = await t.runtime(["manual", ...(name === "" ? [] : [name])]);
    assert.is(status, 0);
    const read = spawnSync("groff", ["-man", "-Tutf8", "-ww", "-z"], { input: stdout, encoding: "utf8" });
    assert.is(read.stderr, "", name);
  }
});

documents("a manual page names each option", async (t) => {
  for (const { name, options } of VERBS) {
    const page = (await t.runtime(["manual", name])).stdout.replaceAll("\\-", "-");
    for (const option of options) assert.is(page.includes(`--${option.name}\\fR`), option.hidden !== true, `${name} --${option.name}`);
  }
});

documents("bash completes verbs, options and container ids", async (t) => {
  needs("root");
  assert.equal(await offers(t, "sta"), ["start", "state", "stats"]);
  assert.equal(await offers(t, "--root", "/x", "sta"), ["start", "state", "stats"]);
  assert.equal((await offers(t, "run", "--no-p")), ["--no-pivot"]);
  const id = t.id();
  assert.is((await t.runtime(["create", "--bundle", t.bundle().path, id])).status, 0);
  assert.equal(await offers(t, "--root", t.stateRoot, "start", id.slice(0, -1)), [id]);
});

documents("bash completes what an argument or a value can be, and nothing where that is the user's to say", async (t) => {
  assert.equal(await offers(t, "completion", ""), ["bash", "zsh", "fish"]);
  assert.equal(await offers(t, "manual", "sta"), ["start", "state", "stats"]);
  assert.equal(await offers(t, "mounts", "a"), ["add"]);
  assert.equal(await offers(t, "--log-format", ""), []);
  assert.equal(await offers(t, "exec", "--user", ""), []);
  writeFileSync(join(t.folder, "here"), "");
  assert.equal(await offers(t, "run", "-b", "he"), ["here"]);
  // A flag here, and list's format there.
  assert.equal(await offers(t, "spec", "-f", "he"), ["here"]);
});

for (const [shell, check] of [["zsh", ["-n"]], ["fish", ["--no-execute"]], ["bash", ["-n"]]] as const) {
  documents(`the completion for ${shell} is a script that it can read`, async (t) => {
    needs(shell);
    const { stdout } = await t.runtime(["completion", shell]);
    const { status, stderr } = spawnSync(shell, check, { input: stdout, encoding: "utf8" });
    assert.is(status, 0, stderr);
  });
}

documents("other shells and commands are refused", async (t) => {
  assert.match((await t.runtime(["completion", "tcsh"])).stderr, "the shells are bash, zsh and fish");
  assert.match((await t.runtime(["manual", "none"])).stderr, '"none" is no command');
});

documents.run();
