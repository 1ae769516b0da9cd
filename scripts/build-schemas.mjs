/**
 * Compiles schemas/*.json into src/spec/generated/*.ts: validators that need no ajv at run time (it costs 23 ms to load).
 *
 * Each document gets a quick validator, which only says yes or no, and a thorough one, which is called after a no and
 * lists every error. The quick one may say no to what is valid (never the other way round): see `stricter`.
 */

import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import Ajv from "ajv";
import standaloneCode from "ajv/dist/standalone/index.js";
import { quickValidator } from "./quick-validator.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
const source = join(root, "schemas");
const target = join(root, "src/spec/generated");

/** Our own state file and the like may join later: every schema file can be referred to by its name. */
const schemas = new Map(
  readdirSync(source)
    .filter((name) => name.endsWith(".json"))
    .map((name) => [name, JSON.parse(readFileSync(join(source, name), "utf8"))]),
);

/** file of generated code -> what it exports and the schema behind it. */
const documents = {
  config: { name: "Config", ref: "config-schema.json", quick: true },
  process: { name: "Process", ref: "config-schema.json#/properties/process", quick: true },
  state: { name: "State", ref: "state-schema.json", quick: false },
  features: { name: "Features", ref: "features-schema.json", quick: false },
};

const OTHER_PLATFORMS = ["freebsd", "solaris", "vm", "windows", "zos"];

/**
 * The quick validator's schema: integers must fit a number exactly, so that a yes also means that no bigint is needed;
 * objects for other platforms, which no engine writes here, are left to the thorough one.
 */
function stricter(schema) {
  return transform(schema, (node) => {
    if (node.type === "integer") {
      node.minimum = Math.max(node.minimum ?? -Infinity, Number.MIN_SAFE_INTEGER);
      node.maximum = Math.min(node.maximum ?? Infinity, Number.MAX_SAFE_INTEGER);
    }
    if (node.patternProperties?.[".{1,}"] !== undefined) {
      node.additionalProperties = node.patternProperties[".{1,}"];
      delete node.patternProperties;
    }
    if (node.properties?.ociVersion !== undefined) {
      for (const platform of OTHER_PLATFORMS) if (platform in node.properties) node.properties[platform] = { not: {} };
    }
  });
}

/** A copy without prose; ajv knows the draft by its options. */
function bare(schema) {
  return transform(schema, (node) => {
    if (typeof node.description === "string") delete node.description;
    delete node.$schema;
  });
}

function transform(node, change) {
  if (Array.isArray(node)) return node.map((item) => transform(item, change));
  if (typeof node !== "object" || node === null) return node;
  const copy = Object.fromEntries(Object.entries(node).map(([key, value]) => [key, transform(value, change)]));
  change(copy);
  return copy;
}

const strict = new Map([...schemas].map(([name, schema]) => [name, stricter(bare(schema))]));

