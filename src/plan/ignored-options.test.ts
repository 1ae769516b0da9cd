import { suite } from "uvu";
import * as assert from "uvu/assert";
import { configOf, planOf } from "../../test/plan-cases.ts";
import type { Problem } from "../errors.ts";

const test = suite("plan/ignored-options");

function warnings(...mounts: readonly object[]): readonly Problem[] {
  return planOf(configOf({ mounts })).warnings;
}

test("plan() tells of options that a bind mount cannot have, each with its place, and what was meant", () => {
  const reason = "it is for a file system, and a bind mount shows one that is mounted already";
  assert.equal(
    warnings({ destination: "/x", type: "tmpfs", options: ["size=1k"] }, { destination: "/y", source: "/z", options: ["ro", "rbind", "mode=755", "noexce"] }),
    [
      { pointer: "/mounts/1/options/2", message: `the option "mode=755" is ignored: ${reason}` },
      { pointer: "/mounts/1/options/3", message: `the option "noexce" is ignored: ${reason}`, hint: 'did you mean "noexec"?' },
    ],
  );
});

test("plan() passes over what a bind mount may have, and over empty options", () => {
  assert.equal(warnings({ destination: "/y", source: "/z", options: ["bind", "", "rro", "rslave", "idmap", "sync"], uidMappings: MAP, gidMappings: MAP }), []);
});

test("plan() looks for what was meant as long as somebody may read it", () => {
  const options = Array.from({ length: 10_000 }, () => "noexce");
  const found = warnings({ destination: "/y", source: "/z", options: ["bind", ...options] });
  assert.equal([found.length, found.filter(({ hint }) => hint !== undefined).length], [10_000, 100]);
});

const MAP = [{ containerID: 0, hostID: 1, size: 1 }];

test("plan() gives no option of a file system to a bind mount", () => {
  const { steps } = planOf(configOf({ mounts: [{ destination: "/y", source: "/z", options: ["bind", "mode=755"] }] }));
  assert.not(steps.some((step) => Object.values(step).some((value) => `${value}`.includes("mode=755"))));
});

test.run();
