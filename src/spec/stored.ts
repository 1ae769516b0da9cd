/** The config as `create` kept it: it was judged then, so now it is only read. */

import type { Config, Integer } from "./config.ts";

/** The config of a text that parseConfig() has accepted before; `parse` is that, for what JSON.parse cannot read. */
export async function readStoredConfig(text: string, parse: () => Promise<(text: string) => Config>): Promise<Config> {
  // The cast is sound: the same text was judged.
  const config = JSON.parse(text) as Config;
  return isExact(config) ? config : (await parse())(text);
}

/** Whether JSON.parse kept every digit of what a further process is asked about. */
function isExact({ process, linux }: Config): boolean {
  for (const { soft, hard } of process?.rlimits ?? []) if (!fits(soft) || !fits(hard)) return false;
  const { runtime, deadline, period } = process?.scheduler ?? {};
  if (!fits(runtime) || !fits(deadline) || !fits(period)) return false;
  for (const { args = [] } of linux?.seccomp?.syscalls ?? []) {
    for (const { value, valueTwo } of args) if (!fits(value) || !fits(valueTwo)) return false;
  }
  return true;
}

function fits(value: Integer | undefined): boolean {
  return value === undefined || value <= Number.MAX_SAFE_INTEGER;
}
