/** What an assertion has seen, in so few words that a log which is cut short has it: uvu says nothing of it, or far too much. */

const MOST_PLACES = 5;
const MOST_CHARACTERS = 300;
/** What stands before the first difference of two long texts. */
const CONTEXT_CHARACTERS = 40;
const MOST_SEEN = 2000;

/** Adds it to the message of an assertion that failed; other errors stay as they are. */
export function telling(error: unknown): unknown {
  try {
    return told(error);
  } catch {
    // What was compared cannot be looked at any more.
    return error;
  }
}

function told(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  const { operator = "", generated, actual, expects } = error as { operator?: string; generated?: boolean; actual?: unknown; expects?: unknown };
  // A message of the test's own has what was seen mostly in it.
  if (/match$/.test(operator) && generated === true) error.message += `, got ${String(JSON.stringify(actual)).slice(0, MOST_SEEN)}`;
  const places = operator === "equal" ? differences(actual, expects) : [];
  if (places.length > 0) error.message = `${error.message.replace(/:$/, "")}: ${inOneLine(places)}`;
  return error;
}

/** In one line, as uvu repeats further ones. */
function inOneLine(places: readonly string[]): string {
  const more = places.length > MOST_PLACES ? [`${places.length - MOST_PLACES} more places`] : [];
  return [...places.slice(0, MOST_PLACES), ...more].join("; ");
}

/** The places where a value is not what was wanted: `[7].status is 1, not 0`. */
export function differences(seen: unknown, wanted: unknown, place = ""): string[] {
  if (Object.is(seen, wanted)) return [];
  if (isTree(seen) && isTree(wanted) && Array.isArray(seen) === Array.isArray(wanted)) {
    const keys = new Set([...Object.keys(seen), ...Object.keys(wanted)]);
    return [...keys].flatMap((key) => differences(seen[key], wanted[key], `${place}${Array.isArray(seen) ? `[${key}]` : `.${key}`}`));
  }
  const from = typeof seen === "string" && typeof wanted === "string" ? beforeDifference(seen, wanted) : 0;
  return [`${place}${place === "" ? "" : " is "}${shown(seen, from)}, not ${shown(wanted, from)}`];
}

function isTree(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null;
}

function beforeDifference(seen: string, wanted: string): number {
  let same = 0;
  while (same < seen.length && seen[same] === wanted[same]) same++;
  return Math.max(0, same - CONTEXT_CHARACTERS);
}

function shown(value: unknown, from: number): string {
  const text = typeof value === "string" ? `${from > 0 ? "…" : ""}${JSON.stringify(value.slice(from))}` : typeof value === "bigint" ? `${value}n` : String(JSON.stringify(value));
  return text.length > MOST_CHARACTERS ? `${text.slice(0, MOST_CHARACTERS)}…` : text;
}
