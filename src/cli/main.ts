#!/usr/bin/env node
/** The command line: reads the global options, calls the verb, reports, and is the only file that exits. */

import { TsrunError, UsageError } from "../errors.ts";
import { callerPath } from "./caller.ts";
import type { Invocation } from "./invocation.ts";
import { appendFileSync } from "../native/files.ts";
import { isLoaded, isNativeError, native } from "../native/native.ts";
import { GLOBAL_OPTIONS, VERBS } from "./options.ts";
import { flag, parseArguments, text } from "./parse.ts";
import type { Parsed } from "./parse.ts";
import { messageOf, tell, writeStderr } from "./report.ts";
import type { Report } from "./report.ts";

/** Each verb is loaded when it is called; it returns the exit status. */
type Run = (invocation: Invocation) => Promise<number> | number;

const LOADERS: Readonly<Record<string, () => Promise<Run>>> = {
  checkpoint: async () => (await import("./checkpoint.ts")).checkpointVerb,
  completion: async () => (await import("./completion.ts")).completionVerb,
  create: async () => (await import("./create.ts")).createVerb,
  delete: async () => (await import("./delete.ts")).deleteVerb,
  events: async () => (await import("./events.ts")).eventsVerb,
  exec: async () => (await import("./exec.ts")).execVerb,
  explain: async () => (await import("./explain.ts")).explainVerb,
  features: async () => (await import("./features.ts")).featuresVerb,
  kill: async () => (await import("./kill.ts")).killVerb,
  list: async () => (await import("./list.ts")).listVerb,
  manual: async () => (await import("./manual.ts")).manualVerb,
  mounts: async () => (await import("./mounts.ts")).mountsVerb,
  pause: async () => (await import("./pause.ts")).pauseVerb,
  ps: async () => (await import("./ps.ts")).psVerb,
  restore: async () => (await import("./restore.ts")).restoreVerb,
  resume: async () => (await import("./resume.ts")).resumeVerb,
  run: async () => (await import("./run.ts")).runVerb,
  spec: async () => (await import("./spec.ts")).specVerb,
  start: async () => (await import("./start.ts")).startVerb,
  state: async () => (await import("./state.ts")).stateVerb,
  stats: async () => (await import("./stats.ts")).statsVerb,
  update: async () => (await import("./update.ts")).updateVerb,
};

const SHIM_NAME = "containerd-shim-tsrun-v1";

const EXIT_UNKNOWN_COMMAND = 3;
/** What a shell says of a program that SIGPIPE ended. */
const EXIT_BROKEN_PIPE = 141;

async function main(argv: readonly string[]): Promise<number> {
  let report: Report = guessReport(argv);
  // What nobody waits for fails as much as the rest: who reads the log must not find it empty.
  for (const event of ["uncaughtException", "unhandledRejection"]) {
    process.on(event, (error: unknown) => {
      if (isBrokenPipe(error)) finish(EXIT_BROKEN_PIPE);
      tell(report, "error", messageOf(error));
      finish(1);
    });
  }
  try {
    const globals = parseArguments(argv, { options: GLOBAL_OPTIONS, stopAtArgument: true });
    report = readReport(globals);
    const closed = await openLog(report);
    if (closed !== undefined) {
      report = { ...report, log: undefined };
      throw closed;
    }
    if (flag(globals, "version")) {
      const { printVersion } = await import("./version.ts");
      return printVersion();
    }
    const [name, ...rest] = argv.slice(globals.next);
    if (name === undefined || name === "help" || name === "h" || flag(globals, "help")) {
      const [topic] = rest;
      if (topic !== undefined && !topic.startsWith("-") && VERBS.every((verb) => verb.name !== topic)) return unknownCommand(topic, report);
      const { printHelp } = await import("./help.ts");
      return printHelp(topic);
    }
    return await callVerb({ name, rest, globals, report });
  } catch (error) {
    if (isBrokenPipe(error)) return EXIT_BROKEN_PIPE;
    tell(report, "error", messageOf(error));
    if (report.debug && error instanceof Error && error.stack !== undefined) tell(report, "debug", error.stack);
    return error instanceof TsrunError ? error.exitCode : 1;
  }
}

