/** Limits as a document of their own: what config.json has under `linux.resources`, as `update` takes and keeps it. */

import { ConfigError } from "../errors.ts";
import { formatJson } from "../linux/json.ts";
import type { Resources } from "./config.ts";
import { parsePart } from "./part.ts";

const PART = { base: "/linux/resources", before: '{"ociVersion":"1.3.0","root":{"path":"rootfs"},"linux":{"resources":', after: "}}" };

/** Parses and validates limits as those of a config are; throws ConfigError with all problems. */
export function parseResources(text: string, file = "resources"): Resources {
  return parsePart(text, file, PART).linux?.resources ?? {};
}

/** The same for what a program made: there is no text then, and no line. */
export function checkResources(resources: unknown): Resources {
  try {
    return parseResources(formatJson(resources));
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    throw new ConfigError(error.file, error.problems.map(({ line: _, column: __, ...problem }) => problem), { cause: error });
  }
}

/** The text that parseResources() reads back, integers of 64 bits among it. */
export function formatResources(resources: Resources): string {
  return formatJson(resources);
}
