/** The parser of argv, held against commander, which makes help and must read every option alike. */

import { suite } from "uvu";
import * as assert from "uvu/assert";
import { UsageError } from "../errors.ts";
import { programCommand, verbCommand } from "./help.ts";
import { GLOBAL_OPTIONS, VERBS } from "./options.ts";
import type { Option, Verb } from "./options.ts";
import { flag, parseArguments, text } from "./parse.ts";

const test = suite("cli/parse");

interface Read {
  readonly options: Record<string, string | boolean | readonly string[]>;
  readonly args: readonly string[];
}

function ours({ options, trailing }: Pick<Verb, "options" | "trailing">, argv: readonly string[]): Read | string {
  try {
    const parsed = parseArguments(argv, { options, trailing: trailing === true });
    return { options: { ...Object.fromEntries(parsed.options), ...Object.fromEntries(parsed.lists) }, args: parsed.args };
  } catch (error) {
    assert.instance(error, UsageError);
    return (error as Error).message;
  }
}

function camelCase(name: string): string {
  return name.replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase());
}

/** What commander made of an option; one whose name begins with "no-" is false in it when it was given. */
function given({ name }: Option, values: Record<string, unknown>): [string, string | boolean | string[]][] {
  const negated = name.startsWith("no-");
  const value = values[camelCase(negated ? name.slice(3) : name)];
  if (negated) return value === false ? [[name, true]] : [];
  return typeof value === "string" || value === true || Array.isArray(value) ? [[name, value]] : [];
}

function commanders(verb: Verb, argv: readonly string[]): Read | "an error" {
  const command = verbCommand(verb).exitOverride().configureOutput({ writeErr: () => undefined, writeOut: () => undefined }).allowExcessArguments();
  try {
    command.parse([...argv], { from: "user" });
  } catch {
    return "an error";
  }
  const values = command.opts() as Record<string, unknown>;
  return { options: Object.fromEntries(verb.options.flatMap((option) => given(option, values))), args: command.args };
}

/** Required arguments are given, so that commander judges nothing but options. */
const POSITIONALS = ["first", "second"];

function forms({ name, short, value }: Option): string[][] {
  const names = [`--${name}`, ...(short === undefined ? [] : [`-${short}`])];
  if (value === undefined) return names.map((one) => [one]);
  const values = ["v", "", "a b", "a=b", "/x/y", "-dash", "--", "--force", "ä"];
  return [...names.flatMap((one) => values.map((given) => [one, given])), ...values.map((given) => [`--${name}=${given}`])];
}

for (const verb of VERBS) {
  test(`parseArguments() and commander read every option of ${verb.name} alike`, () => {
    let compared = 0;
    for (const option of verb.options) {
      for (const words of forms(option)) {
        // What follows the first argument of a verb with a command is the command's.
        for (const at of verb.trailing === true ? [0] : [0, 1, 2]) {
          const argv = [...POSITIONALS.slice(0, at), ...words, ...POSITIONALS.slice(at)];
          const read = ours(verb, argv);
          assert.equal(read, commanders(verb, argv), argv.join(" "));
          assert.ok(typeof read !== "string" && read.options[option.name] !== undefined, argv.join(" "));
          compared++;
        }
      }
    }
    assert.is(compared > 0, verb.options.length > 0);
  });

  test(`parseArguments() and commander read two options of ${verb.name}, the last of a repeated one, and "--" alike`, () => {
    const words = verb.options.map((option) => forms(option)[0] ?? []);
    for (const one of words) {
      for (const other of [...words, one]) {
        for (const argv of [[...one, "id", ...other], ["id", ...one, ...other], [...one, "--", "id", ...other], ["--", ...one, "id"]]) {
          assert.equal(ours(verb, argv), commanders(verb, argv), argv.join(" "));
        }
      }
    }
  });

  test(`parseArguments() and commander refuse the same of ${verb.name}`, () => {
    const missing = verb.options.filter(({ value }) => value !== undefined).map(({ name }) => [`--${name}`]);
    const wrong = [["--no-such"], ["--no-such=x"], ["-Z"], ...missing];
    for (const argv of verb.trailing === true ? wrong : [...wrong.map((words) => ["id", ...words]), ["--no-such", "id"]]) {
      assert.type(ours(verb, argv), "string");
      assert.is(commanders(verb, argv), "an error", argv.join(" "));
    }
  });
}

