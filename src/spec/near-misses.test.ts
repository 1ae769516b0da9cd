import { suite } from "uvu";
import * as assert from "uvu/assert";
import { problemsOf } from "../../test/config-cases.ts";
import { closest } from "./closest.ts";
import { nearMisses } from "./near-misses.ts";

const test = suite("spec/near-misses");

test("nearMisses() names what was meant, at every level", () => {
  const config = {
    ociVersion: "1.3.0",
    Hostname: "x",
    process: { noNewPriviliges: true, rlimits: [{ typ: "x", type: "y" }, { typo: 1 }] },
    linux: { resources: { memory: { limt: 1 }, hugepagelimits: [] }, maskedpaths: [] },
  };
  assert.equal(nearMisses(config), [
    { pointer: "/Hostname", message: 'unknown property "Hostname" is ignored', hint: 'did you mean "hostname"?' },
    {
      pointer: "/process/noNewPriviliges",
      message: 'unknown property "noNewPriviliges" is ignored',
      hint: 'did you mean "noNewPrivileges"?',
    },
    { pointer: "/process/rlimits/1/typo", message: 'unknown property "typo" is ignored', hint: 'did you mean "type"?' },
    { pointer: "/linux/resources/memory/limt", message: 'unknown property "limt" is ignored', hint: 'did you mean "limit"?' },
    {
      pointer: "/linux/resources/hugepagelimits",
      message: 'unknown property "hugepagelimits" is ignored',
      hint: 'did you mean "hugepageLimits"?',
    },
    { pointer: "/linux/maskedpaths", message: 'unknown property "maskedpaths" is ignored', hint: 'did you mean "maskedPaths"?' },
  ]);
});

test("nearMisses() leaves the keys of maps and really unknown names alone", () => {
  const config = { annotations: { hostname: "x", mount: "y" }, linux: { sysctl: { typ: "1" } }, "com.example": 1, vendor: {} };
  assert.equal(nearMisses(config), []);
});

test("closest() knows case, dashes, swaps, and keeps away from short words", () => {
  assert.is(closest("no-new-privileges", ["noNewPrivileges"]), "noNewPrivileges");
  assert.is(closest("hsotname", ["hostname"]), "hostname");
  assert.is(closest("uid", ["gid"]), undefined);
  assert.is(closest("UID", ["gid", "uid"]), "uid");
  assert.is(closest("x".repeat(1000), ["x".repeat(40)]), undefined);
});

test("parseConfig() ignores near misses, and tells them beside an error", () => {
  const good = '{"ociVersion":"1.0.0","root":{"path":"r"},"hostnam":"x"}';
  assert.equal(problemsOf(good), []);
  assert.equal(problemsOf(good.replace('"r"', "5")).map(({ pointer }) => pointer), ["/root/path", "/hostnam"]);
});

test.run();
