/** Reads the text of the files in /proc/PID (proc(5)). */

export interface ProcessStat {
  readonly pid: number;
  /** The program's name, of at most 15 bytes, which the process itself may set to anything. */
  readonly comm: string;
  /** One letter: R, S, D, T, t, Z, X, I. */
  readonly state: string;
  readonly ppid: number;
  readonly pgrp: number;
  readonly session: number;
  /** When it started, in clock ticks since boot: with the pid, it names a process for as long as the machine is up. */
  readonly startTime: number;
}

/** Reads /proc/PID/stat; undefined if the text is cut short, as of a process that has just ended. */
export function parseStat(text: string): ProcessStat | undefined {
  const open = text.indexOf("(");
  // The name may hold spaces, brackets and newlines; no field after it does.
  const close = text.lastIndexOf(")");
  if (open < 0 || close < open) return undefined;
  // Field 22 of proc(5) is the last that is asked for; the first of these is field 3. One blank is between two.
  const fields = text.slice(close + 2).split(" ", 22 - 3 + 1);
  const [state = "", ppid, pgrp, session] = fields;
  const startTime = fields[22 - 3];
  if (startTime === undefined) return undefined;
  return {
    pid: Number(text.slice(0, open)),
    comm: text.slice(open + 1, close),
    state,
    ppid: Number(ppid),
    pgrp: Number(pgrp),
    session: Number(session),
    startTime: Number(startTime),
  };
}

/** How a process ended that waits for its parent (field 52 of /proc/PID/stat), for who may trace it; else an exit with 0. */
export function parseExit(text: string): { readonly code: number; readonly signal: number } {
  const fields = text.slice(text.lastIndexOf(")") + 1).trim().split(/\s+/);
  const status = Number(fields[52 - 3] ?? 0);
  return { code: (status >> 8) & 0xff, signal: status & 0x7f };
}

/** Whether its memory is that of a program, and not one that an execve(2) still builds, or none (field 48), for who may trace it. */
export function hasArguments(text: string): boolean {
  const start = text.slice(text.lastIndexOf(")") + 2).split(" ", 48 - 3 + 1)[48 - 3];
  return start !== undefined && start !== "0";
}

/** Whether the process has ended and only waits for its parent, or is just going. */
export function isDead(stat: ProcessStat): boolean {
  return stat.state === "Z" || stat.state === "X" || stat.state === "x";
}

/** Reads /proc/PID/status: the values by their names, for example `NoNewPrivs`, without the space around them. */
export function parseStatus(text: string): ReadonlyMap<string, string> {
  const values = new Map<string, string>();
  for (const line of text.split("\n")) {
    const colon = line.indexOf(":");
    if (colon > 0) values.set(line.slice(0, colon), line.slice(colon + 1).trim());
  }
  return values;
}

/** Returns a process's pid in each pid namespace, from the reader's inwards (`NSpid` of /proc/PID/status). */
export function parseNspid(text: string): readonly number[] {
  const value = parseStatus(text).get("NSpid");
  return value === undefined || value === "" ? [] : value.split(/\s+/).map(Number);
}
