/** Where runtimes do otherwise than the tests demand, and why the tests demand it nevertheless. */

export interface Deviation {
  /** The beginning of the runtime's name and version: `runc 1.1`. */
  readonly runtime: string;
  /** The beginning of the suite's name and the test's title: `lifecycle: OP-07`. */
  readonly test: string;
  readonly reason: string;
}

export const DEVIATIONS: readonly Deviation[] = [
  { runtime: "runc 1.1", test: "command line: --root of / is an error", reason: "1.3 refuses it, too" },
];
