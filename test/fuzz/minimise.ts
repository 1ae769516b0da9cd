/** Makes a config that fails smaller, as long as it fails in the same way. */

import { copy, isVast, removeAt, setAt, spots, toBytes, valueAt } from "./tree.ts";
import type { Json } from "./tree.ts";

/** Whether it still fails. */
export type Fails = (bytes: Buffer) => Promise<boolean>;

/** Returns the smallest that was found until `deadline`, in milliseconds since the epoch. */
export async function minimise(bytes: Buffer, fails: Fails, deadline: number): Promise<Buffer> {
  let tree: Json;
  try {
    tree = JSON.parse(bytes.toString());
  } catch {
    return minimiseBytes(bytes, fails, deadline);
  }
  if (isVast(tree)) return minimiseBytes(bytes, fails, deadline);
  return minimiseTree(tree, fails, deadline).then((smaller) => smaller ?? bytes);
}

/** Takes away parts, the greatest first, until nothing can go any more. */
async function minimiseTree(tree: Json, fails: Fails, deadline: number): Promise<Buffer | undefined> {
  let best = tree;
  let found: Buffer | undefined;
  for (let changed = true; changed; ) {
    changed = false;
    for (let at = 0; ; at++) {
      const spot = bySize(best)[at];
      if (spot === undefined || performance.now() > deadline) break;
      for (const smaller of simpler(best, spot.path)) {
        const bytes = toBytes(smaller);
        if (!(await fails(bytes))) continue;
        best = smaller;
        found = bytes;
        changed = true;
        at--;
        break;
      }
    }
    if (performance.now() > deadline) break;
  }
  return found;
}

type Path = readonly (string | number)[];

function bySize(tree: Json): { readonly path: Path }[] {
  const sized = spots(tree).map((spot) => ({ path: spot.path, size: JSON.stringify(valueAt(spot)).length }));
  return sized.sort((one, other) => other.size - one.size);
}

/** Without it; or, where it is long text, with half of it. */
function simpler(tree: Json, path: Path): Json[] {
  const without = copy(tree);
  const spot = spotAt(without, path);
  if (spot === undefined) return [];
  const value = valueAt(spot);
  removeAt(spot);
  if (typeof value !== "string" || value.length < 20) return [without];
  const halved = copy(tree);
  const place = spotAt(halved, path);
  if (place !== undefined) setAt(place, value.slice(0, value.length / 2));
  return [without, halved];
}

function spotAt(tree: Json, path: Path): ReturnType<typeof spots>[number] | undefined {
  return spots(tree).find((spot) => spot.path.length === path.length && spot.path.every((key, i) => key === path[i]));
}

async function minimiseBytes(bytes: Buffer, fails: Fails, deadline: number): Promise<Buffer> {
  let best = bytes;
  for (let size = Math.ceil(best.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let at = 0; at < best.length && performance.now() < deadline; ) {
      const smaller = Buffer.concat([best.subarray(0, at), best.subarray(at + size)]);
      if (await fails(smaller)) best = smaller;
      else at += size;
    }
  }
  return best;
}
