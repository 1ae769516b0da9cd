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
  assert.is(schemaErrors(schema, document), "", message);
}

/** What is wrong with a document by an official schema, "" when nothing is; skips where there are none. */
export function schemaErrors(schema: string, document: unknown): string {
  ajv ??= load();
  const validate = ajv.getSchema(schema) ?? skip(`there is no ${schema} among the official schemas`);
  return validate(document) === true ? "" : ajv.errorsText(validate.errors);
}

/** The folder of the official samples; a string says why there are none. */
export function sampleFolder(): { readonly folder: string } | string {
  const official = officialSchema();
  if (typeof official === "string") return official;
  const folder = join(official.folder, "test");
  return fs.existsSync(folder) ? { folder } : `there are no samples beside the schemas in "${official.folder}"`;
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
