/** The signals of Linux on x86 and ARM with their numbers, and how a caller may name one (signal(7)). */

import { UsageError } from "../errors.ts";

export const SIGHUP = 1;
export const SIGINT = 2;
export const SIGQUIT = 3;
export const SIGUSR1 = 10;
export const SIGKILL = 9;
export const SIGSYS = 31;
export const SIGTERM = 15;
export const SIGCHLD = 17;
export const SIGCONT = 18;
export const SIGSTOP = 19;
export const SIGTSTP = 20;
export const SIGTTIN = 21;
export const SIGTTOU = 22;
export const SIGURG = 23;
export const SIGWINCH = 28;

/** Names at the place of their number. */
export const SIGNALS: readonly string[] = [
  "", // 0 asks only whether the process exists
  "SIGHUP",
  "SIGINT",
  "SIGQUIT",
  "SIGILL",
  "SIGTRAP",
  "SIGABRT",
  "SIGBUS",
  "SIGFPE",
  "SIGKILL",
  "SIGUSR1",
  "SIGSEGV",
  "SIGUSR2",
  "SIGPIPE",
  "SIGALRM",
  "SIGTERM",
  "SIGSTKFLT",
  "SIGCHLD",
  "SIGCONT",
  "SIGSTOP",
  "SIGTSTP",
  "SIGTTIN",
  "SIGTTOU",
  "SIGURG",
  "SIGXCPU",
  "SIGXFSZ",
  "SIGVTALRM",
  "SIGPROF",
  "SIGWINCH",
  "SIGIO",
  "SIGPWR",
  "SIGSYS",
];

/** Further names of the same numbers. */
const ALIASES: Readonly<Record<string, number>> = { SIGIOT: 6, SIGCLD: 17, SIGPOLL: 29, SIGUNUSED: 31 };

/** The first real-time signal that a C library leaves to programs: glibc keeps 32 and 33 for its threads. */
const RTMIN = 34;
const RTMAX = 64;

/**
 * Returns the number of the signal that the text names: `KILL`, `SIGKILL`, `kill`, `9`, `RTMIN+3`; empty is TERM.
 *
 * Throws UsageError where there is no such signal.
 */
export function parseSignal(text: string): number {
  if (text === "") return SIGTERM;
  const number = /^\d+$/.test(text) ? Number(text) : numberOf(text.toUpperCase());
  if (number === undefined || number > RTMAX) {
    const hint = `give a name such as "SIGTERM" or "RTMIN+1", or a number from 0 to ${RTMAX}`;
    throw new UsageError(`cannot use signal "${text}": unknown signal; ${hint}`);
  }
  return number;
}

function numberOf(name: string): number | undefined {
  const full = name.startsWith("SIG") ? name : `SIG${name}`;
  const number = SIGNALS.indexOf(full);
  if (number > 0) return number;
  if (Object.hasOwn(ALIASES, full)) return ALIASES[full];
  const [, end, offset = "+0"] = /^SIGRT(MIN|MAX)([+-]\d{1,2})?$/.exec(full) ?? [];
  if (end === undefined) return undefined;
  const realTime = (end === "MIN" ? RTMIN : RTMAX) + Number(offset);
  return realTime >= RTMIN && realTime <= RTMAX ? realTime : undefined;
}

/** Returns the name of a signal as people write it: `SIGKILL`, `SIGRTMIN+1`, else the number. */
export function signalName(number: number): string {
  if (number >= RTMIN && number <= RTMAX) return number === RTMIN ? "SIGRTMIN" : `SIGRTMIN+${number - RTMIN}`;
  return SIGNALS[number] || String(number);
}