/** What only one of the two takes; ours is what runc takes. */
const DIFFERENCES: readonly (readonly [why: string, argv: readonly string[], ours: Read | string, commander: Read | "an error"])[] = [
  ["a long name with one dash", ["-bundle", "v", "id"], { options: { bundle: "v" }, args: ["id"] }, { options: { bundle: "undle" }, args: ["v", "id"] }],
  ["a short name with two", ["--b", "v", "id"], { options: { bundle: "v" }, args: ["id"] }, "an error"],
  ["a short name with an equals sign", ["-b=v", "id"], { options: { bundle: "v" }, args: ["id"] }, { options: { bundle: "=v" }, args: ["id"] }],
  ["a value at a short name's end", ["-bv", "id"], 'cannot use option "-bv": flag provided but not defined', { options: { bundle: "v" }, args: ["id"] }],
  ["a switch with a value", ["--no-pivot=true", "id"], { options: { "no-pivot": true }, args: ["id"] }, "an error"],
  ["a switch that is switched off", ["--no-pivot=false", "id"], { options: { "no-pivot": false }, args: ["id"] }, "an error"],
  ["a switch with a value that is none", ["--no-pivot=x", "id"], 'cannot use option "--no-pivot": "x" is neither true nor false', "an error"],
  ["the positive of a switch that says no", ["--pivot", "id"], 'cannot use option "--pivot": flag provided but not defined', "an error"],
];

for (const [why, argv, our, theirs] of DIFFERENCES) {
  test(`parseArguments() and commander differ in ${why}`, () => {
    const verb = VERBS.find(({ name }) => name === "create");
    if (verb === undefined) throw new Error("there is no create");
    assert.equal(ours(verb, argv), our);
    assert.equal(commanders(verb, argv), theirs);
  });
}

test("parseArguments() and commander leave to a command what is its own", () => {
  const verb = VERBS.find(({ name }) => name === "exec");
  if (verb === undefined) throw new Error("there is no exec");
  for (const command of [["id", "ls", "--tty"], ["id", "--tty"], ["id", "sh", "--", "-t"], ["id", "-t", "x", "--env"]]) {
    const read = ours(verb, ["--detach", ...command]);
    assert.equal(read, { options: { detach: true }, args: command });
    assert.equal(commanders(verb, ["--detach", ...command]), read);
  }
});

test("parseArguments() and commander read global options alike, up to the verb", () => {
  for (const option of GLOBAL_OPTIONS) {
    for (const words of forms(option)) {
      const argv = [...words, "state", "id", "--debug"];
      const parsed = parseArguments(argv, { options: GLOBAL_OPTIONS, stopAtArgument: true });
      const program = programCommand().exitOverride().enablePositionalOptions();
      let rest: readonly string[] = [];
      program.commands.forEach((command) => command.allowUnknownOption().allowExcessArguments().action(() => void (rest = [command.name(), ...command.args])));
      program.parse(argv, { from: "user" });
      const theirs = Object.fromEntries(GLOBAL_OPTIONS.flatMap((one) => given(one, program.opts())));
      assert.equal([Object.fromEntries(parsed.options), argv.slice(parsed.next)], [theirs, rest], argv.join(" "));
    }
  }
});

test("parseArguments() stops at the verb, and at --", () => {
  const options = GLOBAL_OPTIONS;
  assert.is(parseArguments(["--debug", "state", "--debug"], { options, stopAtArgument: true }).next, 1);
  assert.is(parseArguments(["--debug", "--", "state"], { options, stopAtArgument: true }).next, 2);
  assert.is(parseArguments([], { options, stopAtArgument: true }).next, 0);
});

test("parseArguments() collects an option that may be repeated", () => {
  const options: Option[] = [{ name: "env", short: "e", value: "X", repeat: true, help: "" }];
  assert.equal(parseArguments(["-e", "a", "x", "--env=b"], { options }).lists.get("env"), ["a", "b"]);
});

test("parseArguments() takes a lone dash for an argument", () => {
  assert.equal(parseArguments(["-"], { options: GLOBAL_OPTIONS }).args, ["-"]);
});

test("text() and flag() take only their kind", () => {
  const parsed = parseArguments(["--root=x", "--debug"], { options: GLOBAL_OPTIONS });
  assert.equal([text(parsed, "root"), text(parsed, "debug"), flag(parsed, "debug"), flag(parsed, "root")], ["x", undefined, true, false]);
  assert.is(flag(parseArguments(["--debug=0"], { options: GLOBAL_OPTIONS }), "debug"), false);
});

test("VERBS and GLOBAL_OPTIONS have no name twice", () => {
  for (const options of [GLOBAL_OPTIONS, ...VERBS.map((verb) => verb.options)]) {
    const names = options.flatMap(({ name, short }) => (short === undefined ? [name] : [name, short]));
    assert.is(new Set(names).size, names.length, names.join());
  }
});

test("parseArguments() leaves what follows the first argument of a trailing verb to another program", () => {
  const options = VERBS.find(({ name }) => name === "ps")?.options ?? [];
  for (const [argv, args] of [
    [["--format", "json", "id", "-o", "pid", "--no-such"], ["id", "-o", "pid", "--no-such"]],
    [["-f=json", "--", "id", "--format", "table"], ["id", "--format", "table"]],
  ] as const) {
    const parsed = parseArguments(argv, { options, trailing: true });
    assert.equal([parsed.args, text(parsed, "format")], [args, "json"]);
  }
});

test.run();
