// It may have to fetch the official schemas.
// Time limit: 1800 s

import * as fs from "node:fs";
import { basename, join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { officialSchema } from "../../test/official-schema.ts";
import { PROJECT } from "../../test/runtime.ts";
import { schemaErrorsOfConfig } from "./generated/config-errors.ts";
import { schemaErrorsOfFeatures } from "./generated/features-errors.ts";
import { schemaErrorsOfState } from "./generated/state-errors.ts";

const test = suite("spec/schemas");
const OURS = join(PROJECT, "schemas");

interface Difference {
  readonly file: string;
  /** The place of the difference, or what all such places begin with. */
  readonly at: string;
  readonly reason: string;
}

/** Where our schemas differ from those of 1.3. */
const DIFFERENCES: readonly Difference[] = [
  {
    file: "config-linux.json",
    at: "/linux/properties/namespaces/items/",
    reason: "the same: a choice of one alternative is that alternative",
  },
  { file: "config-zos.json", at: "/zos/properties/namespaces/items/", reason: "the same: a choice of one alternative" },
  {
    file: "config-linux.json",
    at: "/linux/properties/resources/properties/pids/required",
    reason: "the text made the limit optional in 1.3.0, the schema still requires it",
  },
  {
    file: "defs.json",
    at: "/definitions/FileMode/maximum",
    reason: "the text says any uint32, and podman writes the bits of the file type; the schema stops at 0777",
  },
  {
    file: "defs-linux.json",
    at: "/definitions/RootfsPropagation/enum",
    reason: "engines write the recursive forms, which runc and crun take too",
  },
  {
    file: "features-linux.json",
    at: "/linux/properties/memoryPolicy/",
    reason: "the text has had it since 1.3.0, the schema lacks it",
  },
  {
    file: "features-linux.json",
    at: "/linux/properties/intelRdt/properties/",
    reason: "the text has had schemata and monitoring since 1.3.0, the schema lacks them",
  },
  { file: "state-schema.json", at: "/properties/status/enum", reason: "the text allows more values; every runtime has paused" },
];

/** What 1.3.0 brought, as seen from the schemas of 1.2.1. */
const SINCE_1_2: readonly Difference[] = [
  { file: "config-schema.json", at: "/properties/freebsd/", reason: "FreeBSD" },
  { file: "config-linux.json", at: "/linux/properties/netDevices/", reason: "network devices" },
  { file: "defs-linux.json", at: "/definitions/NetDevice/", reason: "network devices" },
  { file: "features-linux.json", at: "/linux/properties/netDevices/", reason: "network devices" },
  { file: "config-linux.json", at: "/linux/properties/memoryPolicy/", reason: "memory policy" },
  { file: "defs-linux.json", at: "/definitions/MemoryPolicyFlag/", reason: "memory policy" },
  { file: "defs-linux.json", at: "/definitions/MemoryPolicyMode/", reason: "memory policy" },
  { file: "config-linux.json", at: "/linux/properties/intelRdt/properties/", reason: "enableMonitoring for enableCMT and enableMBM" },
  { file: "config-vm.json", at: "/vm/properties/hwConfig/", reason: "hwConfig" },
  { file: "defs-vm.json", at: "/definitions/IOMemEntryFormat/", reason: "hwConfig" },
  { file: "defs.json", at: "/definitions/ArrayOfUint32/", reason: "hwConfig" },
  { file: "defs-linux.json", at: "/definitions/FileMode/", reason: "FileMode moved to defs.json, for FreeBSD" },
  { file: "defs-linux.json", at: "/definitions/Device/properties/fileMode/", reason: "FileMode moved to defs.json" },
  { file: "defs.json", at: "/definitions/FileMode/", reason: "FileMode moved to defs.json" },
];

/** Every keyword of a schema with its place; prose left out, lists whose order means nothing as one value. */
function leaves(schema: unknown, at = "", found = new Map<string, string>()): Map<string, string> {
  const isSchema = !at.endsWith("/properties") && !at.endsWith("/definitions");
  if (typeof schema !== "object" || schema === null) return found.set(at, JSON.stringify(schema));
  if (/\/(enum|required)$/.test(at) && Array.isArray(schema)) return found.set(at, JSON.stringify(schema.toSorted()));
  for (const [key, value] of Object.entries(schema)) {
    if (isSchema && ["description", "title"].includes(key) && typeof value === "string") continue;
    leaves(value, `${at}/${key}`, found);
  }
  return found;
}

function readJson(path: string): unknown {
  return JSON.parse(fs.readFileSync(path, "utf8"));
}

function differences(official: string): { file: string; at: string }[] {
  const names = fs.readdirSync(official).filter((name) => name.endsWith(".json"));
  return names.flatMap((file) => {
    const theirs = leaves(readJson(join(official, file)));
    const ours = leaves(readJson(join(OURS, file)));
    const places = new Set([...theirs.keys(), ...ours.keys()]);
    return [...places].filter((at) => theirs.get(at) !== ours.get(at)).map((at) => ({ file, at }));
  });
}

const official = officialSchema();
if (typeof official === "string") {
  console.log(`skipped: the schemas are the official ones: ${official}`);
  test.skip("the schemas are the official ones", () => undefined);
} else {
  const listed = official.version === "1.3" ? DIFFERENCES : [...DIFFERENCES, ...SINCE_1_2];
  const covers = (row: Difference, found: { file: string; at: string }): boolean =>
    row.file === found.file && found.at.startsWith(row.at);

  test(`the schemas differ from those of ${official.version} only where it is listed`, () => {
    const found = differences(official.folder);
    assert.equal(found.filter((one) => !listed.some((row) => covers(row, one))), []);
  });

  test(`the listed differences from the schemas of ${official.version} are real`, () => {
    const found = differences(official.folder);
    const isMoot = (row: Difference): boolean => official.version !== "1.3" && row.at === "/definitions/FileMode/maximum";
    assert.equal(listed.filter((row) => !isMoot(row) && !found.some((one) => covers(row, one))), []);
  });
}

const VALIDATORS = {
  config: schemaErrorsOfConfig,
  state: schemaErrorsOfState,
  features: schemaErrorsOfFeatures,
} as const;

const samples = typeof official === "string" ? "" : join(official.folder, "test");
if (samples === "" || !fs.existsSync(samples)) {
  const reason = typeof official === "string" ? official : `there are no samples beside the schemas of ${official.version}`;
  console.log(`skipped: the validators judge the official samples right: ${reason}`);
  test.skip("the validators judge the official samples right", () => undefined);
} else {
  for (const [kind, validate] of Object.entries(VALIDATORS)) {
    for (const verdict of ["good", "bad"]) {
      const folder = join(samples, kind, verdict);
      for (const name of fs.readdirSync(folder)) {
        test(`the validator of ${kind} finds ${basename(name, ".json")} ${verdict}`, () => {
          const judge = (): boolean => validate(readJson(join(folder, name))).length === 0;
          if (name === "invalid-json.json") assert.throws(judge, (error: unknown) => error instanceof SyntaxError);
          else assert.is(judge(), verdict === "good");
        });
      }
    }
  }
}

test("the generated validators import nothing at run time", () => {
  const folder = join(PROJECT, "src/spec/generated");
  for (const name of fs.readdirSync(folder)) {
    const text = fs.readFileSync(join(folder, name), "utf8");
    assert.not.match(text, /\brequire\(|^import (?!type\b)/m);
  }
});

test.run();
