/** Chance that can be repeated: the same seed gives the same numbers on every machine. */

/** Returns an integer from 0 up to, not including, `below`. */
export type Random = (below: number) => number;

/** A generator that is the same everywhere (mulberry32). */
export function randomFrom(seed: number): Random {
  let state = seed | 0;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

/** A generator of its own for each case of a run, so that each can be repeated alone. */
export function randomOfCase(seed: number, number: number): Random {
  const random = randomFrom(Math.imul(seed ^ 0x9e3779b9, 0x85ebca6b) ^ Math.imul(number + 1, 0xc2b2ae35));
  // The first numbers of neighbouring seeds are alike.
  for (let i = 0; i < 4; i++) random(2);
  return random;
}

/** One of a list that is not empty. */
export function pick<T>(random: Random, list: readonly T[]): T {
  const index = random(list.length);
  return list[index] as T;
}