async function callVerb(call: {
  readonly name: string;
  readonly rest: readonly string[];
  readonly globals: Parsed;
  readonly report: Report;
}): Promise<number> {
  const { name, rest, globals, report } = call;
  const verb = VERBS.find((candidate) => candidate.name === name);
  const load = LOADERS[name];
  if (verb === undefined || load === undefined) {
    return unknownCommand(name, report);
  }
  const help = { name: "help", short: "h", help: "show help" };
  const parsed = parseArguments(rest, { options: [...verb.options, help], trailing: verb.trailing === true });
  if (flag(parsed, "help")) {
    const { printHelp } = await import("./help.ts");
    return printHelp(name);
  }
  const { invocation } = await import("./invocation.ts");
  const run = await load();
  const warn = (message: string): void => tell(report, "warning", message);
  const fail = (error: unknown): void => tell(report, "error", messageOf(error));
  return run(invocation(globals, { parsed, warn, fail }));
}

function unknownCommand(name: string, report: Report): number {
  tell(report, "error", `No help topic for '${name}': it is not a command of tsrun (tsrun --help)`);
  return EXIT_UNKNOWN_COMMAND;
}

/** Who read the output has seen enough: that is no error to tell, as it is none of any other program. */
function isBrokenPipe(error: unknown): boolean {
  return isNativeError(error) && error.code === "EPIPE" && error.syscall === "write";
}

function readReport(globals: Parsed): Report {
  const format = text(globals, "log-format") ?? "text";
  if (format !== "text" && format !== "json" && format !== "") throw new UsageError(`cannot use option "--log-format": invalid log-format: ${format}`);
  const log = text(globals, "log");
  return { log: log === undefined || log === "" ? undefined : callerPath(log), format: format === "json" ? "json" : "text", debug: flag(globals, "debug") };
}

/** The log is there from the beginning, as engines expect; returns why it cannot be. */
async function openLog({ log }: Report): Promise<unknown> {
  if (log === undefined) return undefined;
  try {
    appendFileSync(log, "", { mode: 0o644 });
    return undefined;
  } catch (error) {
    const { inWords } = await import("../container/store.ts");
    return inWords(`open the log "${log}"`, error);
  }
}

/** Even a command line that cannot be read has its error where and how the caller looks for it. */
function guessReport(argv: readonly string[]): Report {
  const log = guessText(argv, "log");
  return {
    log: log === undefined || log === "" ? undefined : guessPath(log),
    format: guessText(argv, "log-format") === "json" ? "json" : "text",
    debug: false,
  };
}

/** Where a path leads nowhere, that is told when the log is really asked for. */
function guessPath(log: string): string | undefined {
  try {
    return callerPath(log);
  } catch {
    return undefined;
  }
}

function guessText(argv: readonly string[], name: string): string | undefined {
  for (let at = 0; at < argv.length; at++) {
    const word = argv[at] ?? "";
    if (word === `--${name}` || word === `-${name}`) return argv[at + 1];
    const equals = word.indexOf("=");
    if (word.slice(0, equals) === `--${name}` || word.slice(0, equals) === `-${name}`) return word.slice(equals + 1);
  }
  return undefined;
}

function finish(status: number): void {
  // Output is written synchronously, so there is nothing to wait for, and winding an engine down takes a millisecond.
  if (isLoaded()) native().exitNow(status);
  process.exit(status);
}

/** The launcher has two names; argv[0] tells by which it was called. */
async function entry(argv: readonly string[]): Promise<number> {
  if (!process.argv0.endsWith(SHIM_NAME)) return await main(argv);
  const { shimMain } = await import("../shim/main.ts");
  const { PROGRAM } = await import("./program.ts");
  return await shimMain(argv, PROGRAM);
}

entry(process.argv.slice(2)).then(finish, (error: unknown) => {
  writeStderr(`tsrun: ${messageOf(error)}\n`);
  finish(1);
});
