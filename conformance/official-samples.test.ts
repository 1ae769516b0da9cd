/** The official samples of the specification: the schemas, and the runtime, judge them as they are called. */

import * as fs from "node:fs";
import { basename, join } from "node:path";
import * as assert from "uvu/assert";
import { skip } from "../test/harness.ts";
import { output, silent } from "./containers.ts";
import { sampleFolder, schemaErrors } from "./official.ts";
import { suite } from "./suite.ts";

const test = suite("official samples");

const KINDS = ["config", "state", "features"] as const;

const samples = sampleFolder();

/** Paths of the samples of a kind, `good` or `bad`; none when there are no samples. */
function samplesOf(kind: (typeof KINDS)[number], verdict: string): string[] {
  if (typeof samples === "string") return [];
  const folder = join(samples.folder, kind, verdict);
  return fs.readdirSync(folder).map((name) => join(folder, name));
}

test("the samples are there", () => {
  if (typeof samples === "string") skip(samples);
  assert.ok(samplesOf("config", "good").length >= 6 && samplesOf("config", "bad").length >= 3);
});

for (const kind of KINDS) {
  test(`the schema of ${kind} judges its samples as they are called`, () => {
    if (typeof samples === "string") skip(samples);
    const errors = (path: string): string => schemaErrors(`${kind}-schema.json`, JSON.parse(fs.readFileSync(path, "utf8")));
    for (const path of samplesOf(kind, "good")) assert.is(errors(path), "", path);
    for (const path of samplesOf(kind, "bad").filter((each) => basename(each) !== "invalid-json.json")) assert.is.not(errors(path), "", path);
  });
}

/** Nothing in a config for another platform is an error on this one. */
const OTHER_PLATFORM = /^(freebsd|solaris|vm|windows|zos)-/;

for (const path of samplesOf("config", "bad").filter((each) => !OTHER_PLATFORM.test(basename(each)))) {
  test(`G-04 ${basename(path)}, which is bad, is an error`, async (t) => {
    const bundle = t.bundle();
    bundle.write(fs.readFileSync(path, "utf8"));
    const id = t.id();
    const result = await t.runtime(["create", "--bundle", bundle.path, id]);
    assert.is.not(result.status, 0);
    assert.is.not(result.stderr, "");
    assert.equal(t.leftovers(id), []);
  });
}

/** The others ask for what few machines have. */
for (const path of samplesOf("config", "good").filter((each) => basename(each).includes("minimal"))) {
  test(`${basename(path)}, which is good, makes a container`, async (t) => {
    const bundle = t.bundle();
    bundle.write(fs.readFileSync(path, "utf8"));
    const id = t.id();
    silent(await t.runtime(["create", "--bundle", bundle.path, id]));
    assert.is((JSON.parse(output(await t.runtime(["state", id]))) as { status: string }).status, "created");
  });
}

test.run();
