/** The specification's own schemas and samples: what the runtime prints is valid, and what it reads it judges as they do. */

import * as fs from "node:fs";
import { basename, join } from "node:path";
import * as assert from "uvu/assert";
import type { BundleConfig } from "../test/bundle.ts";
import { skip } from "../test/harness.ts";
import { created, output, silent } from "./containers.ts";
import { sampleFolder, schemaErrors } from "./official-validator.ts";
import type { Kind } from "./official-validator.ts";
import { suite } from "./suite.ts";

const test = suite("official schema");

const samples = sampleFolder();

/** Paths of the samples of a kind, `good` or `bad`; none when there are no samples. */
function samplesOf(kind: Kind, verdict: string): string[] {
  if (typeof samples === "string") return [];
  const folder = join(samples.folder, kind, verdict);
  return fs.readdirSync(folder).map((name) => join(folder, name));
}

test("the samples are there", () => {
  if (typeof samples === "string") skip(samples);
  assert.ok(samplesOf("config", "good").length >= 6 && samplesOf("config", "bad").length >= 3);
});

for (const kind of ["config", "state", "features"] as const) {
  test(`the schema of ${kind} judges its samples as they are called`, () => {
    if (typeof samples === "string") skip(samples);
    for (const path of samplesOf(kind, "good")) assert.is(schemaErrors(kind, JSON.parse(fs.readFileSync(path, "utf8"))), "", path);
    for (const path of samplesOf(kind, "bad").filter((each) => basename(each) !== "invalid-json.json")) {
      assert.is.not(schemaErrors(kind, JSON.parse(fs.readFileSync(path, "utf8"))), "", path);
    }
  });
}

/** Nothing in a config for another platform is an error on this one. */
const OTHER_PLATFORM = /^(freebsd|solaris|vm|windows|zos)-/;

for (const path of samplesOf("config", "bad").filter((each) => !OTHER_PLATFORM.test(basename(each)))) {
  test(`G-04 the sample ${basename(path)}, which is bad, is an error`, async (t) => {
    const bundle = t.bundle();
    bundle.write(fs.readFileSync(path, "utf8"));
    const id = t.id();
    const result = await t.runtime(["create", "--bundle", bundle.path, id]);
    assert.is.not(result.status, 0);
    assert.is.not(result.stderr, "");
    assert.equal(t.leftovers(id), []);
  });
}

for (const path of samplesOf("config", "good").filter((each) => basename(each).includes("minimal"))) {
  test(`the sample ${basename(path)}, which is good, makes a container`, async (t) => {
    const bundle = t.bundle();
    bundle.write(fs.readFileSync(path, "utf8"));
    const id = t.id();
    silent(await t.runtime(["create", "--bundle", bundle.path, id]));
    assert.is((JSON.parse(output(await t.runtime(["state", id]))) as { status: string }).status, "created");
  });
}

test("ST-08 the state is valid in every status", async (t) => {
  const container = await created(t, (config) => {
    config.annotations = { "org.example.key": "value" };
  });
  const seen: string[] = [];
  const look = async (): Promise<void> => {
    const state = await container.state();
    assert.is(schemaErrors("state", state), "");
    seen.push(state.status);
  };
  await look();
  await container.start();
  await look();
  await container.end();
  await look();
  assert.equal(seen, ["created", "running", "stopped"]);
});

test("ST-08 the state that hooks are given is valid", async (t) => {
  const names = ["prestart", "createRuntime", "createContainer", "poststart", "poststop"];
  const container = await created(t, (config) => {
    const hook = (name: string): object => ({ path: "/bin/sh", args: ["sh", "-c", `cat >${join(t.folder, name)}`] });
    config.hooks = Object.fromEntries(names.map((name) => [name, [hook(name)]])) as NonNullable<BundleConfig["hooks"]>;
  });
  await container.start();
  await container.end();
  output(await container.verb("delete"));
  for (const name of names) assert.is(schemaErrors("state", JSON.parse(fs.readFileSync(join(t.folder, name), "utf8"))), "", name);
});

test("FE-01 features is valid", async (t) => {
  const { status, stdout } = await t.runtime(["features"]);
  if (status !== 0) skip("this runtime has no features");
  assert.is(schemaErrors("features", JSON.parse(stdout)), "");
});

test.run();
