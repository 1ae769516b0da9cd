/** containerd-shim-tsrun-v1: what containerd executes for `io.containerd.tsrun.v1`. */

import { LAUNCH_VARIABLE, callerEnvironment, parseLaunch } from "../linux/launch.ts";
import { writeSync } from "../native/files.ts";
import { parseInvocation } from "./invocation.ts";

/** The launcher's other name, by which the engine knows what it is to be. */
const SHIM_NAME = "containerd-shim-tsrun-v1";

/** What the executable knows of itself. */
export interface Program {
  readonly version: string;
  readonly commit?: string | undefined;
}

const STDOUT = 1;
const STDERR = 2;

/** Runs one command of the shim; resolves with its exit status. What fails is told on standard error. */
export async function shimMain(argv: readonly string[], program: Program): Promise<number> {
  try {
    return await run(argv, program);
  } catch (error) {
    writeSync(STDERR, `${SHIM_NAME}: ${error instanceof Error ? error.message : String(error)}\n`);
    return 1;
  }
}

async function run(argv: readonly string[], program: Program): Promise<number> {
  const invocation = parseInvocation(argv);
  const bundle = parseLaunch(process.env[LAUNCH_VARIABLE] ?? "")?.cwd ?? process.cwd();
  if (invocation.version) {
    writeSync(STDOUT, `${SHIM_NAME} ${program.version}\n`);
    return 0;
  }
  if (invocation.info) {
    const { printInfo } = await import("./introspection.ts");
    const { features } = await import("../container/features.ts");
    // As the command line, the shim cannot make checkpoints yet.
    return printInfo({ version: program.version, features: features({ ...program, hasCheckpoint: true }) });
  }
  if (invocation.action === "start") return await (await import("./start.ts")).startShim(invocation, bundle);
  if (invocation.action === "delete") {
    return await (await import("./delete.ts")).deleteShim(invocation, { bundle, environment: callerEnvironment(process.env) });
  }
  writeSync(STDERR, `usage: ${SHIM_NAME} -namespace NAMESPACE -id ID -address ADDRESS start|delete\n`);
  return 2;
}
