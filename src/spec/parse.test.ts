import * as fs from "node:fs";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { problemsOf } from "../../test/config-cases.ts";
import { PROJECT } from "../../test/runtime.ts";
import { ConfigError } from "../errors.ts";
import { defaultConfig } from "./default-config.ts";
import { MAX_DOCUMENT_BYTES } from "./document.ts";
import { parseConfig, parseConfigBytes, parseProcess } from "./parse.ts";

const test = suite("spec/parse");

function errorOf(run: () => unknown): ConfigError {
  try {
    run();
  } catch (error) {
    if (error instanceof ConfigError) return error;
    throw error;
  }
  return assert.unreachable("no error") as never;
}

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

test("parseConfig() gives back the default config, compact and indented", () => {
  for (const options of [{}, { unified: true }, { rootless: { uid: 1000, gid: 1000 } }]) {
    const config = defaultConfig(options);
    for (const indent of [undefined, 2, "\t"]) {
      assert.equal(parseConfig(JSON.stringify(config, null, indent)), config);
      assert.equal(parseConfigBytes(bytes(JSON.stringify(config, null, indent) + "\n")), config);
    }
  }
});

const ENGINES = join(PROJECT, "src/spec/testdata/engine-configs");
for (const name of fs.readdirSync(ENGINES)) {
  test(`parseConfigBytes() accepts ${name} as the engine wrote it`, () => {
    const written = fs.readFileSync(join(ENGINES, name));
    if (name.includes("-exec-")) {
      assert.equal(parseProcess(written.toString()), JSON.parse(written.toString()));
      return;
    }
    const config = parseConfigBytes(written);
    assert.equal(config, JSON.parse(written.toString()));
    assert.equal(parseConfig(` ${written}`), config); // no longer the text that JSON.stringify gives: the slow way
  });
}

test("parseConfig() tells all problems at once, in the order of the text", () => {
  const text = `{
  "ociVersion": "x",
  "root": {"path": 5, "path": ""},
  "process": {"cwd": "here", "args": [], "Env": [], "user": {"uid": -1, "gid": 0}},
  "linux": {"namespaces": [{"type": "pid"}, {"type": "pid"}], "seccomp": {}}
}`;
  assert.is(
    errorOf(() => parseConfig(text, "box/config.json")).message,
    `cannot use box/config.json: 9 problems:
  must be a version as in SemVer 2.0.0, got "x" (box/config.json:2:17 /ociVersion)
  the key "path" is given twice (box/config.json:3:23 /root/path)
  must not be empty (box/config.json:3:31 /root/path)
  must be an absolute path, got "here" (box/config.json:4:22 /process/cwd)
  must have at least 1 entry (box/config.json:4:38 /process/args)
  unknown property "Env" is ignored; did you mean "env"? (box/config.json:4:49 /process/Env)
  must be at least 0, got -1 (box/config.json:4:69 /process/user/uid)
  the namespace "pid" is given twice (box/config.json:5:54 /linux/namespaces/1/type)
  "defaultAction" is required (box/config.json:5:74 /linux/seccomp)`,
  );
});

test("parseConfig() tells where the syntax is wrong, in its own words", () => {
  const error = errorOf(() => parseConfig('{\n  "ociVersion": "1.0.0"\n  "root": 1\n}'));
  assert.is(error.message, 'cannot use config.json: expected "," or "}", got "\\"" (config.json:3:3 /)');
  assert.is(errorOf(() => parseConfig("")).message, "cannot use config.json: expected a value, but the text ends (config.json:1:1 /)");
});

test("parseConfig() refuses documents that are no objects", () => {
  for (const text of ["[]", "null", "5", '"x"']) {
    assert.match(errorOf(() => parseConfig(text)).message, /must be an object, got /);
  }
});

test("parseConfig() tells once what two parts of the schema demand", () => {
  const text = '{"ociVersion":"1.0.0","root":{"path":"r"},"linux":{"resources":{"blockIO":{"throttleReadBpsDevice":[1]}}}}';
  assert.is(errorOf(() => parseConfig(text)).problems.length, 1);
});

test("parseConfigBytes() refuses what is not UTF-8, and tells where", () => {
  const broken = Uint8Array.from([...bytes('{\n"é'), 0xff, 0x22]);
  assert.equal(errorOf(() => parseConfigBytes(broken)).problems, [{ pointer: "", line: 2, column: 3, message: "is not valid UTF-8" }]);
  const surrogate = Uint8Array.from([0x22, 0xed, 0xa0, 0x80, 0x22]);
  assert.match(errorOf(() => parseConfigBytes(surrogate)).message, /is not valid UTF-8/);
  const utf16 = new Uint8Array(new Uint16Array([0xfeff, 0x7b, 0x7d]).buffer);
  assert.match(errorOf(() => parseConfigBytes(utf16)).message, /is not valid UTF-8 \(config.json:1:1 \/\)/);
  assert.match(errorOf(() => parseConfigBytes(bytes("\uFEFF{}"))).message, /begins with a byte order mark/);
});

