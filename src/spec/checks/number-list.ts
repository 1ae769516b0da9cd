/** Reads lists of numbers and ranges such as `0-3,7`, as cpusets have them (cpuset(7), "Formats"). */

/** Numbers of processors and memory nodes are far smaller in every kernel. */
const MAX_NUMBER = 0xffff;

/** Returns what is wrong with the list, undefined for a good one; the empty list is good. */
export function numberListProblem(text: string): string | undefined {
  if (text.trim() === "") return undefined;
  for (const part of text.split(",")) {
    const [, first, last = first] = /^ *([0-9]+) *(?:- *([0-9]+) *)?$/.exec(part) ?? [];
    if (first === undefined) return `must be a list such as "0-3,7", got ${JSON.stringify(text.slice(0, 60))}`;
    if (Number(first) > Number(last)) return `the range "${part.trim()}" runs backwards`;
    if (Number(last) > MAX_NUMBER) return `the number ${last} is above ${MAX_NUMBER}`;
  }
  return undefined;
}
