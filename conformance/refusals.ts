/** Configs that a runtime must refuse: what it then says, and that nothing stays (runtime.md#errors). */

import * as assert from "uvu/assert";
import { defaultConfig } from "../test/bundle.ts";
import type { Bundle, BundleConfig } from "../test/bundle.ts";
import type { Ground } from "../test/harness.ts";
import type { Result } from "../test/runtime.ts";
import type { Change } from "./containers.ts";
import { isOurs } from "./suite.ts";

/** The place in config.json as a JSON Pointer, and what is wrong there. */
export type Wrong = readonly [place: string, change: Change];

/** Of any runtime: it has fallen over instead of saying what is wrong. */
const CRASH = /\n +at |internal error|goroutine|panic|segmentation/i;

/**
 * Demands of each config that it is refused, that nothing is left, and that the id can be used again. That the error names
 * the place, or one in it, is asked of tsrun, as others tell it in many ways or not at all.
 */
export async function refusesAll(t: Ground, cases: readonly Wrong[]): Promise<void> {
  const bundle = t.bundle();
  const id = t.id();
  for (const [place, change] of cases) {
    const config = defaultConfig();
    change(config);
    bundle.write(JSON.stringify(config));
    const result = await createOrStart(t, bundle, id);
    assert.ok(result.status !== 0 && result.status !== undefined, `${place}: ended with ${result.status}`);
    assert.is(result.stdout, "", place);
    assert.match(result.stderr, /\w/, place);
    assert.not.match(result.stderr, CRASH, place);
    if (isOurs()) assert.ok([")", "/"].some((end) => result.stderr.includes(place + end)), `${place} in ${result.stderr}`);
  }
  assert.equal(t.leftovers(id), []);
}

/** What is wrong with the process may be found by start, as create need not apply it (runtime.md#create); tsrun's does. */
async function createOrStart(t: Ground, { path }: Bundle, id: string): Promise<Result> {
  const result = await t.runtime(["create", "--bundle", path, id]);
  if (result.status !== 0 || isOurs()) return result;
  const started = await t.runtime(["start", id]);
  await t.runtime(["delete", "--force", id]);
  return started;
}

/** Takes a property away, or sets it, by its JSON Pointer; what leads there is made: `wrong("/process/cwd", 7)`. */
export function wrong(place: string, value: unknown): Wrong {
  return [place, (config) => set(config, place, value)];
}

/** Takes a property away; the place is then the object that lacks it. */
export function missing(pointer: string, more?: Change): Wrong {
  const change = (config: BundleConfig): void => {
    more?.(config);
    set(config, pointer, undefined);
  };
  return [pointer.slice(0, pointer.lastIndexOf("/")), change];
}

export function set(config: BundleConfig, pointer: string, value: unknown): void {
  const names = pointer.slice(1).split("/").map((name) => name.replaceAll("~1", "/").replaceAll("~0", "~"));
  const last = names.pop() ?? "";
  let object = config as Record<string, unknown>;
  for (const [i, name] of names.entries()) object = (object[name] ??= /^\d+$/.test(names[i + 1] ?? last) ? [] : {}) as Record<string, unknown>;
  if (value === undefined) delete object[last];
  else object[last] = value;
}
