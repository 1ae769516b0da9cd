/** Reads argv by the option tables, as runc's parser does: options before or after positionals, `-name` like `--name`. */

import { UsageError } from "../errors.ts";
import type { Option } from "./options.ts";

/** What was given: a switch is true, a value text; repeated ones are lists. */
export interface Parsed {
  readonly options: ReadonlyMap<string, string | boolean>;
  readonly lists: ReadonlyMap<string, readonly string[]>;
  readonly args: readonly string[];
}

interface ParseRules {
  readonly options: readonly Option[];
  /** Stop at the first positional: what follows is another's to read. */
  readonly stopAtArgument?: boolean;
  /** Take the first positional and all that follows as they are. */
  readonly trailing?: boolean;
}

/** Returns what was given, and where reading stopped. */
export function parseArguments(argv: readonly string[], { options, stopAtArgument = false, trailing = false }: ParseRules): Parsed & { readonly next: number } {
  const values = new Map<string, string | boolean>();
  const lists = new Map<string, string[]>();
  const args: string[] = [];
  let at = 0;
  for (; at < argv.length; at++) {
    const word = argv[at] ?? "";
    if (word === "--") {
      at++;
      if (!stopAtArgument) args.push(...argv.slice(at));
      break;
    }
    if (!word.startsWith("-") || word === "-") {
      if (stopAtArgument) break;
      if (trailing) {
        for (; at < argv.length; at++) args.push(argv[at] ?? "");
        break;
      }
      args.push(word);
      continue;
    }
    const { option, value } = readOption(word, options);
    if (option.value === undefined) {
      values.set(option.name, value === undefined ? true : readSwitch(option.name, value));
      continue;
    }
    const text = value ?? argv[++at];
    if (text === undefined) throw new UsageError(`cannot use option "--${option.name}": it needs a value`);
    if (option.repeat === true) lists.set(option.name, [...(lists.get(option.name) ?? []), text]);
    else values.set(option.name, text);
  }
  return { options: values, lists, args: args, next: at };
}

function readOption(word: string, options: readonly Option[]): { option: Option; value: string | undefined } {
  const name = word.replace(/^--?/, "");
  const equals = name.indexOf("=");
  const bare = equals < 0 ? name : name.slice(0, equals);
  const value = equals < 0 ? undefined : name.slice(equals + 1);
  const option = options.find((candidate) => candidate.name === bare || (candidate.short !== undefined && candidate.short === bare));
  if (option === undefined) throw new UsageError(`cannot use option "${word}": flag provided but not defined`);
  return { option, value };
}

/** The words that Go's strconv.ParseBool() takes; undefined: none of them. */
export function readBoolean(value: string): boolean | undefined {
  switch (value) {
    case "1": case "t": case "T": case "true": case "True": case "TRUE":
      return true;
    case "0": case "f": case "F": case "false": case "False": case "FALSE":
      return false;
    default:
      return undefined;
  }
}

function readSwitch(name: string, value: string): boolean {
  const given = readBoolean(value);
  if (given !== undefined) return given;
  throw new UsageError(`cannot use option "--${name}": ${JSON.stringify(value)} is neither true nor false`);
}

export function text(parsed: Parsed, name: string): string | undefined {
  const value = parsed.options.get(name);
  return typeof value === "string" ? value : undefined;
}

export function flag(parsed: Parsed, name: string): boolean {
  return parsed.options.get(name) === true;
}

/** The values of an option that may be repeated. */
export function list(parsed: Parsed, name: string): readonly string[] {
  return parsed.lists.get(name) ?? [];
}
