/**
 * Writes a validator that only says yes or no: a tenth of the code of ajv's, which has to name each error.
 *
 * It runs for every container, and the first call of each function costs more than all its work. It is a subset of JSON
 * Schema; a keyword that it does not know ends the build.
 */

const TYPES = {
  string: (v) => `typeof ${v} === "string"`,
  boolean: (v) => `typeof ${v} === "boolean"`,
  integer: (v) => `Number.isInteger(${v})`,
  array: (v) => `Array.isArray(${v})`,
  object: (v) => `typeof ${v} === "object" && ${v} !== null && !Array.isArray(${v})`,
};

/** Keyword -> the statements that return false where `v` breaks it. All but `allOf` and `not` have their `type` beside them. */
const KEYWORDS = {
  type: (type, v) => `if (!(${TYPES[type](v)})) return false;`,
  minimum: (limit, v) => `if (${v} < ${limit}) return false;`,
  maximum: (limit, v) => `if (${v} > ${limit}) return false;`,
  minItems: (count, v) => `if (${v}.length < ${count}) return false;`,
  enum: (values, v) => `if (${values.map((value) => `${v} !== ${JSON.stringify(value)}`).join(" && ")}) return false;`,
  pattern: (pattern, v) => `if (!new RegExp(${JSON.stringify(pattern)}, "u").test(${v})) return false;`,
  required: (names, v) => `if (${names.map((name) => `${v}.${name} === undefined`).join(" || ")}) return false;`,
  allOf: (schemas, v, writer) => schemas.map((schema) => writer.statements(schema, v)).join("\n"),
  not: (schema) => (Object.keys(schema).length === 0 ? "return false;" : unknown("not")),
  items: (schema, v, writer) =>
    writer.loop(schema, (item, body) => `for (let i = 0; i < ${v}.length; i++) { const ${item} = ${v}[i]; ${body} }`),
  additionalProperties: (schema, v, writer) =>
    writer.loop(schema, (item, body) => `for (const key in ${v}) { const ${item} = ${v}[key]; ${body} }`),
  properties: (schemas, v, writer) =>
    Object.entries(schemas)
      .map(([name, schema]) => writer.property(schema, `${v}.${name}`))
      .join("\n"),
};

/** The type comes first, so that the others may rely on it. */
const ORDER = Object.keys(KEYWORDS);

function unknown(keyword) {
  throw new Error(`the quick validator does not know the keyword "${keyword}"`);
}

/** Returns the statements of a function body that ends by returning the validator. */
export function quickValidator(ref, schemas) {
  const writer = new Writer(schemas);
  const name = writer.functionFor(ref, "");
  return `${writer.functions.join("\n")}\nreturn ${name};`;
}

class Writer {
  functions = [];
  #names = new Map();
  #schemas;
  #variables = 0;
  #file = "";

  constructor(schemas) {
    this.#schemas = schemas;
  }

  /** Returns the name of the function that judges what a reference leads to. */
  functionFor(ref) {
    const [name, pointer = ""] = ref.split("#");
    const file = name === "" ? this.#file : name;
    const key = `${file}#${pointer}`;
    if (!this.#names.has(key)) {
      this.#names.set(key, `v${this.#names.size}`);
      const outer = this.#file;
      this.#file = file;
      const body = this.statements(this.#resolve(file, pointer), "data");
      this.#file = outer;
      this.functions.push(`function ${this.#names.get(key)}(data) {\n${body}\nreturn true;\n}`);
    }
    return this.#names.get(key);
  }

  #resolve(file, pointer) {
    let node = this.#schemas.get(file);
    for (const part of pointer.split("/").slice(1)) node = node?.[part];
    if (node === undefined) throw new Error(`${file}#${pointer} leads nowhere`);
    return node;
  }

  statements(schema, v) {
    const { $ref: ref, ...rest } = this.#inlined(schema);
    for (const keyword of Object.keys(rest)) if (!ORDER.includes(keyword)) unknown(keyword);
    const own = ORDER.filter((keyword) => keyword in rest).map((keyword) => KEYWORDS[keyword](rest[keyword], v, this));
    return [...own, ...(ref === undefined ? [] : [`if (!${this.functionFor(ref)}(${v})) return false;`])].join("\n");
  }

  /** A reference to a schema without inner ones is that schema: a call would cost more than its work. */
  #inlined(schema) {
    if (schema.$ref === undefined || Object.keys(schema).some((key) => key !== "$ref")) return schema;
    const [name, pointer = ""] = schema.$ref.split("#");
    const target = this.#resolve(name === "" ? this.#file : name, pointer);
    const isLeaf = !("properties" in target) && !("items" in target) && !("allOf" in target) && !("enum" in target);
    if (!isLeaf || "additionalProperties" in target) return schema;
    if (target.$ref === undefined) return target;
    const outer = this.#file;
    this.#file = name === "" ? outer : name;
    const inner = this.#inlined(target);
    const here = inner.$ref?.startsWith("#") ? { $ref: `${this.#file}${inner.$ref}` } : inner;
    this.#file = outer;
    return here;
  }

  property(schema, access) {
    const v = this.#variable();
    return `const ${v} = ${access};\nif (${v} !== undefined) {\n${this.statements(schema, v)}\n}`;
  }

  loop(schema, write) {
    const v = this.#variable();
    return write(v, this.statements(schema, v));
  }

  #variable() {
    return `d${this.#variables++}`;
  }
}
