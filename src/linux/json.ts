/** JSON as Go writes it: integers of 64 bits exactly, which JSON.stringify() refuses. */

/** Marks a bigint among the strings: none that is printed holds a zero byte. */
const MARK = "\0";

/** The text of a value in which integers may be bigints. */
export function formatJson(value: unknown): string {
  const text = JSON.stringify(value, (_, part: unknown) => (typeof part === "bigint" ? `${MARK}${part}` : part));
  return text.replace(/"\\u0000(-?\d+)"/g, "$1");
}
