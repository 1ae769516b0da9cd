/** Makes the documents of a case that come after its config: the process of `exec`, and the limits of `update`. */

import type { Grammar } from "./grammar.ts";
import { mutate } from "./mutate.ts";
import { pick } from "./random.ts";
import type { Random } from "./random.ts";
import { mutateBytes } from "./text.ts";
import { copy, isObject, isVast, toBytes } from "./tree.ts";
import type { Json } from "./tree.ts";

export interface Documents {
  /** As `exec --process` takes it. */
  readonly process: Buffer;
  /** As `update --resources` takes it. */
  readonly resources: Buffer;
}

type Part = (config: Json) => Json | undefined;

const PARTS: Readonly<Record<keyof Documents, Part>> = {
  process: (config) => below(config, "process"),
  resources: (config) => below(below(config, "linux"), "resources"),
};

/** As the config has them; the process is one that ends. */
export function documentsOf(config: Json): Documents {
  const process = PARTS.process(config);
  const resources = PARTS.resources(config) ?? {};
  return { process: toBytes(isObject(process) ? { ...process, args: ["/bin/true"] } : { cwd: "/", args: ["/bin/true"] }, 0), resources: toBytes(resources, 0) };
}

interface Material {
  readonly grammar: Grammar;
  readonly others: readonly Json[];
  readonly random: Random;
}

const MOST_TRIES = 40;
const MOST_BYTES = 1 << 18;

/** The same, each changed a few times, where something can be changed. */
export function mutatedDocuments(config: Json, material: Material): Documents {
  const made = documentsOf(config);
  return { process: mutated("process", made, material), resources: mutated("resources", made, material) };
}

function mutated(name: keyof Documents, made: Documents, material: Material): Buffer {
  const { random } = material;
  let part: Json = JSON.parse(made[name].toString());
  let count = pick(random, [0, 1, 1, 2, 3]);
  // Most of what the grammar has is elsewhere: then the part is as it was, and what came beside it is left behind.
  for (let tries = 0; count > 0 && tries < MOST_TRIES; tries++) {
    if (isVast(part)) break;
    const changed = attempt(name, part, material);
    if (changed === undefined) continue;
    part = changed;
    count--;
  }
  const bytes = toBytes(part, 0);
  return random(10) === 0 ? mutateBytes(bytes, random)[0] : bytes;
}

/** The part after one mutation; undefined where that did not touch it, or made more of it than can be told. */
function attempt(name: keyof Documents, part: Json, material: Material): Json | undefined {
  try {
    const tree: Json = name === "process" ? { process: copy(part) } : { linux: { resources: copy(part) } };
    mutate(tree, material);
    const changed = PARTS[name](tree) ?? null;
    const text = JSON.stringify(changed);
    return text.length > MOST_BYTES || text === JSON.stringify(part) ? undefined : changed;
  } catch (error) {
    // Nested so deep that the engine cannot walk it: the configs have such, too.
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

function below(tree: Json | undefined, key: string): Json | undefined {
  return isObject(tree) && Object.hasOwn(tree, key) ? copy(tree[key] ?? null) : undefined;
}
