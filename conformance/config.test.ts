/** What config.json may hold: what is refused, what is ignored, and how it is told (config.md, checklist 8). */

import * as fs from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import type { BundleConfig } from "../test/bundle.ts";
import type { Ground } from "../test/harness.ts";
import type { Result } from "../test/runtime.ts";
import { cannotCreate, inside, output, refused, runBundle } from "./containers.ts";
import { refusesAll, wrong } from "./refusals.ts";
import { onlyOurs, suite } from "./suite.ts";

const test = suite("config");

/** Tries to create a container from a text. */
async function createFrom(t: Ground, text: string): Promise<Result> {
  const bundle = t.bundle();
  bundle.write(text);
  return t.runtime(["create", "--bundle", bundle.path, t.id()]);
}

function changed(t: Ground, change: (config: BundleConfig) => void): string {
  const bundle = t.bundle(change);
  return fs.readFileSync(join(bundle.path, "config.json"), "utf8");
}

test("G-02 what is no JSON is an error with its place, and no stack trace", async (t) => {
  for (const text of ["", "{", "[]", "null", "7", '{"ociVersion": "1.0.2",}', "\u0000", '{"ociVersion": 1.0.2}', '"config"']) {
    const result = await createFrom(t, text);
    refused(result, /./);
    assert.not.match(result.stderr, /\n +at |internal error|goroutine/);
  }
});

test("G-02 a byte order mark, and bytes that are no UTF-8, are an error and no crash", async (t) => {
  const bundle = t.bundle();
  const good = fs.readFileSync(join(bundle.path, "config.json"));
  for (const bytes of [Buffer.concat([Buffer.from([0xef, 0xbb, 0xbf]), good]), Buffer.concat([good.subarray(0, 30), Buffer.from([0xff, 0xfe]), good.subarray(30)])]) {
    fs.writeFileSync(join(bundle.path, "config.json"), bytes);
    const result = await t.runtime(["create", "--bundle", bundle.path, t.id()]);
    assert.not.match(result.stderr, /\n +at |internal error|goroutine/);
  }
});

test("G-02 a name that is there twice is an error", async (t) => {
  refused(await createFrom(t, changed(t, () => undefined).replace('"hostname"', '"hostname": "first", "hostname"')), "hostname");
});

test("a config of more than 16 MiB, or nested deeper than 256, is refused at once", async (t) => {
  onlyOurs("others read whatever they are given");
  let least = Infinity;
  // Others may use the machine: the least of some attempts says what one takes.
  for (let attempt = 0; attempt < 5 && least >= 3000; attempt++) {
    const begin = performance.now();
    refused(await createFrom(t, `{"ociVersion": "1.0.2", "x": "${"x".repeat(17 << 20)}"}`), /16777216|MiB/);
    refused(await createFrom(t, `{"ociVersion": "1.0.2", "x": ${"[".repeat(100_000)}${"]".repeat(100_000)}}`), /256/);
    least = Math.min(least, performance.now() - begin);
  }
  assert.ok(least < 3000, `${least} ms`);
});

test("B-01 a config that is a directory is an error", async (t) => {
  const bundle = t.bundle();
  fs.rmSync(join(bundle.path, "config.json"));
  fs.mkdirSync(join(bundle.path, "config.json"));
  refused(await t.runtime(["create", "--bundle", bundle.path, t.id()]), /config\.json|is a directory/);
});

test("all problems are told at once, each with line, column and JSON Pointer", async (t) => {
  onlyOurs("others stop at the first one");
  const result = await createFrom(
    t,
    changed(t, (config) => {
      config.process.cwd = "relative";
      config.process["rlimits"] = [{ type: "RLIMIT_TEST", soft: 1, hard: 1 }];
      config.linux.namespaces.push({ type: "colour" });
    }),
  );
  refused(result, /config\.json:\d+:\d+ \/process\/cwd/);
  assert.match(result.stderr, /config\.json:\d+:\d+ \/process\/rlimits\/0\/type/);
  assert.match(result.stderr, /config\.json:\d+:\d+ \/linux\/namespaces\/6/);
});

test("G-03 unknown properties are ignored wherever they are", async (t) => {
  const text = await inside(t, "echo up", (config) => {
    config["unknown"] = { a: [1, null] };
    config.process["unknown"] = "x";
    config.linux["unknown"] = 7;
    Object.assign(config.root, { unknown: true });
    Object.assign(config.mounts[0] ?? {}, { unknown: [] });
  });
  assert.is(text, "up\n");
});

test("G-12 TOP-10 the objects of other platforms are ignored", async (t) => {
  const text = await inside(t, "echo up", (config) => {
    config["solaris"] = { milestone: "svc:/milestone/container:default" };
    config["windows"] = { layerFolders: ["C:\\x"] };
  });
  assert.is(text, "up\n");
});

