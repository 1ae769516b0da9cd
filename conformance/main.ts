/** `npm run conformance`: judges runtimes side by side, prints a table, and writes the report. */

import { accessSync, constants, mkdirSync, writeFileSync } from "node:fs";
import { delimiter, join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { PROJECT } from "../test/runtime.ts";
import { judgeRuntime } from "./report/collect.ts";
import type { Judgement } from "./report/collect.ts";
import { html } from "./report/html.ts";
import { markdown } from "./report/markdown.ts";
import { makeReport } from "./report/report.ts";
import { terminal } from "./report/terminal.ts";

const USAGE = `npm run conformance -- [--runtime NAME|PATH]... [--report] [--folder FOLDER]

Judges tsrun, or each runtime that is named, by every test of conformance/ and prints where each stands.
  --runtime   a runtime with runc's command line; may be given several times
  --report    writes conformance.md and conformance.html into FOLDER
  --folder    build/report when it is not given; the tests' logs are there, too
`;

/** Where the user stands: npm changes to the package's folder. */
const CALLER = process.env["INIT_CWD"] ?? process.cwd();

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      runtime: { type: "string", multiple: true },
      report: { type: "boolean" },
      folder: { type: "string" },
      help: { type: "boolean" },
    },
  });
  if (values.help === true) {
    console.log(USAGE);
    return 0;
  }
  const paths = (values.runtime ?? [join(PROJECT, "dist/tsrun")]).map(find);
  const logs = join(PROJECT, "build/report");
  const folder = resolve(CALLER, values.folder ?? logs);
  for (const path of [logs, folder]) mkdirSync(path, { recursive: true });
  const judgements: Judgement[] = [];
  for (const path of paths) judgements.push(await judgeRuntime(path, logs));
  const report = makeReport(judgements, new Date());
  console.log(`\n${terminal(report)}`);
  if (values.report === true) {
    writeFileSync(join(folder, "conformance.md"), markdown(report));
    writeFileSync(join(folder, "conformance.html"), html(report));
    console.log(`\nwritten: ${join(folder, "conformance.md")}, conformance.html`);
  }
  return judgements.every(({ clean }) => clean) ? 0 : 1;
}

/** An absolute path, as the tests run it from other folders. */
function find(name: string): string {
  if (name.includes("/")) return resolve(CALLER, name);
  const folders = [...(process.env["PATH"] ?? "").split(delimiter), "/usr/sbin", "/sbin"];
  const found = folders.map((folder) => join(folder, name)).find(isExecutable);
  if (found === undefined) throw new Error(`there is no "${name}" in the PATH`);
  return found;
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

process.exitCode = await main();
