/** How containerd calls a shim: flags in the style of Go, then one action. */

export type Action = "start" | "delete";

export interface Invocation {
  readonly action: Action | undefined;
  readonly namespace: string;
  readonly id: string;
  /** containerd's own socket (gRPC). */
  readonly address: string;
  /** The executable of containerd. */
  readonly publishBinary: string;
  /** The bundle of "delete"; the others stand in theirs. */
  readonly bundle: string;
  readonly debug: boolean;
  readonly info: boolean;
  readonly version: boolean;
}

const SWITCHES: ReadonlySet<string> = new Set(["debug", "info", "version", "v"]);
const ACTIONS: ReadonlySet<string> = new Set(["start", "delete"]);

/** `-id X`, `--id X`, `-id=X`; what a newer containerd adds is ignored. */
export function parseInvocation(argv: readonly string[]): Invocation {
  const values = new Map<string, string>();
  let action: string | undefined;
  for (let at = 0; at < argv.length; at++) {
    const word = argv[at] ?? "";
    if (!word.startsWith("-")) {
      action = word;
      continue;
    }
    const name = word.slice(word.startsWith("--") ? 2 : 1);
    const equals = name.indexOf("=");
    if (equals >= 0) values.set(name.slice(0, equals), name.slice(equals + 1));
    else if (SWITCHES.has(name)) values.set(name, "true");
    else if (!ACTIONS.has(argv[at + 1] ?? "") || at + 2 < argv.length) values.set(name, argv[++at] ?? "");
  }
  const value = (name: string): string => values.get(name) ?? "";
  const flag = (name: string): boolean => values.has(name) && value(name) !== "false";
  return {
    action: isAction(action) ? action : undefined,
    namespace: value("namespace"),
    id: value("id"),
    address: value("address"),
    publishBinary: value("publish-binary"),
    bundle: value("bundle"),
    debug: flag("debug"),
    info: flag("info"),
    version: flag("version") || flag("v"),
  };
}

function isAction(word: string | undefined): word is Action {
  return word !== undefined && ACTIONS.has(word);
}
