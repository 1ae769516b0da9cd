/** `tsrun manual`: the manual pages as man(7) wants them, from the option tables. */

import { UsageError } from "../errors.ts";
import type { Invocation } from "./invocation.ts";
import { GLOBAL_OPTIONS, VERBS } from "./options.ts";
import type { Option, Verb } from "./options.ts";
import { print } from "./output.ts";
import { PROGRAM } from "./program.ts";

const SECTION = 8;

export function manualVerb({ parsed }: Invocation): number {
  const [name, ...more] = parsed.args;
  if (more.length > 0) throw new UsageError(`cannot print a manual page: too many arguments: ${more.join(" ")}`);
  const verb = VERBS.find((candidate) => candidate.name === name);
  if (name !== undefined && verb === undefined) throw new UsageError(`cannot print a manual page: ${JSON.stringify(name)} is no command of tsrun`);
  print(verb === undefined ? programPage() : verbPage(verb));
  return 0;
}

function programPage(): string {
  const verbs = VERBS.map(({ name, summary }) => `.TP\n.BR tsrun\\-${name} (${SECTION})\n${escaped(capital(summary))}.`);
  return page("tsrun", [
    section("NAME", "tsrun \\- an OCI container runtime"),
    section("SYNOPSIS", ".B tsrun\n[\\fIglobal options\\fR] \\fIcommand\\fR [\\fIoptions\\fR] [\\fIarguments\\fR]"),
    section(
      "DESCRIPTION",
      "Makes containers from bundles, as the specification of the Open Container Initiative describes them: a folder with a config.json and a root file system.\nIt has the command line of \\fBrunc\\fR(8), and more.\n.PP\nGlobal options stand before the command; options of the command before or after its arguments.",
    ),
    section("COMMANDS", verbs.join("\n")),
    section("GLOBAL OPTIONS", optionList(GLOBAL_OPTIONS)),
    section("EXIT STATUS", "That of the container's process for \\fBrun\\fR and \\fBexec\\fR, 128 and the signal's number where a signal ended it; else 0, or 1 after an error."),
    section("SEE ALSO", ".BR runc (8),\n.BR namespaces (7),\n.BR cgroups (7)"),
  ]);
}

function verbPage({ name, summary, args, options, examples = [] }: Verb): string {
  const arguments_ = args.map((argument) => ` ${escaped(argument)}`).join("");
  return page(`tsrun-${name}`, [
    section("NAME", `tsrun\\-${name} \\- ${escaped(summary)}`),
    section("SYNOPSIS", `.B tsrun ${name}\n[\\fIoptions\\fR]${arguments_}`),
    section("OPTIONS", optionList(options)),
    examples.length === 0 ? "" : section("EXAMPLES", `.nf\n${examples.map(escaped).join("\n")}\n.fi`),
    section("SEE ALSO", `.BR tsrun (${SECTION})`),
  ]);
}

function page(name: string, sections: readonly string[]): string {
  return `.TH ${name.toUpperCase().replaceAll("-", "\\-")} ${SECTION} "" "tsrun ${PROGRAM.version}"\n${sections.join("")}`;
}

function section(title: string, text: string): string {
  return text === "" ? "" : `.SH ${title}\n${text}\n`;
}

function optionList(options: readonly Option[]): string {
  return options
    .filter(({ hidden }) => hidden !== true)
    .map(({ name, short, value, help }) => {
      const names = [...(short === undefined ? [] : [`\\-${short}`]), `\\-\\-${escaped(name)}`].map((word) => `\\fB${word}\\fR`).join(", ");
      return `.TP\n${names}${value === undefined ? "" : ` \\fI${escaped(value)}\\fR`}\n${escaped(capital(help))}.`;
    })
    .join("\n");
}

/** Backslashes, and hyphens that are to be copied; a line must not begin as a request does (groff(7)). */
function escaped(text: string): string {
  return text.replaceAll("\\", "\\e").replaceAll("-", "\\-").replace(/^([.'])/, "\\&$1");
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
