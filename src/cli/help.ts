/** Help texts, by commander, from the same tables that the parser reads. */

import { writeSync } from "../native/files.ts";
import { Command, Option as CommanderOption } from "commander";
import type { Option, Verb } from "./options.ts";
import { GLOBAL_OPTIONS, VERBS } from "./options.ts";

/** Prints the help of a verb, or of all. */
export function printHelp(name?: string): number {
  const verb = VERBS.find((candidate) => candidate.name === name);
  writeSync(1, (verb === undefined ? programCommand() : verbCommand(verb)).helpInformation());
  return 0;
}

/** The whole command line for commander. */
export function programCommand(): Command {
  const program = new Command("tsrun").description("an OCI container runtime: it makes containers from bundles");
  addOptions(program, GLOBAL_OPTIONS);
  for (const verb of VERBS) program.addCommand(verbCommand(verb));
  return program.helpOption(false).helpCommand(false);
}

export function verbCommand({ name, summary, args, options, examples = [] }: Verb): Command {
  const command = new Command(name).description(summary);
  for (const argument of args) command.argument(argument);
  addOptions(command, options);
  if (examples.length > 0) command.addHelpText("after", `\nExamples:\n${examples.map((example) => `  ${example}\n`).join("")}`);
  return command;
}

function addOptions(command: Command, options: readonly Option[]): void {
  for (const { name, short, value, help, hidden } of options) {
    const flags = `${short === undefined ? "" : `-${short}, `}--${name}${value === undefined ? "" : ` <${value}>`}`;
    const option = new CommanderOption(flags, help);
    command.addOption(hidden === true ? option.hideHelp() : option);
  }
}
