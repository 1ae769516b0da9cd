/** The features document against the tables and the schema; conformance/features.test.ts asks real containers. */

import { suite } from "uvu";
import * as assert from "uvu/assert";
import { parseMountOptions } from "../linux/mount-options.ts";
import { capabilityNumber } from "../linux/capabilities.ts";
import { planSeccomp } from "../seccomp/rules.ts";
import { schemaErrorsOfFeatures } from "../spec/generated/features-errors.ts";
import { parseConfig } from "../spec/parse.ts";
import { features } from "./features.ts";

const test = suite("container/features");

const document = features({ version: "1.2.3", commit: "abc", hasCheckpoint: false });

test("features() is valid against our schema, which is stricter than the official one", () => {
  assert.equal(schemaErrorsOfFeatures(JSON.parse(JSON.stringify(document))), []);
});

test("features() leaves nothing out: absent would mean unknown", () => {
  const absent = (value: unknown, at = ""): string[] => {
    if (value === undefined || value === null) return [at];
    if (typeof value !== "object" || Array.isArray(value)) return [];
    return Object.entries(value).flatMap(([key, inner]) => absent(inner, `${at}/${key}`));
  };
  assert.equal(absent(document), []);
});

test("features() names version and commit, and no commit where there is none", () => {
  const { annotations } = document;
  assert.equal([annotations["org.tsrun.version"], annotations["org.tsrun.commit"], annotations["org.tsrun.checkpoint.enabled"]], ["1.2.3", "abc", "false"]);
  assert.not("org.tsrun.commit" in features({ version: "1", hasCheckpoint: true }).annotations);
});

test("features() lists mount options that are no data", () => {
  for (const option of document.mountOptions) assert.equal(parseMountOptions([option]).data, [], option);
  assert.equal([...document.mountOptions].sort(), document.mountOptions);
  assert.is(document.mountOptions.length, 62);
});

test("features() lists capabilities that have a number", () => {
  for (const name of document.linux.capabilities) assert.ok(capabilityNumber(name) !== undefined, name);
});

test("features() lists actions, operators, architectures and flags that a profile may have", () => {
  const { actions, operators, archs, knownFlags, supportedFlags } = document.linux.seccomp;
  const native = { nativeArch: "x64", libseccompVersion: document.annotations["io.github.seccomp.libseccomp.version"] ?? "" };
  for (const action of actions) {
    const listener = action === "SCMP_ACT_NOTIFY" ? { listenerPath: "/l" } : {};
    planSeccomp({ defaultAction: "SCMP_ACT_ALLOW", ...listener, syscalls: [{ names: ["acct"], action }] }, native);
  }
  for (const op of operators) {
    planSeccomp({ defaultAction: "SCMP_ACT_ALLOW", syscalls: [{ names: ["acct"], action: "SCMP_ACT_ERRNO", args: [{ index: 0, value: 1, op }] }] }, native);
  }
  planSeccomp({ defaultAction: "SCMP_ACT_ALLOW", flags: knownFlags }, native);
  for (const arch of archs) {
    try {
      planSeccomp({ defaultAction: "SCMP_ACT_ALLOW", architectures: [arch] }, native);
    } catch (error) {
      assert.match(String(error), "byte orders", arch);
    }
  }
  assert.ok(supportedFlags.every((flag) => knownFlags.includes(flag)));
  assert.ok(supportedFlags.includes("SECCOMP_FILTER_FLAG_LOG"));
});

test("features() takes the versions that it names", () => {
  for (const ociVersion of [document.ociVersionMin, document.ociVersionMax]) parseConfig(JSON.stringify({ ociVersion, root: { path: "r" } }));
});

test("features() lists modes and flags of memory policies that a config may have", () => {
  const { modes, flags } = document.linux.memoryPolicy;
  const parse = (memoryPolicy: object): object => parseConfig(JSON.stringify({ ociVersion: "1.3.0", root: { path: "r" }, linux: { memoryPolicy } }));
  for (const mode of modes) parse({ mode, ...(["MPOL_DEFAULT", "MPOL_LOCAL"].includes(mode) ? {} : { nodes: "0" }) });
  for (const flag of flags) parse({ mode: "MPOL_BIND", nodes: "0", flags: [flag] });
  assert.equal([modes.length, flags.length], [7, 3]);
});

test.run();
