/** Reads what the launcher noted about the caller; the format is described in addon/launcher/launch.h. */

/** What the caller gave to this process, before the JavaScript engine changed it. */
export interface Launch {
  /** RLIMIT_NOFILE, getrlimit(2). */
  readonly nofile: { readonly soft: bigint; readonly hard: bigint };
  /** The signals that are ignored, bit n-1 for signal n, as in SigIgn of proc_pid_status(5). */
  readonly ignoredSignals: bigint;
  /** The signals that are blocked, bit n-1 for signal n. */
  readonly blockedSignals: bigint;
  /** The open descriptors below 4096 in ascending order, 0 to 2 included. */
  readonly fds: readonly number[];
  /** The working directory; undefined where it had no path. */
  readonly cwd: string | undefined;
}

/** The variable that carries the note. */
export const LAUNCH_VARIABLE = "TSRUN_LAUNCH";

const CALLER_PREFIX = "TSRUN_CALLER_";
const ENGINE_SETTINGS: readonly string[] = ["BUN_JSC_useJIT"];
const VERSION = "1 ";
const CWD = " cwd=";
const DECIMAL = "0123456789";
const HEXADECIMAL = "0123456789abcdef";
const MASK_DIGITS = 16;
const FD_DIGITS = 4;

/** Reads the text of TSRUN_LAUNCH; undefined when it is not in this version's format. */
export function parseLaunch(text: string): Launch | undefined {
  // By hand: to compile a regular expression that is used once takes longer.
  const end = text.indexOf(CWD);
  if (end < 0 || !text.startsWith(VERSION)) return undefined;
  const [nofile, ignored, blocked, fds, more] = text.slice(VERSION.length, end).split(" ");
  const [soft, hard, third] = valueOf(nofile, "nofile=")?.split(":") ?? [];
  const ignoredSignals = parseMask(valueOf(ignored, "ignored="));
  const blockedSignals = parseMask(valueOf(blocked, "blocked="));
  const open = parseFds(valueOf(fds, "fds="));
  if (ignoredSignals === undefined || blockedSignals === undefined || open === undefined || more !== undefined) return undefined;
  if (!isMadeOf(soft, DECIMAL) || !isMadeOf(hard, DECIMAL) || third !== undefined) return undefined;
  const cwd = text.slice(end + CWD.length);
  return { nofile: { soft: BigInt(soft), hard: BigInt(hard) }, ignoredSignals, blockedSignals, fds: open, cwd: cwd === "" ? undefined : cwd };
}

function valueOf(field: string | undefined, name: string): string | undefined {
  return field?.startsWith(name) === true ? field.slice(name.length) : undefined;
}

function isMadeOf(text: string | undefined, digits: string): text is string {
  if (text === undefined || text === "") return false;
  for (let at = 0; at < text.length; at++) if (!digits.includes(text.charAt(at))) return false;
  return true;
}

function parseMask(text: string | undefined): bigint | undefined {
  return isMadeOf(text, HEXADECIMAL) && text.length === MASK_DIGITS ? BigInt(`0x${text}`) : undefined;
}

function parseFds(text: string | undefined): number[] | undefined {
  if (text === "-") return [];
  const fds: number[] = [];
  for (const range of text?.split(",") ?? [""]) {
    const [first, last = first, more] = range.split("-");
    if (!isFd(first) || !isFd(last) || more !== undefined) return undefined;
    for (let fd = Number(first); fd <= Number(last); fd++) fds.push(fd);
  }
  return fds;
}

function isFd(text: string | undefined): text is string {
  return isMadeOf(text, DECIMAL) && text.length <= FD_DIGITS;
}

/** The environment as the caller gave it to the launcher, `NAME=value`: what hooks and helpers of the runtime inherit. */
export function callerEnvironment(environment: Readonly<Record<string, string | undefined>>): string[] {
  const launched = environment[LAUNCH_VARIABLE] !== undefined;
  const list: string[] = [];
  for (const name of Object.keys(environment)) {
    if (launched && (name === LAUNCH_VARIABLE || ENGINE_SETTINGS.includes(name))) continue;
    const isRenamed = launched && name.startsWith(CALLER_PREFIX);
    list.push(`${isRenamed ? name.slice(CALLER_PREFIX.length) : name}=${environment[name] ?? ""}`);
  }
  return list;
}
