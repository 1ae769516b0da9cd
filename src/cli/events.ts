/** `tsrun events`. */

import { followEvents, statsEvent } from "../container/events.ts";
import type { Event } from "../container/events.ts";
import { formatJson } from "../linux/json.ts";
import { parseDuration } from "./duration.ts";
import { onlyArgument } from "./invocation.ts";
import type { Invocation } from "./invocation.ts";
import { print } from "./output.ts";
import { flag, text } from "./parse.ts";

export async function eventsVerb(invocation: Invocation): Promise<number> {
  const { parsed, store } = invocation;
  const id = onlyArgument(invocation, "show events");
  const intervalMilliseconds = parseDuration("interval", text(parsed, "interval") ?? "5s");
  if (flag(parsed, "stats")) tell(statsEvent({ store, id }));
  else await followEvents({ store, id, intervalMilliseconds }, tell);
  return 0;
}

function tell(event: Event): void {
  print(`${formatJson(event)}\n`);
}
