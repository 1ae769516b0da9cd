/** Reads the Test Anything Protocol as the validation suite writes it (tap.go), and says what is wrong with it. */

/** One point of a program. */
export interface Point {
  readonly passed: boolean;
  readonly text: string;
  /** Nothing was looked at, or it is not expected to pass. */
  readonly skipped: boolean;
}

export interface Stream {
  readonly points: readonly Point[];
  /** What is wrong with the stream itself: `no plan`. */
  readonly problems: readonly string[];
  /** Errors that are told in a block, whether or not there is a point for them. */
  readonly errors: readonly string[];
  /** What programs in containers printed, as the blocks have it. */
  readonly inner: readonly Inner[];
}

export interface Inner {
  readonly stdout: string;
  readonly stderr: string;
}

/** Parses all streams of a program's output; each begins with its version, and must have as many points as it planned. */
export function parseTap(output: string): Stream {
  const parts = output.split(/^TAP version 13$/m);
  const streams = parts.slice(1).map(parseStream);
  if (streams.length === 0) return { points: [], problems: ["no TAP"], errors: [], inner: [] };
  return {
    points: streams.flatMap(({ points }) => points),
    problems: streams.flatMap(({ problems }) => problems),
    errors: streams.flatMap(({ errors }) => errors),
    inner: streams.flatMap(({ inner }) => inner),
  };
}

function parseStream(text: string): Stream {
  const points: Point[] = [];
  const numbers: number[] = [];
  const plans: number[] = [];
  const problems: string[] = [];
  const blocks: Record<string, string>[] = [];
  let block: Record<string, string> | undefined;
  for (const line of text.split("\n")) {
    if (line === "  ---") block = {};
    if (line === "  ..." && block !== undefined) blocks.push(block);
    if (line === "  ...") block = undefined;
    const [, key, value] = /^ {2}(\w+): (".*")$/.exec(line) ?? [];
    if (block !== undefined && key !== undefined && value !== undefined) block[key] = JSON.parse(value) as string;
    const [, not, number, mark, words = ""] = /^(not )?ok (\d+) (-|# SKIP|# TODO) ?(.*)$/.exec(line) ?? [];
    if (number !== undefined) {
      points.push({ passed: not === undefined, text: words, skipped: mark !== "-" });
      numbers.push(Number(number));
    }
    const [, plan] = /^1\.\.(\d+)$/.exec(line) ?? [];
    if (plan !== undefined) plans.push(Number(plan));
    if (/^Bail out!/.test(line)) problems.push(line);
  }
  if (block !== undefined) problems.push("a block without end");
  if (numbers.some((number, index) => number !== index + 1)) problems.push("points that are not in order");
  const [plan] = plans;
  if (plan === undefined) problems.push(`no plan after ${points.length} points`);
  else if (plans.length > 1) problems.push("more than one plan");
  else if (plan !== points.length) problems.push(`${plan} points planned, ${points.length} there`);
  const errors = blocks.map(({ error }) => error ?? "").filter((error) => error !== "");
  const inner = blocks.flatMap(({ stdout, stderr = "" }) => (stdout === undefined ? [] : [{ stdout, stderr }]));
  return { points, problems, errors, inner };
}
