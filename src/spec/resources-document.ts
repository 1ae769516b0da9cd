/** Limits as a document of their own: what config.json has under `linux.resources`, as `update` takes and keeps it. */

import { ConfigError } from "../errors.ts";
import { formatJson } from "../linux/json.ts";
import type { Resources } from "./config.ts";
import { readDocument } from "./document.ts";
import { parseConfig } from "./parse.ts";

const BASE = "/linux/resources";
/** A config about nothing else; the document begins on the line below, and so keeps its columns. */
const BEFORE = '{"ociVersion":"1.3.0","root":{"path":"rootfs"},"linux":{"resources":\n';
const AFTER = "\n}}";

/** Parses and validates limits as those of a config are; throws ConfigError with all problems. */
export function parseResources(text: string, file = "resources"): Resources {
  // For its syntax, with its own places; what is one whole document cannot leave the place that it is put into.
  readDocument(text, file, false);
  try {
    return parseConfig(BEFORE + text + AFTER, file).linux?.resources ?? {};
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const problems = error.problems.map(({ pointer, line, ...rest }) => ({
      ...rest,
      pointer: pointer.startsWith(BASE) ? pointer.slice(BASE.length) : pointer,
      ...(line === undefined ? {} : { line: line - 1 }),
    }));
    throw new ConfigError(file, problems, { cause: error });
  }
}

/** The text that parseResources() reads back, integers of 64 bits among it. */
export function formatResources(resources: Resources): string {
  return formatJson(resources);
}
