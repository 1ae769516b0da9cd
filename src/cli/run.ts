/** `tsrun run`. */

import { basename, join } from "node:path";
import type { CreateOptions } from "../container/create.ts";
import { run } from "../container/run.ts";
import type { Ending } from "../container/run.ts";
import { CallerTerminal } from "../container/terminal.ts";
import { checkId } from "../container/store.ts";
import { StepError, UsageError } from "../errors.ts";
import { statSync } from "../native/files.ts";
import { creation, interruptible } from "./create.ts";
import { SignalForeground } from "./foreground.ts";
import { onlyArgument } from "./invocation.ts";
import type { Invocation } from "./invocation.ts";
import { flag, text } from "./parse.ts";

const EXIT_SIGNAL = 128;
/** runc's status when the program could not be executed. */
const EXIT_NOT_EXECUTED = 255;

export async function runVerb(invocation: Invocation): Promise<number> {
  const target = findTarget(invocation, onlyArgument(invocation, "run", "a container id or a bundle"));
  const options = creation(invocation, target);
  const keep = flag(invocation.parsed, "keep");
  try {
    const ending = flag(invocation.parsed, "detach") ? await run(interruptible(options)) : await runInForeground(options, keep);
    if (ending === undefined) return 0;
    return ending.signal === 0 ? ending.code : EXIT_SIGNAL + ending.signal;
  } catch (error) {
    if (error instanceof StepError && error.op === "execve") {
      invocation.fail(error);
      return EXIT_NOT_EXECUTED;
    }
    throw error;
  }
}

async function runInForeground(options: CreateOptions, keep: boolean): Promise<Ending> {
  const { id, warn, inheritance } = options;
  const console = new CallerTerminal(inheritance.stdio, { warn });
  const foreground = new SignalForeground({ action: `create container "${id}"`, ignored: inheritance.ignored }, console);
  const { abort } = foreground;
  try {
    return await run({ ...options, keep, console, abort, foreground });
  } finally {
    console.close();
  }
}

/**
 * Which bundle and id are meant: --bundle decides; a name with a "/" is a bundle; where ./config.json exists it is an id;
 * else a folder of that name with a config.json in it is the bundle.
 */
function findTarget({ parsed, path }: Invocation, argument: string): { id: string; bundle: string } {
  const given = text(parsed, "bundle");
  if (given !== undefined) return { id: argument, bundle: path(given) };
  if (!argument.includes("/") && isFile(path("config.json"))) return { id: argument, bundle: path(".") };
  const bundle = path(argument);
  if (!isFile(join(bundle, "config.json"))) {
    throw new UsageError(
      `cannot run "${argument}": neither "${path("config.json")}" nor "${join(bundle, "config.json")}" exists; ` +
        "tsrun run ID in a bundle, tsrun run --bundle DIR ID, or tsrun run BUNDLE",
    );
  }
  return { id: idOf(bundle), bundle };
}

function idOf(bundle: string): string {
  const id = basename(bundle);
  try {
    checkId(id);
  } catch (error) {
    throw new UsageError(`cannot use the bundle's name ${JSON.stringify(id)} as the container's id: give one: tsrun run --bundle DIR ID`, {
      cause: error,
    });
  }
  return id;
}

function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() === true;
}
