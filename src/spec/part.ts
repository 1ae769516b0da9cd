/** A part of config.json as a document of its own, judged by the rules of the whole. */

import { ConfigError } from "../errors.ts";
import type { Config } from "./config.ts";
import { readDocument } from "./document.ts";
import { parseConfig } from "./parse.ts";

/** Where the part belongs: a config around it that says nothing else. */
export interface Part {
  /** The part's own pointer. */
  readonly base: string;
  /** One line; the part begins on the line below, and so keeps its columns. */
  readonly before: string;
  readonly after: string;
}

/** The config that holds the part; throws ConfigError with all problems, placed as in the part. */
export function parsePart(text: string, file: string, { base, before, after }: Part): Config {
  // For its syntax, with its own places; what is one whole document cannot leave the place that it is put into.
  readDocument(text, file, false);
  try {
    return parseConfig(`${before}\n${text}\n${after}`, file);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const problems = error.problems.map(({ pointer, line, ...rest }) => ({
      ...rest,
      pointer: pointer.startsWith(base) ? pointer.slice(base.length) : pointer,
      ...(line === undefined ? {} : { line: line - 1 }),
    }));
    throw new ConfigError(file, problems, { cause: error });
  }
}
