import { suite } from "uvu";
import * as assert from "uvu/assert";
import { ConfigError } from "../errors.ts";
import type { Config } from "./config.ts";
import { parseAddedMounts, parseDestinations } from "./mounts-document.ts";

const test = suite("spec/mounts-document");

const PLAIN: Config = { ociVersion: "1.3.0", linux: { namespaces: [{ type: "mount" }] } };

function problems(parse: () => unknown): unknown[] {
  try {
    parse();
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.problems.map(({ line, column, pointer, message }) => [line, column, pointer, message]);
  }
  return [];
}

function added(text: string, config: Config = PLAIN): unknown[] {
  return problems(() => parseAddedMounts({ text, file: "mounts.json" }, config));
}

function removed(text: string): unknown[] {
  return problems(() => parseDestinations({ text, file: "mounts.json" }));
}

test("parseAddedMounts() takes what a config may have under mounts", () => {
  const text = '[{"destination":"/a","source":"/b","options":["rbind","ro"]},{"destination":"/t","type":"tmpfs"}]';
  assert.equal(parseAddedMounts({ text, file: "f" }, PLAIN), JSON.parse(text));
  assert.equal(parseAddedMounts({ text: "[]", file: "f" }, PLAIN), []);
});

test("parseAddedMounts() tells all problems, with their places in the file", () => {
  assert.equal(added('[{"destination":"/a","options":["bind"]},\n {"destination":"/b"}]'), [
    [1, 2, "/0", '"source" is required for a bind mount'],
    [2, 2, "/1", '"type" is required for a mount that is not a bind mount'],
  ]);
  assert.equal(added('[\n {"destination":5}]'), [[2, 17, "/0/destination", "must be a string, got 5"]]);
  assert.equal(added('{"destination":"/a"}').length, 1);
  assert.match(String(added('[{"destination":"/a"')[0]), /^1,21,/);
});

test("parseAddedMounts() refuses what only a new container can have", () => {
  const text = '[{"destination":"/p","type":"proc"},{"destination":"/c","type":"cgroup"},{"destination":"/a/..","type":"tmpfs"}]';
  assert.equal(added(text).map((problem) => (problem as unknown[])[2]), ["/0/type", "/1/type", "/2/destination"]);
  // A bind mount's type says nothing.
  assert.equal(added('[{"destination":"/p","type":"proc","source":"/proc","options":["rbind"]}]'), []);
});

test("parseAddedMounts() judges id maps by the container's namespaces", () => {
  const text = '[{"destination":"/a","source":"/b","options":["bind","idmap"]}]';
  assert.is(added(text).length, 1);
  const maps = [{ containerID: 0, hostID: 1000, size: 10 }];
  const linux = { namespaces: [{ type: "mount" }, { type: "user" }], uidMappings: maps, gidMappings: maps } as Config["linux"];
  assert.equal(added(text, { ...PLAIN, ...(linux === undefined ? {} : { linux }) }), []);
});

test("parseDestinations() wants destinations, and nothing more", () => {
  assert.equal(parseDestinations({ text: '[{"destination":"/a"},{"destination":"/b","type":7}]', file: "f" }), ["/a", "/b"]);
  assert.equal(removed('[{"destination":"/."},{"destination":""},{},5,{"destination":"/ok"}]').map((problem) => (problem as unknown[])[2]), [
    "/0/destination", "/1/destination", "/2", "/3",
  ]);
  assert.is(removed('{"destination":"/a"}').length, 1);
});

test.run();
