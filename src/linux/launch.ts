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
const FORM = /^1 nofile=(\d+):(\d+) ignored=([0-9a-f]{16}) blocked=([0-9a-f]{16}) fds=(-|[\d,-]+) cwd=([^]*)$/;

/** Reads the text of TSRUN_LAUNCH; undefined when it is not in this version's format. */
export function parseLaunch(text: string): Launch | undefined {
  const [, soft, hard, ignored, blocked, fds, cwd] = FORM.exec(text) ?? [];
  if (soft === undefined || hard === undefined || ignored === undefined || blocked === undefined) return undefined;
  const open = fds === undefined ? undefined : parseFds(fds);
  if (open === undefined || cwd === undefined) return undefined;
  return {
    nofile: { soft: BigInt(soft), hard: BigInt(hard) },
    ignoredSignals: BigInt(`0x${ignored}`),
    blockedSignals: BigInt(`0x${blocked}`),
    fds: open,
    cwd: cwd === "" ? undefined : cwd,
  };
}

function parseFds(text: string): number[] | undefined {
  if (text === "-") return [];
  const fds: number[] = [];
  for (const range of text.split(",")) {
    const [, first, last = first] = /^(\d{1,4})(?:-(\d{1,4}))?$/.exec(range) ?? [];
    if (first === undefined || last === undefined) return undefined;
    for (let fd = Number(first); fd <= Number(last); fd++) fds.push(fd);
  }
  return fds;
}

/** The environment as the caller gave it to the launcher: what hooks and helpers of the runtime inherit. */
export function callerEnvironment(environment: Readonly<Record<string, string | undefined>>): Record<string, string> {
  const launched = environment[LAUNCH_VARIABLE] !== undefined;
  const result: Record<string, string> = {};
  for (const [name, value] of Object.entries(environment)) {
    if (value === undefined) continue;
    if (!launched) result[name] = value;
    else if (name.startsWith(CALLER_PREFIX)) result[name.slice(CALLER_PREFIX.length)] = value;
    else if (name !== LAUNCH_VARIABLE && !ENGINE_SETTINGS.includes(name)) result[name] = value;
  }
  return result;
}
