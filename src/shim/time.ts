/** Timestamps as messages have them. */

import type { Timestamp } from "./generated/types.ts";

const MILLISECONDS = 1000;
const NANOS_PER_MILLISECOND = 1_000_000;
/** What Go prints as 0001-01-01: of a process that has not exited. */
export const ZERO_TIME: Timestamp = { seconds: -62_135_596_800n, nanos: 0 };

export function now(): Timestamp {
  return timestamp(performance.timeOrigin + performance.now());
}

/** From milliseconds after 1970, with their fraction. */
export function timestamp(milliseconds: number): Timestamp {
  const seconds = Math.floor(milliseconds / MILLISECONDS);
  const nanos = Math.floor((milliseconds - seconds * MILLISECONDS) * NANOS_PER_MILLISECOND);
  return { seconds: BigInt(seconds), nanos };
}