test("parseConfigBytes() refuses a file above 16 MiB before it looks into it", () => {
  assert.match(errorOf(() => parseConfigBytes(new Uint8Array(MAX_DOCUMENT_BYTES + 1))).message, /is larger than 16777216 bytes: 16777217/);
  assert.match(errorOf(() => parseConfig(" ".repeat(MAX_DOCUMENT_BYTES + 1))).message, /is larger than 16777216 bytes/);
});

test("parseConfig() refuses more than 256 levels before anything recursive sees them", () => {
  for (const depth of [257, 100_000, 8_000_000]) {
    const error = errorOf(() => parseConfig("[".repeat(depth) + "]".repeat(depth)));
    assert.is(error.message, "cannot use config.json: is more than 256 levels deep (config.json:1:257 /)");
    assert.match(errorOf(() => parseConfig('{"a":'.repeat(depth / 4))).message, depth < 1000 ? /the text ends/ : /256 levels deep/);
  }
});

const LIMIT = '{"ociVersion":"1.0.0","root":{"path":"r"},"linux":{"resources":{"memory":{"limit":LIMIT}}}}';

test("parseConfig() keeps integers beyond 2^53 exact, as bigints, and smaller ones as numbers", () => {
  const limitOf = (digits: string): unknown => parseConfig(LIMIT.replace("LIMIT", digits)).linux?.resources?.memory?.limit;
  assert.is(limitOf("9007199254740991"), 9007199254740991);
  assert.is(limitOf("9007199254740993"), 9007199254740993n);
  assert.is(limitOf("9007199254740992"), 9007199254740992n);
  assert.is(limitOf("9223372036854775807"), 9223372036854775807n);
});

test("parseConfig() knows the last 64-bit integer from the next one", () => {
  const problemOf = (digits: string): unknown => problemsOf(LIMIT.replace("LIMIT", digits))[0]?.message;
  assert.is(problemOf("9223372036854775808"), "must be at most 9223372036854775807, got 9223372036854775808");
  assert.is(problemOf("-9223372036854775809"), "must be at least -9223372036854775808, got -9223372036854775809");
  assert.is(problemOf("-9223372036854775808"), "must be at least -1, got -9223372036854775808");
  assert.is(problemOf("1e400"), "must be an integer, got Infinity");
  const rlimit = '{"cwd":"/","args":["a"],"rlimits":[{"type":"RLIMIT_AS","soft":0,"hard":18446744073709551616}]}';
  assert.match(errorOf(() => parseProcess(rlimit)).message, /must be at most 18446744073709551615, got 18446744073709551616/);
});

test("parseConfig() leaves big integers in unknown properties and small fields to others", () => {
  assert.equal(problemsOf('{"ociVersion":"1.0.0","root":{"path":"r"},"x":9007199254740993}'), []);
  const uid = LIMIT.replace(/"linux".*/, '"process":{"cwd":"/","args":["a"],"user":{"uid":9007199254740993,"gid":0}}}');
  assert.match(String(problemsOf(uid)[0]?.message), /must be at most 4294967295/);
});

test("parseConfig() does not list more than 100 problems", () => {
  const mounts = Array.from({ length: 5000 }, () => ({}));
  const { problems } = errorOf(() => parseConfig(JSON.stringify({ ociVersion: "1.0.0", root: { path: "r" }, mounts })));
  assert.is(problems.length, 101);
  assert.is(problems.at(-1)?.message, "further problems are not listed");
});

test("parseConfig() needs time in proportion to the text, however much is wrong", () => {
  const many = (item: string): string => Array.from({ length: 300_000 }, () => item).join(",");
  const hostile = {
    "a schema error in each item": `"mounts":[${many("{}")}]`,
    "a check's problem in each item": `"linux":{"namespaces":[${many('{"type":"pid"}')}]}`,
    "a slip in each item": `"process":{"cwd":"/","args":["a"],"rlimits":[${many('{"type":"RLIMIT_NOFILES","soft":0,"hard":0}')}]}`,
    "a key twice": `"a":{${many('"a":1')}}`,
  };
  for (const [name, inner] of Object.entries(hostile)) {
    const start = performance.now();
    assert.is(problemsOf(`{"ociVersion":"1.0.0","root":{"path":"r"},${inner}}`).length >= 100, true, name);
    const seconds = (performance.now() - start) / 1000;
    assert.ok(seconds < 10, `${name}: ${seconds} s`);
  }
});

test("parseConfig() is not misled by names of Object.prototype", () => {
  const text = '{"ociVersion":"1.0.0","root":{"path":"r"},"__proto__":{"hostname":1},"constructor":{},"linux":{"sysctl":{"__proto__":"x"}}}';
  assert.equal(problemsOf(text).map(({ message }) => message), ['"__proto__" is not the name of a kernel parameter']);
});

test.run();
