/** Help texts, by commander, from the same tables that the parser reads. */

import { Command, Option as CommanderOption } from "commander";
import type { Option, Verb } from "./options.ts";
import { GLOBAL_OPTIONS, VERBS } from "./options.ts";
import { print } from "./output.ts";

/** Prints the help of a verb, or of all. */
export function printHelp(name?: string): number {
  const verb = VERBS.find((candidate) => candidate.name === name);
  print(helpText(verb));
  return 0;
}

/** commander adds examples only where it prints by itself. */
function helpText(verb: Verb | undefined): string {
  const program = programCommand();
  if (verb === undefined) return program.helpInformation();
  const command = program.commands.find((candidate) => candidate.name() === verb.name) ?? program;
  const { examples = [] } = verb;
  const text = command.helpInformation();
  return examples.length === 0 ? text : `${text}\nExamples:\n${examples.map((example) => `  ${example}\n`).join("")}`;
}

/** The whole command line for commander. */
export function programCommand(): Command {
  const program = new Command("tsrun").description("an OCI container runtime: it makes containers from bundles").enablePositionalOptions();
  addOptions(program, GLOBAL_OPTIONS);
  for (const verb of VERBS) program.addCommand(verbCommand(verb));
  return program.helpOption(false).helpCommand(false);
}

export function verbCommand({ name, summary, args, options, trailing }: Verb): Command {
  const command = new Command(name).description(summary).passThroughOptions(trailing === true);
  for (const argument of args) command.argument(argument);
  addOptions(command, options);
  return command;
}

function addOptions(command: Command, options: readonly Option[]): void {
  for (const { name, short, value, repeat, help, hidden } of options) {
    const flags = `${short === undefined ? "" : `-${short}, `}--${name}${value === undefined ? "" : ` <${value}>`}`;
    const option = new CommanderOption(flags, help);
    if (repeat === true) option.argParser((given: string, before: readonly string[] = []) => [...before, given]);
    command.addOption(hidden === true ? option.hideHelp() : option);
  }
}