test("ANN-04 any annotation is taken, ANN-03 also with an empty value", async (t) => {
  const text = await inside(t, "echo up", (config) => (config.annotations = { "org.opencontainers.image.os": "linux", x: "", "com.example.ä": "ö" }));
  assert.is(text, "up\n");
});

test("ANN-02 an annotation without a key is an error", async (t) => {
  await cannotCreate(t, (config) => (config.annotations = { "": "x" }), "annotation");
});

test("TOP-01 all versions 1.x are taken, and those in development", async (t) => {
  for (const version of ["1.0.0", "1.0.2-dev", "1.1.0", "1.2.1", "1.3.0", "1.0.0-rc5"]) {
    assert.is(await inside(t, "echo up", (config) => (config.ociVersion = version)), "up\n", version);
    fs.rmSync(join(t.folder, "bundle-0"), { recursive: true, force: true });
  }
});

test("TOP-01 a version that is none, or of another major version is an error", async (t) => {
  await refusesAll(t, ["invalid", "", "1.0", "2.0.0", "01.0.0", "1.0.0.0", "v1.0.0", " 1.0.0"].map((version) => wrong("/ociVersion", version)));
});

test("TOP-02 a config without root is an error", async (t) => {
  await cannotCreate(t, (config) => delete (config as Partial<BundleConfig>).root, /root/i);
});

/** Each is wrong for a reason of the specification; runc refuses them, too. */
const WRONG: Readonly<Record<string, (config: BundleConfig) => unknown>> = {
  "a cwd that is a number": (config) => (config.process["cwd"] = 7 as unknown as string),
  "args that are a string": (config) => (config.process["args"] = "sh" as unknown as string[]),
  "a uid that is negative": (config) => (config.process.user.uid = -1),
  "a uid that is no integer": (config) => (config.process.user.uid = 1.5),
  "a uid above 2^32": (config) => (config.process.user.uid = 2 ** 32),
  "mounts that are an object": (config) => (config["mounts"] = {} as unknown as BundleConfig["mounts"]),
  "a root.path that is a number": (config) => (config.root.path = 7 as unknown as string),
  "a hostname that is a list": (config) => (config["hostname"] = [] as unknown as string),
  "a terminal that is a string": (config) => (config.process["terminal"] = "yes" as unknown as boolean),
  "linux that is a list": (config) => (config["linux"] = [] as unknown as BundleConfig["linux"]),
};

for (const [title, change] of Object.entries(WRONG)) {
  test(`G-04 ${title} is an error`, async (t) => {
    await cannotCreate(t, (config) => void change(config), /./);
  });
}

test("values that are empty, as engines write them, are no request", async (t) => {
  const text = await inside(t, "echo up", (config) => {
    config.linux.resources = { memory: {}, cpu: {}, pids: { limit: 10 }, blockIO: {}, network: {}, devices: [], hugepageLimits: [] };
    config.linux["sysctl"] = {};
    config.linux["devices"] = [];
    config.linux.maskedPaths = [];
    config.hooks = {};
    config.process["rlimits"] = [];
    config.process["apparmorProfile"] = "";
    config.process["selinuxLabel"] = "";
    config.linux["mountLabel"] = "";
  });
  assert.is(text, "up\n");
});

test("an error names the value that is wrong, and what is meant by a near miss", async (t) => {
  onlyOurs("others' words differ");
  const result = await createFrom(
    t,
    changed(t, (config) => {
      delete config.process["noNewPrivileges"];
      config.process["noNewPriviledges"] = true;
      config.process.cwd = "relative";
    }),
  );
  refused(result, '"relative"');
  assert.match(result.stderr, "noNewPrivileges");
});

test("the default config of spec is taken as it is, but for the terminal", async (t) => {
  const bundle = t.bundle();
  fs.rmSync(join(bundle.path, "config.json"));
  output(await t.runtime(["spec", "--bundle", bundle.path]));
  const text = fs.readFileSync(join(bundle.path, "config.json"), "utf8").replace('"terminal": true', '"terminal": false').replace('"sh"', '"true"');
  fs.writeFileSync(join(bundle.path, "config.json"), text);
  assert.is((await runBundle(t, bundle)).status, 0);
});

test("the default config of spec runs without a word", async (t) => {
  const bundle = t.bundle();
  fs.rmSync(join(bundle.path, "config.json"));
  output(await t.runtime(["spec", "--bundle", bundle.path]));
  const text = fs.readFileSync(join(bundle.path, "config.json"), "utf8").replace('"terminal": true', '"terminal": false').replace('"sh"', '"true"');
  fs.writeFileSync(join(bundle.path, "config.json"), text);
  assert.is(output(await runBundle(t, bundle)), "");
});

test.run();