/** The body of a function that returns ajv's validator, which lists all errors. */
function thoroughValidator(ref) {
  const ajv = new Ajv({
    allErrors: true,
    messages: false,
    meta: false,
    validateSchema: false,
    strictSchema: false,
    inlineRefs: true,
    code: { source: true, esm: false, lines: true },
  });
  for (const [name, schema] of schemas) ajv.addSchema(bare(schema), name);
  const code = standaloneCode(ajv, ajv.getSchema(ref) ?? ajv.compile({ $ref: ref }));
  const exported = /module\.exports = (\w+);\s*module\.exports\.default = \w+;/.exec(code);
  if (exported === null) throw new Error(`${ref}: ajv's code has another form than expected`);
  const body = bounded(withoutUnused(code.replace(exported[0], "").replace('"use strict";', "")));
  if (/\brequire\(|\bimport\b/.test(body)) throw new Error(`${ref}: the code needs ajv at run time`);
  return `${body.trim()}\nreturn ${exported[1]};`;
}

/** As many as are listed, and more; ajv itself copies all errors so far for each one that is found in a function. */
const MAX_ERRORS = 1000;

/** Lets errors above a limit go, so that a hostile document with a million of them costs time in proportion to its size. */
function bounded(code) {
  const text = code
    .replaceAll(/^vErrors = vErrors === null \? (\w+\.errors) : vErrors\.concat\(\1\);$/gm, "vErrors = join(vErrors, $1);")
    .replaceAll(/^vErrors\.push\((\w+)\);$/gm, `if (vErrors.length < ${MAX_ERRORS}) vErrors.push($1);`);
  if (text.includes(".concat(")) throw new Error("ajv's code joins errors in another way than expected");
  const join = `function join(all, more) {
if (all === null) return more;
for (let i = 0; i < more.length && all.length < ${MAX_ERRORS}; i++) all.push(more[i]);
return all;
}`;
  return `${join}\n${text}`;
}

/** Drops the schemas' text, which ajv writes down beside each function whether or not it is used. */
function withoutUnused(code) {
  return code
    .split("\n")
    .filter((line) => {
      const name = /^const (schema\d+) = /.exec(line)?.[1];
      return name === undefined || code.split(new RegExp(`\\b${name}\\b`)).length > 2;
    })
    .join("\n");
}

/** The thorough validator is a module of its own, and forty times as large as the quick one: few ever need it. */
function thoroughText({ name, ref }) {
  return [
    "// @ts-nocheck",
    `/** Made by scripts/build-schemas.mjs from schemas/${ref}; not to be edited. */`,
    'import type { SchemaError } from "../schema-error.ts";',
    `/** Returns every error of the document against the schema; none means that it is valid. */`,
    `export function schemaErrorsOf${name}(data: unknown): readonly SchemaError[] {`,
    "  const validate = makeThorough();\n  return validate(data) ? [] : validate.errors;\n}",
    `function makeThorough() {\n${thoroughValidator(ref)}\n}\n`,
  ].join("\n");
}

function quickText({ name, ref }) {
  return [
    "// @ts-nocheck",
    `/** Made by scripts/build-schemas.mjs from schemas/${ref}; not to be edited. */`,
    `let quick${name}: ((data: unknown) => boolean) | undefined;`,
    `/** Says yes only to a valid document whose integers are all exact; a no may be wrong. */`,
    `export function isPlain${name}(data: unknown): boolean {\n  return (quick${name} ??= makeQuick())(data);\n}`,
    `function makeQuick() {\n${quickValidator(ref, strict)}\n}\n`,
  ].join("\n");
}

/** The names of all properties, as a tree: what a near miss is compared with. `*` stands for items and values of maps. */
function names(schema, file) {
  if (schema.$ref !== undefined) return names(...resolve(schema.$ref, file));
  const tree = {};
  for (const part of schema.allOf ?? []) Object.assign(tree, names(part, file));
  for (const [key, value] of Object.entries(schema.properties ?? {})) {
    if (!OTHER_PLATFORMS.includes(key)) tree[key] = names(value, file);
  }
  const items = schema.items ?? schema.additionalProperties;
  if (items !== undefined) tree["*"] = names(items, file);
  return tree;
}

function resolve(ref, file) {
  const [name, pointer = ""] = ref.split("#");
  const target = name === "" ? file : name;
  let node = schemas.get(target);
  for (const part of pointer.split("/").slice(1)) node = node?.[part];
  if (node === undefined) throw new Error(`${file}: ${ref} leads nowhere`);
  return [node, target];
}

function namesText() {
  const tree = JSON.stringify(names(schemas.get("config-schema.json"), "config-schema.json"));
  return [
    "/** Made by scripts/build-schemas.mjs from schemas/config-schema.json; not to be edited. */",
    'import type { Names } from "../near-misses.ts";',
    "/** The names of all properties of config.json on Linux; `*` stands for items and for values of maps. */",
    `export function configNames(): Names {\n  return ${tree};\n}\n`,
  ].join("\n");
}

rmSync(target, { recursive: true, force: true });
mkdirSync(target, { recursive: true });
for (const [file, document] of Object.entries(documents)) {
  writeFileSync(join(target, `${file}-errors.ts`), thoroughText(document));
  if (document.quick) writeFileSync(join(target, `${file}.ts`), quickText(document));
}
writeFileSync(join(target, "names.ts"), namesText());
