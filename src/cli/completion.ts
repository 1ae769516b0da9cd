/** `tsrun completion`: scripts for shells that complete verbs, options, container ids and files, from the option tables. */

import { UsageError } from "../errors.ts";
import { onlyArgument } from "./invocation.ts";
import type { Invocation } from "./invocation.ts";
import { GLOBAL_OPTIONS, VERBS } from "./options.ts";
import type { Option, Verb } from "./options.ts";
import { print } from "./output.ts";

const SHELLS: Readonly<Record<string, () => string>> = { bash, zsh, fish };

export function completionVerb(invocation: Invocation): number {
  const shell = onlyArgument(invocation, "complete", "a shell: bash, zsh or fish");
  const script = Object.hasOwn(SHELLS, shell) ? SHELLS[shell] : undefined;
  if (script === undefined) throw new UsageError(`cannot complete for ${JSON.stringify(shell)}: the shells are bash, zsh and fish`);
  print(script());
  return 0;
}

/** What a shell offers: not what is only taken for the sake of other programs. */
function offered(options: readonly Option[]): readonly Option[] {
  return options.filter(({ hidden }) => hidden !== true);
}

function namesOf(options: readonly Option[]): string {
  return offered(options)
    .map(({ name }) => `--${name}`)
    .join(" ");
}

/** A folder or a file follows; anything else is for the user to type. */
function takesPath({ value }: Option): boolean {
  return value === "DIR" || value === "FILE" || value === "PATH";
}

function takesContainer({ args }: Verb): boolean {
  return args.some((argument) => /^[<[](id|id\.\.\.)[>\]]$/.test(argument));
}

/** The words of which the first argument is one: `<add|remove>`, or what its name stands for. */
function choicesOf({ args }: Verb): readonly string[] {
  const [first = ""] = args;
  if (first === "<shell>") return Object.keys(SHELLS);
  if (first === "[command]") return VERBS.map(({ name }) => name);
  return first.includes("|") ? first.slice(1, -1).split("|") : [];
}

/** By `kind`, the options that take a value with every verb that knows them, as a pattern of bash: `--log|--bundle|-b`. */
function valued(kind: (option: Option) => boolean): string {
  const options = [GLOBAL_OPTIONS, ...VERBS.map(({ options: own }) => own)].flat();
  const flags = new Set(options.filter(({ value }) => value === undefined).flatMap(formsOf));
  const forms = options.filter((option) => option.value !== undefined && kind(option)).flatMap(formsOf);
  return [...new Set(forms)].filter((form) => !flags.has(form)).join("|");
}

function formsOf({ name, short }: Option): string[] {
  return [`--${name}`, ...(short === undefined ? [] : [`-${short}`])];
}

/** bash(1), "Programmable Completion"; zsh reads the same through bashcompinit. */
function bash(): string {
  const verbs = VERBS.map(({ name }) => name).join(" ");
  const globals = offered(GLOBAL_OPTIONS);
  const globalValues = globals.filter(({ value }) => value !== undefined).map(({ name }) => `--${name}`).join("|");
  const cases = VERBS.map((verb) => `    ${verb.name}) options="${namesOf(verb.options)}" ;;`).join("\n");
  const choices = VERBS.filter((verb) => choicesOf(verb).length > 0)
    .map((verb) => `  ${verb.name}) COMPREPLY=($(compgen -W "${choicesOf(verb).join(" ")}" -- "$current")); return ;;\n`)
    .join("");
  const containers = VERBS.filter(takesContainer).map(({ name }) => name).join("|");
  return `# Completion of tsrun for bash: source <(tsrun completion bash)
_tsrun() {
  local current=\${COMP_WORDS[COMP_CWORD]} previous=\${COMP_WORDS[COMP_CWORD-1]} verb= root= at options
  for ((at = 1; at < COMP_CWORD; at++)); do
    case \${COMP_WORDS[at]} in
    --root) root=\${COMP_WORDS[++at]} ;;
    ${globalValues}) ((at++)) ;;
    -*) ;;
    *) verb=\${COMP_WORDS[at]}; break ;;
    esac
  done
  case $previous in
  ${valued(takesPath)}) COMPREPLY=($(compgen -f -- "$current")); return ;;
  ${valued((option) => !takesPath(option))}) COMPREPLY=(); return ;;
  esac
  if [[ -z $verb ]]; then
    COMPREPLY=($(compgen -W "${verbs} help ${namesOf(GLOBAL_OPTIONS)}" -- "$current"))
    return
  fi
  case $verb in
${cases}
    help) COMPREPLY=($(compgen -W "${verbs}" -- "$current")); return ;;
  esac
  if [[ $current == -* ]]; then
    COMPREPLY=($(compgen -W "$options --help" -- "$current"))
    return
  fi
  case $previous in
${choices}  esac
  case $verb in
  ${containers}) COMPREPLY=($(compgen -W "$(tsrun \${root:+--root "$root"} list --quiet 2>/dev/null)" -- "$current")) ;;
  *) COMPREPLY=($(compgen -f -- "$current")) ;;
  esac
}
complete -o filenames -F _tsrun tsrun
`;
}

function zsh(): string {
  return `#compdef tsrun
# Completion of tsrun for zsh: source <(tsrun completion zsh), or a file _tsrun in a folder of $fpath.
autoload -U +X bashcompinit && bashcompinit
${bash()}# As a file of $fpath this is what is called first, for the words that are to be completed.
if [[ \${funcstack[1]} == _tsrun ]]; then _bash_complete -o filenames -F _tsrun; fi
`;
}

/** fish's complete(1). */
function fish(): string {
  const lines = ["# Completion of tsrun for fish: tsrun completion fish | source", "complete -c tsrun -f"];
  const none = "__fish_use_subcommand";
  for (const option of offered(GLOBAL_OPTIONS)) lines.push(fishOption(none, option));
  for (const { name, summary } of VERBS) lines.push(`complete -c tsrun -n ${none} -a ${name} -d ${quoted(summary)}`);
  for (const verb of VERBS) {
    const condition = `'__fish_seen_subcommand_from ${verb.name}'`;
    for (const option of offered(verb.options)) lines.push(fishOption(condition, option));
    for (const choice of choicesOf(verb)) lines.push(`complete -c tsrun -n ${condition} -a ${choice}`);
    if (takesContainer(verb)) lines.push(`complete -c tsrun -n ${condition} -a '(tsrun list --quiet 2>/dev/null)'`);
  }
  return `${lines.join("\n")}\n`;
}

function fishOption(condition: string, option: Option): string {
  const short = option.short === undefined ? "" : ` -s ${option.short}`;
  const value = option.value === undefined ? "" : takesPath(option) ? " -r -F" : " -r";
  return `complete -c tsrun -n ${condition} -l ${option.name}${short}${value} -d ${quoted(option.help)}`;
}

function quoted(text: string): string {
  return `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
}
