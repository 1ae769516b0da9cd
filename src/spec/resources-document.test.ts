import { suite } from "uvu";
import * as assert from "uvu/assert";
import { ConfigError } from "../errors.ts";
import type { Resources } from "./config.ts";
import { checkResources, formatResources, parseResources } from "./resources-document.ts";

const test = suite("spec/resources-document");

function problems(text: string): string {
  try {
    parseResources(text);
    return "";
  } catch (error) {
    if (error instanceof ConfigError) return error.message;
    throw error;
  }
}

test("checkResources() judges what a program made, integers of 64 bits among it, without lines", () => {
  const limit = 2n ** 62n;
  assert.equal(checkResources({ memory: { limit } }).memory, { limit });
  assert.throws(
    () => checkResources({ memory: { limit: "1" } }),
    (error: unknown) => error instanceof ConfigError && error.message === 'cannot use resources: must be an integer, got "1" (resources /memory/limit)',
  );
});

test("parseResources() reads limits, and nothing for nothing", () => {
  assert.equal(parseResources('{"memory": {"limit": 5}, "unknown": 1}').memory, { limit: 5 });
  assert.equal(parseResources("{}"), {});
});

test("parseResources() judges as a config's limits are, with its own lines and columns", () => {
  assert.is(
    problems('{\n  "cpu": {\n    "idle": 7\n  }\n}'),
    "cannot use resources: must be 0 or 1, got 7 (resources:3:13 /cpu/idle)",
  );
  assert.match(problems('{"memory": {"limit": "1"}}'), "(resources:1:22 /memory/limit)");
});

test("parseResources() refuses what is no JSON, or more than one value", () => {
  assert.match(problems('{"memory": }'), /^cannot use resources: .*\(resources:1:12 \/\)$/);
  for (const text of ["", "{} {}", '{}}, "process": {"a": {}', "[]", "null", "5"]) assert.is.not(problems(text), "", text);
});

test("formatResources() writes what parseResources() reads back, 64 bits and all", () => {
  const resources: Resources = {
    memory: { limit: 9223372036854771712n, swap: -1 },
    hugepageLimits: [{ pageSize: "2MB", limit: 18446744073709551615n }],
    unified: { "memory.high": "9223372036854771712", "io.max": '8:0 "\\n' },
  };
  assert.equal(parseResources(formatResources(resources)), resources);
});

test.run();
