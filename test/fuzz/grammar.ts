/** Grammar-aware values: what the schema of config.json lets stand at a place, at its limits and just beyond. */

import * as fs from "node:fs";
import { join } from "node:path";
import { pick } from "./random.ts";
import type { Random } from "./random.ts";
import { MAP_KEYS, MAP_VALUES, TEXTS, WORDS } from "./words.ts";
import { isObject } from "./tree.ts";
import type { Json } from "./tree.ts";

type Schema = { readonly [key: string]: Json };

/** A place in config.json, and what the schema says of it. */
export interface Field {
  readonly path: readonly string[];
  readonly schema: Schema;
}

const OTHER_PLATFORMS: ReadonlySet<string> = new Set(["freebsd", "solaris", "vm", "windows", "zos"]);
const GENERAL_INTEGERS: readonly number[] = [0, 1, -1, 2, 7, 10, 100, 255, 256, 1000, 1024, 4095, 4096, 65535, 65536, 100000, 1048576, 6291456, 268435456, 2147483647, 2147483648, 4294967295, 4294967296, 9007199254740991];

/** The schemas of a folder. */
export class Grammar {
  readonly #files = new Map<string, Schema>();
  /** The objects' fields, by path without list positions. */
  readonly fields: readonly Field[];

  constructor(folder: string) {
    for (const name of fs.readdirSync(folder).filter((entry) => entry.endsWith(".json"))) this.#files.set(name, JSON.parse(fs.readFileSync(join(folder, name), "utf8")));
    this.fields = this.#fieldsOf(this.#files.get("config-schema.json") ?? {}, "config-schema.json", []);
  }

  /** A value for a field: mostly one that the schema takes. */
  valueOf(field: Field, random: Random): Json {
    return this.#value(field.schema, { file: fileOf(field.schema), key: field.path.at(-1) ?? "", random, depth: 0 });
  }

  #fieldsOf(schema: Schema, file: string, path: readonly string[]): Field[] {
    const [resolved, where] = this.#resolve(schema, file);
    const properties = isObject(resolved["properties"]) ? resolved["properties"] : {};
    return Object.entries(properties).flatMap(([key, value]): Field[] => {
      if (OTHER_PLATFORMS.has(key) || !isObject(value)) return [];
      const below = [...path, key];
      const [type, home] = this.#resolve(value, where);
      const field = { path: below, schema: { ...type, [HOME]: home } };
      return [field, ...this.#fieldsOf(type, home, below)];
    });
  }

  #resolve(schema: Schema, file: string): [Schema, string] {
    const reference = schema["$ref"];
    if (typeof reference !== "string") return [schema, file];
    const [name = "", pointer = ""] = reference.split("#");
    const home = name === "" ? file : name;
    let found: Json = this.#files.get(home) ?? {};
    for (const part of pointer.split("/").slice(1)) found = isObject(found) ? (found[part] ?? {}) : {};
    return isObject(found) ? this.#resolve(found, home) : [{}, home];
  }

  #value(given: Schema, { file, key, random, depth }: { readonly file: string; readonly key: string; readonly random: Random; readonly depth: number }): Json {
    const [schema, home] = this.#resolve(given, file);
    const below = (child: Schema, name: string): Json => this.#value(child, { file: home, key: name, random, depth: depth + 1 });
    const choices = schema["enum"];
    if (Array.isArray(choices)) return pick(random, [...choices, ...choices, "none"]);
    const either = schema["anyOf"] ?? schema["oneOf"];
    if (Array.isArray(either)) return below(pick(random, either.filter(isObject)), key);
    switch (schema["type"]) {
      case "integer":
        return integer(schema, random);
      case "boolean":
        return random(2) === 0;
      case "array": {
        const items = isObject(schema["items"]) ? schema["items"] : {};
        return Array.from({ length: random(4) }, () => below(items, key));
      }
      case "object":
        return this.#object(schema, { key, random, below });
      default:
        return random(8) === 0 ? pick(random, TEXTS) : pick(random, WORDS[key] ?? TEXTS);
    }
  }

  #object(schema: Schema, { key, random, below }: { readonly key: string; readonly random: Random; readonly below: (schema: Schema, key: string) => Json }): Json {
    const made: { [key: string]: Json } = {};
    const required = Array.isArray(schema["required"]) ? schema["required"] : [];
    const properties = isObject(schema["properties"]) ? schema["properties"] : {};
    for (const [name, child] of Object.entries(properties)) {
      if (!isObject(child) || OTHER_PLATFORMS.has(name)) continue;
      if (required.includes(name) ? random(20) > 0 : random(3) === 0) made[name] = below(child, name);
    }
    const patterns = isObject(schema["patternProperties"]) ? Object.values(schema["patternProperties"]) : [];
    const [values] = [...patterns, schema["additionalProperties"] ?? null].filter(isObject);
    if (values === undefined) return made;
    for (let count = random(4); count > 0; count--) {
      const value = MAP_VALUES[key] === undefined ? below(values, key) : pick(random, MAP_VALUES[key]);
      made[pick(random, MAP_KEYS[key] ?? MAP_KEYS[""] ?? [])] = value;
    }
    return made;
  }
}

/** Where a field's schema was found, for the references in it. */
const HOME = "\0home";

function fileOf(schema: Schema): string {
  const home = schema[HOME];
  return typeof home === "string" ? home : "";
}

function integer(schema: Schema, random: Random): Json {
  const limits = ["minimum", "maximum"].flatMap((name) => {
    const limit = schema[name];
    return typeof limit === "number" ? [limit, limit + 1, limit - 1] : [];
  });
  return pick(random, random(4) === 0 && limits.length > 0 ? limits : GENERAL_INTEGERS);
}
