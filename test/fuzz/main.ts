/** `npm run fuzz`: plays mutated configs against the built runtime, and keeps what fails. */

import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { abandon, fuzz } from "./run.ts";
import { tellFailure } from "./tell.ts";

const USAGE = `npm run fuzz -- [--seconds N] [--seed S] [--from CASE] [--count N] [--verbose]
npm run fuzz -- --config FILE [--options WORD,WORD]     try one config
npm run fuzz -- --untouched                             the engines' configs as they are
`;

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      seconds: { type: "string", default: "60" },
      seed: { type: "string", default: today() },
      from: { type: "string", default: "0" },
      count: { type: "string" },
      config: { type: "string" },
      options: { type: "string", default: "" },
      untouched: { type: "boolean", default: false },
      verbose: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) return fs.writeSync(1, USAGE) && 0;
  const seed = Number(values.seed);
  const task = {
    seed,
    from: Number(values.from),
    seconds: values.untouched || values.config !== undefined ? 600 : Number(values.seconds),
    ...(values.count === undefined ? {} : { end: Number(values.from) + Number(values.count) }),
    ...(values.config === undefined ? {} : { config: fs.readFileSync(values.config).toString("base64"), options: values.options.split(",") }),
    untouched: values.untouched,
  };
  const folder = fs.mkdtempSync(join(tmpdir(), "tsrun-fuzz-"));
  fs.writeSync(1, `seed ${seed}\n`);
  for (const [signal, status] of [["SIGINT", 130], ["SIGTERM", 143]] as const) {
    process.once(signal, () => {
      void abandon().finally(() => {
        fs.rmSync(folder, { recursive: true, force: true });
        process.exit(status);
      });
    });
  }
  try {
    const { failures, cases, created, started } = await fuzz({
      task,
      name: `tsrun-fuzz-${process.pid}`,
      folder,
      onCase: ({ number, story, created, started, said }) => {
        if (values.verbose) fs.writeSync(1, `${number} ${started ? "started" : created ? "created" : "refused"} ${story}${started ? "" : `: ${said}`}\n`);
      },
      onFailure: (failure) => void fs.writeSync(1, tellFailure(failure, seed)),
    });
    fs.writeSync(1, `${cases} cases, ${created} created, ${started} started, ${failures.length} failures (seed ${seed})\n`);
    return failures.length > 0 ? 1 : 0;
  } finally {
    fs.rmSync(folder, { recursive: true, force: true });
  }
}

function today(): string {
  return new Date().toISOString().slice(0, 10).replaceAll("-", "");
}

process.exitCode = await main();
