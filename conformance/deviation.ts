/** What a row of deviations.ts is. */

export interface Deviation {
  /** The beginning of the runtime's name and version: `runc 1.1`. */
  readonly runtime: string;
  /** The beginning of the suite's name and the test's title: `lifecycle: OP-07`. */
  readonly test: string;
  readonly reason: string;
  /** `test` is all of it: other titles begin with the same. */
  readonly wholeTitle?: true;
  /** It does not happen each time. */
  readonly byChance?: true;
}

/** Several tests of a suite that a runtime fails for one reason, by the beginnings of their titles. */
export function each(runtime: string, suite: string, titles: readonly string[], reason: string): Deviation[] {
  return titles.map((title) => ({ runtime, test: `${suite}: ${title}`, reason }));
}
