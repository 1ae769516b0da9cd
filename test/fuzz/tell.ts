/** Says what went wrong in a case, and how it can be had again. */

import * as fs from "node:fs";
import { join } from "node:path";
import { PROJECT } from "../runtime.ts";
import type { Failure } from "./run.ts";

/** The text of a failure; its config is kept below build/. */
export function tellFailure(failure: Failure, seed: number): string {
  const { number, problems, story, options, config, from, documents } = failure;
  const folder = join(PROJECT, "build/fuzz");
  const file = join(folder, `${seed}-${number}.json`);
  const bytes = Buffer.from(config, "base64");
  fs.mkdirSync(folder, { recursive: true });
  if (config !== "") fs.writeFileSync(file, bytes);
  const words = options.length > 0 ? ` --options ${options.join(",")}` : "";
  return [
    `FAILED seed ${seed}, case ${number}: ${story}`,
    ...problems.map((problem) => `  ${problem.slice(0, 3000)}`),
    ...documents.map((document) => `  then: ${document.slice(0, 3000)}`),
    ...(config === "" ? [] : [`  config: ${file} (${from} bytes, now ${bytes.length})`, `  again: npm run fuzz -- --config ${file}${words}`]),
    `  or: npm run fuzz -- --seed ${seed} --from ${number} --count 1`,
    "",
  ].join("\n");
}
