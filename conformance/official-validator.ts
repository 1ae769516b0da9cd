/** Judges documents by the specification's own schemas. */

import * as fs from "node:fs";
import { join } from "node:path";
import { Ajv } from "ajv";
import { skip } from "../test/harness.ts";
import { officialSchema } from "../test/official-schema.ts";

export type Kind = "config" | "state" | "features";

/** The folder of the official samples; a string says why there are none. */
export function sampleFolder(): { readonly folder: string } | string {
  const official = officialSchema();
  if (typeof official === "string") return official;
  const folder = join(official.folder, "test");
  return fs.existsSync(folder) ? { folder } : `there are no samples beside the schemas in "${official.folder}"`;
}

/** What is wrong with a document by the official schema, "" for a valid one; without the schemas the test is skipped. */
export function schemaErrors(kind: Kind, document: unknown): string {
  const official = officialSchema();
  if (typeof official === "string") skip(official);
  // The schemas are of the draft 4, whose differences from what ajv knows they do not use.
  const ajv = new Ajv({ strict: false, validateSchema: false, meta: false, allErrors: true });
  for (const name of fs.readdirSync(official.folder).filter((each) => each.endsWith(".json"))) {
    const { $schema: _, ...schema } = JSON.parse(fs.readFileSync(join(official.folder, name), "utf8")) as Record<string, unknown>;
    ajv.addSchema(schema, name);
  }
  const validate = ajv.getSchema(`${kind}-schema.json`);
  if (validate === undefined) skip(`there is no schema of ${kind} in "${official.folder}"`);
  return validate(document) === true ? "" : ajv.errorsText(validate.errors);
}
