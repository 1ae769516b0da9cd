import { suite } from "uvu";
import * as assert from "uvu/assert";
import { parseConfig } from "./parse.ts";
import { readStoredConfig } from "./stored.ts";

const test = suite("spec/stored");

function config(hard: string, value = "1"): string {
  return `{"ociVersion":"1.3.0","root":{"path":"rootfs"},"process":{"cwd":"/","args":["sh"],"user":{"uid":0,"gid":0},"rlimits":[{"type":"RLIMIT_CORE","soft":0,"hard":${hard}}]},
"linux":{"seccomp":{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["clone"],"action":"SCMP_ACT_ERRNO","args":[{"index":0,"value":${value},"op":"SCMP_CMP_EQ"}]}]}}}`;
}

test("readStoredConfig() reads without judging where JSON.parse is exact", async () => {
  const read = await readStoredConfig(config("100"), () => Promise.reject(new RangeError("asked")));
  assert.is(read.process?.rlimits?.[0]?.hard, 100);
});

for (const [what, text] of [["limits", config("18446744073709551615")], ["filters", config("1", "18446744073709551615")]] as const) {
  test(`readStoredConfig() keeps every digit of ${what}`, async () => {
    const read = await readStoredConfig(text, async () => parseConfig);
    assert.equal(read, parseConfig(text));
    assert.is(JSON.stringify(read, (_, value: unknown) => (typeof value === "bigint" ? `${value}` : value)).includes("18446744073709551615"), true);
  });
}

test.run();
