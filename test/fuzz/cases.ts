/** Makes the cases: a number of a seed always means the same config and the same options. */

import { documentsOf, mutatedDocuments } from "./documents.ts";
import type { Documents } from "./documents.ts";
import { Grammar } from "./grammar.ts";
import { guard } from "./guard.ts";
import { mutate } from "./mutate.ts";
import { pick, randomOfCase } from "./random.ts";
import type { Random } from "./random.ts";
import { readSeeds } from "./seeds.ts";
import type { Seed } from "./seeds.ts";
import { mutateBytes } from "./text.ts";
import { copy, isVast, toBytes } from "./tree.ts";
import type { Json } from "./tree.ts";

/** What besides the config belongs to a case; the names are those of `--options`. */
export const OPTIONS = ["no-pivot", "no-new-keyring", "pid-file", "no-console", "force", "explain", "detach"] as const;
export type Option = (typeof OPTIONS)[number];

export interface Case {
  readonly bytes: Buffer;
  readonly options: readonly Option[];
  /** What was done to which config. */
  readonly story: string;
  readonly documents: Documents;
}

export class Cases {
  readonly #grammar: Grammar;
  readonly #seeds: readonly Seed[];

  /** Takes the folders of the schemas and of the engines' configs. */
  constructor(schemas: string, configs: string) {
    this.#grammar = new Grammar(schemas);
    this.#seeds = readSeeds(configs);
  }

  /** The configs as they are before anything is done to them. */
  untouched(): Case[] {
    return this.#seeds.map(({ name, config }) => ({ ...finish(toBytes(config)), options: [], story: name, documents: documentsOf(config) }));
  }

  case(seed: number, number: number): Case {
    const random = randomOfCase(seed, number);
    const { name, config } = pick(random, this.#seeds);
    const tree = copy(config);
    const others = this.#seeds.map((other) => other.config);
    const story = [name];
    // Mostly little, so that most of a config is still good and much of the way is gone.
    for (let count = pick(random, [1, 1, 1, 2, 2, 3, 4, 8]); count > 0 && !isVast(tree); count--) {
      story.push(mutate(tree, { grammar: this.#grammar, others, random }));
    }
    let bytes = toBytes(tree, pick(random, [0, 2]));
    if (random(8) === 0) {
      for (let count = pick(random, [1, 1, 2, 3]); count > 0; count--) {
        const [changed, what] = mutateBytes(bytes, random);
        bytes = changed;
        story.push(what);
      }
    }
    // With chance of their own, so that the cases of a seed stay the same.
    const documents = mutatedDocuments(config, { grammar: this.#grammar, others, random: randomOfCase(~seed, number) });
    return { ...finish(bytes), options: chooseOptions(random), story: story.join(", "), documents };
  }
}

function chooseOptions(random: Random): Option[] {
  return OPTIONS.filter((option) => random(option === "no-console" ? 20 : 6) === 0);
}

/** What is no JSON is left as it is: it must be refused, so there is nothing that it could do. */
export function finish(bytes: Buffer): { readonly bytes: Buffer; readonly isJson: boolean } {
  let tree: Json;
  try {
    tree = JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    return { bytes, isJson: false };
  }
  return { bytes: guard(tree) ? toBytes(tree) : bytes, isJson: true };
}
