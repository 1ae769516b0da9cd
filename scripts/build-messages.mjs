/**
 * Compiles schemas/containerd/*.proto into src/shim/generated/*.ts, and schemas/criu/*.proto into src/criu/generated/*.ts:
 * an interface and a table of fields for each message.
 *
 * protobufjs reads the files at build time; at run time src/protobuf/messages.ts walks the tables with the reader and writer
 * of @bufbuild/protobuf, which are small, keep 64-bit integers exact, and need no descriptors to be loaded.
 */

import { mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import protobuf from "protobufjs";

const root = fileURLToPath(new URL("..", import.meta.url));
/** Folders of schemas, and whose messages they are. */
const TARGETS = { "schemas/containerd": "src/shim/generated", "schemas/criu": "src/criu/generated" };

/** The scalar types that the schemas use, as TypeScript has them. */
const SCALARS = {
  bool: "boolean",
  bytes: "Uint8Array",
  double: "number",
  int32: "number",
  int64: "bigint",
  string: "string",
  uint32: "number",
  uint64: "bigint",
};

function main() {
  for (const [source, folder] of Object.entries(TARGETS)) {
    const target = join(root, folder);
    rmSync(target, { recursive: true, force: true });
    mkdirSync(target, { recursive: true });
    for (const file of readdirSync(join(root, source))) writeFileSync(join(target, `${moduleOf(file)}.ts`), compile(source, file));
  }
}

function moduleOf(file) {
  return basename(file, ".proto").replaceAll("_", "-");
}

function compile(source, file) {
  const tree = new protobuf.Root();
  tree.resolvePath = (_, path) => join(root, source, basename(path));
  tree.loadSync(file, { keepCase: true });
  tree.resolveAll();
  const own = [...objects(tree)].filter(({ filename }) => basename(filename ?? "") === file);
  const imports = new Map();
  const parts = own.map((object) => (object instanceof protobuf.Enum ? enumeration(object) : message(object, { file, imports })));
  const lines = [...imports].map(([module, names]) => `import { ${[...names].sort().join(", ")} } from "./${module}.ts";\n`);
  const generated = `/** Generated from ${source}/${file} by scripts/build-messages.mjs. */\n\n`;
  return `${generated}import type { MessageType } from "../../protobuf/messages.ts";\n${lines.join("")}\n${parts.join("\n")}`;
}

function* objects(namespace) {
  for (const object of namespace.nestedArray) {
    if (object instanceof protobuf.Type || object instanceof protobuf.Enum) yield object;
    else if (object instanceof protobuf.Namespace) yield* objects(object);
  }
}

function enumeration({ name, values }) {
  const rows = Object.entries(values).map(([key, value]) => `  ${key}: ${value},\n`);
  return `export const ${name} = {\n${rows.join("")}} as const;\n`;
}

function message(type, context) {
  const fields = type.fieldsArray.map((field) => describe(field, context));
  const members = fields.map(({ name, typescript }) => `  ${name}: ${typescript};\n`);
  const rows = fields.map(({ name, id, kind, form, of }) => `  [${id}, "${name}", "${kind}", "${form}"${of === undefined ? "" : `, () => ${of}`}],\n`);
  const empty = members.length === 0 ? `export type ${type.name} = Record<string, never>;\n` : `export interface ${type.name} {\n${members.join("")}}\n`;
  return `${empty}export const ${type.name}: MessageType<${type.name}> = { fields: [\n${rows.join("")}] };\n`;
}

/** `form`: "one", "optional" (a zero is another thing than nothing, as in proto2), "list", or "map" of strings. */
function describe(field, { file, imports }) {
  const { name, id, type, repeated, map, resolvedType } = field;
  if (map) {
    if (type !== "string" || field.keyType !== "string") throw new Error(`${file}: ${name}: only maps of strings`);
    return { name, id, kind: "string", form: "map", typescript: "Readonly<Record<string, string>>" };
  }
  const isOptional = !repeated && resolvedType instanceof protobuf.Type === false && field.hasPresence;
  const form = repeated ? "list" : isOptional ? "optional" : "one";
  const list = (one) => (repeated ? `readonly ${one}[]` : isOptional ? `${one} | undefined` : one);
  if (resolvedType instanceof protobuf.Enum) return { name, id, kind: "int32", form, typescript: list("number") };
  if (resolvedType !== null) {
    const module = basename(resolvedType.filename);
    if (module !== file) imports.set(moduleOf(module), (imports.get(moduleOf(module)) ?? new Set()).add(resolvedType.name));
    const one = `Partial<${resolvedType.name}>`;
    return { name, id, kind: "message", form, of: resolvedType.name, typescript: repeated ? list(one) : `${one} | undefined` };
  }
  if (SCALARS[type] === undefined) throw new Error(`${file}: ${name}: no type "${type}"`);
  return { name, id, kind: type, form, typescript: list(SCALARS[type]) };
}

main();
