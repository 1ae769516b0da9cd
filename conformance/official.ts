/** Holds documents against the official JSON Schemas of the specification. */

import * as fs from "node:fs";
import { join } from "node:path";
import { Ajv } from "ajv";
import * as assert from "uvu/assert";
import { skip } from "../test/harness.ts";
import { officialSchema } from "../test/official-schema.ts";

let ajv: Ajv | undefined;

/** Demands that a document is valid by an official schema, `state-schema.json`; skips where there are none. */
export function isValid(schema: string, document: unknown, message: string): void {
  ajv ??= load();
  const validate = ajv.getSchema(schema);
  assert.ok(validate?.(document), `${message}: ${JSON.stringify(validate?.errors)}`);
}

/** The schemas are of draft 04, whose meta schema ajv does not have; nothing in them is read otherwise by a later draft. */
function load(): Ajv {
  const official = officialSchema();
  if (typeof official === "string") skip(official);
  const loaded = new Ajv({ strict: false, validateSchema: false, meta: false });
  for (const name of fs.readdirSync(official.folder).filter((each) => each.endsWith(".json"))) {
    const { $schema: _, ...schema } = JSON.parse(fs.readFileSync(join(official.folder, name), "utf8")) as Record<string, unknown>;
    loaded.addSchema(schema, name);
  }
  return loaded;
}
